//! When to leave a receiver alone that has failed again and again.
//!
//! During an outage every batch costs an attempt and a line of work for nothing. After [`THRESHOLD`] batches in a row have
//! failed, nothing is sent for a while that doubles up to half a minute; then one batch tries. Items wait meanwhile, within
//! the bounds of the queue.

use std::time::Duration;

use tokio::time::Instant;

use crate::delivery::Failure;

/// Batches that may fail in a row; the first may be a restart of the receiver.
const THRESHOLD: u32 = 2;
/// The first pause.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause: as late as a recovery may be noticed.
const LONGEST: Duration = Duration::from_secs(30);
/// The longest that a receiver may ask for; a wrong header must not end exports for a day.
const LONGEST_ASKED: Duration = Duration::from_secs(5 * 60);

/// Failures in a row, and when the next attempt is due.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    until: Option<Instant>,
}

impl Breaker {
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A batch failed; `why` may say how long the receiver wants to be left alone.
    pub(super) fn failed(&mut self, why: &Failure) {
        self.failures = self.failures.saturating_add(1);
        let asked = why.pause.map(|pause| pause.min(LONGEST_ASKED));
        let own = self.failures.checked_sub(THRESHOLD).map(|doublings| {
            let pause = FIRST * 2_u32.pow(doublings.min(5));
            // Many processes that lost the same receiver do not come back at once.
            pause
                .min(LONGEST)
                .mul_f64(0.5 + rand::random::<f64>() / 2.0)
        });
        self.until = asked.max(own).map(|pause| Instant::now() + pause);
    }

    /// When something may be sent again, if not now.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until.filter(|until| *until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Failure {
        Failure::passing("unreachable", "connection refused")
    }

    #[tokio::test(start_paused = true)]
    async fn one_failure_pauses_nothing() {
        let mut breaker = Breaker::default();
        breaker.failed(&refused());
        assert_eq!(breaker.until(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_half_a_minute_and_a_success_ends_them() {
        let mut breaker = Breaker::default();
        breaker.failed(&refused());
        for most in [1, 2, 4, 8, 16, 30, 30] {
            breaker.failed(&refused());
            let pause = breaker.until().expect("a pause") - Instant::now();
            let most = Duration::from_secs(most);
            assert!(pause >= most / 2 && pause <= most, "{pause:?} of {most:?}");
        }
        breaker.succeeded();
        assert_eq!(breaker.until(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_is_left_alone_as_long_as_it_asks_within_reason() {
        for (asked, given) in [(60, 60), (1_000_000, 300)] {
            let mut breaker = Breaker::default();
            breaker.failed(&Failure {
                pause: Some(Duration::from_secs(asked)),
                ..refused()
            });
            let pause = breaker.until().expect("a pause") - Instant::now();
            assert_eq!(pause, Duration::from_secs(given));
        }
    }
}
