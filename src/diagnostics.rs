//! Our own words on stderr, on a path that no log filter of the application can silence.
//!
//! A failure is said at once the first time, then counted and said at most once a minute, and its end is said too.
//! Writing never fails and never panics: a closed stderr loses the words and nothing else.

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// How much a message matters, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Data was lost.
    Error,
    /// Data may be lost, or a setting was replaced.
    Warn,
    /// What was configured or delivered.
    Info,
    /// More than most want.
    Debug,
}

/// Time between two lines about a failure that goes on.
const REPEAT_AFTER: Duration = Duration::from_secs(60);

/// Writes messages up to a level; clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Diagnostics {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// `None` says nothing at all.
    level: Option<Level>,
    clock: Clock,
    output: Output,
    failing: Mutex<HashMap<String, Failing>>,
}

#[derive(Debug)]
enum Output {
    Stderr,
    #[cfg(test)]
    Memory(Arc<Mutex<String>>),
}

#[derive(Debug)]
struct Failing {
    said_at: u64,
    unsaid: u64,
}

impl Diagnostics {
    /// Messages up to `level` go to stderr.
    pub(crate) fn stderr(level: Option<Level>, clock: Clock) -> Self {
        Self::new(level, clock, Output::Stderr)
    }

    /// Messages up to `level` are kept in the returned string.
    #[cfg(test)]
    pub(crate) fn memory(level: Option<Level>, clock: Clock) -> (Self, Arc<Mutex<String>>) {
        let text = Arc::<Mutex<String>>::default();
        (Self::new(level, clock, Output::Memory(text.clone())), text)
    }

    fn new(level: Option<Level>, clock: Clock, output: Output) -> Self {
        Self {
            inner: Arc::new(Inner {
                level,
                clock,
                output,
                failing: Mutex::default(),
            }),
        }
    }

    /// Says something, each line of it behind our name.
    pub(crate) fn say(&self, level: Level, message: impl fmt::Display) {
        if self.inner.level.is_none_or(|most| level > most) {
            return;
        }
        let mut text = String::new();
        for line in message.to_string().lines() {
            text.push_str("spanwise: ");
            text.push_str(line);
            text.push('\n');
        }
        match &self.inner.output {
            // One write for all lines, so that those of other threads do not come between.
            Output::Stderr => drop(std::io::stderr().lock().write_all(text.as_bytes())),
            #[cfg(test)]
            Output::Memory(kept) => kept
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_str(&text),
        }
    }

    /// Says that something fails: at once the first time, then at most once a minute with a count.
    ///
    /// `subject` names who fails, `kind` how; both together are one failure.
    pub(crate) fn fail(&self, level: Level, subject: &str, kind: &str, message: impl fmt::Display) {
        let now = self.inner.clock.nanos();
        let unsaid = {
            let mut failing = self
                .inner
                .failing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            match failing.get_mut(&key(subject, kind)) {
                Some(known)
                    if now.saturating_sub(known.said_at) < REPEAT_AFTER.as_nanos() as u64 =>
                {
                    known.unsaid += 1;
                    return;
                }
                Some(known) => {
                    known.said_at = now;
                    std::mem::take(&mut known.unsaid)
                }
                None => {
                    failing.insert(
                        key(subject, kind),
                        Failing {
                            said_at: now,
                            unsaid: 0,
                        },
                    );
                    0
                }
            }
        };
        match unsaid {
            0 => self.say(level, format_args!("{subject}: {message}")),
            more => self.say(
                level,
                format_args!("{subject}: {message} ({more} more times since the last line)"),
            ),
        }
    }

    /// Says that `subject` works again, if it had failed.
    pub(crate) fn recover(&self, subject: &str) {
        let prefix = key(subject, "");
        let failed = {
            let mut failing = self
                .inner
                .failing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let before = failing.len();
            failing.retain(|key, _| !key.starts_with(&prefix));
            failing.len() != before
        };
        if failed {
            self.say(Level::Info, format_args!("{subject}: works again"));
        }
    }
}

fn key(subject: &str, kind: &str) -> String {
    format!("{subject}\n{kind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kept: &Mutex<String>) -> String {
        std::mem::take(&mut *kept.lock().unwrap())
    }

    #[test]
    fn a_failure_is_said_at_once_and_then_once_a_minute_with_a_count() {
        let (clock, hand) = Clock::manual();
        let (diagnostics, kept) = Diagnostics::memory(Some(Level::Info), clock);
        for _ in 0..3 {
            diagnostics.fail(Level::Error, "traces", "refused", "connection refused");
        }
        assert_eq!(text(&kept), "spanwise: traces: connection refused\n");
        hand.advance(REPEAT_AFTER);
        diagnostics.fail(Level::Error, "traces", "refused", "connection refused");
        assert_eq!(
            text(&kept),
            "spanwise: traces: connection refused (2 more times since the last line)\n"
        );
    }

    #[test]
    fn another_kind_of_failure_is_said_at_once() {
        let (diagnostics, kept) = Diagnostics::memory(Some(Level::Info), Clock::system());
        diagnostics.fail(Level::Error, "traces", "refused", "a");
        diagnostics.fail(Level::Error, "traces", "status", "b");
        assert_eq!(text(&kept), "spanwise: traces: a\nspanwise: traces: b\n");
    }

    #[test]
    fn recovery_is_said_once_and_only_after_a_failure() {
        let (diagnostics, kept) = Diagnostics::memory(Some(Level::Info), Clock::system());
        diagnostics.recover("traces");
        diagnostics.fail(Level::Error, "traces", "refused", "a");
        text(&kept);
        diagnostics.recover("traces");
        diagnostics.recover("traces");
        assert_eq!(text(&kept), "spanwise: traces: works again\n");
    }

    #[test]
    fn what_is_below_the_level_is_not_said() {
        let (diagnostics, kept) = Diagnostics::memory(Some(Level::Warn), Clock::system());
        diagnostics.say(Level::Info, "a");
        diagnostics.say(Level::Warn, "b\nc");
        assert_eq!(text(&kept), "spanwise: b\nspanwise: c\n");
        let (silent, kept) = Diagnostics::memory(None, Clock::system());
        silent.say(Level::Error, "a");
        assert_eq!(text(&kept), "");
    }
}
