//! The end that reads.

use std::time::{Duration, Instant};

use super::{
    super::{Bound, Counter, Definition, Error, Gauge, Histogram, Registry},
    DESTINATION, ERROR_TYPE, OPERATION, PARTITION, SYSTEM,
};

const OUTCOME: &str = "stream.checkpoint.outcome";
const CHANGE: &str = "stream.shard.change";

const CONSUMED: Definition<Counter> = Counter::define("messaging.client.consumed.messages")
    .unit("{message}")
    .help("Records received, by error (in development)")
    .labels(&[SYSTEM, DESTINATION, OPERATION, ERROR_TYPE]);
const PROCESS: Definition<Histogram> = Histogram::define("messaging.process.duration")
    .unit("s")
    .help("How long a batch of records was processed, by error (in development)")
    .labels(&[SYSTEM, DESTINATION, OPERATION, ERROR_TYPE]);
const BYTES: Definition<Counter> = Counter::define("stream.consumer.bytes")
    .unit("By")
    .help("Bytes received")
    .labels(&[SYSTEM, DESTINATION]);
const LAG: Definition<Gauge> = Gauge::define("stream.consumer.lag")
    .unit("{message}")
    .help("Records between the newest and the one read last")
    .labels(&[SYSTEM, DESTINATION, PARTITION]);
const AGE: Definition<Gauge> = Gauge::define("stream.consumer.iterator.age")
    .unit("s")
    .help("How old the record read last is")
    .labels(&[SYSTEM, DESTINATION, PARTITION]);
const CHECKPOINTS: Definition<Counter> = Counter::define("stream.consumer.checkpoints")
    .unit("{checkpoint}")
    .help("Checkpoints, by outcome")
    .labels(&[SYSTEM, DESTINATION, OUTCOME]);
const SHARDS: Definition<Gauge> = Gauge::define("stream.consumer.shards")
    .unit("{shard}")
    .help("Shards that this consumer reads")
    .labels(&[SYSTEM, DESTINATION]);
const RESHARDINGS: Definition<Counter> = Counter::define("stream.consumer.reshardings")
    .unit("{shard}")
    .help("Shards gained and lost")
    .labels(&[SYSTEM, DESTINATION, CHANGE]);

/// The end of a stream that reads. Clones share their series.
///
/// | metric | what it says |
/// |---|---|
/// | `messaging.client.consumed.messages`, `stream.consumer.bytes` | what was received |
/// | `messaging.process.duration` | how long batches were processed, by `error.type` where they failed |
/// | `stream.consumer.lag`, `stream.consumer.iterator.age` | how far behind it is, by partition |
/// | `stream.consumer.checkpoints` | by `stream.checkpoint.outcome` (`ok`, `failed`, `skipped`) |
/// | `stream.consumer.shards`, `stream.consumer.reshardings` | how many shards, and those `gained` and `lost` |
///
/// ```
/// use std::time::Duration;
/// use spanwise::metrics::{Registry, stream::{Checkpoint, Consumer}};
///
/// let registry = Registry::default();
/// let orders = Consumer::new(&registry, "kinesis", "orders")?;
/// orders.shards(4);
/// orders.lag("shard-1", 250);
/// orders.iterator_age("shard-1", Duration::from_secs(3));
///
/// let mut batch = orders.process();
/// batch.records(100);
/// batch.bytes(64_000);
/// drop(batch);                // or batch.fail("parse") before
/// orders.checkpoint(Checkpoint::Ok);
/// orders.shards(6);
///
/// let gained = [("messaging.system", "kinesis"), ("messaging.destination.name", "orders"), ("stream.shard.change", "gained")];
/// assert_eq!(registry.snapshot().get("stream.consumer.reshardings", gained).unwrap().as_f64(), 6.0);
/// # Ok::<_, spanwise::metrics::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Consumer {
    system: String,
    destination: String,
    consumed: Counter,
    process: Histogram,
    bytes: Bound<Counter>,
    lag: Gauge,
    age: Gauge,
    checkpoints: Counter,
    shards: Bound<Gauge>,
    gained: Bound<Counter>,
    lost: Bound<Counter>,
}

