//! What is known of every open span, in atomics, found by span id.
//!
//! # Hot path
//!
//! Claiming a place is one compare-and-swap, everything else plain loads and stores; nothing is allocated once a
//! segment exists. Spans that find their window full in every segment go to a map behind a lock, slower but as exact;
//! beyond [`MAX_OVERFLOW`] of those a span is not counted, and that is counted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::intern;
use super::outcome::{Kind, Status};

/// Labels that declared span fields can fill, beside name, kind and status: what fits in two cache lines a span.
pub(crate) const MAX_DIMENSIONS: usize = 16;

/// Places a segment has; the next one is made when the window of a span is full in all before it. 128 bytes a place:
/// 128 KiB for a service with few spans open, 5 MiB for one with tens of thousands.
const SEGMENTS: [usize; 3] = [1 << 10, 1 << 13, 1 << 15];
/// Places that are tried in each segment.
const WINDOW: usize = 8;
/// Open spans kept in the map, some 16 MiB: a service that has more leaks spans.
const MAX_OVERFLOW: usize = 1 << 16;

const KIND_BITS: u32 = 0b1111;
const STATUS_SHIFT: u32 = 4;
const STATUS_BITS: u32 = 0b11 << STATUS_SHIFT;
const STARTED: u32 = 1 << 8;

/// One open span. Several threads may write it at once, each field on its own: the last one wins, as it does in the
/// exported span.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct OpenSpan {
    /// The span id, 0 when the place is free.
    key: AtomicU64,
    start: AtomicU64,
    /// When the span was left last, 0 while it never was.
    last_exit: AtomicU64,
    name: AtomicU32,
    flags: AtomicU32,
    dimensions: [AtomicU32; MAX_DIMENSIONS],
}

impl OpenSpan {
    fn begin(&self, name: u32, start: u64, dimensions: usize) {
        self.start.store(start, Ordering::Relaxed);
        self.last_exit.store(0, Ordering::Relaxed);
        self.name.store(name, Ordering::Relaxed);
        self.flags.store(0, Ordering::Relaxed);
        for dimension in &self.dimensions[..dimensions] {
            dimension.store(intern::ABSENT, Ordering::Relaxed);
        }
    }

    pub(super) fn set_name(&self, name: u32) {
        self.name.store(name, Ordering::Relaxed);
    }

    pub(super) fn set_dimension(&self, index: usize, value: u32) {
        self.dimensions[index].store(value, Ordering::Relaxed);
    }

    pub(super) fn set_kind(&self, kind: Kind) {
        self.update(|flags| (flags & !KIND_BITS) | kind as u32);
    }

    /// Sets the status as `tracing-opentelemetry` does: before the span starts the last one counts, after that the
    /// greatest of unset, error and ok.
    pub(super) fn set_status(&self, status: Status) {
        self.update(|flags| {
            let old = Status::from_bits((flags & STATUS_BITS) >> STATUS_SHIFT);
            let new = if flags & STARTED == 0 {
                status
            } else {
                old.max(status)
            };
            (flags & !STATUS_BITS) | ((new as u32) << STATUS_SHIFT)
        });
    }

    /// Name and kind are final from now on.
    #[inline]
    pub(super) fn mark_started(&self) {
        if !self.is_started() {
            self.flags.fetch_or(STARTED, Ordering::Relaxed);
        }
    }

    pub(super) fn is_started(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & STARTED != 0
    }

    #[inline]
    pub(super) fn mark_exit(&self, now: u64) {
        self.last_exit.store(now, Ordering::Relaxed);
    }

    pub(super) fn name(&self) -> u32 {
        self.name.load(Ordering::Relaxed)
    }

    pub(super) fn kind(&self) -> Kind {
        Kind::from_bits(self.flags.load(Ordering::Relaxed) & KIND_BITS)
    }

    pub(super) fn status(&self) -> Status {
        Status::from_bits((self.flags.load(Ordering::Relaxed) & STATUS_BITS) >> STATUS_SHIFT)
    }

