//! The span processor: sampled spans, within their limits, into the queues.

use std::time::Duration;

use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::capture::Capture;
use super::queue::Queue;

/// Hands ended spans to every exporter's queue.
#[derive(Debug)]
pub(crate) struct SpanSink {
    queues: Vec<std::sync::Arc<Queue<SpanData>>>,
    value_length: Option<usize>,
    capture: Option<Capture>,
}

impl SpanSink {
    pub(crate) fn new(
        queues: Vec<std::sync::Arc<Queue<SpanData>>>,
        value_length: Option<usize>,
        capture: Option<Capture>,
    ) -> Self {
        Self {
            queues,
            value_length,
            capture,
        }
    }
}

impl SpanProcessor for SpanSink {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, mut span: SpanData) {
        // A sampler that says "record only" wants the span seen, not exported.
        if !span.span_context.is_sampled() {
            return;
        }
        if let Some(limit) = self.value_length {
            cut_span(&mut span, limit);
        }
        if let Some(capture) = &self.capture {
            capture.span(&span);
        }
        if let Some((last, others)) = self.queues.split_last() {
            for queue in others {
                queue.push(span.clone());
            }
            last.push(span);
        }
    }

    // Flush and shutdown go past the SDK, which waits without an end and reports success whatever happened.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The SDK limits how many attributes there are, not how long a value is.
fn cut_span(span: &mut SpanData, limit: usize) {
    cut_all(&mut span.attributes, limit);
    for event in &mut span.events.events {
        cut_all(&mut event.attributes, limit);
    }
    for link in &mut span.links.links {
        cut_all(&mut link.attributes, limit);
    }
}

fn cut_all(attributes: &mut [KeyValue], limit: usize) {
    for attribute in attributes {
        match &mut attribute.value {
            Value::String(text) => cut(text, limit),
            Value::Array(Array::String(texts)) => {
                texts.iter_mut().for_each(|text| cut(text, limit))
            }
            _ => {}
        }
    }
}

/// Keeps the first `limit` characters.
pub(super) fn cut(text: &mut StringValue, limit: usize) {
    // Bytes are never fewer than characters: most values are decided without counting.
    if text.as_str().len() <= limit {
        return;
    }
    if let Some((end, _)) = text.as_str().char_indices().nth(limit) {
        *text = text.as_str()[..end].to_owned().into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_to_characters_not_bytes() {
        let mut attributes = [
            KeyValue::new("short", "ab"),
            KeyValue::new("long", "äöüß"),
            KeyValue::new(
                "list",
                Value::Array(Array::String(vec!["abcd".into(), "x".into()])),
            ),
            KeyValue::new("number", 12345),
        ];
        cut_all(&mut attributes, 3);
        let values: Vec<String> = attributes.iter().map(|a| a.value.to_string()).collect();
        assert_eq!(values, ["ab", "äöü", "[\"abc\",\"x\"]", "12345"]);
    }

    #[test]
    fn a_limit_of_zero_leaves_empty_values() {
        let mut attributes = [KeyValue::new("a", "b")];
        cut_all(&mut attributes, 0);
        assert_eq!(attributes[0].value.to_string(), "");
    }
}
