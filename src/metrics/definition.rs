//! What a metric is, said once, in a `const`.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use super::{
    core,
    error::{Error, Place, quoted},
    handle::{Histogram, Metric, Summary},
    name,
};

/// How many label keys a metric may have, constant labels included.
///
/// The lookup keeps one bit for each key that it has seen in a `u32`.
pub const MAX_LABELS: usize = 32;

/// How many series a summary may have that says nothing about it: one takes up to 100 KiB.
const SUMMARY_LIMIT: usize = 100;

/// Bucket boundaries for common units.
pub mod buckets {
    /// Seconds: the boundaries that the semantic conventions give for latencies. Used for the unit `s`.
    pub const SECONDS: &[f64] = &[
        0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    ];
    /// The boundaries that the specification gives, made for milliseconds. Used for the unit `ms` and for every unit not named here.
    pub const MILLISECONDS: &[f64] = &[
        0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0,
        7500.0, 10000.0,
    ];
    /// Bytes: powers of two from 64 B to 1 GiB, in steps of four. Used for the unit `By`.
    pub const BYTES: &[f64] = &[
        64.0,
        256.0,
        1024.0,
        4096.0,
        16384.0,
        65536.0,
        262144.0,
        1048576.0,
        4194304.0,
        16777216.0,
        67108864.0,
        268435456.0,
        1073741824.0,
    ];
    /// Small numbers of things, such as the size of a batch: 1 to 10,000.
    pub const COUNTS: &[f64] = &[
        1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0,
    ];

    /// The boundaries for a unit.
    pub const fn for_unit(unit: &str) -> &'static [f64] {
        match unit.as_bytes() {
            b"s" => SECONDS,
            b"By" => BYTES,
            _ => MILLISECONDS,
        }
    }
}

/// What a metric does with the values given to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A sum that only grows.
    Counter,
    /// A sum that grows and shrinks.
    UpDownCounter,
    /// The last value.
    Gauge,
    /// Counts of values in buckets, and their sum.
    Histogram,
    /// Quantiles of the values of the last while, their count and sum.
    Summary,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::UpDownCounter => "up-down counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        })
    }
}

/// What a metric is: name, kind, unit, help, label keys, boundaries and limit.
///
/// `H` is the handle that [`Registry::register`](super::Registry::register) gives for it.
///
/// ```
/// use spanwise::metrics::{Counter, Definition, Histogram, buckets};
///
/// const ORDERS: Definition<Counter> = Counter::define("shop.orders").unit("{order}").help("Orders taken").labels(&["status"]);
/// const BASKET: Definition<Histogram> = Histogram::define("shop.basket.size").unit("{item}").buckets(buckets::COUNTS);
/// # assert_eq!((ORDERS.name(), BASKET.name()), ("shop.orders", "shop.basket.size"));
/// ```
pub struct Definition<H> {
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    buckets: Option<&'static [f64]>,
    window: Duration,
    limit: Option<usize>,
    handle: PhantomData<fn() -> H>,
}

impl<H> Definition<H> {
    pub(super) const fn new(name: &'static str) -> Self {
        Self {
            name,
            unit: "",
            help: "",
            labels: &[],
            buckets: None,
            window: Duration::from_secs(60),
            limit: None,
            handle: PhantomData,
        }
    }

    /// The unit in UCUM, such as `s`, `By`, `1` or `{order}`. Defaults to none.
    #[must_use]
    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// One sentence on what is measured. Defaults to none.
    #[must_use]
    pub const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    /// The label keys. Defaults to none.
    ///
    /// A recording may leave keys out (their value is the empty string, which is not exported) and give them in any order; a key that is not
    /// listed here is ignored and reported.
    #[must_use]
    pub const fn labels(mut self, labels: &'static [&'static str]) -> Self {
        self.labels = labels;
        self
    }

    /// How many series the metric may have; further label values are recorded in one series `otel.metric.overflow="true"`, and reported.
    /// Defaults to the limit of the registry, for a summary to at most 100.
    #[must_use]
    pub const fn limit(mut self, series: usize) -> Self {
        self.limit = Some(series);
        self
    }

    /// The name as written here, without the namespace of a registry.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl Definition<Histogram> {
    /// The upper bounds of the buckets, inclusive. Defaults to [`buckets::for_unit`].
    #[must_use]
    pub const fn buckets(mut self, boundaries: &'static [f64]) -> Self {
        self.buckets = Some(boundaries);
        self
    }
}

impl Definition<Summary> {
    /// How far back the quantiles look. Defaults to one minute.
    #[must_use]
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }
}

impl<H> Clone for Definition<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Definition<H> {}

impl<H> fmt::Debug for Definition<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition")
            .field("name", &self.name)
            .field("unit", &self.unit)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