    pub(super) fn dimensions(&self, count: usize) -> [u32; MAX_DIMENSIONS] {
        let mut values = [intern::ABSENT; MAX_DIMENSIONS];
        for (value, dimension) in values.iter_mut().zip(&self.dimensions[..count]) {
            *value = dimension.load(Ordering::Relaxed);
        }
        values
    }

    /// From start to last exit, or to `now` for a span that was never entered; zero when the clock says otherwise.
    pub(super) fn duration(&self, now: impl FnOnce() -> u64) -> u64 {
        let end = match self.last_exit.load(Ordering::Relaxed) {
            0 => now(),
            exit => exit,
        };
        end.saturating_sub(self.start.load(Ordering::Relaxed))
    }

    fn update(&self, change: impl Fn(u32) -> u32) {
        let mut flags = self.flags.load(Ordering::Relaxed);
        while let Err(seen) = self.flags.compare_exchange_weak(
            flags,
            change(flags),
            Ordering::Relaxed,
            Ordering::Relaxed,
        ) {
            flags = seen;
        }
    }
}

/// All open spans of a pipeline.
#[derive(Debug)]
pub(super) struct OpenSpans {
    segments: [OnceLock<Box<[OpenSpan]>>; SEGMENTS.len()],
    overflow: Mutex<HashMap<u64, Arc<OpenSpan>>>,
    /// Length of `overflow`, so that nobody takes the lock while it is empty.
    overflow_len: AtomicUsize,
    /// Spans that found no place at all.
    lost: AtomicU64,
    dimensions: usize,
}

impl OpenSpans {
    /// A table for spans with this many dimensions, at most [`MAX_DIMENSIONS`].
    pub(super) fn new(dimensions: usize) -> Self {
        Self {
            segments: [const { OnceLock::new() }; SEGMENTS.len()],
            overflow: Mutex::default(),
            overflow_len: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
            dimensions,
        }
    }

    /// How many spans found no place since the start; they are not counted.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Takes a place for the span and lets `fill` set what is known.
    #[inline]
    pub(super) fn open(&self, id: u64, name: u32, start: u64, fill: impl FnOnce(&OpenSpan)) {
        for (segment, size) in self.segments.iter().zip(SEGMENTS) {
            let places = segment.get_or_init(|| (0..size).map(|_| OpenSpan::default()).collect());
            for place in window(places, id) {
                // Acquire pairs with the Release in `close`: what the last span stored is over before we store.
                if place.key.load(Ordering::Relaxed) == 0
                    && place
                        .key
                        .compare_exchange(0, id, Ordering::Acquire, Ordering::Relaxed)
                        .is_ok()
                {
                    place.begin(name, start, self.dimensions);
                    return fill(place);
                }
            }
        }
        self.open_in_overflow(id, name, start, fill);
    }

