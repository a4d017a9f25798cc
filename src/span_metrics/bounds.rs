//! Bucket boundaries of durations.

use crate::semconv;

/// Upper bounds of buckets in nanoseconds, inclusive and ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bounds {
    nanos: Box<[u64]>,
}

/// Bounds at most: a series remembers in one word which of its buckets have an exemplar.
const MOST: usize = 63;

impl Bounds {
    /// Bounds in nanoseconds; sorted, doubles and what is beyond [`MOST`] left out.
    fn new(nanos: impl Iterator<Item = f64>) -> Self {
        let mut nanos: Vec<u64> = nanos.map(|bound| bound.round() as u64).collect();
        nanos.sort_unstable();
        nanos.dedup();
        nanos.truncate(MOST);
        Self {
            nanos: nanos.into(),
        }
    }

    /// Bounds given in milliseconds.
    pub(crate) fn from_millis(millis: &[f64]) -> Self {
        Self::new(millis.iter().map(|millis| millis * 1e6))
    }

    /// Bounds given in seconds.
    pub(crate) fn from_seconds(seconds: &[f64]) -> Self {
        Self::new(seconds.iter().map(|seconds| seconds * 1e9))
    }

    /// The bounds in `unit`.
    pub(crate) fn in_unit(&self, unit: Unit) -> impl Iterator<Item = f64> + '_ {
        self.nanos.iter().map(move |&nanos| unit.of_nanos(nanos))
    }

    /// How many buckets there are, the one to infinity included.
    pub(crate) fn buckets(&self) -> usize {
        self.nanos.len() + 1
    }

    /// The bucket that `nanos` falls into.
    #[inline]
    pub(super) fn bucket(&self, nanos: u64) -> usize {
        self.nanos.partition_point(|&bound| bound < nanos)
    }

    /// The value below which a share of the counted durations lies, by a straight line through its bucket.
    ///
    /// Nothing is known above the last bound: a quantile there is the last bound.
    pub(super) fn quantile(&self, counts: &[u64], quantile: f64) -> u64 {
        let total: u64 = counts.iter().sum();
        let rank = quantile * total as f64;
        let mut below = 0;
        for (bucket, &count) in counts.iter().enumerate() {
            let upper = below + count;
            if count > 0 && upper as f64 >= rank {
                let low = bucket.checked_sub(1).map_or(0, |before| self.nanos[before]);
                let Some(&high) = self.nanos.get(bucket) else {
                    return low;
                };
                let share = (rank - below as f64) / count as f64;
                return low + ((high - low) as f64 * share) as u64;
            }
            below = upper;
        }
        0
    }
}

/// The unit that durations are shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Unit {
    /// As the Collector's connector and Jaeger have it.
    #[default]
    Milliseconds,
    /// As the semantic conventions have it.
    Seconds,
}

impl Unit {
    /// The unit as OpenTelemetry writes it.
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::Milliseconds => semconv::UNIT_MILLISECONDS,
            Self::Seconds => semconv::UNIT_SECONDS,
        }
    }

    /// Nanoseconds in this unit.
    pub(crate) fn of_nanos(self, nanos: u64) -> f64 {
        match self {
            Self::Milliseconds => nanos as f64 / 1e6,
            Self::Seconds => nanos as f64 / 1e9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_sorted_and_each_stands_once() {
        let bounds = Bounds::from_millis(&[4.0, 2.0, 4.0]);
        let millis: Vec<f64> = bounds.in_unit(Unit::Milliseconds).collect();
        assert_eq!(millis, [2.0, 4.0]);
    }

    #[test]
    fn seconds_come_out_as_they_were_given() {
        let given = [0.005, 0.075, 1.28, 81.92];
        let bounds = Bounds::from_seconds(&given);
        assert_eq!(bounds.in_unit(Unit::Seconds).collect::<Vec<_>>(), given);
    }

    #[test]
    fn quantile_lies_on_the_line_through_its_bucket() {
        let bounds = Bounds::from_millis(&[10.0, 20.0]);
        assert_eq!(bounds.quantile(&[0, 10, 0], 0.5), 15_000_000);
        assert_eq!(bounds.quantile(&[10, 0, 0], 0.5), 5_000_000);
    }

    #[test]
    fn quantile_above_the_last_bound_is_that_bound() {
        let bounds = Bounds::from_millis(&[10.0, 20.0]);
        assert_eq!(bounds.quantile(&[0, 0, 10], 0.5), 20_000_000);
    }

    #[test]
    fn quantile_of_nothing_is_zero() {
        assert_eq!(Bounds::from_millis(&[1.0]).quantile(&[0, 0], 0.5), 0);
    }
}
