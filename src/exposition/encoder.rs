//! The page being written: families one after the other, each name once.

use std::collections::HashSet;

use super::family::{Bounds, Counter, Family, Gauge, Histogram, Summary};
use super::format::Format;
use super::labels::{Quotes, escape};
use super::names::Name;
use super::problem::{Kind, Problem};

/// Writes one page.
///
/// Names, units and descriptions are given as OpenTelemetry has them and are translated here. A family whose name is
/// taken is left out and reported; one without a sample leaves no trace.
///
/// ```
/// use spanwise::exposition::{Encoder, Format, Labels};
///
/// let labels = Labels::render([("http.route", "/users/{id}")]);
/// let mut encoder = Encoder::new(Format::Text);
/// encoder.counter("http.server.requests", "{request}", "Requests answered.", |family| {
///     family.sample(&labels, 3_u64, None);
/// });
/// let page = encoder.finish().text;
/// assert!(page.ends_with("http_server_requests_total{http_route=\"/users/{id}\"} 3\n"));
/// ```
#[derive(Debug)]
pub struct Encoder {
    format: Format,
    out: String,
    /// Every name that samples or families on this page have.
    taken: HashSet<String>,
    /// Names that families still to come will have.
    pub(super) announced: HashSet<String>,
    pub(super) problems: Vec<Problem>,
    /// Memory for bucket boundaries, kept from family to family.
    bounds: Bounds,
}

/// The type of an OpenMetrics counter that cannot be called by its name without `_total`, because another metric has
/// that name: it keeps its samples and loses its exemplars.
const UNKNOWN: &str = "unknown";

/// What the header of a family says.
#[derive(Debug)]
struct Claim<'n> {
    family: &'n str,
    type_word: &'static str,
}

/// A finished page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The page.
    pub text: String,
    /// What it could not say.
    pub problems: Vec<Problem>,
}

impl Encoder {
    /// Starts an empty page.
    pub fn new(format: Format) -> Self {
        Self::with_buffer(format, String::new())
    }

    /// Starts a page in memory that is there already; what it holds is forgotten.
    pub fn with_buffer(format: Format, mut buffer: String) -> Self {
        buffer.clear();
        Self {
            format,
            out: buffer,
            taken: HashSet::new(),
            announced: HashSet::new(),
            problems: Vec::new(),
            bounds: Bounds::default(),
        }
    }

