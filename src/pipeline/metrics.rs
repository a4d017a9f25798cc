//! Metric readers of our own: what a scrape reads, and what is pushed at an interval.
//!
//! The SDK's periodic reader waits without an end for its thread and cannot be told a deadline. Here a task of the
//! private runtime keeps the interval, collects on a thread beside it, where a slow callback of the application holds up
//! nobody, and exports with a deadline.

use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, Temporality};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::caught::Caught;
use super::diagnose::Subject;
use super::drain::Drain;
use super::queue::Command;
use super::worker::{Receipt, earliest, sleep_until, timeout_at};
use crate::delivery::Failure;

/// A reader that the provider and its owner share: the provider consumes what it is given.
#[derive(Debug, Clone)]
pub(crate) struct Reader(Arc<ManualReader>);

impl Reader {
    pub(crate) fn new(temporality: Temporality) -> Self {
        Self(Arc::new(
            ManualReader::builder()
                .with_temporality(temporality)
                .build(),
        ))
    }

    /// Everything as it stands now; calls back into the application.
    pub(crate) fn read(&self) -> Result<ResourceMetrics, Failure> {
        let mut metrics = ResourceMetrics::default();
        match self.0.collect(&mut metrics) {
            Ok(()) => Ok(metrics),
            Err(error) => Err(Failure::new("collect", error.to_string())),
        }
    }
}

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

/// Sends collected metrics somewhere.
pub(crate) trait Push: Send + 'static {
    fn push(
        &mut self,
        metrics: &ResourceMetrics,
    ) -> impl Future<Output = Result<Receipt, Failure>> + Send;

    /// Why the latest attempt failed of a push that was cut short.
    fn attempt(&self) -> Option<Failure> {
        None
    }
}

/// What one push exporter sends, and when.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// The application's instruments, and those that the span metrics are drained into.
    pub(crate) readers: Vec<Reader>,
    pub(crate) drain: Arc<Drain>,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) subject: Subject,
}

/// The task of one push exporter and the way to command it.
pub(crate) fn task(
    schedule: Schedule,
    exporter: impl Push,
) -> (
    mpsc::UnboundedSender<Command>,
    impl Future<Output = ()> + Send + 'static,
) {
    let (commands, received) = mpsc::unbounded_channel();
    let task = Task {
        schedule,
        exporter,
        collecting: None,
    };
    (commands, run(task, received))
}

async fn run(mut task: Task<impl Push>, mut commands: mpsc::UnboundedReceiver<Command>) {
    loop {
        let due = next(task.schedule.interval);
        let mut asked = Vec::new();
        let open = tokio::select! {
            command = commands.recv() => {
                let open = command.is_some();
                asked.extend(command);
                open
            }
            () = sleep_until(due) => true,
        };
        let mut limit = timeout_at(task.schedule.timeout);
        let ends = asked.iter().filter(|command| command.last);
        limit = ends.fold(limit, |limit, command| {
            earliest(limit, Some(command.deadline))
        });
        let cut = {
            let mut export = std::pin::pin!(task.export_all());
            loop {
                tokio::select! {
                    () = &mut export => break false,
                    () = sleep_until(limit) => break true,
                    Some(command) = commands.recv() => {
                        limit = earliest(limit, command.last.then_some(command.deadline));
                        asked.push(command);
                    }
                }
            }
        };
        if cut {
            task.cut_short();
        }
        let last = asked.iter().any(|command| command.last);
        for command in asked {
            // Whoever asked may have stopped waiting.
            let _ = command.done.send(());
        }
        if last || !open {
            return;
        }
    }
}

/// An interval of zero would export without a pause; the specification allows it, and a second is as often as makes
/// sense.
fn next(interval: Duration) -> Option<Instant> {
    Instant::now().checked_add(interval.max(Duration::from_secs(1)))
}

type Collected = Result<ResourceMetrics, Failure>;

struct Task<E> {
    schedule: Schedule,
    exporter: E,
    /// A collection that has not come back. Another one would wait behind it, on another thread, each time.
    collecting: Option<JoinHandle<Collected>>,
}

impl<E: Push> Task<E> {
    async fn export_all(&mut self) {
        for index in 0..self.schedule.readers.len() {
            let collected = self.collect(index).await;
            let subject = &self.schedule.subject;
            let (points, result) = match collected {
                Ok(metrics) => {
                    let points = points(&metrics);
                    if points == 0 {
                        continue;
                    }
                    subject.counters.add(points);
                    subject.counters.begin(points);
                    let result = match Caught::new(self.exporter.push(&metrics)).await {
                        Ok(result) => result,
                        Err(words) => Err(Failure::new(
                            "panic",
                            format!("the exporter panicked: {words}"),
                        )),
                    };
                    (points, result)
                }
                // How many there would have been is not known.
                Err(failure) => {
                    subject.counters.queued();
                    (1, Err(failure))
                }
            };
            subject.exported(points, result);
        }
    }

    /// Collects on a thread beside the runtime: the application's callbacks may take their time, or panic.
    async fn collect(&mut self, index: usize) -> Collected {
        let reader = self.schedule.readers[index].clone();
        let drain = self.schedule.drain.clone();
        let unfinished = self.collecting.take().filter(|task| !task.is_finished());
        if let Some(unfinished) = unfinished {
            self.collecting = Some(unfinished);
            return Err(Failure::new(
                "collect",
                "an earlier collection has not ended; a callback of an observable instrument hangs",
            ));
        }
        let subject = self.schedule.subject.clone();
        let task = tokio::task::spawn_blocking(move || {
            let start = Instant::now();
            drain.run();
            let collected = reader.read();
            subject.collected(start.elapsed());
            collected
        });
        // It stays where it is while it is waited for: the wait may be cut short.
        let collected = self.collecting.insert(task).await;
        self.collecting = None;
        collected.unwrap_or_else(|panic| {
            Err(Failure::new(
                "panic",
                format!("a metric callback panicked: {panic}"),
            ))
        })
    }

    /// Time is over for what is collected or on its way.
    fn cut_short(&self) {
        let subject = &self.schedule.subject;
        let on_its_way = subject.status().queued;
        if on_its_way == 0 {
            subject.counters.queued();
        }
        let why = if self.collecting.is_some() {
            Failure::new(
                "collect",
                "not collected in time; a callback of an observable instrument takes too long",
            )
        } else {
            Failure::deadline(self.exporter.attempt())
        };
        subject.exported(on_its_way.max(1), Err(why));
    }
}

/// Data points, the items that receivers count.
fn points(metrics: &ResourceMetrics) -> u64 {
    fn of<T>(data: &MetricData<T>) -> usize {
        match data {
            MetricData::Gauge(gauge) => gauge.data_points().count(),
            MetricData::Sum(sum) => sum.data_points().count(),
            MetricData::Histogram(histogram) => histogram.data_points().count(),
            MetricData::ExponentialHistogram(histogram) => histogram.data_points().count(),
        }
    }
    let scopes = metrics.scope_metrics();
    let points = scopes.flat_map(|scope| scope.metrics()).map(|metric| {
        let points = match metric.data() {
            AggregatedMetrics::F64(data) => of(data),
            AggregatedMetrics::U64(data) => of(data),
            AggregatedMetrics::I64(data) => of(data),
        };
        points as u64
    });
    points.sum()
}
