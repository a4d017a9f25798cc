//! What went wrong while recording, in words, once for each metric and problem.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use super::sync::lock;

/// Reports that wait to be taken; a registry of 2,000 metrics has at most a handful of problems each; the counts in the catalogue go on.
const WAITING: usize = 256;

/// What can go wrong after a metric was defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Problem {
    /// More label values than the limit.
    Overflow,
    /// A value that no metric of its kind can hold.
    RefusedValue,
    /// A label value that was too long or had control characters, and was changed.
    ChangedLabel,
    /// A label key that the definition does not list.
    UnknownLabel,
    /// A callback panicked, and will not be called again.
    CallbackPanicked,
    /// A callback was slower than its budget, and will not be called again.
    CallbackSlow,
    /// A callback observed more series than its metric may have.
    CallbackOverflow,
    /// The function of a watch panicked, and will not be called again.
    WatchPanicked,
    /// Nearly all values of a histogram fell into one bucket.
    OneBucket,
    /// A metric kept elsewhere could not be included.
    NotIncluded,
    /// Callbacks could not be run, because no thread could be started.
    NoThread,
}

impl Problem {
    /// The bit that remembers that it was reported.
    pub(super) fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// One problem of one metric. It is shown as its text.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The metric, namespace included.
    pub metric: Arc<str>,
    /// What happened.
    pub problem: Problem,
    /// The same in words: what happened, what was done instead, what to do.
    pub text: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where reports wait.
#[derive(Debug, Default)]
pub(super) struct Reports(Mutex<Vec<Report>>);

impl Reports {
    pub(super) fn add(&self, report: Report) {
        let mut waiting = lock(&self.0);
        if waiting.len() < WAITING {
            waiting.push(report);
        }
    }

    pub(super) fn take(&self) -> Vec<Report> {
        std::mem::take(&mut lock(&self.0))
    }
}
