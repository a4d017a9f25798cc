//! Exporters of the application's own, behind a queue of ours.

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "config-file")]
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::exporters::{Name, Parts};
#[cfg(feature = "config-file")]
use super::logs::Record;
use super::queue::Queue;
use super::weight::Weight;
use super::worker::{Export, Receipt};
use crate::config::Signal;
use crate::delivery::Failure;

/// An exporter that waits for the pipeline to be built.
pub(crate) struct Custom<T: Weight>(Box<Start<T>>);

type Start<T> = dyn FnOnce(Parts<'_>, &str) -> Arc<Queue<T>> + Send;

impl Custom<SpanData> {
    pub(crate) fn spans(exporter: impl SpanExporter + 'static) -> Self {
        Self(Box::new(move |parts, name| {
            let mut exporter = exporter;
            exporter.set_resource(parts.resource);
            let batch = parts.config.traces.batch;
            let name = Name::local(name, "custom");
            parts.queue(Signal::Traces, name, batch, Sdk(exporter))
        }))
    }
}

#[cfg(feature = "config-file")]
impl Custom<Record> {
    pub(crate) fn logs(exporter: impl LogExporter + 'static) -> Self {
        Self(Box::new(move |parts, name| {
            let mut exporter = exporter;
            exporter.set_resource(parts.resource);
            let batch = parts.config.logs.batch;
            let name = Name::local(name, "custom");
            parts.queue(Signal::Logs, name, batch, Sdk(exporter))
        }))
    }
}

impl<T: Weight> Custom<T> {
    /// Starts the task that exports; `name` is what people read.
    pub(crate) fn start(self, parts: Parts<'_>, name: &str) -> Arc<Queue<T>> {
        (self.0)(parts, name)
    }
}

impl<T: Weight> fmt::Debug for Custom<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Custom")
    }
}

/// Any exporter of the SDK's kind; all that it tells is success or failure.
struct Sdk<E>(E);

impl<E: SpanExporter + 'static> Export<SpanData> for Sdk<E> {
    type Request = Vec<SpanData>;

    fn encode(&mut self, batch: Vec<SpanData>) -> Result<Vec<SpanData>, Failure> {
        Ok(batch)
    }

    async fn send(&mut self, batch: &mut Vec<SpanData>) -> Result<Receipt, Failure> {
        match self.0.export(std::mem::take(batch)).await {
            Ok(()) => Ok(Receipt::default()),
            Err(error) => Err(Failure::new("custom", error.to_string())),
        }
    }
}

#[cfg(feature = "config-file")]
impl<E: LogExporter + 'static> Export<Record> for Sdk<E> {
    type Request = Vec<Record>;

    fn encode(&mut self, batch: Vec<Record>) -> Result<Vec<Record>, Failure> {
        Ok(batch)
    }

    async fn send(&mut self, batch: &mut Vec<Record>) -> Result<Receipt, Failure> {
        let batch = std::mem::take(batch);
        let records: Vec<_> = batch
            .iter()
            .map(|(record, scope)| (record, scope))
            .collect();
        match self.0.export(LogBatch::new(&records)).await {
            Ok(()) => Ok(Receipt::default()),
            Err(error) => Err(Failure::new("custom", error.to_string())),
        }
    }
}
