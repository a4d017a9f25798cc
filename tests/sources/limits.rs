//! Limits of spans and log records, through the SDK and over the wire.

use serde_json::Value;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use opentelemetry::KeyValue;
use opentelemetry::trace::TraceContextExt as _;

use crate::receiver::{Receiver, attribute};
use crate::{PLENTY, telemetry};

/// A span with long values and two of everything that is limited.
fn full_span() {
    let linked = tracing::info_span!("linked");
    linked.in_scope(|| ());
    let target = linked.context().span().span_context().clone();
    let span = tracing::info_span!("full", a = "äöüß", b = "12345");
    span.add_link_with_attributes(
        target.clone(),
        vec![KeyValue::new("a", "12345"), KeyValue::new("b", "12345")],
    );
    span.add_link_with_attributes(target, vec![]);
    span.in_scope(|| {
        Span::current().add_event("first", two_attributes());
        Span::current().add_event("second", two_attributes());
    });
}

fn two_attributes() -> Vec<KeyValue> {
    vec![KeyValue::new("a", "12345"), KeyValue::new("b", "12345")]
}

/// What arrives of the full span under `limits`.
fn received(limits: &[(&str, &str)]) -> Value {
    let receiver = Receiver::start();
    let telemetry = telemetry(&receiver, limits);
    telemetry.scope(full_span);
    telemetry.shutdown_within(PLENTY).expect("all arrives");
    let mut spans = receiver.spans().into_iter();
    spans
        .find(|span| span["name"] == "full")
        .expect("the span arrives")
}

fn len(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

#[test]
fn lengths_hold_for_spans_events_and_links() {
    let span = received(&[("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3")]);
    assert_eq!(attribute(&span, "a"), Some(&"äöü".into()), "{span:#}");
    for item in [&span, &span["events"][0], &span["links"][0]] {
        assert_eq!(attribute(item, "b"), Some(&"123".into()), "{span:#}");
    }
}

#[test]
fn general_length_holds_where_nothing_else_is_set() {
    let span = received(&[("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2")]);
    assert_eq!(attribute(&span["links"][0], "a"), Some(&"12".into()));
}

#[test]
fn counts_hold_and_what_is_dropped_is_counted() {
    let span = received(&[
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "1"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "1"),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "1"),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "0"),
    ]);
    assert_eq!(len(&span["attributes"]), 1, "{span:#}");
    assert!(
        span["droppedAttributesCount"].as_u64() > Some(0),
        "{span:#}"
    );
    assert_eq!(len(&span["events"]), 1, "{span:#}");
    assert_eq!(span["droppedEventsCount"], 1, "{span:#}");
    assert_eq!(len(&span["events"][0]["attributes"]), 1, "{span:#}");
    assert_eq!(span["events"][0]["droppedAttributesCount"], 1, "{span:#}");
    assert_eq!(len(&span["links"]), 1, "{span:#}");
    assert_eq!(len(&span["links"][0]["attributes"]), 0, "{span:#}");
}

#[test]
fn limits_of_log_records_are_their_own() {
    let receiver = Receiver::start();
    let limits = [
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "7"),
        ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "1"),
        ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3"),
    ];
    let telemetry = telemetry(&receiver, &limits);
    telemetry.scope(|| tracing::info!(a = "äöüß", b = "12345", "a long message"));
    telemetry.shutdown_within(PLENTY).expect("all arrives");
    let record = &receiver.log_records()[0];
    assert_eq!(len(&record["attributes"]), 1, "{record:#}");
    assert_eq!(attribute(record, "a"), Some(&"äöü".into()), "{record:#}");
    assert_eq!(record["body"]["stringValue"], "a long message");
}
