//! Something about every open span, found by span id without a lock.
//!
//! # Hot path
//!
//! Claiming a place is one compare-and-swap, finding it a few loads; nothing is allocated once a segment exists. Spans
//! that find their window full in every segment go to a map behind a lock, slower but as exact. Beyond [`MAX_OVERFLOW`] of
//! those a span has no place, and that is counted.
//!
//! What is kept is made of atomics: several threads may write the same span at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Places a segment has; the next one is made when the window of a span is full in all before it. At 128 bytes a place
/// that is 128 KiB for a service with few spans open, 5 MiB for one with tens of thousands.
const SEGMENTS: [usize; 3] = [1 << 10, 1 << 13, 1 << 15];
/// Places that are tried in each segment.
const WINDOW: usize = 8;
/// Open spans kept in the map, some 16 MiB: a service that has more leaks spans.
const MAX_OVERFLOW: usize = 1 << 16;

/// What is known of every open span of a pipeline.
#[derive(Debug)]
pub(crate) struct SpanTable<T> {
    segments: [OnceLock<Box<[Place<T>]>>; SEGMENTS.len()],
    overflow: Mutex<HashMap<u64, Arc<T>>>,
    /// Length of `overflow`, so that nobody takes the lock while it is empty.
    overflow_len: AtomicUsize,
    /// Spans that found no place at all.
    lost: AtomicU64,
}

/// A place is free while its key is 0, which is no span id.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Place<T> {
    key: AtomicU64,
    value: T,
}

