//! The series of one metric, found by their labels.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::bounds::Bounds;
use super::cell::{Bucket, Cells};
use super::exemplar::{Exemplar, Exemplars};
use super::labels::Label;

/// A series; whoever holds it can record without a lock.
#[derive(Debug)]
pub(super) struct Series {
    /// Counts up in the order in which series appear, and is never given to another one.
    pub(super) index: u64,
    pub(super) labels: Arc<[Label]>,
    pub(super) bounds: Arc<Bounds>,
    pub(super) exemplars: Exemplars,
    cells: Cells,
    /// Count and time, in nanoseconds, when it was last seen to have changed.
    seen: (AtomicU64, AtomicU64),
}

impl Series {
    fn new(index: u64, labels: Arc<[Label]>, bounds: Arc<Bounds>, now: u64) -> Self {
        Self {
            index,
            labels,
            bounds,
            exemplars: Exemplars::default(),
            cells: Cells::new(),
            seen: (AtomicU64::new(0), AtomicU64::new(now)),
        }
    }

    /// Adds one duration and tells which bucket it fell into.
    #[inline]
    pub(super) fn record(&self, nanos: u64) -> usize {
        self.cells.record(&self.bounds, nanos)
    }

    /// What it holds, by bucket, into memory that is there.
    pub(super) fn read_into(&self, buckets: &mut Vec<Bucket>) {
        buckets.clear();
        buckets.resize(self.bounds.buckets(), Bucket::default());
        self.cells.read(buckets);
    }

    fn read(&self) -> Vec<Bucket> {
        let mut buckets = Vec::new();
        self.read_into(&mut buckets);
        buckets
    }

    /// How it stands, with what was read.
    pub(super) fn point<'a>(&'a self, buckets: &'a [Bucket]) -> Point<'a> {
        Point {
            index: self.index,
            labels: &self.labels,
            bounds: &self.bounds,
            buckets,
            exemplars: &self.exemplars,
        }
    }

    fn count(&self) -> u64 {
        self.read().iter().map(|bucket| bucket.count).sum()
    }

    /// Whether nothing has been recorded for `idle` nanoseconds, as far as the looks into it tell.
    ///
    /// Only whoever holds the lock around all series calls this, so that plain loads and stores do.
    fn is_idle(&self, idle: u64, now: u64) -> bool {
        let (count, since) = (&self.seen.0, &self.seen.1);
        let current = self.count();
        if count.load(Ordering::Relaxed) != current {
            count.store(current, Ordering::Relaxed);
            since.store(now, Ordering::Relaxed);
        }
        now.saturating_sub(since.load(Ordering::Relaxed)) >= idle
    }
}

/// One series as it stands while it is visited.
#[derive(Debug)]
pub(crate) struct Point<'a> {
    /// Counts up in the order in which series appeared; never given to another one.
    pub(crate) index: u64,
    /// In the order in which they are shown.
    pub(crate) labels: &'a [Label],
    pub(crate) bounds: &'a Arc<Bounds>,
    /// By bound, the one to infinity last.
    pub(crate) buckets: &'a [Bucket],
    exemplars: &'a Exemplars,
}

impl Point<'_> {
    /// All spans of the series.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.count).sum()
    }

    /// All durations of the series in nanoseconds.
    pub(crate) fn sum(&self) -> u64 {
        let sums = self.buckets.iter().map(|bucket| bucket.sum);
        sums.fold(0, u64::wrapping_add)
    }

    /// At most one exemplar a bucket.
    pub(crate) fn exemplars(&self) -> Vec<(usize, Exemplar)> {
        self.exemplars.get()
    }

    /// Says that the exemplars were shown to someone who keeps them: newer ones may come.
    pub(crate) fn exemplars_shown(&self) {
        self.exemplars.shown();
    }
}

/// All series of one metric. Locked by its owner.
#[derive(Debug)]
pub(super) struct Store {
    limit: usize,
    by_labels: HashMap<Arc<[Label]>, Arc<Series>>,
    /// Those under the limit in the order of their indices, reserved ones among them.
    all: Vec<Arc<Series>>,
    reserved: usize,
    overflow: Option<Arc<Series>>,
    /// Taken out, with what they held then; a thread that had found one before may still have recorded.
    retired: Vec<(Arc<Series>, Vec<Bucket>)>,
    /// Every value of every label under the limit.
    values: HashMap<Arc<str>, HashSet<Arc<str>>>,
    /// Spans that overflowed, by the label whose value was new.
    overflowed: HashMap<Arc<str>, u64>,
    next: u64,
}

