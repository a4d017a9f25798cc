//! The task that empties a queue into an exporter.
//!
//! # Deadlines
//!
//! One batch may take the export timeout. A shutdown brings a deadline of its own: it also cuts short what is in flight, so
//! that a receiver that never answers cannot hold the application.
//!
//! # Outages
//!
//! A batch that nobody has taken and nobody has refused for good is kept, encoded, and sent again, [`TRIES`] times at most.
//! The batches behind it wait in the queue, whose bounds hold meanwhile. A flush gives up after one round of attempts and
//! leaves what waits where it is; the end gives up for good.
//!
//! With a place on disk, what the queue cannot hold goes there, and at the end everything that nobody has taken.
//!
//! # Panics
//!
//! An exporter that panics loses the batch, is counted and said, and is left alone for a while like one that fails.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::breaker::Breaker;
use super::caught::Caught;
use super::overflow::Overflow;
#[cfg(feature = "spool")]
use super::overflow::Spooling;
use super::pending::{Pending, TIMEOUT, encoded, panicked};
use super::queue::{Chunk, Command, Inner, Level};
use super::weight::Weight;
use crate::delivery::Failure;

/// Rounds that one batch may fail before it is given up: half an hour at the longest pause. A batch that the receiver cannot
/// digest must not stand in the way for ever.
const TRIES: u32 = 60;

/// What the receiver of a batch made of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// Items that it refused although it took the request.
    pub(crate) rejected: u64,
    /// What it said of them, or of the request.
    pub(crate) message: Option<String>,
}

/// Sends batches somewhere.
pub(crate) trait Export<T>: Send + 'static {
    /// A batch as it is sent, as often as it takes.
    type Request: Send;

    /// Makes a request of a batch.
    fn encode(&mut self, batch: Vec<T>) -> Result<Self::Request, Failure>;

    /// Sends it, with retries that do not take long.
    fn send(
        &mut self,
        request: &mut Self::Request,
    ) -> impl Future<Output = Result<Receipt, Failure>> + Send;

    /// Bytes that the request takes while it waits, if that is known.
    fn bytes(&self, _: &Self::Request) -> Option<usize> {
        None
    }

    /// Why the latest attempt failed of a request that was cut short.
    fn attempt(&self) -> Option<Failure> {
        None
    }

    /// How requests can wait on disk, if they can.
    #[cfg(feature = "spool")]
    fn spooling(&self) -> Option<Spooling<T, Self::Request>> {
        None
    }
}

/// Why the worker works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// A batch is full, or one that failed may be sent again.
    Batch,
    /// The queue fills up while nothing can be sent.
    Overflow,
    /// The oldest item has waited long enough.
    Time,
    /// Somebody asked.
    Asked,
    /// Nobody can push any more.
    Closed,
}

pub(super) struct Worker<T, E: Export<T>> {
    inner: Arc<Inner<T>>,
    commands: mpsc::UnboundedReceiver<Command>,
    exporter: E,
    /// Commands that wait for an answer.
    asked: Vec<Command>,
    /// A batch that failed and may be sent again.
    kept: Option<Pending<E::Request>>,
    overflow: Overflow<T, E::Request>,
    breaker: Breaker,
    /// The latest failure.
    failure: Option<Failure>,
}

impl<T: Weight, E: Export<T>> Worker<T, E> {
    pub(super) fn new(
        inner: Arc<Inner<T>>,
        commands: mpsc::UnboundedReceiver<Command>,
        exporter: E,
        overflow: Overflow<T, E::Request>,
    ) -> Self {
        Self {
            inner,
            commands,
            exporter,
            asked: Vec::new(),
            kept: None,
            overflow,
            breaker: Breaker::default(),
            failure: None,
        }
    }

