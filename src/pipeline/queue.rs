//! A bounded queue in front of an exporter: the side of the application.
//!
//! # Hot path
//!
//! [`Queue::push`] runs on the thread that ended a span or logged an event: the weight of the item, a lock that is only held
//! to move it, and a wake-up for the first item of a batch and for a full batch. It never waits for an export.
//!
//! # Bounds
//!
//! What waits is bounded in items (`OTEL_BSP_MAX_QUEUE_SIZE`) and, with what is on its way, in bytes (`OTEL_RUST_QUEUE_BYTES`,
//! counted as [`Weight`] says). An item that finds the queue full is dropped and counted; what waits is never dropped for it.
//! A batch ends at `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` items or at [`BATCH_BYTES`].

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::diagnose::Subject;
use super::exporters::Exporter;
use super::overflow::{Overflow, Place};
use super::weight::Weight;
use super::worker::{Export, Worker};
use crate::config::Batch;
use crate::delivery::Counters;

/// Where a batch ends: gRPC servers refuse messages above 4 MiB by default, and an encoded span is smaller than the one in
/// memory.
const BATCH_BYTES: usize = 4 << 20;

/// The side of the application; clones share it.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    inner: Arc<Inner<T>>,
    commands: mpsc::UnboundedSender<Command>,
}

/// What the application and the worker share.
#[derive(Debug)]
pub(super) struct Inner<T> {
    waiting: Mutex<Waiting<T>>,
    pub(super) wake: Notify,
    pub(super) batch: Batch,
    pub(super) subject: Subject,
    /// Whether the worker has to know when it is half full.
    spools: bool,
}

#[derive(Debug)]
struct Waiting<T> {
    /// Full batches, oldest first.
    full: VecDeque<Chunk<T>>,
    /// The batch that is being filled.
    filling: Chunk<T>,
    /// Items in all of them.
    items: usize,
    /// Bytes in all of them and in what is on its way.
    bytes: usize,
    closed: bool,
}

/// One batch.
#[derive(Debug)]
pub(super) struct Chunk<T> {
    pub(super) items: Vec<T>,
    pub(super) bytes: usize,
}

// Written out, because a derive would ask the same of `T`.
impl<T> Default for Chunk<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            bytes: 0,
        }
    }
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

/// What waits, to the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Empty,
    /// Less than a batch.
    Some,
    /// A batch at least.
    Full,
}

impl<T: Weight> Queue<T> {
    /// A queue and the task that empties it into `exporter`, to be spawned on the private runtime.
    pub(crate) fn new(
        batch: Batch,
        subject: Subject,
        exporter: impl Export<T>,
        place: Option<Place>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (commands, received) = mpsc::unbounded_channel();
        let overflow = Overflow::new(place, &exporter);
        let inner = Arc::new(Inner {
            waiting: Mutex::new(Waiting {
                full: VecDeque::new(),
                filling: Chunk::default(),
                items: 0,
                bytes: 0,
                closed: false,
            }),
            wake: Notify::new(),
            batch,
            subject,
            spools: overflow.is_on(),
        });
        let worker = Worker::new(inner.clone(), received, exporter, overflow);
        (Self { inner, commands }, worker.run())
    }

    /// Takes an item, or drops and counts it.
    pub(crate) fn push(&self, item: T) {
        let bytes = item.bytes();
        let batch = &self.inner.batch;
        let mut waiting = self.inner.waiting();
        if waiting.closed {
            drop(waiting);
            return self.inner.subject.came_after_shutdown();
        }
        if waiting.items >= batch.max_queue_size || waiting.bytes + bytes > batch.max_queue_bytes {
            drop(waiting);
            return self.inner.counters().queue_full();
        }
        // Before anybody can see the item, so that its export never finds it uncounted.
        self.inner.counters().queued();
        let is_first = waiting.items == 0;
        let is_full = waiting.push(item, bytes, batch.max_export_batch_size);
        let has_news = is_first
            || is_full
            || cfg!(feature = "spool") && self.inner.spools && waiting.crosses_half(batch, bytes);
        drop(waiting);
        // The first item starts the clock of a batch, a full batch ends it; in between the worker has nothing to learn.
        if has_news {
            self.inner.wake.notify_one();
        }
    }

    /// How the task is told to finish, and what became of its items.
    pub(crate) fn exporter(&self) -> Exporter {
        Exporter {
            subject: self.inner.subject.clone(),
            commands: self.commands.clone(),
            capacity: Some(self.inner.batch.max_queue_size).filter(|items| *items < usize::MAX),
        }
    }
}

impl<T> Inner<T> {
    fn waiting(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.subject.counters
    }

    pub(super) fn level(&self) -> Level {
        let waiting = self.waiting();
        match (waiting.items, waiting.full.is_empty()) {
            (0, _) => Level::Empty,
            (_, true) => Level::Some,
            (_, false) => Level::Full,
        }
    }

    /// The number of items that wait.
    pub(super) fn len(&self) -> usize {
        self.waiting().items
    }

    /// Whether little is missing until items are dropped.
    #[cfg(feature = "spool")]
    pub(super) fn is_half_full(&self) -> bool {
        let waiting = self.waiting();
        waiting.items > self.batch.max_queue_size / 2
            || waiting.bytes > self.batch.max_queue_bytes / 2
    }

    /// The oldest batch; one that is not full only if `unfinished`. Its bytes go on counting until they are
    /// [released](Self::release).
    pub(super) fn take(&self, unfinished: bool) -> Option<Chunk<T>> {
        let mut waiting = self.waiting();
        let chunk = match waiting.full.pop_front() {
            Some(chunk) => chunk,
            None if unfinished => std::mem::take(&mut waiting.filling),
            None => return None,
        };
        waiting.items -= chunk.items.len();
        (!chunk.items.is_empty()).then_some(chunk)
    }

    /// A batch that was taken is gone, or smaller than it was.
    pub(super) fn release(&self, bytes: usize) {
        let mut waiting = self.waiting();
        waiting.bytes = waiting.bytes.saturating_sub(bytes);
    }

    /// Nothing comes in any more; what is inside stays.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
    }
}

impl<T> Waiting<T> {
    /// Whether a batch became full.
    fn push(&mut self, item: T, bytes: usize, batch_size: usize) -> bool {
        let mut is_full = false;
        // An item that is too big for the rest of the batch starts another.
        if !self.filling.items.is_empty() && self.filling.bytes + bytes > BATCH_BYTES {
            self.finish_batch();
            is_full = true;
        }
        self.filling.items.push(item);
        self.filling.bytes += bytes;
        self.items += 1;
        self.bytes += bytes;
        if self.filling.items.len() >= batch_size || self.filling.bytes >= BATCH_BYTES {
            self.finish_batch();
            is_full = true;
        }
        is_full
    }

    /// Whether the item of so many bytes that was pushed last has filled the first half.
    fn crosses_half(&self, batch: &Batch, bytes: usize) -> bool {
        let half = batch.max_queue_bytes / 2;
        self.items == batch.max_queue_size / 2 + 1
            || self.bytes > half && self.bytes.saturating_sub(bytes) <= half
    }

    fn finish_batch(&mut self) {
        let chunk = std::mem::take(&mut self.filling);
        self.full.push_back(chunk);
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