impl<T: Default> SpanTable<T> {
    /// An empty table; memory is taken with the first span.
    pub(crate) fn new() -> Self {
        Self {
            segments: [const { OnceLock::new() }; SEGMENTS.len()],
            overflow: Mutex::default(),
            overflow_len: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// How many spans found no place since the start.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Takes a place for the span. `fill` has to set everything: the place remembers the span before. Returns whether there
    /// was a place.
    #[inline]
    pub(crate) fn open(&self, id: u64, fill: impl FnOnce(&T)) -> bool {
        for (segment, size) in self.segments.iter().zip(SEGMENTS) {
            let places = segment.get_or_init(|| (0..size).map(|_| Place::default()).collect());
            for place in window(places, id) {
                // Acquire pairs with the Release in `close`: what the last span stored is over before we store.
                if place.key.load(Ordering::Relaxed) == 0
                    && place
                        .key
                        .compare_exchange(0, id, Ordering::Acquire, Ordering::Relaxed)
                        .is_ok()
                {
                    fill(&place.value);
                    return true;
                }
            }
        }
        self.open_in_overflow(id, fill)
    }

    #[cold]
    fn open_in_overflow(&self, id: u64, fill: impl FnOnce(&T)) -> bool {
        let value = Arc::new(T::default());
        fill(&value);
        let mut overflow = self.overflow.lock().unwrap_or_else(PoisonError::into_inner);
        if overflow.len() >= MAX_OVERFLOW {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        overflow.insert(id, value);
        self.overflow_len.store(overflow.len(), Ordering::Release);
        true
    }

    /// Gives access to an open span; `None` if it is not here.
    #[inline]
    pub(crate) fn with<R>(&self, id: u64, read: impl FnOnce(&T) -> R) -> Option<R> {
        match self.find(id) {
            Some(place) => Some(read(&place.value)),
            None => self.overflowed(id).map(|value| read(&value)),
        }
    }

    /// Gives access to an open span for the last time.
    #[inline]
    pub(crate) fn close<R>(&self, id: u64, read: impl FnOnce(&T) -> R) -> Option<R> {
        match self.find(id) {
            Some(place) => {
                let result = read(&place.value);
                place.key.store(0, Ordering::Release);
                Some(result)
            }
            None => self.close_in_overflow(id).map(|value| read(&value)),
        }
    }

    /// Shows every open span. One that opens or closes meanwhile may be missed or shown.
    pub(crate) fn visit(&self, mut visit: impl FnMut(&T)) {
        let places = self.segments.iter().filter_map(OnceLock::get).flatten();
        for place in places.filter(|place| place.key.load(Ordering::Relaxed) != 0) {
            visit(&place.value);
        }
        let overflow = self.overflow.lock().unwrap_or_else(PoisonError::into_inner);
        overflow.values().for_each(|value| visit(value));
    }

    #[inline]
    fn find(&self, id: u64) -> Option<&Place<T>> {
        // Most spans lie in the first place of their window. Without the first segment there is no span at all.
        //
        // Relaxed: whoever knows the id got it from the thread that opened the span, and with it what that thread did.
        let first = window(self.segments[0].get()?, id).next()?;
        if first.key.load(Ordering::Relaxed) == id {
            return Some(first);
        }
        self.find_further(id)
    }

    fn find_further(&self, id: u64) -> Option<&Place<T>> {
        let segments = self.segments.iter().map_while(OnceLock::get);
        let mut places = segments.flat_map(|places| window(places, id));
        places.find(|place| place.key.load(Ordering::Relaxed) == id)
    }

    fn overflowed(&self, id: u64) -> Option<Arc<T>> {
        if self.overflow_len.load(Ordering::Acquire) == 0 {
            return None;
        }
        let overflow = self.overflow.lock().unwrap_or_else(PoisonError::into_inner);
        overflow.get(&id).cloned()
    }

    fn close_in_overflow(&self, id: u64) -> Option<Arc<T>> {
        if self.overflow_len.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut overflow = self.overflow.lock().unwrap_or_else(PoisonError::into_inner);
        let value = overflow.remove(&id);
        self.overflow_len.store(overflow.len(), Ordering::Release);
        value
    }
}

/// The places of a segment where a span may be.
#[inline]
fn window<T>(places: &[Place<T>], id: u64) -> impl Iterator<Item = &Place<T>> {
    // Fibonacci hashing: neighbouring ids, which the registry hands out, land far from each other.
    let hash = (id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize;
    let mask = places.len() - 1;
    (0..WINDOW).map(move |step| &places[(hash + step) & mask])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(table: &SpanTable<AtomicU64>, id: u64) -> Option<u64> {
        table.with(id, |value| value.load(Ordering::Relaxed))
    }

    fn open(table: &SpanTable<AtomicU64>, id: u64) -> bool {
        table.open(id, |value| value.store(id, Ordering::Relaxed))
    }

    #[test]
    fn a_span_is_found_until_it_closes() {
        let table = SpanTable::new();
        assert_eq!(value(&table, 7), None);
        open(&table, 7);
        assert_eq!(value(&table, 7), Some(7));
        assert_eq!(
            table.close(7, |value| value.load(Ordering::Relaxed)),
            Some(7)
        );
        assert_eq!(value(&table, 7), None);
    }

    #[test]
    fn more_open_spans_than_places_are_all_found() {
        let table = SpanTable::new();
        let total = SEGMENTS.iter().sum::<usize>() as u64 + 10_000;
        (1..=total).for_each(|id| assert!(open(&table, id)));
        (1..=total).for_each(|id| {
            assert_eq!(
                table.close(id, |value| value.load(Ordering::Relaxed)),
                Some(id)
            )
        });
        assert_eq!(table.lost(), 0);
        assert_eq!(table.overflow_len.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn every_open_span_is_shown() {
        let table = SpanTable::new();
        let total = SEGMENTS.iter().sum::<usize>() as u64 + 10_000;
        (1..=total).for_each(|id| assert!(open(&table, id)));
        table.close(3, |_| ());
        let (mut count, mut sum) = (0, 0);
        table.visit(|value| {
            count += 1;
            sum += value.load(Ordering::Relaxed);
        });
        assert_eq!(count, total - 1);
        assert_eq!(sum, total * (total + 1) / 2 - 3);
    }

    #[test]
    fn spans_beyond_every_bound_have_no_place_and_are_counted() {
        let table = SpanTable::new();
        let total = SEGMENTS.iter().sum::<usize>() + MAX_OVERFLOW + 5;
        let refused = (1..=total as u64).filter(|id| !open(&table, *id)).count();
        assert!(refused >= 5);
        assert_eq!(table.lost(), refused as u64);
    }
}