/// Where a span counts.
pub(super) enum Found {
    Series(Arc<Series>),
    /// In the overflow; the text says so, the first time.
    Overflow(Arc<Series>, Option<Full>),
}

/// A metric that has reached its limit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full {
    pub(super) limit: usize,
    /// The label with the most values, and how many.
    pub(super) label: Option<(Arc<str>, usize)>,
}

/// A series that is asked for.
pub(super) struct Wanted {
    pub(super) labels: Vec<Label>,
    pub(super) bounds: Arc<Bounds>,
    /// Whether it has a place that others cannot take.
    pub(super) is_reserved: bool,
    pub(super) now: u64,
}

impl Store {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            by_labels: HashMap::new(),
            all: Vec::new(),
            reserved: 0,
            overflow: None,
            retired: Vec::new(),
            values: HashMap::new(),
            overflowed: HashMap::new(),
            next: 0,
        }
    }

    /// The series with these labels, made if there is room for it.
    pub(super) fn find(&mut self, wanted: Wanted, overflow: impl FnOnce() -> Vec<Label>) -> Found {
        if let Some(series) = self.by_labels.get(wanted.labels.as_slice()) {
            return Found::Series(series.clone());
        }
        let taken = if wanted.is_reserved {
            self.reserved
        } else {
            self.all.len() - self.reserved
        };
        if taken >= self.limit {
            return self.overflow_of(&wanted, overflow());
        }
        self.reserved += usize::from(wanted.is_reserved);
        for (label, value) in &wanted.labels {
            let values = self.values.entry(label.clone()).or_default();
            values.insert(value.clone());
        }
        let labels: Arc<[Label]> = wanted.labels.into();
        self.next += 1;
        let series = Arc::new(Series::new(
            self.next,
            labels.clone(),
            wanted.bounds,
            wanted.now,
        ));
        self.all.push(series.clone());
        self.by_labels.insert(labels, series.clone());
        Found::Series(series)
    }

    /// The series for what has no labels of its own.
    pub(super) fn overflow(&mut self, bounds: Arc<Bounds>, labels: Vec<Label>) -> Arc<Series> {
        // It always comes last.
        let new = || Arc::new(Series::new(u64::MAX, labels.into(), bounds, 0));
        self.overflow.get_or_insert_with(new).clone()
    }

    fn overflow_of(&mut self, wanted: &Wanted, labels: Vec<Label>) -> Found {
        let is_new = |(label, value): &&Label| {
            let values = self.values.get(label);
            values.is_none_or(|values| !values.contains(value))
        };
        let most = self.label_with_most_values();
        // A combination of known values is the doing of the label that varies most.
        let culprit = wanted.labels.iter().find(is_new).map(|(label, _)| label);
        let culprit = culprit.or(most.as_ref().map(|(label, _)| label)).cloned();
        if let Some(label) = culprit {
            *self.overflowed.entry(label).or_default() += 1;
        }
        let first = self.overflow.is_none().then_some(Full {
            limit: self.limit,
            label: most,
        });
        Found::Overflow(self.overflow(wanted.bounds.clone(), labels), first)
    }

    fn label_with_most_values(&self) -> Option<(Arc<str>, usize)> {
        let counts = self
            .values
            .iter()
            .map(|(label, v)| (label.clone(), v.len()));
        counts.max_by_key(|(_, values)| *values)
    }

    /// Every series in the order of their indices, the overflow last.
    pub(super) fn all(&self) -> Vec<Arc<Series>> {
        let all = self.all.iter().chain(&self.overflow);
        all.cloned().collect()
    }

    /// Spans that overflowed, by the label whose value was new.
    pub(super) fn overflowed(&self) -> Vec<(Arc<str>, u64)> {
        let counts = self.overflowed.iter();
        let mut counts: Vec<_> = counts.map(|(label, n)| (label.clone(), *n)).collect();
        counts.sort();
        counts
    }

    /// Takes out the series that nothing was recorded in for `idle` nanoseconds; whether there were any.
    pub(super) fn expire(
        &mut self,
        idle: u64,
        now: u64,
        is_reserved: impl Fn(&[Label]) -> bool,
    ) -> bool {
        let late = std::mem::take(&mut self.retired);
        for (series, held) in late {
            self.bring_back(&series, &held, now, &is_reserved);
        }
        let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.all)
            .into_iter()
            .partition(|series| series.is_idle(idle, now));
        self.all = kept;
        if gone.is_empty() {
            return false;
        }
        for series in gone {
            self.by_labels.remove(&series.labels);
            self.reserved -= usize::from(is_reserved(&series.labels));
            let held = series.read();
            self.retired.push((series, held));
        }
        self.values.clear();
        for (label, value) in self.all.iter().flat_map(|series| series.labels.iter()) {
            let values = self.values.entry(label.clone()).or_default();
            values.insert(value.clone());
        }
        true
    }

    /// Counts what a thread recorded in a series while it was taken out.
    fn bring_back(
        &mut self,
        series: &Series,
        held: &[Bucket],
        now: u64,
        is_reserved: impl Fn(&[Label]) -> bool,
    ) {
        let late: Vec<Bucket> = series
            .read()
            .iter()
            .zip(held)
            .map(|(now, held)| Bucket {
                count: now.count - held.count,
                sum: now.sum.wrapping_sub(held.sum),
            })
            .collect();
        if late.iter().all(|bucket| bucket.count == 0) {
            return;
        }
        let wanted = Wanted {
            labels: series.labels.to_vec(),
            bounds: series.bounds.clone(),
            is_reserved: is_reserved(&series.labels),
            now,
        };
        let overflow = || super::labels::of_overflow(None);
        let (Found::Series(found) | Found::Overflow(found, _)) = self.find(wanted, overflow);
        found.cells.add(&late);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(value: &str) -> Vec<Label> {
        vec![
            ("constant".into(), "x".into()),
            ("key".into(), value.into()),
        ]
    }

    fn wanted(value: &str) -> Wanted {
        Wanted {
            labels: labels(value),
            bounds: Arc::new(Bounds::from_millis(&[1.0])),
            is_reserved: value.starts_with("reserved"),
            now: 0,
        }
    }

    fn find(store: &mut Store, value: &str) -> Found {
        store.find(wanted(value), || super::super::labels::of_overflow(None))
    }

    fn series(found: Found) -> Arc<Series> {
        match found {
            Found::Series(series) | Found::Overflow(series, _) => series,
        }
    }

    fn is_reserved(labels: &[Label]) -> bool {
        labels[1].1.starts_with("reserved")
    }

    #[test]
    fn the_first_overflow_names_the_label_with_the_most_values() {
        let mut store = Store::new(2);
        find(&mut store, "a");
        find(&mut store, "b");
        let Found::Overflow(_, full) = find(&mut store, "c") else {
            panic!("the limit is two");
        };
        let expected = Full {
            limit: 2,
            label: Some(("key".into(), 2)),
        };
        assert_eq!(full, Some(expected));
        assert!(matches!(find(&mut store, "d"), Found::Overflow(_, None)));
        assert_eq!(store.overflowed(), [("key".into(), 2)]);
    }

    #[test]
    fn others_cannot_take_the_place_of_a_reserved_series() {
        let mut store = Store::new(1);
        find(&mut store, "a");
        find(&mut store, "b");
        assert!(matches!(find(&mut store, "reserved"), Found::Series(_)));
        assert!(matches!(
            find(&mut store, "reserved 2"),
            Found::Overflow(..)
        ));
    }

    #[test]
    fn a_series_without_spans_expires_and_makes_room() {
        let mut store = Store::new(1);
        series(find(&mut store, "a")).record(1);
        assert!(!store.expire(10, 5, is_reserved));
        assert!(!store.expire(10, 14, is_reserved));
        assert!(store.expire(10, 15, is_reserved));
        assert!(matches!(find(&mut store, "b"), Found::Series(_)));
    }

    #[test]
    fn a_span_that_is_recorded_while_its_series_expires_is_not_lost() {
        let mut store = Store::new(1);
        let old = series(find(&mut store, "a"));
        old.record(1);
        store.expire(10, 5, is_reserved);
        store.expire(10, 20, is_reserved);
        old.record(1);
        store.expire(10, 25, is_reserved);
        assert_eq!(store.all().len(), 1);
        assert_eq!(store.all()[0].count(), 1);
    }
}
