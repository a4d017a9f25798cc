//! The series of one family while they are gathered, sorted and merged.
//!
//! Labels, boundaries and counts of all series lie one after another in three buffers that are kept from family to
//! family; a series holds ranges of them.

use std::ops::Range;

use opentelemetry_sdk::metrics::data::{ExponentialBucket, ExponentialHistogramDataPoint};

use super::family::{self, Bounds};
use super::format::Format;
use super::number::Number;
use super::problem::Kind;

/// The series of one family.
#[derive(Debug, Default)]
pub(crate) struct Family {
    labels: String,
    bounds: Vec<f64>,
    counts: Vec<u64>,
    series: Vec<Series>,
}

#[derive(Debug)]
struct Series {
    labels: Range<usize>,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Number(Number),
    Buckets {
        bounds: Range<usize>,
        counts: Range<usize>,
        sum: f64,
    },
}

/// What became of series with equal labels; for all of a family at once, with the labels of the first.
#[derive(Debug, PartialEq)]
pub(crate) enum Merged {
    Nothing,
    Added { labels: String },
    Dropped { labels: String },
}

impl Family {
    pub(crate) fn clear(&mut self) {
        self.labels.clear();
        self.bounds.clear();
        self.counts.clear();
        self.series.clear();
    }

    /// Renders the labels of the next series.
    pub(crate) fn labels(&mut self, render: impl FnOnce(&mut String)) -> Range<usize> {
        let start = self.labels.len();
        render(&mut self.labels);
        start..self.labels.len()
    }

    pub(crate) fn add_value(&mut self, labels: Range<usize>, value: Number) {
        self.series.push(Series {
            labels,
            value: Value::Number(value),
        });
    }

    pub(crate) fn add_histogram(
        &mut self,
        labels: Range<usize>,
        bounds: impl Iterator<Item = f64>,
        counts: impl Iterator<Item = u64>,
        count: u64,
        sum: f64,
    ) {
        let starts = (self.bounds.len(), self.counts.len());
        self.bounds.extend(bounds);
        self.counts.extend(counts);
        // The SDK gives a histogram without boundaries no bucket at all.
        if self.counts.len() == starts.1 {
            self.counts.push(count);
        }
        self.add_buckets(labels, starts, sum);
    }

    /// Adds an exponential histogram as a classic one: a boundary for each of its buckets, and one for zero.
    pub(crate) fn add_exponential<T>(
        &mut self,
        labels: Range<usize>,
        point: &ExponentialHistogramDataPoint<T>,
        sum: f64,
    ) {
        let starts = (self.bounds.len(), self.counts.len());
        let scale = point.scale();
        let negative = point.negative_bucket();
        let buckets: Vec<(i32, u64)> = indexed(negative).collect();
        // Bucket i of the negative side holds -base^(i+1) up to -base^i, so its upper end is the nearer to zero.
        for (index, count) in buckets.into_iter().rev() {
            self.push_bucket(starts.0, -boundary(scale, index).min(f64::MAX), count);
        }
        self.push_bucket(
            starts.0,
            point.zero_threshold().max(0.0),
            point.zero_count(),
        );
        for (index, count) in indexed(point.positive_bucket()) {
            self.push_bucket(starts.0, boundary(scale, index.saturating_add(1)), count);
        }
        self.counts.push(0);
        self.add_buckets(labels, starts, sum);
    }

    /// Appends a bucket. A boundary that rounds to the one before shares its bucket, one that is infinite is kept for
    /// [`Family::add_buckets`] to fold away.
    fn push_bucket(&mut self, start: usize, bound: f64, count: u64) {
        let last = self.bounds[start..].last().copied();
        if last.is_some_and(|last| bound <= last) {
            if let Some(shared) = self.counts.last_mut() {
                *shared = shared.saturating_add(count);
            }
        } else {
            self.bounds.push(bound);
            self.counts.push(count);
        }
    }

