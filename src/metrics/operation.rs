//! A unit of work: how often, how long, how it ended, how much it moved.

use std::{
    pin::Pin,
    task::{Context, Poll},
    thread,
    time::Instant,
};

use futures_core::Stream;
use pin_project_lite::pin_project;

use super::{Bound, Counter, Definition, Error, Histogram, Registry, UpDownCounter, buckets};

const NAME: &str = "operation.name";
const OUTCOME: &str = "operation.outcome";
const ERROR_TYPE: &str = "error.type";
const REASON: &str = "operation.retry.reason";

const CALLS: Definition<Counter> = Counter::define("operation.calls")
    .unit("{call}")
    .help("Operations that ended, by outcome")
    .labels(&[NAME, OUTCOME, ERROR_TYPE]);
const DURATION: Definition<Histogram> = Histogram::define("operation.duration")
    .unit("s")
    .help("How long operations took, by outcome")
    .labels(&[NAME, OUTCOME]);
const ACTIVE: Definition<UpDownCounter> = UpDownCounter::define("operation.active")
    .unit("{call}")
    .help("Operations under way")
    .labels(&[NAME]);
const BATCH: Definition<Histogram> = Histogram::define("operation.batch.size")
    .unit("{record}")
    .help("Records in one operation")
    .labels(&[NAME])
    .buckets(buckets::COUNTS);
const RECORDS: Definition<Counter> = Counter::define("operation.records")
    .unit("{record}")
    .help("Records that operations moved")
    .labels(&[NAME]);
const BYTES: Definition<Counter> = Counter::define("operation.bytes")
    .unit("By")
    .help("Bytes that operations moved")
    .labels(&[NAME]);
const RETRIES: Definition<Counter> = Counter::define("operation.retries")
    .unit("{retry}")
    .help("Attempts after the first, by reason")
    .labels(&[NAME, REASON]);

/// A unit of work that is counted and timed. Clones share their series.
///
/// | metric | what it says |
/// |---|---|
/// | `operation.calls` | how many ended, by `operation.outcome` (`ok`, `error`, `cancelled`) and `error.type` |
/// | `operation.duration` | how long they took, in seconds, by outcome |
/// | `operation.active` | how many are under way |
/// | `operation.records`, `operation.bytes`, `operation.batch.size` | what they moved |
/// | `operation.retries` | attempts after the first, by `operation.retry.reason` |
///
/// ```
/// use spanwise::metrics::{Operation, Registry};
///
/// let registry = Registry::default();
/// let import = Operation::new(&registry, "import")?;
///
/// let mut run = import.start();
/// run.records(500);
/// run.bytes(12_000);
/// run.retry("timeout");
/// drop(run);
///
/// let parsed = import.try_run(|| "x".parse::<u32>());
/// assert!(parsed.is_err());
///
/// let snapshot = registry.snapshot();
/// let failed = [("operation.name", "import"), ("operation.outcome", "error"), ("error.type", "core::num::error::ParseIntError")];
/// assert_eq!(snapshot.get("operation.calls", failed).unwrap().as_f64(), 1.0);
/// # Ok::<_, spanwise::metrics::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Operation {
    name: String,
    calls: Counter,
    succeeded: Bound<Counter>,
    duration: Histogram,
    duration_ok: Bound<Histogram>,
    active: Bound<UpDownCounter>,
    batch: Bound<Histogram>,
    records: Counter,
    bytes: Counter,
    retries: Counter,
}

/// An operation under way; it ends when this is dropped.
///
/// It ended well unless [`fail`](Self::fail) or [`cancel`](Self::cancel) was called, or a panic drops it: that is an error of the type `panic`.
#[derive(Debug)]
#[must_use = "dropping the run ends the operation"]
pub struct Run {
    operation: Operation,
    begun: Instant,
    outcome: Outcome,
    records: Option<u64>,
}

/// Counts one more thing under way until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends what it counts"]
pub struct InFlight(Bound<UpDownCounter>);

#[derive(Debug)]
enum Outcome {
    Ok,
    Error(String),
    Cancelled,
}

impl Registry {
    /// Counts and times closures, futures and streams under a name: [`Operation::new`].
    ///
    /// # Errors
    ///
    /// As [`register`](Self::register).
    #[track_caller]
    pub fn track(&self, name: &str) -> Result<Operation, Error> {
        Operation::new(self, name)
    }
}

impl Operation {
    /// An operation of this name, which should be one of few: it becomes a label.
    ///
    /// # Errors
    ///
    /// As [`Registry::register`].
    #[track_caller]
    pub fn new(registry: &Registry, name: &str) -> Result<Self, Error> {
        let (calls, duration) = (registry.register(&CALLS)?, registry.register(&DURATION)?);
        Ok(Self {
            succeeded: calls.bind([(NAME, name), (OUTCOME, "ok")]),
            duration_ok: duration.bind([(NAME, name), (OUTCOME, "ok")]),
            active: registry.register(&ACTIVE)?.bind([(NAME, name)]),
            batch: registry.register(&BATCH)?.bind([(NAME, name)]),
            records: registry.register(&RECORDS)?,
            bytes: registry.register(&BYTES)?,
            retries: registry.register(&RETRIES)?,
            name: name.to_owned(),
            calls,
            duration,
        })
    }

