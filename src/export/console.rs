//! Spans and log records as readable lines, one each, for a terminal.
//!
//! `OTEL_TRACES_EXPORTER=console` and `OTEL_LOGS_EXPORTER=console` write here, to standard output. The form is for
//! people and may change; nothing should read it.

use std::fmt::Write;

use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry::{KeyValue, Value};
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
        write_attribute(out, attribute);
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
            write_attribute(out, attribute);
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

/// Text is quoted, so that a number and a text of digits are told apart.
fn write_attribute(out: &mut String, attribute: &KeyValue) {
    let _ = match &attribute.value {
        Value::String(text) => write!(out, " {}={:?}", attribute.key, text.as_str()),
        other => write!(out, " {}={other}", attribute.key),
    };
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{SpanContext, TraceFlags, TraceId, TraceState};

    use super::*;

    #[test]
    fn a_span_is_one_line() {
        let context = SpanContext::new(
            TraceId::from_bytes([1; 16]),
            SpanId::from_bytes([2; 8]),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        );
        let start = SystemTime::UNIX_EPOCH;
        let span = SpanData {
            span_context: context,
            parent_span_id: SpanId::from_bytes([3; 8]),
            parent_span_is_remote: false,
            span_kind: SpanKind::Server,
            name: "GET /users/{id}".into(),
            start_time: start,
            end_time: start + Duration::from_micros(1500),
            attributes: vec![KeyValue::new("status", 200), KeyValue::new("text", "a\nb")],
            dropped_attributes_count: 0,
            events: Default::default(),
            links: Default::default(),
            status: Status::error("bad"),
            instrumentation_scope: InstrumentationScope::default(),
        };
        let mut out = String::new();
        write_span(&mut out, &span);
        assert_eq!(
            out,
            "1970-01-01T00:00:00.001Z span \"GET /users/{id}\" server 1.5ms ERROR \"bad\" \
             trace=01010101010101010101010101010101 span=0202020202020202 parent=0303030303030303 \
             status=200 text=\"a\\nb\"\n"
        );
    }
}
