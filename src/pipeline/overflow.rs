//! Batches that leave memory during an outage, for a [`Spool`] on disk.
//!
//! # Order
//!
//! What is on disk is older than what waits in the queue: whoever writes a batch of the queue has written the one in front of
//! it before. A batch on its way stays on disk until the receiver has settled it.
//!
//! # Threads
//!
//! Files are touched on blocking threads of the private runtime only.
//!
//! # Trouble
//!
//! A disk that fails or is full is said and left alone for [`PAUSE`]. What could not be written waits in memory, as if there
//! were no spool.

use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::time::Instant;

use super::pending::{Pending, encoded};
use super::queue::{Command, Inner};
use super::weight::Weight;
use super::worker::{Export, sleep_until};
use crate::config;
use crate::delivery::Failure;
use crate::diagnostics::Level;
use crate::spool::{Options, Refused, Spool};

/// How long a disk that failed is left alone.
const PAUSE: Duration = Duration::from_secs(5);
/// A request that takes so long may be the first of an outage; a healthy receiver takes milliseconds.
const SLOW: Duration = Duration::from_millis(500);
/// Of the time for the end, what is kept for writing down what could not be sent.
const SHARE: u32 = 5;
/// No disk needs more.
const LONGEST_SHARE: Duration = Duration::from_millis(500);
/// The kind of failure of what was on disk and is lost.
const KIND: &str = "spool";

/// How batches of an exporter become bytes and back.
pub(crate) struct Spooling<T, R> {
    /// The same as the exporter's, which is busy while it sends.
    pub(super) encode: Encode<T, R>,
    pub(super) to_bytes: fn(&R) -> Bytes,
    pub(super) from_bytes: fn(Bytes) -> R,
    /// Tells encodings apart.
    pub(super) encoding: String,
}

type Encode<T, R> = Box<dyn FnMut(Vec<T>) -> Result<R, Failure> + Send>;

/// Which spool an exporter may use.
#[derive(Debug, Clone)]
pub(crate) struct Place(Options);

impl Place {
    /// The spool that `config` asks for, for the exporter of that name.
    pub(crate) fn new(config: &config::Spool, name: String) -> Option<Self> {
        Some(Self(Options {
            directory: config.directory.clone()?,
            name,
            encoding: String::new(),
            bytes: config.bytes as u64,
            age: config.age,
        }))
    }
}

/// The way to the disk, if there is one.
pub(super) struct Overflow<T, R> {
    on: Option<On<T, R>>,
}

struct On<T, R> {
    spooling: Spooling<T, R>,
    options: Options,
    /// `None` until it is open, and when it cannot be.
    spool: Option<Spool>,
    items: u64,
    /// Whether the oldest batch is on its way.
    is_lent: bool,
    /// A batch of the queue that could not be written.
    stuck: Option<Pending<R>>,
    trouble: Option<Instant>,
    item: PhantomData<fn(T)>,
}

impl<T: Weight, R: Send> Overflow<T, R> {
    pub(super) fn new<E: Export<T, Request = R>>(place: Option<Place>, exporter: &E) -> Self {
        let spooling = exporter.spooling();
        let on = place.zip(spooling).map(|(Place(options), spooling)| On {
            options: Options {
                encoding: spooling.encoding.clone(),
                ..options
            },
            spooling,
            spool: None,
            items: 0,
            is_lent: false,
            stuck: None,
            trouble: None,
            item: PhantomData,
        });
        Self { on }
    }

    /// Whether the queue has to tell when it is half full.
    pub(super) fn is_on(&self) -> bool {
        self.on.is_some()
    }

