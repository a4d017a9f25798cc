//! The configured propagators in one.

use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{
    Extractor, Injector, TextMapCompositePropagator, TextMapPropagator,
};
use opentelemetry::trace::TraceContextExt;

use super::gate;
use super::guarded::{self, Guarded};
use super::provided::Provided;
use crate::config::{ComponentKind, Propagator};
use crate::delivery::Failure;
use crate::diagnostics::Diagnostics;
#[cfg(feature = "xray")]
use crate::propagation::XRay;
use crate::propagation::{B3, Baggage, Jaeger, TraceContext};

/// The propagators of a pipeline.
///
/// A skipped span has no context of its own: `OpenTelemetrySpanExt::context` gives an empty one, and instrumentation that
/// injects it would start another trace in the next service. So where a context without a span is injected while an
/// unsampled local span is current, that span's is written. Whoever wants to cut a trace there injects a context with a
/// span of its own.
#[derive(Debug, Clone)]
pub struct Propagators(Arc<TextMapCompositePropagator>);

impl TextMapPropagator for Propagators {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        if !context.has_active_span() && gate::current_if_unsampled().is_some() {
            return self.0.inject_context(&Context::current(), injector);
        }
        self.0.inject_context(context, injector);
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        self.0.extract_with_context(context, extractor)
    }

    fn fields(&self) -> FieldIter<'_> {
        self.0.fields()
    }
}

/// In the given order; without any of them nothing is written and nothing is read.
pub(crate) fn build(
    propagators: &[Propagator],
    provided: &Provided,
    diagnostics: &Diagnostics,
) -> Result<Propagators, Failure> {
    let mut all = Vec::new();
    for propagator in propagators {
        all.extend(one(propagator, provided, diagnostics)?);
    }
    Ok(Propagators(Arc::new(TextMapCompositePropagator::new(all))))
}

fn one(
    propagator: &Propagator,
    provided: &Provided,
    diagnostics: &Diagnostics,
) -> Result<Option<Box<dyn TextMapPropagator + Send + Sync>>, Failure> {
    Ok(Some(match propagator {
        Propagator::TraceContext => Box::new(TraceContext),
        Propagator::Baggage => Box::new(Baggage),
        Propagator::B3 => Box::new(B3::single()),
        Propagator::B3Multi => Box::new(B3::multi()),
        Propagator::Jaeger => Box::new(Jaeger),
        #[cfg(feature = "xray")]
        Propagator::XRay => Box::new(XRay),
        // The configuration has refused it and said so.
        #[cfg(not(feature = "xray"))]
        Propagator::XRay => return Ok(None),
        Propagator::Custom(custom) => {
            let made = provided.propagators.make(custom)?;
            let kind = ComponentKind::Propagator;
            let guarded = Guarded::new(made, kind, custom, diagnostics);
            Box::new(guarded::Propagator(guarded))
        }
    }))
}