/// A checked definition, completed with what the registry adds.
#[derive(Debug, Clone)]
pub struct Spec {
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
    /// Which numbers it holds, so that a counter of integers is not mistaken for one of floats.
    pub(super) number: &'static str,
    pub(super) unit: Arc<str>,
    pub(super) help: Arc<str>,
    pub(super) keys: Arc<[Arc<str>]>,
    pub(super) constant: Arc<[(Arc<str>, Arc<str>)]>,
    pub(super) bounds: Arc<[f64]>,
    pub(super) window: Duration,
    pub(super) limit: usize,
    pub(super) place: Place,
}

impl Spec {
    /// Checks a definition and completes it.
    pub(super) fn new<H: Metric>(
        definition: &Definition<H>,
        prefix: &str,
        constant: &Arc<[(Arc<str>, Arc<str>)]>,
        default_limit: usize,
        place: Place,
    ) -> Result<Self, Error> {
        let spec = Self {
            name: format!("{prefix}{}", definition.name).into(),
            kind: H::KIND,
            number: H::NUMBER,
            unit: definition.unit.into(),
            help: definition.help.into(),
            keys: definition
                .labels
                .iter()
                .map(|key| Arc::from(*key))
                .collect(),
            constant: Arc::clone(constant),
            bounds: match H::KIND {
                Kind::Histogram => definition
                    .buckets
                    .unwrap_or(buckets::for_unit(definition.unit))
                    .into(),
                _ => [].into(),
            },
            window: definition.window,
            limit: match (definition.limit, H::KIND) {
                (Some(limit), _) => limit.max(1),
                (None, Kind::Summary) => default_limit.clamp(1, SUMMARY_LIMIT),
                (None, _) => default_limit.max(1),
            },
            place,
        };
        spec.check()?;
        Ok(spec)
    }

    /// What differs between two definitions of one name: this one, then the one that stands.
    pub(super) fn difference(&self, standing: &Self) -> Option<String> {
        let differ = |what: &str, here: &dyn fmt::Debug, there: &dyn fmt::Debug| {
            let (here, there) = (format!("{here:?}"), format!("{there:?}"));
            (here != there).then(|| format!("{what} {here} instead of {there}"))
        };
        differ(
            "kind",
            &format_args!("{}", self.kind),
            &format_args!("{}", standing.kind),
        )
        .or_else(|| differ("numbers", &self.number, &standing.number))
        .or_else(|| differ("unit", &self.unit, &standing.unit))
        .or_else(|| differ("label keys", &self.keys, &standing.keys))
        .or_else(|| differ("buckets", &self.bounds, &standing.bounds))
    }

    fn check(&self) -> Result<(), Error> {
        let at = self.place;
        if let Some(problem) = name::problem(&self.name) {
            return Err(Error::Name {
                name: quoted(&self.name),
                problem,
                at,
            });
        }
        let name = || self.name.to_string();
        if !name::is_unit(&self.unit) {
            return Err(Error::Unit {
                name: name(),
                unit: quoted(&self.unit),
                at,
            });
        }
        let count = self.keys.len() + self.constant.len();
        if count > MAX_LABELS {
            return Err(Error::TooManyLabels {
                name: name(),
                count,
                max: MAX_LABELS,
                at,
            });
        }
        self.check_keys()?;
        if let Some(problem) = bounds_problem(&self.bounds) {
            return Err(Error::Buckets {
                name: name(),
                problem,
                at,
            });
        }
        Ok(())
    }

    fn check_keys(&self) -> Result<(), Error> {
        let constant = self.constant.iter().map(|(key, value)| (key, &**value));
        let own = self.keys.iter().map(|key| (key, ""));
        let mut seen = Vec::new();
        for (key, value) in constant.chain(own) {
            let escaped = name::prometheus_key(key);
            let problem = if let Some(problem) = name::key_problem(key) {
                problem
            } else if seen.contains(&escaped) {
                "is there already, by the name that Prometheus gives it"
            } else if !core::is_clean(value) {
                "has a constant value that is too long or has control characters"
            } else {
                seen.push(escaped);
                continue;
            };
            let (name, key) = (self.name.to_string(), quoted(key));
            return Err(Error::Label {
                name,
                key,
                problem,
                at: self.place,
            });
        }
        Ok(())
    }
}

fn bounds_problem(bounds: &[f64]) -> Option<&'static str> {
    if bounds.len() > 200 {
        Some("are too many")
    } else if bounds.iter().any(|bound| !bound.is_finite()) {
        Some("have one that is not finite")
    } else if bounds.windows(2).any(|pair| pair[0] >= pair[1]) {
        Some("are not ascending")
    } else {
        None
    }
}
