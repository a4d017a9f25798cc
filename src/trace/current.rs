//! Saying things about the current span.

use std::any::type_name;
use std::borrow::Cow;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

use opentelemetry::trace::Status;
use opentelemetry::{Key, KeyValue, Value};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::pipeline::SpanwiseLayer;
use crate::semconv;
use crate::span_metrics;

/// Errors below one that are recorded: a chain that is longer has a loop.
const MAX_SOURCES: usize = 32;

/// Sets an attribute of the current span.
///
/// A field that the span has declared is recorded as such, so that log lines and, if it is a dimension, span metrics have it too. Anything
/// else is on the exported span only.
pub fn set_attribute(key: impl Into<Key>, value: impl Into<Value>) {
    let (span, key, value) = (Span::current(), key.into(), value.into());
    if !span.has_field(key.as_str()) {
        return span.set_attribute(key, value);
    }
    let key = key.as_str();
    match value {
        Value::Bool(value) => span.record(key, value),
        Value::I64(value) => span.record(key, value),
        Value::F64(value) => span.record(key, value),
        other => span.record(key, &*other.as_str()),
    };
}

/// Adds an event to the current span, and to nothing else: it is no log record.
///
/// ```
/// use opentelemetry::KeyValue;
///
/// spanwise::trace::add_event("cache miss", [KeyValue::new("cache", "sessions")]);
/// ```
pub fn add_event(
    name: impl Into<Cow<'static, str>>,
    attributes: impl IntoIterator<Item = KeyValue>,
) {
    Span::current().add_event(name, attributes.into_iter().collect());
}

/// Records an error with everything that caused it, and makes the current span one that failed.
///
/// The exported span gets an event `exception` with type, message and, as its stack trace, a line for each source; and its status says the
/// message. Span metrics count it as an error. The type is left out for `dyn Error`, which has lost it.
pub fn record_error<E: Error + ?Sized>(error: &E) {
    let message = shown(error);
    let mut attributes = vec![KeyValue::new(semconv::EXCEPTION_MESSAGE, message.clone())];
    let type_name = type_name::<E>();
    if !type_name.starts_with("dyn ") {
        attributes.push(KeyValue::new(semconv::EXCEPTION_TYPE, type_name));
    }
    let sources = std::iter::successors(error.source(), |&error| error.source());
    let lines: Vec<String> = sources
        .take(MAX_SOURCES)
        .map(|source| format!("caused by: {}", shown(source)))
        .collect();
    if !lines.is_empty() {
        let lines = lines.join("\n");
        attributes.push(KeyValue::new(semconv::EXCEPTION_STACKTRACE, lines));
    }
    add_event(semconv::EXCEPTION, attributes);
    set_status(Status::error(message));
}

/// An error that panics while it is shown must not take down who records it.
fn shown<E: Error + ?Sized>(error: &E) -> String {
    catch_unwind(AssertUnwindSafe(|| error.to_string()))
        .unwrap_or_else(|_| "an error that cannot be shown".to_owned())
}

/// Says how the current span went, to the exported span and to span metrics.
///
/// Once a span was entered, `Ok` is final and an error is not taken back by `Unset`.
pub fn set_status(status: Status) {
    let span = Span::current();
    let counted = match &status {
        Status::Unset => span_metrics::Status::Unset,
        Status::Ok => span_metrics::Status::Ok,
        Status::Error { .. } => span_metrics::Status::Error,
    };
    span.with_subscriber(|(id, subscriber)| {
        if let Some(layer) = SpanwiseLayer::of(subscriber) {
            layer.set_status(id, counted);
        }
    });
    span.set_status(status);
}
