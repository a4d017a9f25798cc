//! Waiting on a condition, with an end.

use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;

/// How long a server may take for anything; far above what it needs, because only failures wait for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Asks `probe` until it succeeds, and hands on why it last did not when [`PATIENCE`] is over.
pub(crate) fn until<T>(what: &str, probe: impl FnMut() -> Outcome<T>) -> Outcome<T> {
    until_within(PATIENCE, what, probe)
}

/// Like [`until`], with a limit of its own.
pub(crate) fn until_within<T>(
    limit: Duration,
    what: &str,
    mut probe: impl FnMut() -> Outcome<T>,
) -> Outcome<T> {
    let start = Instant::now();
    loop {
        match probe() {
            Ok(value) => return Ok(value),
            Err(error) if start.elapsed() > limit => {
                return Err(format!("waited {limit:?} for {what}: {error}").into());
            }
            // The probe asks another process, which has no way to wake this one.
            Err(_) => thread::park_timeout(Duration::from_millis(20)),
        }
    }
}
