//! What is known of each metric beside its values.

use std::sync::{Arc, atomic::Ordering};

use super::{
    core::Core,
    definition::Kind,
    error::Place,
    family::AnyFamily,
    report::Problem,
    snapshot::{Series, Value},
};

/// What the catalogue says of one metric.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Entry {
    /// The OpenTelemetry name, namespace included.
    pub name: Arc<str>,
    /// What it does with values.
    pub kind: Kind,
    /// The unit in UCUM, or empty.
    pub unit: Arc<str>,
    /// What is measured, or empty.
    pub help: Arc<str>,
    /// The label keys, without the constant ones.
    pub labels: Arc<[Arc<str>]>,
    /// How many series it may have.
    pub limit: usize,
    /// How many series it has; those of callbacks are not counted.
    pub series: usize,
    /// Where it was defined.
    pub place: Place,
    /// Values that could not be recorded.
    pub refused: u64,
    /// Recordings that went to the overflow series.
    pub overflowed: u64,
    /// Label values that were cut or cleaned.
    pub changed_labels: u64,
    /// Labels that were left out, because the definition does not list them.
    pub unknown_labels: u64,
}

impl Entry {
    pub(super) fn new(family: &dyn AnyFamily) -> Self {
        let Core { spec, trouble, .. } = family.core();
        Self {
            name: Arc::clone(&spec.name),
            kind: spec.kind,
            unit: Arc::clone(&spec.unit),
            help: Arc::clone(&spec.help),
            labels: Arc::clone(&spec.keys),
            limit: spec.limit,
            series: family.len(),
            place: spec.place,
            refused: trouble.refused.load(Ordering::Relaxed),
            overflowed: trouble.overflowed.load(Ordering::Relaxed),
            changed_labels: trouble.changed.load(Ordering::Relaxed),
            unknown_labels: trouble.ignored.load(Ordering::Relaxed),
        }
    }
}

/// How many values have to be there before their spread is judged.
const ENOUGH: u64 = 1000;

/// Reports a histogram whose values nearly all fall into one bucket, as they do when seconds are recorded with boundaries for milliseconds.
///
/// It looks at a histogram when it is read, once it has enough values, and costs nothing while recording.
pub(super) fn check_buckets(core: &Core, series: &[Series]) {
    let mut buckets = vec![0; core.spec.bounds.len() + 1];
    for each in series {
        if let Value::Distribution(distribution) = &each.value {
            buckets
                .iter_mut()
                .zip(&distribution.buckets)
                .for_each(|(sum, bucket)| *sum += bucket);
        }
    }
    let count: u64 = buckets.iter().sum();
    let most = buckets.iter().max().copied().unwrap_or(0);
    if count >= ENOUGH && most as f64 > 0.95 * count as f64 {
        core.report(Problem::OneBucket, || {
            let spec = &core.spec;
            format!(
                "{most} of {count} values of histogram `{}` fell into one bucket; unit {:?} has boundaries {:?}, give it others (defined at {})",
                spec.name, spec.unit, spec.bounds, spec.place,
            )
        });
    }
}