    #[cold]
    fn open_in_overflow(&self, id: u64, name: u32, start: u64, fill: impl FnOnce(&OpenSpan)) {
        let span = Arc::new(OpenSpan::default());
        span.begin(name, start, self.dimensions);
        fill(&span);
        let mut overflow = self.overflow.lock().unwrap_or_else(PoisonError::into_inner);
        if overflow.len() >= MAX_OVERFLOW {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        overflow.insert(id, span);
        self.overflow_len.store(overflow.len(), Ordering::Release);
    }

    /// Gives access to an open span; `None` if it is not ours.
    #[inline]
    pub(super) fn with<R>(&self, id: u64, read: impl FnOnce(&OpenSpan) -> R) -> Option<R> {
        match self.find(id) {
            Some(span) => Some(read(span)),
            None => self.overflowed(id).map(|span| read(&span)),
        }
    }

    /// Gives access to an open span for the last time.
    #[inline]
    pub(super) fn close<R>(&self, id: u64, read: impl FnOnce(&OpenSpan) -> R) -> Option<R> {
        match self.find(id) {
            Some(span) => {
                let result = read(span);
                span.key.store(0, Ordering::Release);
                Some(result)
            }
            None => self.close_in_overflow(id).map(|span| read(&span)),
        }
    }

    #[inline]
    fn find(&self, id: u64) -> Option<&OpenSpan> {
        // Relaxed: whoever knows the id got it from the thread that opened the span, and with it what that thread did.
        self.segments
            .iter()
            .map_while(OnceLock::get)
            .flat_map(|places| window(places, id))
            .find(|place| place.key.load(Ordering::Relaxed) == id)
    }

    fn overflowed(&self, id: u64) -> Option<Arc<OpenSpan>> {
        if self.overflow_len.load(Ordering::Acquire) == 0 {
            return None;
        }
        let overflow = self.overflow.lock().unwrap_or_else(PoisonError::into_inner);
        overflow.get(&id).cloned()
    }

    fn close_in_overflow(&self, id: u64) -> Option<Arc<OpenSpan>> {
        if self.overflow_len.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut overflow = self.overflow.lock().unwrap_or_else(PoisonError::into_inner);
        let span = overflow.remove(&id);
        self.overflow_len.store(overflow.len(), Ordering::Release);
        span
    }
}

/// The places of a segment where a span may be.
#[inline]
fn window(places: &[OpenSpan], id: u64) -> impl Iterator<Item = &OpenSpan> {
    // Fibonacci hashing: neighbouring ids, which the registry hands out, land far from each other.
    let hash = (id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize;
    let mask = places.len() - 1;
    (0..WINDOW).map(move |step| &places[(hash + step) & mask])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_found_until_it_closes() {
        let spans = OpenSpans::new(1);
        spans.open(7, 1, 100, |span| span.set_dimension(0, 42));
        assert_eq!(spans.with(7, |span| span.dimensions(1)[0]), Some(42));
        assert_eq!(spans.close(7, |span| span.duration(|| 130)), Some(30));
        assert_eq!(spans.with(7, |_| ()), None);
    }

    #[test]
    fn a_place_forgets_the_span_before() {
        let spans = OpenSpans::new(1);
        spans.open(7, 1, 100, |span| {
            span.set_dimension(0, 42);
            span.set_kind(Kind::Server);
            span.set_status(Status::Error);
            span.mark_exit(120);
        });
        spans.close(7, |_| ());
        spans.open(7, 2, 200, |_| ());
        let seen = spans.close(7, |span| {
            (
                span.name(),
                span.kind(),
                span.status(),
                span.dimensions(1)[0],
                span.duration(|| 205),
            )
        });
        assert_eq!(
            seen,
            Some((2, Kind::Internal, Status::Unset, intern::ABSENT, 5))
        );
    }

    #[test]
    fn more_open_spans_than_places_are_all_found() {
        let spans = OpenSpans::new(0);
        let total = SEGMENTS.iter().sum::<usize>() as u64 + 10_000;
        for id in 1..=total {
            spans.open(id, id as u32, 0, |_| ());
        }
        for id in 1..=total {
            assert_eq!(spans.close(id, OpenSpan::name), Some(id as u32));
        }
        assert_eq!(spans.lost(), 0);
        assert_eq!(spans.overflow_len.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn spans_beyond_every_bound_are_counted_as_lost() {
        let spans = OpenSpans::new(0);
        let total = SEGMENTS.iter().sum::<usize>() as u64 + MAX_OVERFLOW as u64 + 5;
        for id in 1..=total {
            spans.open(id, 1, 0, |_| ());
        }
        assert!(spans.lost() >= 5);
    }

    #[test]
    fn status_is_the_last_before_the_start_and_the_greatest_after() {
        let span = OpenSpan::default();
        span.set_status(Status::Ok);
        span.set_status(Status::Error);
        assert_eq!(span.status(), Status::Error);
        span.mark_started();
        span.set_status(Status::Unset);
        assert_eq!(span.status(), Status::Error);
        span.set_status(Status::Ok);
        span.set_status(Status::Error);
        assert_eq!(span.status(), Status::Ok);
    }

    #[test]
    fn a_clock_that_steps_back_gives_zero() {
        let span = OpenSpan::default();
        span.begin(1, 100, 0);
        assert_eq!(span.duration(|| 50), 0);
    }
}