/// How a checkpoint went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpoint {
    /// It was stored.
    Ok,
    /// It was not stored.
    Failed,
    /// There was nothing new to store.
    Skipped,
}

/// A batch being processed; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the processing"]
pub struct Processing {
    consumer: Consumer,
    begun: Instant,
    records: u64,
    error: String,
}

impl Consumer {
    /// A consumer of a system such as `kinesis`, and a topic or stream.
    ///
    /// # Errors
    ///
    /// As [`Registry::register`].
    #[track_caller]
    pub fn new(registry: &Registry, system: &str, destination: &str) -> Result<Self, Error> {
        let labels @ [by_system, by_destination] = [(SYSTEM, system), (DESTINATION, destination)];
        let reshardings = registry.register(&RESHARDINGS)?;
        Ok(Self {
            consumed: registry.register(&CONSUMED)?,
            process: registry.register(&PROCESS)?,
            bytes: registry.register(&BYTES)?.bind(labels),
            lag: registry.register(&LAG)?,
            age: registry.register(&AGE)?,
            checkpoints: registry.register(&CHECKPOINTS)?,
            shards: registry.register(&SHARDS)?.bind(labels),
            gained: reshardings.bind([by_system, by_destination, (CHANGE, "gained")]),
            lost: reshardings.bind([by_system, by_destination, (CHANGE, "lost")]),
            system: system.to_owned(),
            destination: destination.to_owned(),
        })
    }

    /// Says how many records of a partition are newer than the one read last.
    pub fn lag(&self, partition: &str, records: u64) {
        self.lag.set(records as f64, self.of(PARTITION, partition));
    }

    /// Says how old the record of a partition is that was read last.
    pub fn iterator_age(&self, partition: &str, age: Duration) {
        self.age
            .set(age.as_secs_f64(), self.of(PARTITION, partition));
    }

    /// Counts a checkpoint.
    pub fn checkpoint(&self, outcome: Checkpoint) {
        let outcome = match outcome {
            Checkpoint::Ok => "ok",
            Checkpoint::Failed => "failed",
            Checkpoint::Skipped => "skipped",
        };
        self.checkpoints.add(1, self.of(OUTCOME, outcome));
    }

    /// Says how many shards this consumer reads; a difference counts as shards gained or lost.
    pub fn shards(&self, count: u64) {
        let before = self.shards.value().map_or(0, |value| value.as_f64() as u64);
        self.shards.set(count as f64);
        self.gained.add(count.saturating_sub(before));
        self.lost.add(before.saturating_sub(count));
    }

    /// Begins to process a batch.
    pub fn process(&self) -> Processing {
        Processing {
            consumer: self.clone(),
            begun: Instant::now(),
            records: 0,
            error: String::new(),
        }
    }

    fn of<'a>(&'a self, key: &'a str, value: &'a str) -> [(&'a str, &'a str); 3] {
        [
            (SYSTEM, &self.system),
            (DESTINATION, &self.destination),
            (key, value),
        ]
    }
}

impl Processing {
    /// Counts records of this batch.
    pub fn records(&mut self, count: u64) {
        self.records = self.records.saturating_add(count);
    }

    /// Counts bytes of this batch.
    pub fn bytes(&mut self, count: u64) {
        self.consumer.bytes.add(count);
    }

    /// Makes the outcome an error of this type, which should be one of few: it becomes a label.
    pub fn fail(&mut self, error_type: &str) {
        error_type.clone_into(&mut self.error);
    }
}

impl Drop for Processing {
    fn drop(&mut self) {
        if std::thread::panicking() && self.error.is_empty() {
            self.fail("panic");
        }
        let consumer = &self.consumer;
        let labels = [
            (SYSTEM, &*consumer.system),
            (DESTINATION, &*consumer.destination),
            (OPERATION, "process"),
            (ERROR_TYPE, &*self.error),
        ];
        consumer.consumed.add(self.records, labels);
        consumer
            .process
            .record_duration(self.begun.elapsed(), labels);
    }
}