    pub(super) async fn run(mut self) {
        self.overflow.open(&self.inner).await;
        loop {
            let due = self.wait().await;
            if due == Due::Overflow {
                self.write_down(false).await;
                continue;
            }
            loop {
                let heard = self.asked.len();
                self.drain(due != Due::Batch || heard > 0).await;
                // Whoever asked meanwhile may have pushed meanwhile.
                if self.asked.len() == heard {
                    break;
                }
            }
            let last = due == Due::Closed || self.asked.iter().any(|command| command.last);
            if last {
                self.inner.close();
                if !self.is_stopped() {
                    // What came in while the rest was on its way is the last.
                    self.drain(true).await;
                }
                self.give_up().await;
            }
            self.inner.subject.say_overload();
            for command in self.asked.drain(..) {
                // Whoever asked may have stopped waiting.
                let _ = command.done.send(());
            }
            if last {
                return;
            }
        }
    }

    /// Waits until something is due. Nothing but a command is while the receiver is left alone.
    async fn wait(&mut self) -> Due {
        let mut due = None;
        loop {
            let pause = self.breaker.until();
            let level = self.inner.level();
            let ready = self.is_stopped() || level == Level::Full;
            if ready && pause.is_none() {
                return Due::Batch;
            }
            // Whoever asks is not kept waiting by those who push.
            if pause.is_some() && self.commands.is_empty() && self.overflow.is_due(&self.inner) {
                return Due::Overflow;
            }
            if level == Level::Some && due.is_none() {
                due = Some(Instant::now() + self.inner.batch.schedule_delay);
            }
            // `None` is the least of options: without a due time the pause would be one.
            let wake = if ready {
                pause
            } else {
                due.max(pause.filter(|_| due.is_some()))
            };
            tokio::select! {
                command = self.commands.recv() => {
                    let open = command.is_some();
                    let overflow = &self.overflow;
                    self.asked.extend(command.map(|command| overflow.heard(command)));
                    return if open { Due::Asked } else { Due::Closed };
                }
                () = self.inner.wake.notified() => {}
                () = sleep_until(wake) => if !ready { return Due::Time },
            }
        }
    }

    /// Exports what waits now, batch by batch, until one fails that may be sent again.
    async fn drain(&mut self, unfinished: bool) {
        // Others may go on pushing: whoever asked gets an answer for what was there before.
        let mut left = self.inner.len();
        loop {
            let pending = match self.kept.take() {
                Some(kept) => kept,
                None if self.overflow.is_waiting() => match self.overflow.next(&self.inner).await {
                    Some(pending) => pending,
                    None => continue,
                },
                None if left == 0 => return,
                None => {
                    let Some(chunk) = self.inner.take(unfinished) else {
                        return;
                    };
                    left = left.saturating_sub(chunk.items.len());
                    match self.encode(chunk) {
                        Some(pending) => pending,
                        None => continue,
                    }
                }
            };
            if self.deadline().is_some_and(|end| end <= Instant::now()) {
                // Not sent, it has chances left.
                self.keep(pending).await;
                return;
            }
            if !self.export(pending).await {
                return;
            }
        }
    }

    fn encode(&mut self, chunk: Chunk<T>) -> Option<Pending<E::Request>> {
        let exporter = RefCell::new(&mut self.exporter);
        encoded(
            &self.inner,
            chunk,
            |batch| exporter.borrow_mut().encode(batch),
            |request| exporter.borrow().bytes(request),
        )
    }

    /// Sends one batch; whether the next can follow.
    async fn export(&mut self, mut pending: Pending<E::Request>) -> bool {
        self.inner.counters().begin(pending.items);
        let result = self.send(&mut pending).await;
        pending.tries += 1;
        match result {
            Ok(receipt) => {
                self.breaker.succeeded();
                self.settle(pending, Ok(receipt)).await;
                true
            }
            Err(mut failure) => {
                // Sent again it may arrive twice. Whoever has a disk against losses wants that rather than a loss.
                failure.again |= self.overflow.is_on() && failure.kind == TIMEOUT;
                self.breaker.failed(&failure);
                self.failure = Some(failure.clone());
                if failure.again {
                    let items = pending.items;
                    let Some(back) = self.keep(pending).await else {
                        self.inner.subject.kept(items, &failure);
                        return false;
                    };
                    pending = back;
                }
                self.settle(pending, Err(failure)).await;
                // At the end there is no later: what is behind a batch that was refused may yet be taken.
                self.breaker.until().is_none() || self.deadline().is_some()
            }
        }
    }

