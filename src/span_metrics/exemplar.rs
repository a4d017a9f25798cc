//! One span a bucket that leads from a series to a trace.
//!
//! # Hot path
//!
//! A bucket takes one exemplar between two scrapes; whether it has one is a bit in a word. Nobody waits: where another
//! thread keeps or shows exemplars at the moment, this span is not one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use opentelemetry::trace::SpanContext;
use opentelemetry::{SpanId, TraceId};

/// A span that fell into a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exemplar {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    /// The duration.
    pub(crate) nanos: u64,
    pub(crate) time: SystemTime,
}

/// The exemplars of one series.
#[derive(Debug, Default)]
pub(super) struct Exemplars {
    /// A bit for every bucket that has had one since they were shown.
    taken: AtomicU64,
    /// At most one a bucket.
    kept: Mutex<Vec<(usize, Exemplar)>>,
}

impl Exemplars {
    /// Whether the bucket has room for one.
    #[inline]
    pub(super) fn wants(&self, bucket: usize) -> bool {
        self.taken.load(Ordering::Relaxed) & bit(bucket) == 0
    }

    /// Keeps a span for a bucket in the place of an older one.
    pub(super) fn keep(&self, bucket: usize, span: &SpanContext, nanos: u64) {
        let Ok(mut kept) = self.kept.try_lock() else {
            return;
        };
        self.taken.fetch_or(bit(bucket), Ordering::Relaxed);
        let exemplar = Exemplar {
            trace_id: span.trace_id(),
            span_id: span.span_id(),
            nanos,
            time: SystemTime::now(),
        };
        match kept.iter_mut().find(|(of, _)| *of == bucket) {
            Some((_, older)) => *older = exemplar,
            None => kept.push((bucket, exemplar)),
        }
    }

    /// The exemplars as they stand, by bucket.
    pub(super) fn get(&self) -> Vec<(usize, Exemplar)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clone()
    }

    /// From now on every bucket takes a new one.
    pub(super) fn shown(&self) {
        self.taken.store(0, Ordering::Relaxed);
    }
}

/// There are never more buckets than bits.
fn bit(bucket: usize) -> u64 {
    1 << (bucket as u32 % u64::BITS)
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{TraceFlags, TraceState};

    use super::*;

    fn span(id: u64) -> SpanContext {
        SpanContext::new(
            TraceId::from(7),
            SpanId::from(id),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        )
    }

    #[test]
    fn a_bucket_takes_one_until_it_was_shown() {
        let exemplars = Exemplars::default();
        exemplars.keep(3, &span(1), 10);
        assert!(!exemplars.wants(3) && exemplars.wants(4));
        exemplars.shown();
        assert!(exemplars.wants(3));
    }

    #[test]
    fn a_newer_exemplar_takes_the_place_of_the_older() {
        let exemplars = Exemplars::default();
        exemplars.keep(3, &span(1), 10);
        exemplars.keep(3, &span(2), 20);
        let kept = exemplars.get();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].1.span_id, SpanId::from(2));
    }

    #[test]
    fn nobody_waits_for_exemplars_that_are_in_use() {
        let exemplars = Exemplars::default();
        let _in_use = exemplars.kept.lock();
        exemplars.keep(3, &span(1), 10);
        assert!(exemplars.wants(3));
    }
}
