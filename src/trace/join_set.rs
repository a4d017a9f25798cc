//! A set of tasks that all run in the span that they were spawned in.

use tokio::runtime::Handle;
use tokio::task::{self, AbortHandle, JoinError};

use super::carry::{carry, carry_future};

/// A [`tokio::task::JoinSet`] whose tasks run in the span that is current when they are spawned.
///
/// Dropping it aborts the tasks that are left.
///
/// ```
/// # #[tokio::main]
/// # async fn main() {
/// let mut pages = spanwise::trace::JoinSet::new();
/// for page in 1..=3 {
///     pages.spawn(async move { page * page });
/// }
/// let mut squares = pages.join_all().await;
/// squares.sort();
/// assert_eq!(squares, [1, 4, 9]);
/// # }
/// ```
#[derive(Debug)]
pub struct JoinSet<T>(task::JoinSet<T>);

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        Self(task::JoinSet::default())
    }
}

impl<T: 'static> JoinSet<T> {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[track_caller]
    pub fn spawn(&mut self, future: impl Future<Output = T> + Send + 'static) -> AbortHandle
    where
        T: Send,
    {
        self.0.spawn(carry_future(future))
    }

    /// Starts a task on another runtime.
    #[track_caller]
    pub fn spawn_on(
        &mut self,
        future: impl Future<Output = T> + Send + 'static,
        runtime: &Handle,
    ) -> AbortHandle
    where
        T: Send,
    {
        self.0.spawn_on(carry_future(future), runtime)
    }

    /// Runs a closure that blocks.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[track_caller]
    pub fn spawn_blocking(&mut self, f: impl FnOnce() -> T + Send + 'static) -> AbortHandle
    where
        T: Send,
    {
        self.0.spawn_blocking(carry(f))
    }

    /// Waits for the next task that ends; `None` when none is left.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.0.join_next().await
    }

    /// A task that has ended, if there is one.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.0.try_join_next()
    }

    /// Waits for all tasks; the results are in the order in which they ended.
    ///
    /// # Panics
    ///
    /// When a task does.
    pub async fn join_all(self) -> Vec<T> {
        self.0.join_all().await
    }

    /// Aborts all tasks and waits for their end.
    pub async fn shutdown(&mut self) {
        self.0.shutdown().await;
    }

    /// Aborts all tasks.
    pub fn abort_all(&mut self) {
        self.0.abort_all();
    }

    /// Lets the tasks go on without the set.
    pub fn detach_all(&mut self) {
        self.0.detach_all();
    }

    /// How many tasks are in the set.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no task is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