    /// Looks for what an earlier process left behind.
    pub(super) async fn open(&mut self, inner: &Inner<T>) {
        let Some(on) = &mut self.on else {
            return;
        };
        let options = on.options.clone();
        let opened = tokio::task::spawn_blocking(|| Spool::open(options, SystemTime::now())).await;
        let shown = on.options.directory.display();
        match opened.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Ok((spool, found)) => {
                inner.counters().add(found.items);
                on.items = found.items;
                inner.counters().spooled(on.items);
                let folder = spool.folder().display();
                if found.items > 0 {
                    let message = format_args!(
                        "{folder}: {} are left from before and are sent now",
                        found.items
                    );
                    inner.subject.say_spool(Level::Info, message);
                }
                for words in found.complaints() {
                    inner
                        .subject
                        .say_spool(Level::Warn, format_args!("{folder}: {words}"));
                }
                on.spool = Some(spool);
            }
            Err(error) => {
                inner.subject.say_spool(Level::Error, format_args!(
                    "cannot keep batches in {shown}: {error}; they wait in memory only until OTEL_RUST_SPOOL_DIRECTORY is a directory that can be written"
                ));
                self.on = None;
            }
        }
    }

    /// Whether there is something on disk, or behind it, that is not on its way.
    pub(super) fn is_waiting(&self) -> bool {
        let waits = |on: &On<T, R>| !on.is_lent && on.items > 0 || on.stuck.is_some();
        self.on.as_ref().is_some_and(waits)
    }

    /// Whether the queue is filling up and the disk can help.
    pub(super) fn is_due(&self, inner: &Inner<T>) -> bool {
        let can = |on: &On<T, R>| on.trouble.is_none_or(|end| end <= Instant::now());
        self.on.as_ref().is_some_and(can) && inner.is_half_full()
    }

    /// Waits until it is due during a request that takes long; never without a spool.
    pub(super) fn wait<'a>(
        &self,
        inner: &'a Inner<T>,
        begun: Instant,
    ) -> impl Future<Output = ()> + Send + use<'a, T, R> {
        let from = self
            .on
            .as_ref()
            .map(|on| on.trouble.max(Some(begun + SLOW)));
        async move {
            match from {
                Some(from) => sleep_until(from).await,
                None => std::future::pending().await,
            }
            while !inner.is_half_full() {
                inner.wake.notified().await;
            }
        }
    }

    /// The bytes of a request, for [`write_behind`](Self::write_behind).
    pub(super) fn bytes(&self, request: &R) -> Option<Bytes> {
        Some((self.on.as_ref()?.spooling.to_bytes)(request))
    }

    /// Writes the batch in front of the queue; given back if that cannot be.
    pub(super) async fn write(
        &mut self,
        inner: &Inner<T>,
        pending: Pending<R>,
    ) -> Option<Pending<R>> {
        let Some(on) = &mut self.on else {
            return Some(pending);
        };
        let bytes = (on.spooling.to_bytes)(&pending.request);
        let written = on.append(inner, bytes, pending.items).await;
        if !written {
            return Some(pending);
        }
        inner.release(pending.bytes);
        None
    }

    /// Writes what waits in the queue: all of it, or so much that there is room.
    pub(super) async fn write_queue(&mut self, inner: &Inner<T>, all: bool) {
        let Some(on) = &mut self.on else {
            return;
        };
        // Others may go on pushing: somebody may wait for the worker meanwhile.
        let mut left = inner.len();
        loop {
            let pending = match on.stuck.take() {
                Some(stuck) => stuck,
                None if left == 0 || !all && !inner.is_half_full() => return,
                None => {
                    // Where half a batch fills the queue it has to go, too.
                    let Some(chunk) = inner.take(true) else {
                        return;
                    };
                    left = left.saturating_sub(chunk.items.len());
                    let bytes = |request: &R| Some((on.spooling.to_bytes)(request).len());
                    match encoded(inner, chunk, &mut on.spooling.encode, bytes) {
                        Some(pending) => pending,
                        None => continue,
                    }
                }
            };
            let bytes = (on.spooling.to_bytes)(&pending.request);
            if !on.append(inner, bytes, pending.items).await {
                on.stuck = Some(pending);
                return;
            }
            inner.release(pending.bytes);
        }
    }

    /// Writes the batch on its way, `bytes`, and the queue behind it; whether the batch is on disk now.
    pub(super) async fn write_behind(
        &mut self,
        inner: &Inner<T>,
        bytes: Option<Bytes>,
        items: u64,
    ) -> bool {
        if let (Some(bytes), Some(on)) = (bytes, &mut self.on) {
            if !on.append(inner, bytes, items).await {
                return false;
            }
            // Nothing else is on disk: this is the oldest.
            on.front(inner).await;
        }
        self.write_queue(inner, false).await;
        true
    }

    /// The oldest batch that is not in the queue.
    pub(super) async fn next(&mut self, inner: &Inner<T>) -> Option<Pending<R>> {
        let on = self.on.as_mut()?;
        if let Some((bytes, items)) = on.front(inner).await {
            return Some(Pending {
                request: (on.spooling.from_bytes)(bytes),
                items,
                bytes: 0,
                tries: 0,
                is_on_disk: true,
            });
        }
        on.stuck.take()
    }

    /// The batch that came from disk was not settled.
    pub(super) fn put_back(&mut self) {
        if let Some(on) = &mut self.on {
            on.is_lent = false;
        }
    }

    /// The batch that came from disk is settled.
    pub(super) async fn remove(&mut self, inner: &Inner<T>) {
        let Some(on) = &mut self.on else {
            return;
        };
        on.is_lent = false;
        if let Some(Err(error)) = on.with(inner, Spool::pop).await {
            inner.subject.say_spool(
                Level::Warn,
                format_args!(
                    "cannot write down what was sent: {error}; after a restart it may arrive again"
                ),
            );
        }
    }

    /// Items that could not be written and are not in the queue either.
    pub(super) fn take_stuck(&mut self) -> u64 {
        let stuck = self.on.as_mut().and_then(|on| on.stuck.take());
        stuck.map_or(0, |pending| pending.items)
    }

    /// The last that happens here.
    pub(super) async fn close(&mut self, inner: &Inner<T>) {
        let Some(on) = &mut self.on else {
            return;
        };
        if on.items == 0 {
            return;
        }
        let folder = on.spool.as_ref().map(|spool| spool.folder().to_owned());
        if let Some(Err(error)) = on.with(inner, |spool| spool.sync()).await {
            inner
                .subject
                .say_spool(Level::Warn, format_args!("cannot write through: {error}"));
        }
        let (items, folder) = (on.items, folder.unwrap_or_default());
        let words = format!("{items} wait in {folder:?} and are sent at the next start");
        inner.subject.say_spool(Level::Warn, words);
    }

    /// A command as it is obeyed: the end leaves time to write down what could not be sent.
    pub(super) fn heard(&self, command: Command) -> Command {
        if self.on.is_none() || !command.last {
            return command;
        }
        let left = command.deadline.saturating_duration_since(Instant::now());
        Command {
            deadline: command.deadline - (left / SHARE).min(LONGEST_SHARE),
            ..command
        }
    }
}

