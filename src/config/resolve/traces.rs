//! Spans.

use super::filter::filter;
use super::otlp;
use super::rules::rules;
use super::sampler::sampler;
use crate::config::reader::Reader;
use crate::config::variable::Variable;
use crate::config::{Batch, Signal, SpanExporter, SpanLimits, Traces, table};

pub(super) fn traces(reader: &mut Reader<'_>) -> Traces {
    let (names, connection) = otlp::exporters(reader, &table::TRACES_EXPORTER, Signal::Traces);
    let exporters = names.iter().filter_map(|name| match *name {
        otlp::NAME => connection.clone().map(SpanExporter::Otlp),
        "console" => Some(SpanExporter::Console),
        otlp::STDOUT => Some(SpanExporter::OtlpStdout),
        _ => None,
    });
    Traces {
        exporters: exporters.collect(),
        processors: Vec::new(),
        sampler: sampler(reader),
        rules: rules(reader),
        batch: batch(
            reader,
            [
                &table::BSP_SCHEDULE_DELAY,
                &table::BSP_EXPORT_TIMEOUT,
                &table::BSP_MAX_QUEUE_SIZE,
                &table::BSP_MAX_EXPORT_BATCH_SIZE,
            ],
        ),
        limits: limits(reader),
        filter: filter(reader, &table::SPAN_FILTER),
        skip_unsampled: reader.choice(&[&table::SKIP_UNSAMPLED]).value == "on",
    }
}

fn limits(reader: &mut Reader<'_>) -> SpanLimits {
    let general = &table::ATTRIBUTE_COUNT_LIMIT;
    SpanLimits {
        attribute_count: reader
            .limit(&[&table::SPAN_ATTRIBUTE_COUNT_LIMIT, general])
            .value,
        attribute_value_length: reader.length(&[
            &table::SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT,
            &table::ATTRIBUTE_VALUE_LENGTH_LIMIT,
        ]),
        event_count: reader.limit(&[&table::SPAN_EVENT_COUNT_LIMIT]).value,
        link_count: reader.limit(&[&table::SPAN_LINK_COUNT_LIMIT]).value,
        event_attribute_count: reader
            .limit(&[&table::EVENT_ATTRIBUTE_COUNT_LIMIT, general])
            .value,
        link_attribute_count: reader
            .limit(&[&table::LINK_ATTRIBUTE_COUNT_LIMIT, general])
            .value,
    }
}

/// Delay, timeout, queue and batch, in this order.
pub(super) fn batch(reader: &mut Reader<'_>, variables: [&'static Variable; 4]) -> Batch {
    let [delay, timeout, queue, size] = variables;
    let schedule_delay = reader.duration(&[delay]).value;
    let export_timeout = reader.duration(&[timeout]).value;
    let queue_read = reader.size(&[queue]);
    let queue_bytes = reader.optional_size(&table::QUEUE_BYTES, "33554432");
    let mut max_queue_size = queue_read.value;
    if queue_read.is_default() && queue_bytes.is_some() {
        // Whoever bounds the bytes has said what may be held; the default count would undercut it.
        max_queue_size = usize::MAX;
        reader.amend(queue, "as many as OTEL_RUST_QUEUE_BYTES hold");
    }
    let size_read = reader.size(&[size]);
    let mut max_export_batch_size = size_read.value;
    if max_export_batch_size > max_queue_size {
        max_export_batch_size = max_queue_size;
        // A queue below the default batch is no mistake: nobody asked for that batch.
        if !size_read.is_default() {
            let what = format!("is more than {} holds", queue.name);
            reader.warn(&size_read, what, &format!("using {max_queue_size}"));
        }
        reader.amend(size, max_queue_size.to_string());
    }
    Batch {
        schedule_delay,
        max_queue_size,
        max_queue_bytes: queue_bytes.unwrap_or(Batch::spans().max_queue_bytes),
        max_export_batch_size,
        export_timeout,
    }
}
