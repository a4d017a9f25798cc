//! The series of one metric: found without a lock, added under one, never removed.
//!
//! # Hot path
//!
//! A lookup with labels runs [`Table::find`]: it takes no lock, writes no memory that another thread reads and allocates nothing. The table is a chain of
//! segments, each four times as large as the one before. A key sits in one of the [`PROBES`] slots after its hash, in the first segment
//! that had room, so an empty slot on the way proves that the key is absent. Slots are written once (`OnceLock`), which is what makes reading
//! them without a lock safe; in return a series lives as long as its metric, and the limit of the metric is what bounds memory.

use std::{
    hash::{BuildHasher, Hasher},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use super::{
    snapshot::{Labels, Value},
    sync::lock,
};

/// Slots that are tried in one segment.
const PROBES: usize = 8;

/// Slots of the first segment: 384 bytes for a metric with few series.
const FIRST: usize = 16;

/// Segments: 16 × (4¹² - 1) / 3 slots are more than any limit that fits in memory.
const SEGMENTS: usize = 12;

/// One series: its label values and the cell that holds its value.
#[derive(Debug)]
pub(super) struct Series<C> {
    /// One value for each key of the definition, in that order; empty where none was given.
    pub(super) values: Box<[Arc<str>]>,
    /// How many of them are not empty.
    pub(super) given: usize,
    /// What is exported: sorted, constant labels included, empty values left out.
    pub(super) labels: Labels,
    pub(super) started: SystemTime,
    pub(super) overflow: bool,
    pub(super) cell: C,
    /// What the SDK was told last; a box, because most of it is unused for a registry that is only scraped.
    pub(super) drained: Mutex<Option<Box<Value>>>,
}

#[derive(Debug)]
struct Entry<C> {
    hash: u64,
    series: Arc<Series<C>>,
}

type Segment<C> = Box<[OnceLock<Entry<C>>]>;

#[derive(Debug)]
pub(super) struct Table<C> {
    hasher: foldhash::fast::RandomState,
    segments: [OnceLock<Segment<C>>; SEGMENTS],
    len: AtomicUsize,
    adding: Mutex<()>,
}

impl<C> Table<C> {
    pub(super) fn new() -> Self {
        Self {
            hasher: foldhash::fast::RandomState::default(),
            segments: [const { OnceLock::new() }; SEGMENTS],
            len: AtomicUsize::new(0),
            adding: Mutex::new(()),
        }
    }

    pub(super) fn len(&self) -> usize {
        // Only compared with a limit and shown; the slots carry their own ordering.
        self.len.load(Ordering::Relaxed)
    }

    /// The hash of one value at its position. Those of a label set are added up, so that the order in which labels are given does not matter.
    #[inline]
    pub(super) fn hash(&self, position: usize, value: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(value.as_bytes());
        hasher.write_usize(position);
        hasher.finish()
    }

    #[inline]
    pub(super) fn find(
        &self,
        hash: u64,
        matches: impl Fn(&Series<C>) -> bool,
    ) -> Option<&Arc<Series<C>>> {
        for segment in &self.segments {
            let segment = segment.get()?;
            for slot in window(segment, hash) {
                let entry = segment[slot].get()?;
                if entry.hash == hash && matches(&entry.series) {
                    return Some(&entry.series);
                }
            }
        }
        None
    }

    /// The series with these values, made by `make` unless it is there or there are `limit` already.
    #[cold]
    pub(super) fn find_or_add(
        &self,
        hash: u64,
        limit: usize,
        matches: impl Fn(&Series<C>) -> bool,
        make: impl FnOnce() -> Series<C>,
    ) -> Option<&Arc<Series<C>>> {
        let _adding = lock(&self.adding);
        if let Some(found) = self.find(hash, matches) {
            return Some(found);
        }
        if self.len() >= limit {
            return None;
        }
        for (index, segment) in self.segments.iter().enumerate() {
            let segment = segment.get_or_init(|| empty_segment(FIRST << (2 * index)));
            for slot in window(segment, hash) {
                if segment[slot].get().is_none() {
                    let series = Arc::new(make());
                    self.len.fetch_add(1, Ordering::Relaxed);
                    return Some(&segment[slot].get_or_init(|| Entry { hash, series }).series);
                }
            }
        }
        None
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Series<C>>> {
        let segments = self.segments.iter().map_while(OnceLock::get);
        segments
            .flat_map(|segment| segment.iter().filter_map(OnceLock::get))
            .map(|entry| &entry.series)
    }
}

fn empty_segment<C>(slots: usize) -> Segment<C> {
    (0..slots).map(|_| OnceLock::new()).collect()
}

/// The slots of a segment that a hash may sit in; the length of a segment is a power of two.
#[inline]
fn window<C>(segment: &Segment<C>, hash: u64) -> impl Iterator<Item = usize> {
    let mask = segment.len() - 1;
    let start = hash as usize;
    (0..PROBES).map(move |probe| start.wrapping_add(probe) & mask)
}
