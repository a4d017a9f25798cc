//! The signals that ask a process to end: Ctrl-C, and SIGTERM from whoever runs it.
//!
//! They are listened for on the private runtime, so that any program can wait for them, whatever it runs on. From the first
//! call on they no longer end the process by themselves.

use std::io;

use tokio::sync::oneshot;

use crate::diagnostics::{Diagnostics, Level};
use crate::ending;
use crate::own_thread;
use crate::pipeline::Pipeline;

/// A signal that asks the process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// Ctrl-C, or SIGINT.
    Interrupt,
    /// SIGTERM, where there is such a thing.
    Terminate,
}

impl Signal {
    /// What a process that a signal has ended exits with, as shells have it: 130 or 143.
    pub const fn exit_code(self) -> i32 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// The next signal; one after that delivers what it can and ends the process.
pub(crate) fn next(
    pipeline: &Pipeline,
    diagnostics: &Diagnostics,
) -> impl Future<Output = Signal> + Send + use<> {
    let (tell, told) = oneshot::channel();
    listen(pipeline, diagnostics, |first| {
        // Whoever waits may have stopped.
        let _ = tell.send(first);
    });
    async move {
        match told.await {
            Ok(signal) => signal,
            // Nobody listens any more, so no signal comes.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Delivers what there is and ends the process when a signal comes.
pub(crate) fn exit_on_signal(pipeline: &Pipeline, diagnostics: &Diagnostics) {
    listen(pipeline, diagnostics, leave);
}

fn listen(
    pipeline: &Pipeline,
    diagnostics: &Diagnostics,
    first: impl FnOnce(Signal) + Send + 'static,
) {
    let _entered = pipeline.runtime().enter();
    // Registered here and not in the task: a signal that comes in between must not end the process.
    let mut signals = match Signals::register() {
        Ok(signals) => signals,
        Err(error) => {
            let message = format_args!("cannot listen for Ctrl-C and SIGTERM: {error}");
            return diagnostics.say(Level::Error, message);
        }
    };
    pipeline.runtime().spawn(async move {
        first(signals.next().await);
        // Whoever presses Ctrl-C again does not want to wait for what the first one has begun.
        leave(signals.next().await);
    });
}

/// Ends the process, on a thread beside the runtime that has to deliver meanwhile.
fn leave(signal: Signal) {
    let left = std::thread::Builder::new()
        .name("spanwise-exit".to_owned())
        .spawn(move || {
            own_thread::mark();
            ending::exit(signal.exit_code())
        });
    if left.is_err() {
        std::process::exit(signal.exit_code());
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn register() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn register() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) -> Signal {
        self.0.recv().await;
        Signal::Interrupt
    }
}
