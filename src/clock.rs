//! Monotonic time as plain nanoseconds.
//!
//! Durations come from here and never from the wall clock, which can step backwards. A manual clock makes tests exact.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A source of monotonic time; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System(Instant),
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The clock of the operating system, zero now.
    pub(crate) fn system() -> Self {
        Self(Source::System(Instant::now()))
    }

    /// A clock that stands still until the returned hand is moved.
    pub(crate) fn manual() -> (Self, Hand) {
        let hand = Arc::new(AtomicU64::new(0));
        (Self(Source::Manual(hand.clone())), Hand(hand))
    }

    /// Nanoseconds since this clock was made; 584 years fit.
    #[inline]
    pub(crate) fn nanos(&self) -> u64 {
        match &self.0 {
            Source::System(anchor) => anchor.elapsed().as_nanos() as u64,
            Source::Manual(hand) => hand.load(Ordering::Relaxed),
        }
    }
}

/// Moves a manual clock.
#[derive(Debug, Clone)]
pub(crate) struct Hand(Arc<AtomicU64>);

impl Hand {
    /// Moves the clock forward.
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_nanos() as u64, Ordering::Relaxed);
    }
}
