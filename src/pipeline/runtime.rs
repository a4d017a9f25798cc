//! The private runtime: everything that we wait for happens here, never on the application's runtime.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Handle};

use crate::own_thread;

/// One worker thread for connections and timers; what blocks, such as a metric callback of the application, runs on
/// threads beside it that end when they have nothing to do.
#[derive(Debug)]
pub(crate) struct Runtime(Option<tokio::runtime::Runtime>);

impl Runtime {
    /// Starts it; fails when the operating system gives no thread.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("spanwise")
            .on_thread_start(own_thread::mark)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.0
            .as_ref()
            .expect("the runtime is taken in drop only")
            .handle()
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle().spawn(task);
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Dropping a runtime waits for its threads and panics inside another runtime; this does neither.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
