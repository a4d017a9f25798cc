//! How much memory an item takes while it waits.
//!
//! An estimate from above of what the queue holds on to: the value itself, the text and the arrays behind its pointers. A
//! key counts although most are constants of the program, and what an allocator adds is left out.

use opentelemetry::logs::AnyValue;
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

use super::logs::Record;

/// An item of a queue.
pub(crate) trait Weight: Send + 'static {
    /// Bytes that it takes, about.
    fn bytes(&self) -> usize;
}

impl Weight for SpanData {
    fn bytes(&self) -> usize {
        let events = self
            .events
            .events
            .iter()
            .map(|event| size_of_val(event) + event.name.len() + attributes(&event.attributes));
        let links = self
            .links
            .links
            .iter()
            .map(|link| size_of_val(link) + attributes(&link.attributes));
        size_of::<Self>()
            + self.name.len()
            + attributes(&self.attributes)
            + events.sum::<usize>()
            + links.sum::<usize>()
    }
}

impl Weight for Record {
    fn bytes(&self) -> usize {
        let (record, _) = self;
        let body = record.body().map_or(0, any);
        let attributes = record
            .attributes_iter()
            .map(|(key, value)| key.as_str().len() + size_of::<AnyValue>() + any(value));
        size_of::<Self>() + body + attributes.sum::<usize>()
    }
}

fn attributes(attributes: &[KeyValue]) -> usize {
    attributes
        .iter()
        .map(|attribute| {
            size_of::<KeyValue>() + attribute.key.as_str().len() + value(&attribute.value)
        })
        .sum()
}

/// What lies behind the pointers of a value.
fn value(value: &Value) -> usize {
    match value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::Bool(values)) => size_of_val(values.as_slice()),
        Value::Array(Array::I64(values)) => size_of_val(values.as_slice()),
        Value::Array(Array::F64(values)) => size_of_val(values.as_slice()),
        Value::Array(Array::String(texts)) => texts
            .iter()
            .map(|text| size_of_val(text) + text.as_str().len())
            .sum(),
        _ => 0,
    }
}

/// The same for the values of log records, which nest.
fn any(value: &AnyValue) -> usize {
    match value {
        AnyValue::String(text) => text.as_str().len(),
        AnyValue::Bytes(bytes) => bytes.len(),
        AnyValue::ListAny(values) => values
            .iter()
            .map(|value| size_of::<AnyValue>() + any(value))
            .sum(),
        AnyValue::Map(values) => values
            .iter()
            .map(|(key, value)| key.as_str().len() + size_of::<AnyValue>() + any(value))
            .sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_arrays_count_with_what_they_point_to() {
        let long = "x".repeat(1000);
        let list = Value::Array(Array::I64(vec![0; 100]));
        let both = [KeyValue::new("text", long), KeyValue::new("list", list)];
        let bytes = attributes(&both);
        assert_eq!(bytes, 2 * size_of::<KeyValue>() + 8 + 1000 + 800);
    }

    #[test]
    fn nested_values_of_logs_count() {
        let list = AnyValue::ListAny(Box::new(vec![AnyValue::String("four".into())]));
        assert_eq!(any(&list), size_of::<AnyValue>() + 4);
    }
}
