//! The ends of a process that no guard sees: `exit`, and panics.
//!
//! `std::process::exit` runs no destructors, and neither does a panic that aborts. So what [`init`](crate::Telemetry::init) has
//! installed is also known here, weakly: a guard that is gone has nothing left to send.
//!
//! # Bounds
//!
//! [`exit`] takes as long as a dropped guard. The hook for panics takes [`PANIC_FLUSH`] at most, runs after the hook that was
//! there before, and never on a thread of ours. Where panics unwind, the process may well go on: there it flushes once in
//! [`PANIC_PAUSE`] at most, and not while exports fail, so that a service whose requests panic is not slowed down by it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::delivery::Report;
use crate::diagnostics::{Diagnostics, Level};
use crate::own_thread;
use crate::pipeline::Pipeline;

/// How long the end may take by default.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// The same when the last export failed: the receiver is most likely gone.
const SHUTDOWN_FAILING: Duration = Duration::from_secs(1);
/// How long a panic may be held up.
const PANIC_FLUSH: Duration = Duration::from_millis(500);
/// Time between two panics that flush, where panics unwind.
const PANIC_PAUSE: Duration = Duration::from_secs(10);

/// What is installed for the process.
static INSTALLED: Mutex<Option<Installed>> = Mutex::new(None);

#[derive(Debug, Clone)]
struct Installed {
    pipeline: Weak<Pipeline>,
    diagnostics: Diagnostics,
}

/// Makes what is installed known to the ends of the process.
pub(crate) fn register(pipeline: &Arc<Pipeline>, diagnostics: &Diagnostics) {
    *INSTALLED.lock().unwrap_or_else(PoisonError::into_inner) = Some(Installed {
        pipeline: Arc::downgrade(pipeline),
        diagnostics: diagnostics.clone(),
    });
}

fn installed() -> Option<(Arc<Pipeline>, Diagnostics)> {
    // Taken out of the lock, which is never held while something is waited for.
    let installed = INSTALLED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()?;
    Some((installed.pipeline.upgrade()?, installed.diagnostics))
}

/// How long the end of `pipeline` may take if nobody says otherwise.
pub(crate) fn default_deadline(pipeline: &Pipeline) -> Duration {
    if pipeline.is_failing() {
        SHUTDOWN_FAILING
    } else {
        SHUTDOWN
    }
}

/// Ends `pipeline` and says what is lost.
pub(crate) fn end(pipeline: &Pipeline, diagnostics: &Diagnostics) {
    let report = pipeline.finish(default_deadline(pipeline), true);
    say_loss(&report, diagnostics);
}

/// Says what is lost.
pub(crate) fn say_loss(report: &Report, diagnostics: &Diagnostics) {
    if report.lost() > 0 {
        diagnostics.say(Level::Error, report);
    }
}

/// Delivers what [`Telemetry::init`](crate::Telemetry::init) has installed, as a dropped guard does, and ends the process with `code`.
///
/// `std::process::exit` drops no guard, so that what is queued is lost. This one waits for it, five seconds at most, or one
/// if the last export failed. What arrived too late is said on stderr.
///
/// ```no_run
/// let telemetry = spanwise::Telemetry::init()?;
/// if std::env::args().count() > 1 {
///     spanwise::exit(2);
/// }
/// # drop(telemetry);
/// # Ok::<(), spanwise::InitError>(())
/// ```
pub fn exit(code: i32) -> ! {
    if let Some((pipeline, diagnostics)) = installed() {
        end(&pipeline, &diagnostics);
    }
    std::process::exit(code)
}

/// Sends what is queued when a thread panics.
pub(crate) fn hook_panics() {
    // Changing the hook while panicking would be a panic itself.
    if std::thread::panicking() {
        return;
    }
    let before = std::panic::take_hook();
    let flushed: Mutex<Option<Instant>> = Mutex::default();
    std::panic::set_hook(Box::new(move |info| {
        before(info);
        if is_due(&flushed) {
            flush();
        }
    }));
}

fn is_due(flushed: &Mutex<Option<Instant>>) -> bool {
    if cfg!(panic = "abort") {
        return true;
    }
    let mut flushed = flushed.lock().unwrap_or_else(PoisonError::into_inner);
    let is_due = flushed.is_none_or(|last| last.elapsed() >= PANIC_PAUSE);
    if is_due {
        *flushed = Some(Instant::now());
    }
    is_due
}

fn flush() {
    // One at a time: a second panic that waits for the first helps nobody.
    static FLUSHING: AtomicBool = AtomicBool::new(false);
    if own_thread::is_current() || FLUSHING.swap(true, Ordering::Acquire) {
        return;
    }
    if let Some((pipeline, _)) = installed()
        && (cfg!(panic = "abort") || !pipeline.is_failing())
    {
        pipeline.finish(PANIC_FLUSH, false);
    }
    FLUSHING.store(false, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_panics_one_flushes() {
        let flushed = Mutex::default();
        assert!(is_due(&flushed));
        assert!(!is_due(&flushed));
    }
}