impl<T: Weight, R: Send> On<T, R> {
    /// Whether a batch is on disk now.
    async fn append(&mut self, inner: &Inner<T>, bytes: Bytes, items: u64) -> bool {
        let append = move |spool: &mut Spool| spool.append(&bytes, items, SystemTime::now());
        let words = match self.with(inner, append).await {
            Some(Ok(())) => {
                self.trouble = None;
                return true;
            }
            None => return false,
            Some(Err(Refused::Full)) => "the spool is full; raise OTEL_RUST_SPOOL_BYTES".to_owned(),
            Some(Err(Refused::Io(error))) => format!("the spool cannot be written: {error}"),
        };
        self.trouble = Some(Instant::now() + PAUSE);
        inner.subject.say_spool(
            Level::Error,
            format_args!("{words}; what comes waits in memory only"),
        );
        false
    }

    /// The oldest batch; what is lost before it is counted.
    async fn front(&mut self, inner: &Inner<T>) -> Option<(Bytes, u64)> {
        if self.items == 0 {
            return None;
        }
        let front = self
            .with(inner, |spool| spool.front(SystemTime::now()))
            .await?;
        for (lost, words) in [
            (front.expired, "they waited longer than OTEL_RUST_SPOOL_AGE"),
            (front.damaged, "their file in the spool is damaged"),
        ] {
            if lost > 0 {
                let why = Failure::new(KIND, words);
                inner.subject.exported(lost, Err(why));
            }
        }
        let record = front.record?;
        self.is_lent = true;
        Some((record.payload.into(), record.items))
    }

    /// Does something with the spool, on a thread that may wait.
    async fn with<X: Send + 'static>(
        &mut self,
        inner: &Inner<T>,
        act: impl FnOnce(&mut Spool) -> X + Send + 'static,
    ) -> Option<X> {
        let mut spool = self.spool.take()?;
        let done = tokio::task::spawn_blocking(move || {
            let done = act(&mut spool);
            (spool, done)
        });
        let Ok((spool, done)) = done.await else {
            // The runtime is ending: what is on disk stays there.
            self.items = 0;
            return None;
        };
        self.items = spool.items();
        inner.counters().spooled(self.items);
        self.spool = Some(spool);
        Some(done)
    }
}
