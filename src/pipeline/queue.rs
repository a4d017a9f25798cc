//! A bounded queue in front of an exporter, and the task that empties it.
//!
//! # Hot path
//!
//! [`Queue::push`] runs on the thread that ended a span or logged an event: a lock that is only held to move a pointer-sized
//! amount of data, and a wake-up for the first item of a batch and for a full batch. A full queue drops the new item and
//! counts it; it never waits.
//!
//! # Deadlines
//!
//! One batch may take the export timeout. A flush or a shutdown brings a deadline of its own: it also cuts short what is
//! in flight, so that a receiver that never answers cannot hold the application.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::diagnose::Subject;
use super::exporters::Exporter;
use crate::config::Batch;
use crate::delivery::{Counters, Failure};

/// What the receiver of a batch made of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// Items that it refused although it took the request.
    pub(crate) rejected: u64,
}

/// Sends batches somewhere.
pub(crate) trait Export<T>: Send + 'static {
    /// Sends one batch, retries included.
    fn export(&mut self, batch: Vec<T>) -> impl Future<Output = Result<Receipt, Failure>> + Send;
}

/// The side of the application; clones share it.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    inner: Arc<Inner<T>>,
    commands: mpsc::UnboundedSender<Command>,
}

#[derive(Debug)]
struct Inner<T> {
    items: Mutex<Vec<T>>,
    closed: AtomicBool,
    wake: Notify,
    batch: Batch,
    subject: Subject,
}

/// Exports everything that is queued before the deadline.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) deadline: Instant,
    /// Whether the task ends afterwards.
    pub(crate) last: bool,
    /// Answered when nothing is left to wait for.
    pub(crate) done: oneshot::Sender<()>,
}

impl<T: Send + 'static> Queue<T> {
    /// A queue and the task that empties it into `exporter`, to be spawned on the private runtime.
    pub(crate) fn new(
        batch: Batch,
        subject: Subject,
        exporter: impl Export<T>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (commands, received) = mpsc::unbounded_channel();
        let inner = Arc::new(Inner {
            items: Mutex::default(),
            closed: AtomicBool::new(false),
            wake: Notify::new(),
            batch,
            subject,
        });
        let worker = Worker {
            inner: inner.clone(),
            commands: received,
            exporter,
            asked: Vec::new(),
        };
        (Self { inner, commands }, worker.run())
    }

    /// Takes an item, or drops and counts it.
    pub(crate) fn push(&self, item: T) {
        let counters = self.inner.counters();
        counters.created();
        if self.inner.closed.load(Ordering::Relaxed) {
            return counters.after_shutdown();
        }
        let len = {
            let mut items = self.inner.items();
            if items.len() >= self.inner.batch.max_queue_size {
                drop(items);
                return counters.queue_full();
            }
            items.push(item);
            items.len()
        };
        // The first item starts the clock of a batch, a full batch ends it; in between the task has nothing to learn.
        if len == 1 || len == self.inner.batch.max_export_batch_size {
            self.inner.wake.notify_one();
        }
    }

    /// How the task is told to finish, and what became of its items.
    pub(crate) fn exporter(&self) -> Exporter {
        Exporter {
            subject: self.inner.subject.clone(),
            commands: self.commands.clone(),
        }
    }
}

impl<T> Inner<T> {
    fn items(&self) -> MutexGuard<'_, Vec<T>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counters(&self) -> &Counters {
        &self.subject.counters
    }
}

struct Worker<T, E> {
    inner: Arc<Inner<T>>,
    commands: mpsc::UnboundedReceiver<Command>,
    exporter: E,
    /// Commands that wait for an answer.
    asked: Vec<Command>,
}

impl<T: Send + 'static, E: Export<T>> Worker<T, E> {
    async fn run(mut self) {
        loop {
            let open = self.wait().await;
            self.drain().await;
            let last = self.asked.iter().any(|command| command.last);
            if last && !self.inner.closed.swap(true, Ordering::Relaxed) {
                // What came in while the rest was on its way is the last.
                self.drain().await;
            }
            for command in self.asked.drain(..) {
                // Whoever asked may have stopped waiting.
                let _ = command.done.send(());
            }
            if last || !open {
                return;
            }
        }
    }

    /// Waits until a batch is due or somebody asks; `false` when nobody can push any more.
    async fn wait(&mut self) -> bool {
        let mut due = None;
        loop {
            let len = self.inner.items().len();
            if len >= self.inner.batch.max_export_batch_size {
                return true;
            }
            if len > 0 && due.is_none() {
                due = Some(Instant::now() + self.inner.batch.schedule_delay);
            }
            tokio::select! {
                command = self.commands.recv() => {
                    let open = command.is_some();
                    self.asked.extend(command);
                    return open;
                }
                () = self.inner.wake.notified() => {}
                () = sleep_until(due) => return true,
            }
        }
    }

    /// Exports everything that is queued, batch by batch.
    async fn drain(&mut self) {
        let queued = std::mem::take(&mut *self.inner.items());
        let mut items = queued.into_iter();
        loop {
            let batch: Vec<T> = items
                .by_ref()
                .take(self.inner.batch.max_export_batch_size)
                .collect();
            if batch.is_empty() {
                return;
            }
            let count = batch.len() as u64;
            let result = match self.deadline() {
                Some(deadline) if deadline <= Instant::now() => Err(Failure::deadline()),
                _ => self.export(batch).await,
            };
            self.inner.subject.exported(count, result);
        }
    }

    /// Exports one batch, no longer than its timeout and the deadlines of those who asked, also of those who ask
    /// meanwhile.
    async fn export(&mut self, batch: Vec<T>) -> Result<Receipt, Failure> {
        let mut limit = earliest(self.deadline(), timeout_at(self.inner.batch.export_timeout));
        let mut export = std::pin::pin!(self.exporter.export(batch));
        loop {
            tokio::select! {
                result = &mut export => return result,
                () = sleep_until(limit) => return Err(Failure::deadline()),
                Some(command) = self.commands.recv() => {
                    limit = earliest(limit, Some(command.deadline));
                    self.asked.push(command);
                }
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.asked.iter().map(|command| command.deadline).min()
    }
}

/// When something that starts now has to end; a timeout of zero means never.
pub(super) fn timeout_at(timeout: Duration) -> Option<Instant> {
    if timeout.is_zero() {
        return None;
    }
    Instant::now().checked_add(timeout)
}

/// The earlier of two moments, where `None` is never.
pub(super) fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    a.into_iter().chain(b).min()
}

/// Sleeps until then, for ever if there is no then.
pub(super) async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