    /// Closes a histogram whose boundaries and counts were just appended. Boundaries that are not finite go, and what
    /// they counted moves into the last bucket.
    fn add_buckets(&mut self, labels: Range<usize>, (bounds, counts): (usize, usize), sum: f64) {
        let finite = self.bounds[bounds..]
            .iter()
            .take_while(|bound| bound.is_finite())
            .count();
        self.bounds.truncate(bounds + finite);
        let above = self.counts[counts..]
            .iter()
            .skip(finite)
            .fold(0, |sum: u64, count| sum.saturating_add(*count));
        self.counts.resize(counts + finite, 0);
        self.counts.push(above);
        let value = Value::Buckets {
            bounds: bounds..self.bounds.len(),
            counts: counts..self.counts.len(),
            sum,
        };
        self.series.push(Series { labels, value });
    }

    /// Sorts the series by their labels and leaves one of each label set.
    pub(crate) fn sort_and_merge(&mut self, kind: Kind) -> Merged {
        let Self {
            labels,
            bounds,
            counts,
            series,
        } = self;
        // Stable: of equal labels the first in the order of scopes is the one that is kept.
        series.sort_by(|a, b| labels[a.labels.clone()].cmp(&labels[b.labels.clone()]));
        let mut merged = Merged::Nothing;
        series.dedup_by(|later, kept| {
            if labels[later.labels.clone()] != labels[kept.labels.clone()] {
                return false;
            }
            let added = kind != Kind::Gauge && kept.value.add(&later.value, bounds, counts);
            let text = || labels[kept.labels.clone()].to_owned();
            match merged {
                Merged::Nothing if added => merged = Merged::Added { labels: text() },
                Merged::Nothing | Merged::Added { .. } if !added => {
                    merged = Merged::Dropped { labels: text() }
                }
                _ => {}
            }
            true
        });
        merged
    }

    /// Writes all series.
    pub(crate) fn write(
        &self,
        mut family: family::Family<'_>,
        rendered: &mut Bounds,
        format: Format,
    ) {
        let mut current: Option<&[f64]> = None;
        for series in &self.series {
            let labels = &self.labels[series.labels.clone()];
            match &series.value {
                Value::Number(number) => family.line("", labels, "", *number, None),
                Value::Buckets {
                    bounds,
                    counts,
                    sum,
                } => {
                    let bounds = &self.bounds[bounds.clone()];
                    if current != Some(bounds) {
                        rendered.render(bounds, format);
                        current = Some(bounds);
                    }
                    family.histogram(rendered, labels, &self.counts[counts.clone()], *sum, |_| {
                        None
                    });
                }
            }
        }
    }
}

impl Value {
    /// Adds another value to this one; false where that has no meaning.
    fn add(&mut self, other: &Self, bounds: &[f64], counts: &mut [u64]) -> bool {
        match (self, other) {
            (Self::Number(number), Self::Number(other)) => {
                *number = number.plus(*other);
                true
            }
            (
                Self::Buckets {
                    bounds: ours,
                    counts: into,
                    sum,
                },
                Self::Buckets {
                    bounds: theirs,
                    counts: from,
                    sum: more,
                },
            ) if bounds[ours.clone()] == bounds[theirs.clone()] => {
                for (into, from) in into.clone().zip(from.clone()) {
                    counts[into] = counts[into].saturating_add(counts[from]);
                }
                *sum += more;
                true
            }
            _ => false,
        }
    }
}

/// The buckets of one side with their indexes.
fn indexed(bucket: &ExponentialBucket) -> impl Iterator<Item = (i32, u64)> {
    let offset = bucket.offset();
    bucket
        .counts()
        .enumerate()
        .map(move |(at, count)| (offset.saturating_add(at as i32), count))
}

/// `base^index`, where the base is `2^(2^-scale)`.
fn boundary(scale: i8, index: i32) -> f64 {
    (f64::from(index) * f64::from(-i32::from(scale)).exp2()).exp2()
}
