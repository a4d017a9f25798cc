//! Spans and log records as readable lines, one each, for a terminal.
//!
//! `OTEL_TRACES_EXPORTER=console` and `OTEL_LOGS_EXPORTER=console` write here, to standard output. The form is for
//! people and may change; nothing should read it.

use std::fmt::Write;

use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_sdk::logs::SdkLogRecord;
use opentelemetry_sdk::trace::SpanData;

/// Appends a span: end, name, kind, duration, status, ids, attributes, and its events below it.
pub(crate) fn write_span(out: &mut String, span: &SpanData) {
    let duration = span
        .end_time
        .duration_since(span.start_time)
        .unwrap_or_default();
    let status = match &span.status {
        Status::Unset => "unset".to_owned(),
        Status::Ok => "ok".to_owned(),
        Status::Error { description } if description.is_empty() => "ERROR".to_owned(),
        Status::Error { description } => format!("ERROR {description:?}"),
    };
    // Writing into a string cannot fail.
    let _ = write!(
        out,
        "{} span {:?} {} {duration:.1?} {status} trace={} span={}",
        humantime::format_rfc3339_millis(span.end_time),
        span.name,
        kind(&span.span_kind),
        span.span_context.trace_id(),
        span.span_context.span_id(),
    );
    if span.parent_span_id != SpanId::INVALID {
        let _ = write!(out, " parent={}", span.parent_span_id);
    }
    for attribute in &span.attributes {
        let _ = write!(out, " {}={:?}", attribute.key, attribute.value.as_str());
    }
    out.push('\n');
    for event in &span.events.events {
        let _ = write!(
            out,
            "    {} event {:?}",
            humantime::format_rfc3339_millis(event.timestamp),
            event.name
        );
        for attribute in &event.attributes {
            let _ = write!(out, " {}={:?}", attribute.key, attribute.value.as_str());
        }
        out.push('\n');
    }
}

/// Appends a log record: time, severity, target, body, ids, attributes.
pub(crate) fn write_log(out: &mut String, record: &SdkLogRecord) {
    if let Some(time) = record.timestamp().or(record.observed_timestamp()) {
        let _ = write!(out, "{} ", humantime::format_rfc3339_millis(time));
    }
    let _ = write!(
        out,
        "log {} {}",
        record.severity_text().unwrap_or("-"),
        record.target().map_or("-", |target| target)
    );
    if let Some(body) = record.body() {
        let _ = write!(out, " {body:?}");
    }
    if let Some(context) = record.trace_context() {
        let _ = write!(out, " trace={} span={}", context.trace_id, context.span_id);
    }
    for (key, value) in record.attributes_iter() {
        let _ = write!(out, " {key}={value:?}");
    }
    out.push('\n');
}

const fn kind(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}
