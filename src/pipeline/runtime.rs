//! The private runtime: everything that we wait for happens here, never on the application's runtime.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Handle};

use crate::own_thread;

/// One worker thread for connections and timers; what blocks, such as a metric callback of the application, runs on
/// threads beside it that end when they have nothing to do.
#[derive(Debug)]
pub(crate) struct Runtime {
    runtime: Option<tokio::runtime::Runtime>,
    /// The process whose threads these are: a forked child has none of them.
    process: u32,
}

impl Runtime {
    /// Starts it; fails when the operating system gives no thread.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("spanwise")
            .on_thread_start(own_thread::mark)
            .enable_all()
            .build()?;
        Ok(Self {
            runtime: Some(runtime),
            process: std::process::id(),
        })
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.runtime
            .as_ref()
            .expect("the runtime is taken in drop only")
            .handle()
    }

    /// Whether its threads are in this process.
    pub(crate) fn is_of_this_process(&self) -> bool {
        self.process == std::process::id()
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle().spawn(task);
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if !self.is_of_this_process() {
            // Its locks may be held by threads that are not there.
            std::mem::forget(self.runtime.take());
        }
        // Dropping a runtime waits for its threads and panics inside another runtime; this does neither.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threads_of_another_process_are_not_ours() {
        let mut runtime = Runtime::start().expect("threads");
        assert!(runtime.is_of_this_process());
        runtime.process += 1;
        assert!(!runtime.is_of_this_process());
    }
}