    /// The format of the page.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Writes a counter: a sum that only grows.
    pub fn counter(
        &mut self,
        name: &str,
        unit: &str,
        help: &str,
        samples: impl FnOnce(&mut Counter<'_>),
    ) {
        let name = Name::translate(name, unit, Kind::Counter);
        self.family(&name, Kind::Counter, help, |family, _| {
            samples(&mut Counter(family))
        });
    }

    /// Writes a gauge: a value that is read now and then.
    pub fn gauge(
        &mut self,
        name: &str,
        unit: &str,
        help: &str,
        samples: impl FnOnce(&mut Gauge<'_>),
    ) {
        let name = Name::translate(name, unit, Kind::Gauge);
        self.family(&name, Kind::Gauge, help, |family, _| {
            samples(&mut Gauge(family))
        });
    }

    /// Writes a histogram; `bounds` are the upper ends of its buckets, finite and rising, the last bucket left out.
    pub fn histogram(
        &mut self,
        name: &str,
        unit: &str,
        help: &str,
        bounds: &[f64],
        samples: impl FnOnce(&mut Histogram<'_>),
    ) {
        let name = Name::translate(name, unit, Kind::Histogram);
        let format = self.format;
        self.family(&name, Kind::Histogram, help, |family, rendered| {
            rendered.render(bounds, format);
            samples(&mut Histogram {
                family,
                bounds: rendered,
            });
        });
    }

    /// Writes a summary: quantiles that the application has computed.
    pub fn summary(
        &mut self,
        name: &str,
        unit: &str,
        help: &str,
        samples: impl FnOnce(&mut Summary<'_>),
    ) {
        let name = Name::translate(name, unit, Kind::Summary);
        self.family(&name, Kind::Summary, help, |family, _| {
            samples(&mut Summary {
                family,
                scratch: String::new(),
            });
        });
    }

    /// Ends the page.
    pub fn finish(mut self) -> Rendered {
        if self.format == Format::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        Rendered {
            text: self.out,
            problems: self.problems,
        }
    }

    /// Opens a family, lets `samples` write into it, and takes its header back when nothing was written.
    pub(super) fn family(
        &mut self,
        name: &Name,
        kind: Kind,
        help: &str,
        samples: impl FnOnce(Family<'_>, &mut Bounds),
    ) {
        let Some(claim) = self.claim(name, kind) else {
            self.problems.push(Problem::NameTaken {
                name: name.full.clone(),
                kind,
            });
            return;
        };
        let start = self.out.len();
        self.header(claim.family, claim.type_word, name.unit.as_deref(), help);
        let samples_start = self.out.len();
        let family = Family {
            out: &mut self.out,
            name: &name.full,
            format: self.format,
            exemplars: self.format == Format::OpenMetrics && claim.type_word != UNKNOWN,
        };
        samples(family, &mut self.bounds);
        if self.out.len() == samples_start {
            self.out.truncate(start);
        }
    }

    /// Writes what is known of the process: one series of value 1 with `labels`. A second call changes nothing.
    pub(super) fn target_info(&mut self, labels: &str) {
        const NAME: &str = "target_info";
        const FAMILY: &str = "target";
        const HELP: &str = "What the process is: its OpenTelemetry resource.";
        if labels.is_empty() || !self.taken.insert(NAME.to_owned()) {
            return;
        }
        // OpenMetrics calls the family by its name without `_info`, unless a metric has that name.
        let free = !self.announced.contains(FAMILY) && !self.taken.contains(FAMILY);
        if self.format == Format::OpenMetrics && free {
            self.taken.insert(FAMILY.to_owned());
            self.header(FAMILY, "info", None, HELP);
        } else {
            self.header(NAME, "gauge", None, HELP);
        }
        let mut family = Family {
            out: &mut self.out,
            name: NAME,
            format: self.format,
            exemplars: false,
        };
        family.line("", labels, "", 1_u64.into(), None);
    }

    /// Takes the names that a family needs, or none if one of them is taken.
    fn claim<'n>(&mut self, name: &'n Name, kind: Kind) -> Option<Claim<'n>> {
        let full = name.full.as_str();
        let suffixes: &[&str] = match kind {
            Kind::Histogram => &["", "_bucket", "_sum", "_count"],
            Kind::Summary => &["", "_sum", "_count"],
            Kind::Counter | Kind::UpDownCounter | Kind::Gauge => &[""],
        };
        let names: Vec<String> = suffixes
            .iter()
            .map(|suffix| format!("{full}{suffix}"))
            .collect();
        if names.iter().any(|name| self.taken.contains(name)) {
            return None;
        }
        self.taken.extend(names);
        if kind != Kind::Counter || self.format == Format::Text {
            return Some(Claim {
                family: full,
                type_word: kind.type_word(),
            });
        }
        let family = name.without_total();
        if self.announced.contains(family) || !self.taken.insert(family.to_owned()) {
            return Some(Claim {
                family: full,
                type_word: UNKNOWN,
            });
        }
        Some(Claim {
            family,
            type_word: kind.type_word(),
        })
    }

    fn header(&mut self, name: &str, type_word: &str, unit: Option<&str>, help: &str) {
        let quotes = match self.format {
            Format::Text => Quotes::Plain,
            Format::OpenMetrics => Quotes::Escaped,
        };
        if !help.is_empty() {
            for part in ["# HELP ", name, " "] {
                self.out.push_str(part);
            }
            escape(&mut self.out, help, quotes);
            self.out.push('\n');
        }
        for part in ["# TYPE ", name, " ", type_word, "\n"] {
            self.out.push_str(part);
        }
        if let (Format::OpenMetrics, Some(unit)) = (self.format, unit)
            && name.ends_with(unit)
        {
            for part in ["# UNIT ", name, " ", unit, "\n"] {
                self.out.push_str(part);
            }
        }
    }
}