    /// Begins; the operation ends when the returned value is dropped.
    pub fn start(&self) -> Run {
        self.active.add(1);
        Run {
            operation: self.clone(),
            begun: Instant::now(),
            outcome: Outcome::Ok,
            records: None,
        }
    }

    /// Counts one more under way, and nothing else, until the returned value is dropped.
    pub fn in_flight(&self) -> InFlight {
        self.active.add(1);
        InFlight(self.active.clone())
    }

    /// Runs a closure. Only a panic is an error.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let _run = self.start();
        work()
    }

    /// Runs a closure whose result says how it ended; `error.type` is the name of the type `E`.
    ///
    /// # Errors
    ///
    /// What the closure returned.
    pub fn try_run<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let mut run = self.start();
        let result = work();
        run.judge(&result);
        result
    }

    /// Tracks a future, from its first poll. Dropped before it is ready, it counts as cancelled.
    pub fn future<F: Future>(&self, future: F) -> Tracked<F, fn(&mut Run, &F::Output)> {
        self.tracked(future, |_, _| {})
    }

    /// Tracks a future whose result says how it ended; `error.type` is the name of the type `E`.
    pub fn try_future<T, E, F: Future<Output = Result<T, E>>>(
        &self,
        future: F,
    ) -> Tracked<F, fn(&mut Run, &F::Output)> {
        self.tracked(future, |run, result| run.judge(result))
    }

    /// Tracks a stream from its first poll to its end; each item is a record. Dropped before its end, it counts as cancelled.
    pub fn stream<S: Stream>(&self, stream: S) -> Tracked<S, ()> {
        self.tracked(stream, ())
    }

    fn tracked<W, J>(&self, inner: W, judge: J) -> Tracked<W, J> {
        Tracked {
            inner,
            operation: self.clone(),
            run: None,
            done: false,
            judge,
        }
    }
}

impl Run {
    /// Counts records; all of one run together are the size of its batch.
    pub fn records(&mut self, count: u64) {
        self.records = Some(self.records.unwrap_or(0).saturating_add(count));
        self.operation
            .records
            .add(count, [(NAME, &*self.operation.name)]);
    }

    /// Counts bytes.
    pub fn bytes(&mut self, count: u64) {
        self.operation
            .bytes
            .add(count, [(NAME, &*self.operation.name)]);
    }

    /// Counts another attempt, and why it was needed.
    pub fn retry(&mut self, reason: &str) {
        self.operation
            .retries
            .add(1, [(NAME, &*self.operation.name), (REASON, reason)]);
    }

    /// Makes the outcome an error of this type, which should be one of few: it becomes a label.
    pub fn fail(&mut self, error_type: &str) {
        self.outcome = Outcome::Error(error_type.to_owned());
    }

    /// Makes the outcome `cancelled`.
    pub fn cancel(&mut self) {
        self.outcome = Outcome::Cancelled;
    }

    fn judge<T, E>(&mut self, result: &Result<T, E>) {
        if result.is_err() {
            self.fail(std::any::type_name::<E>());
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let Self {
            operation,
            begun,
            outcome,
            records,
        } = self;
        let took = begun.elapsed();
        operation.active.add(-1);
        if let Some(records) = records {
            operation.batch.record(*records as f64);
        }
        if thread::panicking() && !matches!(outcome, Outcome::Error(_)) {
            *outcome = Outcome::Error("panic".to_owned());
        }
        let (outcome, error) = match outcome {
            Outcome::Ok => {
                operation.succeeded.add(1);
                return operation.duration_ok.record_duration(took);
            }
            Outcome::Error(error) => ("error", &**error),
            Outcome::Cancelled => ("cancelled", ""),
        };
        let name = (NAME, &*operation.name);
        operation
            .calls
            .add(1, [name, (OUTCOME, outcome), (ERROR_TYPE, error)]);
        operation
            .duration
            .record_duration(took, [name, (OUTCOME, outcome)]);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}

pin_project! {
    /// A future or stream that is counted and timed; see [`Operation::future`] and [`Operation::stream`].
    #[derive(Debug)]
    #[must_use = "futures and streams do nothing unless polled"]
    pub struct Tracked<W, J> {
        #[pin]
        inner: W,
        operation: Operation,
        run: Option<Run>,
        done: bool,
        judge: J,
    }

    impl<W, J> PinnedDrop for Tracked<W, J> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(run) = this.project().run {
                run.cancel();
            }
        }
    }
}

impl<F: Future, J: Fn(&mut Run, &F::Output)> Future for Tracked<F, J> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let run = this.run.get_or_insert_with(|| this.operation.start());
        let ready = this.inner.poll(cx);
        if let Poll::Ready(output) = &ready {
            (this.judge)(run, output);
            *this.run = None;
        }
        ready
    }
}

impl<S: Stream> Stream for Tracked<S, ()> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        if *this.done {
            return Poll::Ready(None);
        }
        let run = this.run.get_or_insert_with(|| this.operation.start());
        let ready = this.inner.poll_next(cx);
        match &ready {
            Poll::Ready(Some(_)) => run.records(1),
            Poll::Ready(None) => {
                *this.run = None;
                *this.done = true;
            }
            Poll::Pending => {}
        }
        ready
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}
