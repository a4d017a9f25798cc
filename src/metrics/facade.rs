//! What libraries record through the macros of the `metrics` crate.
//!
//! ```
//! use spanwise::metrics::{Registry, facade::Recorder};
//!
//! let registry = Registry::default();
//! let recorder = Recorder::new(&registry);    // `metrics::set_global_recorder(recorder)` in an application
//! metrics::with_local_recorder(&recorder, || {
//!     metrics::counter!("jobs", "kind" => "mail").increment(2);
//! });
//! assert_eq!(registry.snapshot().get("jobs", [("kind", "mail")]).unwrap().as_f64(), 2.0);
//! ```
//!
//! Label sets are as the macros give them: a metric has no fixed keys there. Boundaries of a histogram follow its unit where it was described
//! before its first use, otherwise its name (`_seconds`, `_bytes`).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use ::metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, SharedString, Unit,
};

use super::{
    Callback, Kind, Registry, buckets,
    cell::{Cell, DistributionCell},
    snapshot::{Family, Labels, Series, Value},
    sync::lock,
};

/// How many series one recorder keeps; recordings of further ones are lost, and counted in `metrics.facade.lost_series`.
const MAX_SERIES: usize = 10_000;

/// Records what the macros say into a registry, until it is dropped.
#[derive(Debug)]
pub struct Recorder {
    store: Arc<Store>,
    _included: Callback,
}

#[derive(Debug, Default)]
struct Store {
    described: Mutex<HashMap<String, Described>>,
    series: Mutex<HashMap<(Kind, Key), Kept>>,
    lost: AtomicU64,
}

#[derive(Debug, Default, Clone)]
struct Described {
    unit: &'static str,
    help: String,
}

#[derive(Debug)]
struct Kept {
    started: SystemTime,
    cell: Stored,
}

/// The crate implements its traits for `AtomicU64` itself: a whole number for counters, the bits of an `f64` for gauges.
#[derive(Debug, Clone)]
enum Stored {
    Counter(Arc<AtomicU64>),
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Recorded>),
}

#[derive(Debug)]
struct Recorded(DistributionCell);

impl HistogramFn for Recorded {
    fn record(&self, value: f64) {
        // The facade has no way to say that a value is none that a histogram takes.
        let _ = self.0.record(value);
    }
}

impl Recorder {
    /// A recorder whose metrics are shown beside those of the registry.
    #[track_caller]
    pub fn new(registry: &Registry) -> Self {
        let store = Arc::new(Store::default());
        let read = Arc::clone(&store);
        let included = registry.include("the metrics facade", move || read.families());
        Self {
            store,
            _included: included,
        }
    }
}

impl ::metrics::Recorder for Recorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.store.describe(&key, unit, &description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.store.describe(&key, unit, &description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.store.describe(&key, unit, &description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match self.store.keep(Kind::Counter, key) {
            Some(Stored::Counter(cell)) => Counter::from_arc(cell),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match self.store.keep(Kind::Gauge, key) {
            Some(Stored::Gauge(cell)) => Gauge::from_arc(cell),
            _ => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        match self.store.keep(Kind::Histogram, key) {
            Some(Stored::Histogram(cell)) => Histogram::from_arc(cell),
            _ => Histogram::noop(),
        }
    }
}

impl Store {
    fn describe(&self, key: &KeyName, unit: Option<Unit>, help: &str) {
        let mut described = lock(&self.described);
        if described.len() < MAX_SERIES {
            let unit = unit.map_or("", ucum);
            described.insert(
                key.as_str().to_owned(),
                Described {
                    unit,
                    help: help.to_owned(),
                },
            );
        }
    }

    fn described(&self, name: &str) -> Described {
        lock(&self.described).get(name).cloned().unwrap_or_default()
    }

    /// The cell of a series, made when it is new; nothing when there are too many.
    fn keep(&self, kind: Kind, key: &Key) -> Option<Stored> {
        let mut series = lock(&self.series);
        if let Some(kept) = series.get(&(kind, key.clone())) {
            return Some(kept.cell.clone());
        }
        if series.len() >= MAX_SERIES {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let cell = match kind {
            Kind::Histogram => {
                let bounds = bounds(key.name(), self.described(key.name()).unit);
                Stored::Histogram(Arc::new(Recorded(DistributionCell::with_bounds(
                    bounds.into(),
                ))))
            }
            Kind::Gauge => Stored::Gauge(Arc::default()),
            _ => Stored::Counter(Arc::default()),
        };
        let kept = Kept {
            started: SystemTime::now(),
            cell: cell.clone(),
        };
        series.insert((kind, key.to_retained()), kept);
        Some(cell)
    }

    fn families(&self) -> Vec<Family> {
        let mut families: BTreeMap<(String, &'static str), Family> = BTreeMap::new();
        for ((kind, key), kept) in lock(&self.series).iter() {
            let id = (key.name().to_owned(), kept.cell.name());
            let family = families.entry(id).or_insert_with(|| {
                let Described { unit, help } = self.described(key.name());
                Family {
                    name: key.name().into(),
                    kind: *kind,
                    unit: unit.into(),
                    help: help.into(),
                    series: vec![],
                }
            });
            if let Some(value) = kept.cell.value() {
                let labels = labels(key);
                family.series.push(Series {
                    labels,
                    value,
                    overflow: false,
                    started: kept.started,
                });
            }
        }
        let lost = self.lost.load(Ordering::Relaxed);
        families
            .into_values()
            .chain((lost > 0).then(|| lost_series(lost)))
            .collect()
    }
}

impl Stored {
    fn name(&self) -> &'static str {
        match self {
            Self::Counter(_) => "counter",
            Self::Gauge(_) => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }

    fn value(&self) -> Option<Value> {
        match self {
            Self::Counter(cell) => Some(Value::Count(cell.load(Ordering::Relaxed))),
            Self::Gauge(cell) => {
                let value = f64::from_bits(cell.load(Ordering::Relaxed));
                value.is_finite().then_some(Value::Gauge(value))
            }
            Self::Histogram(cell) => cell.0.value(),
        }
    }
}

fn lost_series(lost: u64) -> Family {
    Family {
        name: "metrics.facade.lost_series".into(),
        kind: Kind::Counter,
        unit: "{series}".into(),
        help: "Registrations beyond what a recorder keeps".into(),
        series: vec![Series {
            labels: [].into(),
            value: Value::Count(lost),
            overflow: false,
            started: SystemTime::now(),
        }],
    }
}

fn labels(key: &Key) -> Labels {
    let labels = key.labels().filter(|label| !label.value().is_empty());
    // Of equal keys the last one counts, as everywhere.
    let by_key: BTreeMap<&str, &str> = labels.map(|label| (label.key(), label.value())).collect();
    by_key
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect()
}

fn bounds(name: &str, unit: &str) -> &'static [f64] {
    match unit {
        "" if name.ends_with("seconds") => buckets::SECONDS,
        "" if name.ends_with("bytes") => buckets::BYTES,
        unit => buckets::for_unit(unit),
    }
}

fn ucum(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "s",
        Unit::Milliseconds => "ms",
        Unit::Microseconds => "us",
        Unit::Nanoseconds => "ns",
        Unit::Bytes => "By",
        Unit::Kibibytes => "KiBy",
        Unit::Mebibytes => "MiBy",
        Unit::Gibibytes => "GiBy",
        Unit::Percent => "%",
        _ => "",
    }
}
