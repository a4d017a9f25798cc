//! What is known of an open span, in atomics.
//!
//! # Hot path
//!
//! Plain loads and stores; only the outcome takes a compare-and-swap. Several threads may write a span at once, each field on
//! its own: the last one wins, as it does in the exported span.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::identity::{Identity, MAX_SLOTS};
use super::intern;
use super::outcome::{Kind, Status};

const KIND_BITS: u32 = 0b1111;
const STATUS_SHIFT: u32 = 4;
const STATUS_BITS: u32 = 0b11 << STATUS_SHIFT;
const STARTED: u32 = 1 << 8;
/// Whether it is known if the trace is sampled, and whether it is.
const SAMPLING_KNOWN: u32 = 1 << 9;
const SAMPLED: u32 = 1 << 10;
const SLOTS_SHIFT: u32 = 16;

/// One open span; with its id it fills two cache lines.
#[derive(Debug, Default)]
pub(super) struct OpenSpan {
    start: AtomicU64,
    /// When the span was left last, 0 while it never was.
    last_exit: AtomicU64,
    name: AtomicU32,
    flags: AtomicU32,
    /// The plan of its callsite.
    plan: AtomicU32,
    /// Where it counts as in flight.
    active: AtomicU32,
    /// Values of the fields that matter, in the places that the plan gave them.
    slots: [AtomicU32; MAX_SLOTS],
}

/// What an open span starts with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning {
    pub(super) plan: u32,
    pub(super) name: u32,
    pub(super) slots: usize,
}

impl OpenSpan {
    /// Forgets the span before. [`start`](Self::start) comes last, when everything else is known.
    #[inline]
    pub(super) fn begin(&self, beginning: Beginning) {
        self.last_exit.store(0, Ordering::Relaxed);
        self.name.store(beginning.name, Ordering::Relaxed);
        self.plan.store(beginning.plan, Ordering::Relaxed);
        let flags = (beginning.slots as u32) << SLOTS_SHIFT;
        self.flags.store(flags, Ordering::Relaxed);
        for slot in &self.slots[..beginning.slots] {
            slot.store(intern::ABSENT, Ordering::Relaxed);
        }
    }

    /// The span begins now: what it took to read its fields is ours, not its.
    pub(super) fn start(&self, now: u64) {
        self.start.store(now, Ordering::Relaxed);
    }

    pub(super) fn set_name(&self, name: u32) {
        self.name.store(name, Ordering::Relaxed);
    }

    pub(super) fn set_slot(&self, slot: usize, value: u32) {
        self.slots[slot].store(value, Ordering::Relaxed);
    }

    pub(super) fn set_active(&self, active: u32) {
        self.active.store(active, Ordering::Relaxed);
    }

    pub(super) fn active(&self) -> u32 {
        self.active.load(Ordering::Relaxed)
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

    /// What it is now; for good once the span is closed.
    #[inline]
    pub(super) fn identity(&self) -> Identity {
        let flags = self.flags.load(Ordering::Relaxed);
        let slots_used = (flags >> SLOTS_SHIFT) as usize;
        let mut slots = [intern::ABSENT; MAX_SLOTS];
        for (value, slot) in slots.iter_mut().zip(&self.slots[..slots_used]) {
            *value = slot.load(Ordering::Relaxed);
        }
        Identity {
            plan: self.plan.load(Ordering::Relaxed),
            name: self.name(),
            kind: Kind::from_bits(flags & KIND_BITS),
            status: Status::from_bits((flags & STATUS_BITS) >> STATUS_SHIFT),
            slots,
            slots_used,
        }
    }

    /// Remembers whether the trace is sampled; asked once a span, while it is entered.
    #[inline]
    pub(super) fn learn_sampling(&self, is_sampled: impl FnOnce() -> bool) {
        if self.flags.load(Ordering::Relaxed) & SAMPLING_KNOWN == 0 {
            let sampled = if is_sampled() { SAMPLED } else { 0 };
            self.flags
                .fetch_or(SAMPLING_KNOWN | sampled, Ordering::Relaxed);
        }
    }

    pub(super) fn is_sampled(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & SAMPLED != 0
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

#[cfg(test)]
mod tests {
    use super::*;

    fn beginning(name: u32) -> Beginning {
        Beginning {
            plan: 0,
            name,
            slots: 1,
        }
    }

    #[test]
    fn a_span_fills_two_cache_lines_with_its_id() {
        assert_eq!(size_of::<OpenSpan>() + size_of::<u64>(), 128);
    }

    #[test]
    fn a_place_forgets_the_span_before() {
        let span = OpenSpan::default();
        span.begin(beginning(1));
        span.start(100);
        span.set_slot(0, 42);
        span.set_kind(Kind::Server);
        span.set_status(Status::Error);
        span.mark_exit(120);
        span.learn_sampling(|| true);
        span.begin(beginning(2));
        span.start(200);
        let identity = span.identity();
        assert_eq!((identity.name, identity.slots[0]), (2, intern::ABSENT));
        assert_eq!(
            (identity.kind, identity.status),
            (Kind::Internal, Status::Unset)
        );
        assert_eq!(span.duration(|| 205), 5);
        assert!(!span.is_sampled());
    }

    #[test]
    fn status_is_the_last_before_the_start_and_the_greatest_after() {
        let span = OpenSpan::default();
        span.set_status(Status::Ok);
        span.set_status(Status::Error);
        assert_eq!(span.identity().status, Status::Error);
        span.mark_started();
        span.set_status(Status::Unset);
        assert_eq!(span.identity().status, Status::Error);
        span.set_status(Status::Ok);
        span.set_status(Status::Error);
        assert_eq!(span.identity().status, Status::Ok);
    }

    #[test]
    fn a_clock_that_steps_back_gives_zero() {
        let span = OpenSpan::default();
        span.begin(beginning(1));
        span.start(100);
        assert_eq!(span.duration(|| 50), 0);
    }
}
