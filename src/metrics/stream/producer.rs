//! The end that writes.

use std::time::{Duration, Instant};

use super::{
    super::{Bound, Counter, Definition, Error, Gauge, Histogram, Registry, buckets},
    DESTINATION, ERROR_TYPE, OPERATION, SYSTEM,
};

const SENT: Definition<Counter> = Counter::define("messaging.client.sent.messages")
    .unit("{message}")
    .help("Records sent, by error (in development)")
    .labels(&[SYSTEM, DESTINATION, OPERATION, ERROR_TYPE]);
const FLUSH: Definition<Histogram> = Histogram::define("messaging.client.operation.duration")
    .unit("s")
    .help("How long a flush took, by error (in development)")
    .labels(&[SYSTEM, DESTINATION, OPERATION, ERROR_TYPE]);
const BYTES: Definition<Counter> = Counter::define("stream.producer.bytes")
    .unit("By")
    .help("Bytes sent")
    .labels(&[SYSTEM, DESTINATION]);
const BATCH: Definition<Histogram> = Histogram::define("stream.producer.batch.size")
    .unit("{message}")
    .help("Records in one flush")
    .labels(&[SYSTEM, DESTINATION])
    .buckets(buckets::COUNTS);
const THROTTLES: Definition<Counter> = Counter::define("stream.producer.throttles")
    .unit("{throttle}")
    .help("How often the stream asked to slow down")
    .labels(&[SYSTEM, DESTINATION]);
const QUEUE: Definition<Gauge> = Gauge::define("stream.producer.queue.depth")
    .unit("{message}")
    .help("Records that wait to be sent")
    .labels(&[SYSTEM, DESTINATION]);

/// The end of a stream that writes. Clones share their series.
///
/// | metric | what it says |
/// |---|---|
/// | `messaging.client.sent.messages` | records, by `error.type` where they failed |
/// | `messaging.client.operation.duration` | how long flushes took, by `error.type` where they failed |
/// | `stream.producer.bytes`, `stream.producer.batch.size` | how much was sent |
/// | `stream.producer.throttles`, `stream.producer.queue.depth` | how it is held up |
///
/// ```
/// use spanwise::metrics::{Registry, stream::Producer};
///
/// let registry = Registry::default();
/// let orders = Producer::new(&registry, "kafka", "orders")?;
/// orders.queued(120);
/// let mut flush = orders.flush();
/// flush.records(100);
/// flush.bytes(64_000);
/// drop(flush);                // or flush.fail("timeout") before
/// orders.throttled();
///
/// let labels = [("messaging.system", "kafka"), ("messaging.destination.name", "orders"), ("messaging.operation.name", "send")];
/// assert_eq!(registry.snapshot().get("messaging.client.sent.messages", labels).unwrap().as_f64(), 100.0);
/// # Ok::<_, spanwise::metrics::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Producer {
    system: String,
    destination: String,
    sent: Counter,
    flush: Histogram,
    bytes: Bound<Counter>,
    batch: Bound<Histogram>,
    throttles: Bound<Counter>,
    queue: Gauge,
}

/// A flush under way; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "dropping the flush ends it"]
pub struct Flush {
    producer: Producer,
    begun: Instant,
    records: u64,
    error: String,
}

impl Producer {
    /// A producer for a system such as `kafka`, and a topic or stream.
    ///
    /// # Errors
    ///
    /// As [`Registry::register`].
    #[track_caller]
    pub fn new(registry: &Registry, system: &str, destination: &str) -> Result<Self, Error> {
        let labels = [(SYSTEM, system), (DESTINATION, destination)];
        Ok(Self {
            sent: registry.register(&SENT)?,
            flush: registry.register(&FLUSH)?,
            bytes: registry.register(&BYTES)?.bind(labels),
            batch: registry.register(&BATCH)?.bind(labels),
            throttles: registry.register(&THROTTLES)?.bind(labels),
            queue: registry.register(&QUEUE)?,
            system: system.to_owned(),
            destination: destination.to_owned(),
        })
    }

    /// Says how many records wait to be sent.
    pub fn queued(&self, records: usize) {
        self.queue.set(
            records as f64,
            [(SYSTEM, &*self.system), (DESTINATION, &*self.destination)],
        );
    }

    /// Counts a request of the stream to slow down.
    pub fn throttled(&self) {
        self.throttles.add(1);
    }

    /// Begins to send a batch.
    pub fn flush(&self) -> Flush {
        Flush {
            producer: self.clone(),
            begun: Instant::now(),
            records: 0,
            error: String::new(),
        }
    }

    fn ended(&self, records: u64, took: Duration, error: &str) {
        let labels = [
            (SYSTEM, &*self.system),
            (DESTINATION, &*self.destination),
            (OPERATION, "send"),
            (ERROR_TYPE, error),
        ];
        self.sent.add(records, labels);
        self.flush.record_duration(took, labels);
        self.batch.record(records as f64);
    }
}

impl Flush {
    /// Counts records of this batch.
    pub fn records(&mut self, count: u64) {
        self.records = self.records.saturating_add(count);
    }

    /// Counts bytes of this batch.
    pub fn bytes(&mut self, count: u64) {
        self.producer.bytes.add(count);
    }

    /// Makes the outcome an error of this type, which should be one of few: it becomes a label.
    pub fn fail(&mut self, error_type: &str) {
        error_type.clone_into(&mut self.error);
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        if std::thread::panicking() && self.error.is_empty() {
            self.fail("panic");
        }
        self.producer
            .ended(self.records, self.begun.elapsed(), &self.error);
    }
}
