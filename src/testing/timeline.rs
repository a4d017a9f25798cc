//! What time it is in a test.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::clock::Hand;

/// Turns the wall-clock times of spans, events and log records into time since the harness was made.
///
/// The libraries below take those times themselves, so a manual clock cannot be given to them. It keeps when it was moved instead: what
/// happened between two moves happened at the time that it showed then.
#[derive(Debug)]
pub(super) struct Timeline {
    began: SystemTime,
    moves: Option<Moves>,
}

#[derive(Debug)]
struct Moves {
    hand: Hand,
    /// When the clock was moved and what it showed afterwards, in order.
    at: Mutex<Vec<(SystemTime, Duration)>>,
}

impl Timeline {
    pub(super) fn system() -> Self {
        Self {
            began: SystemTime::now(),
            moves: None,
        }
    }

    pub(super) fn manual(hand: Hand) -> Self {
        let at = Mutex::default();
        Self {
            began: SystemTime::now(),
            moves: Some(Moves { hand, at }),
        }
    }

    /// Moves the clock; `false` if it is that of the system.
    pub(super) fn advance(&self, by: Duration) -> bool {
        let Some(Moves { hand, at }) = &self.moves else {
            return false;
        };
        let mut at = at.lock().unwrap_or_else(PoisonError::into_inner);
        hand.advance(by);
        let shown = at.last().map_or(by, |(_, shown)| *shown + by);
        at.push((SystemTime::now(), shown));
        true
    }

    /// The time since the harness was made.
    pub(super) fn since_start(&self, time: SystemTime) -> Duration {
        let Some(Moves { at, .. }) = &self.moves else {
            return time.duration_since(self.began).unwrap_or_default();
        };
        let at = at.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = at.iter().rev().find(|(moved, _)| *moved <= time);
        moved.map_or(Duration::ZERO, |(_, shown)| *shown)
    }
}
