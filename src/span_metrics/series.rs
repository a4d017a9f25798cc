//! The series that exist, found by what a closed span was.
//!
//! # Hot path
//!
//! [`SeriesMap::record`] looks into a cache of the thread first: one comparison for a series that this thread has seen.
//! Only a series that is new to the thread takes the lock, which a scrape holds no longer than it takes to copy a list of
//! pointers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::cell::{Bounds, Bucket, Cells};
use super::intern;
use super::open::MAX_DIMENSIONS;
use super::outcome::{Kind, Status};

/// What tells one series from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) name: u32,
    pub(super) kind: Kind,
    pub(super) status: Status,
    pub(super) dimensions: [u32; MAX_DIMENSIONS],
}

impl Key {
    /// The series that takes what no longer fits.
    const OVERFLOW: Self = Self {
        name: intern::OVERFLOW,
        kind: Kind::Internal,
        status: Status::Unset,
        dimensions: [intern::ABSENT; MAX_DIMENSIONS],
    };

    pub(super) fn is_overflow(&self) -> bool {
        self.name == intern::OVERFLOW
    }

    /// A value that the interner could not take makes the whole key overflow.
    fn checked(self) -> Self {
        if self.is_overflow() || self.dimensions.contains(&intern::OVERFLOW) {
            Self::OVERFLOW
        } else {
            self
        }
    }

    /// Cheap and good enough for a cache of the thread: ids are small and dense.
    #[inline]
    fn mix(&self) -> u64 {
        let mut hash = u64::from(self.name) << 8 | (self.kind as u64) << 4 | self.status as u64;
        for &dimension in &self.dimensions {
            hash = (hash ^ u64::from(dimension)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
        hash ^ hash >> 32
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.mix());
    }
}

#[derive(Debug)]
struct Series {
    index: usize,
    labels: Box<[Label]>,
    cells: Cells,
}

/// A label of a series.
pub(crate) type Label = (Arc<str>, Arc<str>);

/// One series as it stands while it is visited.
#[derive(Debug)]
pub(crate) struct Point<'a> {
    /// Counts up from 0 in the order in which series appeared; never given to another one.
    pub(crate) index: usize,
    /// In the order in which they are shown.
    pub(crate) labels: &'a [Label],
    /// By bound, the one to infinity last.
    pub(crate) buckets: &'a [Bucket],
}

impl Point<'_> {
    /// All spans of the series.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.count).sum()
    }
}

/// All series of a pipeline.
#[derive(Debug)]
pub(super) struct SeriesMap {
    /// Tells the entries of several pipelines apart in the cache of a thread.
    id: u64,
    limit: usize,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_key: HashMap<Key, Arc<Series>>,
    all: Vec<Arc<Series>>,
}

struct Cached {
    map: u64,
    key: Key,
    series: Arc<Series>,
}

/// Entries of the cache of a thread: 100 bytes each, made when the thread first closes a span.
const CACHE: usize = 256;

thread_local! {
    static SEEN: RefCell<Vec<Option<Cached>>> = const { RefCell::new(Vec::new()) };
}

impl SeriesMap {
    /// An empty map that holds up to `limit` series and one for what overflows.
    pub(super) fn new(limit: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            limit,
            known: Mutex::default(),
        }
    }

    /// Adds a duration to the series of `key`; `labels` is asked once a series.
    #[inline]
    pub(super) fn record(
        &self,
        key: Key,
        bounds: &Bounds,
        nanos: u64,
        labels: impl Fn(&Key) -> Box<[Label]>,
    ) {
        let place = key.mix() as usize % CACHE;
        let hit = SEEN.try_with(|seen| {
            let seen = seen.try_borrow().ok()?;
            let cached = seen.get(place)?.as_ref()?;
            (cached.map == self.id && cached.key == key)
                .then(|| cached.series.cells.record(bounds, nanos))
        });
        if !matches!(hit, Ok(Some(()))) {
            self.find_and_record(key, place, bounds, nanos, labels);
        }
    }

    #[cold]
    fn find_and_record(
        &self,
        key: Key,
        place: usize,
        bounds: &Bounds,
        nanos: u64,
        labels: impl Fn(&Key) -> Box<[Label]>,
    ) {
        let series = self.find(key, labels);
        series.cells.record(bounds, nanos);
        // What cannot be cached, in a destructor of the thread, is found the slow way again.
        let _ = SEEN.try_with(|seen| {
            let Ok(mut seen) = seen.try_borrow_mut() else {
                return;
            };
            if seen.is_empty() {
                seen.resize_with(CACHE, || None);
            }
            seen[place] = Some(Cached {
                map: self.id,
                key,
                series,
            });
        });
    }

    fn find(&self, key: Key, labels: impl Fn(&Key) -> Box<[Label]>) -> Arc<Series> {
        let key = key.checked();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.by_key.get(&key) {
            return series.clone();
        }
        if key.is_overflow() || known.all.len() < self.limit {
            return known.add(key, labels(&key));
        }
        match known.by_key.get(&Key::OVERFLOW) {
            Some(series) => series.clone(),
            None => known.add(Key::OVERFLOW, labels(&Key::OVERFLOW)),
        }
    }

    /// Shows every series, in the order in which they appeared, the overflow last.
    pub(super) fn visit(&self, bounds: &Bounds, mut visit: impl FnMut(Point<'_>)) {
        let all = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let mut all = known.all.clone();
            all.extend(known.by_key.get(&Key::OVERFLOW).cloned());
            all
        };
        let mut buckets = vec![Bucket::default(); bounds.buckets()];
        for series in all {
            buckets.fill(Bucket::default());
            series.cells.read(&mut buckets);
            visit(Point {
                index: series.index,
                labels: &series.labels,
                buckets: &buckets,
            });
        }
    }
}

impl Known {
    /// The overflow series is not in `all`: it takes no place under the limit, and its index is the greatest.
    fn add(&mut self, key: Key, labels: Box<[Label]>) -> Arc<Series> {
        let series = Arc::new(Series {
            index: if key.is_overflow() {
                usize::MAX
            } else {
                self.all.len()
            },
            labels,
            cells: Cells::new(),
        });
        if !key.is_overflow() {
            self.all.push(series.clone());
        }
        self.by_key.insert(key, series.clone());
        series
    }
}
