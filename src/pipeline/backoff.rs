//! Pauses between two attempts at one request.

use std::time::Duration;

/// Attempts after the first.
const RETRIES: u32 = 4;
/// The first pause; it doubles from there, and a receiver that is restarted answers again within the sum of all.
const FIRST: Duration = Duration::from_millis(100);

/// Exponential pauses with jitter.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The pause before the next attempt, at least what the receiver asked for; `None` when it is enough.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if self.attempts == RETRIES {
            return None;
        }
        let pause = FIRST * 2_u32.pow(self.attempts);
        self.attempts += 1;
        // Full jitter on the second half: many processes that lost the same receiver do not come back at once.
        let jittered = pause / 2 + pause.mul_f64(rand::random::<f64>() / 2.0);
        Some(jittered.max(asked.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end() {
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = std::iter::from_fn(|| backoff.next(None)).collect();
        assert_eq!(pauses.len(), RETRIES as usize);
        for (n, pause) in pauses.iter().enumerate() {
            let most = FIRST * 2_u32.pow(n as u32);
            assert!(*pause >= most / 2 && *pause <= most, "{pauses:?}");
        }
    }

    #[test]
    fn the_receiver_can_ask_for_more() {
        let asked = Duration::from_secs(7);
        assert_eq!(Backoff::default().next(Some(asked)), Some(asked));
    }
}
