//! Every metric of a registry as plain data.

use std::{sync::Arc, time::SystemTime};

use super::{definition::Kind, name};

/// Label pairs, sorted by key; empty values are left out, as Prometheus and the SDK see no difference.
pub type Labels = Arc<[(Arc<str>, Arc<str>)]>;

/// Every metric of a registry at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The metrics, by name.
    pub families: Vec<Family>,
    /// When it was taken.
    pub taken: SystemTime,
}

/// One metric: what it is and its series.
#[derive(Debug, Clone)]
pub struct Family {
    /// The OpenTelemetry name, namespace included.
    pub name: Arc<str>,
    /// What it does with values.
    pub kind: Kind,
    /// The unit in UCUM, or empty.
    pub unit: Arc<str>,
    /// What is measured, or empty.
    pub help: Arc<str>,
    /// The series, in no particular order.
    pub series: Vec<Series>,
}

/// One series: its labels and its value.
#[derive(Debug, Clone)]
pub struct Series {
    /// The labels, constant ones included.
    pub labels: Labels,
    /// The value.
    pub value: Value,
    /// Whether this is the series that takes what is beyond the limit.
    pub overflow: bool,
    /// When the series began.
    pub started: SystemTime,
}

/// The value of a series.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A counter of whole numbers.
    Count(u64),
    /// A counter of fractions.
    Sum(f64),
    /// An up-down counter.
    UpDown(i64),
    /// A gauge.
    Gauge(f64),
    /// A histogram.
    Distribution(Distribution),
    /// A summary.
    Quantiles(Quantiles),
}

/// Counts of values in buckets.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Upper bounds of the buckets, inclusive; one bucket more takes what is above the last.
    pub bounds: Arc<[f64]>,
    /// How many values fell into each bucket; one longer than `bounds`.
    pub buckets: Vec<u64>,
    /// The sum of the values.
    pub sum: f64,
    /// The smallest and the largest value, unless there is none.
    pub range: Option<(f64, f64)>,
}

/// Quantiles of the last while; count and sum are of all time.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantiles {
    /// Pairs of quantile and value; empty when nothing was recorded within the window.
    pub values: Vec<(f64, f64)>,
    /// How many values were recorded since the series began.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

impl Snapshot {
    /// The metric of this name.
    pub fn family(&self, name: &str) -> Option<&Family> {
        self.families.iter().find(|family| &*family.name == name)
    }

    /// The value of the series with exactly these labels, in any order.
    pub fn get<'a>(&self, name: &str, labels: impl AsRef<[(&'a str, &'a str)]>) -> Option<&Value> {
        self.family(name)?.get(labels)
    }
}

impl Family {
    /// Whether this is the metric's name, here or on a Prometheus page.
    pub(crate) fn is_called(&self, wanted: &str) -> bool {
        *self.name == *wanted || {
            let claims = name::prometheus_claims(&self.name, &self.unit, self.kind);
            claims.iter().any(|claim| claim == wanted)
        }
    }

    /// The value of the series with exactly these labels, in any order.
    pub fn get<'a>(&self, labels: impl AsRef<[(&'a str, &'a str)]>) -> Option<&Value> {
        let wanted = labels.as_ref();
        let matches = |series: &&Series| {
            series.labels.len() == wanted.len()
                && series
                    .labels
                    .iter()
                    .all(|(key, value)| wanted.contains(&(&**key, &**value)))
        };
        self.series.iter().find(matches).map(|series| &series.value)
    }
}

impl Value {
    /// The value as one number: a counter's sum, a gauge's value, how many values a histogram or summary has seen.
    pub fn as_f64(&self) -> f64 {
        match self {
            Self::Count(count) => *count as f64,
            Self::Sum(value) | Self::Gauge(value) => *value,
            Self::UpDown(value) => *value as f64,
            Self::Distribution(distribution) => distribution.count() as f64,
            Self::Quantiles(quantiles) => quantiles.count as f64,
        }
    }
}

impl Distribution {
    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The value below which the share `quantile` of all values lies, by a straight line through the bucket that holds it.
    ///
    /// It is as exact as the bucket is narrow, and never outside the smallest and largest value. `None` without values, and for a quantile outside
    /// 0 to 1.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let (min, max) = self.range?;
        let count = self.count();
        if count == 0 || !(0.0..=1.0).contains(&quantile) {
            return None;
        }
        let rank = quantile * count as f64;
        let mut below = 0.0;
        for (index, &n) in self.buckets.iter().enumerate() {
            let n = n as f64;
            if n > 0.0 && below + n >= rank {
                let (lower, upper) = self.edges(index);
                let (lower, upper) = (lower.max(min), upper.min(max));
                return Some((lower + (upper - lower) * ((rank - below) / n)).clamp(min, max));
            }
            below += n;
        }
        Some(max)
    }

    /// The lower and upper edge of a bucket; infinite at the ends.
    pub(super) fn edges(&self, index: usize) -> (f64, f64) {
        let lower = index
            .checked_sub(1)
            .map_or(f64::NEG_INFINITY, |below| self.bounds[below]);
        let upper = self.bounds.get(index).copied().unwrap_or(f64::INFINITY);
        (lower, upper)
    }
}