    /// Sends one batch, no longer than its timeout and the end, also one that is ordered meanwhile.
    async fn send(&mut self, pending: &mut Pending<E::Request>) -> Result<Receipt, Failure> {
        let mut limit = earliest(self.deadline(), timeout_at(self.inner.batch.export_timeout));
        let begun = Instant::now();
        let mut bytes = match pending.is_on_disk {
            true => None,
            false => self.overflow.bytes(&pending.request),
        };
        {
            let mut sent = Caught::new(self.exporter.send(&mut pending.request));
            loop {
                tokio::select! {
                    result = &mut sent => match result {
                        Ok(result) => return result,
                        Err(words) => return Err(panicked(&words)),
                    },
                    () = sleep_until(limit) => break,
                    Some(command) = self.commands.recv() => {
                        let command = self.overflow.heard(command);
                        limit = earliest(limit, command.last.then_some(command.deadline));
                        self.asked.push(command);
                    }
                    () = self.overflow.wait(&self.inner, begun) => {
                        let items = pending.items;
                        let first = bytes.clone();
                        if self.overflow.write_behind(&self.inner, first, items).await {
                            bytes = None;
                            pending.is_on_disk = true;
                            self.inner.release(std::mem::take(&mut pending.bytes));
                        }
                    }
                }
            }
        }
        Err(Failure {
            again: self.overflow.is_on(),
            ..Failure::deadline(self.exporter.attempt())
        })
    }

    /// What cannot be sent now comes first the next time; given back if it has had its chances.
    async fn keep(&mut self, pending: Pending<E::Request>) -> Option<Pending<E::Request>> {
        if pending.is_on_disk {
            // There it is too old some day.
            self.overflow.put_back();
        } else if pending.tries >= TRIES {
            return self.overflow.write(&self.inner, pending).await;
        } else {
            self.kept = Some(pending);
        }
        None
    }

    /// Whether something stands in front of the queue.
    fn is_stopped(&self) -> bool {
        self.kept.is_some() || self.overflow.is_waiting()
    }

    /// Takes the queue to disk, all of it or so much that there is room, and what stands in front of it first.
    async fn write_down(&mut self, all: bool) {
        if let Some(kept) = self.kept.take() {
            self.kept = self.overflow.write(&self.inner, kept).await;
        }
        if self.kept.is_none() {
            self.overflow.write_queue(&self.inner, all).await;
        }
    }

    /// Everything that is left and cannot go to disk is lost, for the reason of the batch that could not be sent.
    async fn give_up(&mut self) {
        self.write_down(true).await;
        self.overflow.close(&self.inner).await;
        let mut items = self.inner.len() as u64 + self.overflow.take_stuck();
        while let Some(chunk) = self.inner.take(true) {
            self.inner.release(chunk.bytes);
        }
        let kept = self.kept.take();
        items += kept.as_ref().map_or(0, |kept| kept.items);
        if items == 0 {
            return;
        }
        let why = Failure::deadline(self.failure.take().or_else(|| self.exporter.attempt()));
        self.inner.subject.exported(items, Err(why));
    }

    async fn settle(&mut self, pending: Pending<E::Request>, result: Result<Receipt, Failure>) {
        if pending.is_on_disk {
            self.overflow.remove(&self.inner).await;
        }
        self.inner.release(pending.bytes);
        self.inner.subject.exported(pending.items, result);
    }

    /// When everything has to be over, if the end has been ordered. Whoever flushes stops waiting at a deadline of their
    /// own; what is on its way goes on.
    fn deadline(&self) -> Option<Instant> {
        let ends = self.asked.iter().filter(|command| command.last);
        ends.map(|command| command.deadline).min()
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
