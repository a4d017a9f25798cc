//! Span exporters of the application's own, behind a queue of ours.

use std::fmt;
use std::sync::Arc;

use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::exporters::{Name, Parts};
use super::queue::Queue;
use super::worker::{Export, Receipt};
use crate::config::Signal;
use crate::delivery::Failure;

/// An exporter that waits for the pipeline to be built.
pub(crate) struct Custom(Box<Start>);

type Start = dyn FnOnce(Parts<'_>, &str) -> Arc<Queue<SpanData>> + Send;

impl Custom {
    pub(crate) fn new(exporter: impl SpanExporter + 'static) -> Self {
        Self(Box::new(move |parts, name| {
            let mut exporter = exporter;
            exporter.set_resource(parts.resource);
            let batch = parts.config.traces.batch;
            let name = Name::local(name, "custom");
            parts.queue(Signal::Traces, name, batch, Sdk(exporter))
        }))
    }

    /// Starts the task that exports; `name` is what people read.
    pub(crate) fn start(self, parts: Parts<'_>, name: &str) -> Arc<Queue<SpanData>> {
        (self.0)(parts, name)
    }
}

impl fmt::Debug for Custom {
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
