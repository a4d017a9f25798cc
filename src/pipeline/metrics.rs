//! Metric readers of our own: what a scrape reads, and what is pushed at an interval.
//!
//! The SDK's periodic reader waits without an end for its thread and cannot be told a deadline. Here a task of the
//! private runtime keeps the interval, collects on a thread beside it, where a slow callback of the application holds up
//! nobody, and exports with a deadline.

use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, Temporality};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::diagnose::Subject;
use super::drain::Drain;
use super::queue::{Command, Receipt, earliest, sleep_until, timeout_at};
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
    (commands, run(schedule, exporter, received))
}

async fn run(
    schedule: Schedule,
    mut exporter: impl Push,
    mut commands: mpsc::UnboundedReceiver<Command>,
) {
    let mut due = next(schedule.interval);
    loop {
        let mut asked = Vec::new();
        let open = tokio::select! {
            command = commands.recv() => {
                let open = command.is_some();
                asked.extend(command);
                open
            }
            () = sleep_until(due) => true,
        };
        let limit = timeout_at(schedule.timeout);
        let mut export = std::pin::pin!(export_all(&schedule, &mut exporter));
        let mut until = asked
            .iter()
            .map(|c| c.deadline)
            .fold(limit, |l, d| earliest(l, Some(d)));
        loop {
            tokio::select! {
                () = &mut export => break,
                () = sleep_until(until) => {
                    schedule.subject.counters.created();
                    schedule.subject.exported(1, Err(Failure::deadline()));
                    break;
                }
                Some(command) = commands.recv() => {
                    until = earliest(until, Some(command.deadline));
                    asked.push(command);
                }
            }
        }
        let last = asked.iter().any(|command| command.last);
        for command in asked {
            // Whoever asked may have stopped waiting.
            let _ = command.done.send(());
        }
        if last || !open {
            return;
        }
        due = next(schedule.interval);
    }
}

/// An interval of zero would export without a pause; the specification allows it, and a second is as often as makes
/// sense.
fn next(interval: Duration) -> Option<Instant> {
    Instant::now().checked_add(interval.max(Duration::from_secs(1)))
}

async fn export_all(schedule: &Schedule, exporter: &mut impl Push) {
    for reader in &schedule.readers {
        let reader = reader.clone();
        let drain = schedule.drain.clone();
        let collected = tokio::task::spawn_blocking(move || {
            drain.run();
            reader.read()
        })
        .await;
        let subject = &schedule.subject;
        let result = match collected {
            Ok(Ok(metrics)) if metrics.scope_metrics().next().is_none() => continue,
            Ok(Ok(metrics)) => {
                subject.counters.created();
                exporter.push(&metrics).await
            }
            Ok(Err(failure)) => {
                subject.counters.created();
                Err(failure)
            }
            Err(panic) => {
                subject.counters.created();
                Err(Failure::new(
                    "panic",
                    format!("a metric callback panicked: {panic}"),
                ))
            }
        };
        subject.exported(1, result);
    }
}
