//! Quantiles of the last while.

use std::{
    fmt,
    sync::Mutex,
    time::{Duration, Instant},
};

use sketches_ddsketch::{Config, DDSketch};

use super::{
    super::{
        definition::Spec,
        snapshot::{Quantiles, Value},
        sync::lock,
    },
    Cell, Refusal,
};

/// The quantiles that a summary shows.
pub(in crate::metrics) const QUANTILES: [f64; 4] = [0.5, 0.9, 0.95, 0.99];

/// Sketches in a window: the oldest sixth is dropped at a time, so the window is exact to a sixth of its length.
const SLICES: usize = 6;

/// A summary: a ring of sketches, each within 1 % of any quantile, at most 2,048 bins (16 KiB) each.
#[derive(Debug)]
pub struct WindowCell {
    slice: Duration,
    started: Instant,
    ring: Mutex<Ring>,
}

struct Ring {
    sketches: [DDSketch; SLICES],
    /// Which slice since the start is the newest in the ring.
    newest: u64,
    count: u64,
    sum: f64,
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("count", &self.count)
            .field("sum", &self.sum)
            .finish_non_exhaustive()
    }
}

impl Cell for WindowCell {
    type Amount = f64;

    fn new(spec: &Spec) -> Self {
        Self {
            slice: (spec.window / SLICES as u32).max(Duration::from_millis(1)),
            started: Instant::now(),
            ring: Mutex::new(Ring::new()),
        }
    }

    fn record(&self, value: f64) -> Result<(), Refusal> {
        Refusal::unless_positive(value)?;
        let slice = self.slice_at(Instant::now());
        lock(&self.ring).record(slice, value);
        Ok(())
    }

    fn level(&self, value: f64) -> f64 {
        value
    }

    fn value(&self) -> Option<Value> {
        let slice = self.slice_at(Instant::now());
        Some(Value::Quantiles(lock(&self.ring).read(slice)))
    }
}

impl WindowCell {
    fn slice_at(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.started).as_nanos();
        (elapsed / self.slice.as_nanos()) as u64
    }
}

impl Ring {
    fn new() -> Self {
        Self {
            sketches: std::array::from_fn(|_| empty()),
            newest: 0,
            count: 0,
            sum: 0.0,
        }
    }

    fn record(&mut self, slice: u64, value: f64) {
        self.advance(slice);
        self.sketches[(self.newest % SLICES as u64) as usize].add(value);
        self.count += 1;
        self.sum += value;
    }

    fn read(&mut self, slice: u64) -> Quantiles {
        self.advance(slice);
        let mut window = empty();
        for sketch in &self.sketches {
            // Merging fails only between sketches of different accuracy, and all of these are `empty()` once.
            let _ = window.merge(sketch);
        }
        let values = QUANTILES
            .iter()
            .filter_map(|&quantile| Some((quantile, window.quantile(quantile).ok()??)))
            .collect();
        Quantiles {
            values,
            count: self.count,
            sum: self.sum,
        }
    }

    /// Empties the slices that have left the window.
    fn advance(&mut self, slice: u64) {
        let stale = slice.saturating_sub(self.newest).min(SLICES as u64);
        for step in 0..stale {
            self.sketches[((slice - step) % SLICES as u64) as usize] = empty();
        }
        self.newest = self.newest.max(slice);
    }
}

fn empty() -> DDSketch {
    DDSketch::new(Config::defaults())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn median(ring: &mut Ring, slice: u64) -> Option<f64> {
        ring.read(slice).values.first().map(|(_, value)| *value)
    }

    #[test]
    fn quantiles_are_within_one_percent() {
        let mut ring = Ring::new();
        (1..=1000).for_each(|value| ring.record(0, f64::from(value)));
        let quantiles = ring.read(0).values;
        for ((quantile, value), truth) in quantiles.into_iter().zip([500.0, 900.0, 950.0, 990.0]) {
            assert!(
                (value - truth).abs() / truth < 0.011,
                "p{quantile}: {value} for {truth}"
            );
        }
    }

    #[test]
    fn value_leaves_with_its_slice() {
        let mut ring = Ring::new();
        ring.record(0, 1.0);
        ring.record(3, 100.0);
        assert!(median(&mut ring, 5).is_some_and(|value| value < 2.0));
        assert!(median(&mut ring, 6).is_some_and(|value| value > 98.0));
        assert_eq!(median(&mut ring, 9), None);
    }

    #[test]
    fn count_and_sum_outlive_the_window() {
        let mut ring = Ring::new();
        ring.record(0, 2.0);
        ring.record(100, 3.0);
        let quantiles = ring.read(1000);
        assert_eq!((quantiles.count, quantiles.sum), (2, 5.0));
    }
}
