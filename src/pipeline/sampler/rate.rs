//! So many traces a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingResult, ShouldSample};

use crate::clock::Clock;

/// Keeps at most `rate` traces a second, evenly spread, and after a pause as many at once.
#[derive(Debug, Clone)]
pub(super) struct RateLimiting {
    limit: Arc<Limit>,
    clock: Clock,
}

impl RateLimiting {
    pub(super) fn new(rate: f64, clock: Clock) -> Self {
        Self {
            limit: Arc::new(Limit::new(rate)),
            clock,
        }
    }
}

impl ShouldSample for RateLimiting {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        super::result(
            super::keep_if(self.limit.allows(self.clock.nanos())),
            parent,
        )
    }
}

/// A bucket that refills at a rate, in one number: the moment at which it would be full again.
#[derive(Debug)]
pub(super) struct Limit {
    /// Nanoseconds that one item takes out of the bucket; `None` lets nothing through.
    interval: Option<u64>,
    /// Nanoseconds that the bucket may be ahead and still has an item.
    tolerance: u64,
    full_at: AtomicU64,
}

impl Limit {
    pub(super) fn new(rate: f64) -> Self {
        const SECOND: f64 = 1e9;
        // A float that is too great becomes the greatest number, which is three centuries.
        let interval = (rate > 0.0).then(|| (SECOND / rate) as u64);
        let burst = rate.max(1.0);
        Self {
            interval,
            tolerance: interval.map_or(0, |interval| ((burst - 1.0) * interval as f64) as u64),
            full_at: AtomicU64::new(0),
        }
    }

    /// Whether there is one more at `now`, which is then taken.
    pub(super) fn allows(&self, now: u64) -> bool {
        let Some(interval) = self.interval else {
            return false;
        };
        // Nothing else is read on the strength of this number, so Relaxed is enough.
        let taken = self
            .full_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                let has_one = full_at.saturating_sub(now) <= self.tolerance;
                has_one.then(|| full_at.max(now).saturating_add(interval))
            });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn taken(limit: &Limit, at: impl IntoIterator<Item = u64>) -> usize {
        at.into_iter().filter(|now| limit.allows(*now)).count()
    }

    #[test]
    fn the_first_second_brings_as_many_as_the_rate() {
        let limit = Limit::new(3.0);
        assert_eq!(taken(&limit, [0; 100]), 3);
    }

    #[test]
    fn over_a_long_time_the_rate_holds() {
        let limit = Limit::new(5.0);
        let burst = 5;
        let every_millisecond = (0..100_000).map(|millis| millis * SECOND / 1000);
        assert_eq!(taken(&limit, every_millisecond), 100 * 5 - 1 + burst);
    }

    #[test]
    fn a_pause_brings_no_more_than_a_second_of_it() {
        let limit = Limit::new(2.0);
        taken(&limit, [0; 10]);
        assert_eq!(taken(&limit, [3600 * SECOND; 10]), 2);
    }

    #[test]
    fn a_rate_below_one_is_one_now_and_then() {
        let limit = Limit::new(0.1);
        assert_eq!(taken(&limit, [0; 10]), 1);
        assert_eq!(taken(&limit, [9 * SECOND]), 0);
        assert_eq!(taken(&limit, [10 * SECOND]), 1);
    }

    #[test]
    fn a_rate_of_zero_lets_nothing_through() {
        assert_eq!(taken(&Limit::new(0.0), [0, SECOND, 1 << 60]), 0);
    }
}
