//! Components of the application's own whose panics end them and not the application.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{
    SamplingDecision, SamplingResult, ShouldSample, Span, SpanData, SpanProcessor,
};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::{caught, sampler};
use crate::config::{Component, ComponentKind};
use crate::diagnostics::{Diagnostics, Level};

/// A component that is asked no more after a panic.
#[derive(Debug)]
pub(super) struct Guarded<T> {
    inner: T,
    kind: ComponentKind,
    name: String,
    is_broken: AtomicBool,
    diagnostics: Diagnostics,
}

impl<T> Guarded<T> {
    pub(super) fn new(
        inner: T,
        kind: ComponentKind,
        component: &Component,
        diagnostics: &Diagnostics,
    ) -> Self {
        Self {
            inner,
            kind,
            name: component.name.clone(),
            is_broken: AtomicBool::new(false),
            diagnostics: diagnostics.clone(),
        }
    }

    /// What `ask` answers; `None` when it panics, and ever after.
    fn call<R>(&self, instead: &str, ask: impl FnOnce(&T) -> R) -> Option<R> {
        // Relaxed: nothing but the flag is shared, and one more call after a panic elsewhere does no harm.
        if self.is_broken.load(Ordering::Relaxed) {
            return None;
        }
        match catch_unwind(AssertUnwindSafe(|| ask(&self.inner))) {
            Ok(answer) => Some(answer),
            Err(panic) => {
                if !self.is_broken.swap(true, Ordering::Relaxed) {
                    let (kind, name, words) = (self.kind, &self.name, caught::words(&*panic));
                    let message = format_args!("the {kind} `{name}` panicked: {words}; {instead}");
                    self.diagnostics.say(Level::Error, message);
                }
                None
            }
        }
    }
}

/// A sampler; after a panic every trace is kept.
#[derive(Debug, Clone)]
pub(super) struct Sampler(pub(super) Arc<Guarded<Box<dyn ShouldSample>>>);

impl ShouldSample for Sampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        self.0
            .call("keeping every trace", |inner| {
                inner.should_sample(parent, trace_id, name, kind, attributes, links)
            })
            .unwrap_or_else(|| sampler::result(SamplingDecision::RecordAndSample, parent))
    }
}

/// A processor; after a panic spans pass it by.
#[derive(Debug, Clone)]
pub(super) struct Processor(pub(super) Arc<Guarded<Box<dyn SpanProcessor>>>);

impl Processor {
    fn ask<R>(&self, ask: impl FnOnce(&dyn SpanProcessor) -> R) -> Option<R> {
        self.0.call("it sees no more spans", |inner| ask(&**inner))
    }

    /// Lets it send what it holds; `last` also ends it.
    pub(super) fn finish(&self, within: Duration, last: bool) {
        let flushed = self.ask(|inner| {
            inner.force_flush()?;
            if last {
                inner.shutdown_with_timeout(within)?;
            }
            Ok::<(), OTelSdkError>(())
        });
        if let Some(Err(error)) = flushed {
            let name = &self.0.name;
            let message = format_args!("the span processor `{name}` cannot finish: {error}");
            self.0.diagnostics.say(Level::Error, message);
        }
    }
}

/// An answer each, when it has sent what it holds; foreign code may block, so each has a thread.
pub(super) fn finish(
    processors: &[Processor],
    runtime: &Handle,
    within: Duration,
    last: bool,
) -> Vec<oneshot::Receiver<()>> {
    let finish = |processor: &Processor| {
        let (done, answer) = oneshot::channel();
        let processor = processor.clone();
        runtime.spawn_blocking(move || {
            processor.finish(within, last);
            // Nobody waits any more if it took too long.
            let _ = done.send(());
        });
        answer
    };
    processors.iter().map(finish).collect()
}

impl SpanProcessor for Processor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.ask(|inner| inner.on_start(span, context));
    }

    fn on_end(&self, span: SpanData) {
        self.ask(|inner| inner.on_end(span));
    }

    // The pipeline finishes it, within the time that there is.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// A propagator; after a panic nothing is written and nothing is read.
#[derive(Debug)]
pub(super) struct Propagator(pub(super) Guarded<Box<dyn TextMapPropagator + Send + Sync>>);

impl TextMapPropagator for Propagator {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        self.0.call("it writes nothing any more", |inner| {
            inner.inject_context(context, injector);
        });
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        self.0
            .call("it reads nothing any more", |inner| {
                inner.extract_with_context(context, extractor)
            })
            .unwrap_or_else(|| context.clone())
    }

    fn fields(&self) -> FieldIter<'_> {
        self.0.inner.fields()
    }
}
