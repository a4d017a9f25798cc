//! Spans that are made through the OpenTelemetry API, without `tracing`, counted like the others where that is asked for.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::Status;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::SCOPE;
use crate::span_metrics::{self, Facts, Kind, SpanMetrics};

/// Counts spans as they end. Those that come from `tracing` are counted elsewhere, and have our scope.
#[derive(Debug)]
pub(crate) struct ApiSpans(pub(crate) Arc<SpanMetrics>);

impl SpanProcessor for ApiSpans {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        let scope = span.instrumentation_scope.name();
        if scope == SCOPE {
            return;
        }
        // An end before the start counts as no duration, as everywhere.
        let duration = span.end_time.duration_since(span.start_time);
        let field = |name: &str| {
            let mut attributes = span.attributes.iter().rev();
            let attribute = attributes.find(|attribute| attribute.key.as_str() == name)?;
            Some(attribute.value.as_str().as_ref().into())
        };
        let facts = Facts {
            name: span.name.as_ref().into(),
            callsite: (&span.name, scope),
            kind: Kind::from_otel(&span.span_kind),
            status: match span.status {
                Status::Unset => span_metrics::Status::Unset,
                Status::Error { .. } => span_metrics::Status::Error,
                Status::Ok => span_metrics::Status::Ok,
            },
            field: &field,
        };
        let duration = duration.unwrap_or(Duration::ZERO);
        self.0.count(&facts, duration, &span.span_context);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
