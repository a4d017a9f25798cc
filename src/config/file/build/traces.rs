//! Spans.

use super::Builder;
use super::component::component;
use super::exporter::{Target, exporter};
use super::place::Place;
use super::sampler::sampler;
use super::settings::Own;
use crate::config::variable::Variable;
use crate::config::{
    Batch, Component, ComponentKind, Signal, SpanExporter, SpanLimits, Traces, table,
};

/// No provider means that no span goes anywhere: that is what the schema says.
pub(super) fn traces(builder: &mut Builder<'_>, root: &Place<'_>, own: &Own) -> Traces {
    let provider = root.get("tracer_provider");
    builder.unsupported(
        &provider.get("tracer_configurator/development"),
        "use span_filter below instrumentation/development.rust.spanwise",
    );
    if let Some((name, place)) = provider.get("id_generator").component()
        && name != "random"
    {
        builder.reject(&place, "no id generator of this name is registered");
    }
    let mut exporters = Vec::new();
    let variables = [
        &table::BSP_SCHEDULE_DELAY,
        &table::BSP_EXPORT_TIMEOUT,
        &table::BSP_MAX_QUEUE_SIZE,
        &table::BSP_MAX_EXPORT_BATCH_SIZE,
    ];
    let (batch, processors) = processors(
        builder,
        &provider,
        own.batch(Batch::spans()),
        variables,
        Some(ComponentKind::SpanProcessor),
        |builder, place| {
            exporters.extend(match exporter(builder, place, Signal::Traces) {
                Some((Target::Otlp(otlp), _)) => Some(SpanExporter::Otlp(otlp)),
                Some((Target::OtlpStdout, _)) => Some(SpanExporter::OtlpStdout),
                Some((Target::Console, _)) => Some(SpanExporter::Console),
                Some((Target::Custom(custom), _)) => Some(SpanExporter::Custom(custom)),
                None => None,
            });
        },
    );
    let names = exporters.iter().map(|exporter| match exporter {
        SpanExporter::Otlp(_) => "otlp",
        SpanExporter::OtlpStdout => "otlp/stdout",
        SpanExporter::Console => "console",
        SpanExporter::Custom(custom) => &custom.name,
    });
    record_names(
        builder,
        &table::TRACES_EXPORTER,
        names.collect(),
        &provider.get("processors"),
    );
    Traces {
        exporters,
        processors,
        sampler: sampler(builder, &provider.get("sampler")),
        batch,
        limits: limits(builder, root, &provider.get("limits")),
        rules: own.sampler_rules.clone(),
        filter: own.span_filter.clone(),
        skip_unsampled: own.skip_unsampled,
    }
}

pub(super) fn record_names(
    builder: &mut Builder<'_>,
    variable: &'static Variable,
    names: Vec<&str>,
    place: &Place<'_>,
) {
    let shown = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(",")
    };
    builder.record(variable, shown, place);
}

fn limits(builder: &mut Builder<'_>, root: &Place<'_>, place: &Place<'_>) -> SpanLimits {
    let general = root.get("attribute_limits");
    let count = general.get("attribute_count_limit");
    let defaults = SpanLimits::default();
    SpanLimits {
        attribute_count: builder.limit(
            &[place.get("attribute_count_limit"), count.clone()],
            &table::SPAN_ATTRIBUTE_COUNT_LIMIT,
            defaults.attribute_count,
        ),
        attribute_value_length: builder.length(
            &[
                place.get("attribute_value_length_limit"),
                general.get("attribute_value_length_limit"),
            ],
            &table::SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT,
        ),
        event_count: builder.limit(
            &[place.get("event_count_limit")],
            &table::SPAN_EVENT_COUNT_LIMIT,
            defaults.event_count,
        ),
        link_count: builder.limit(
            &[place.get("link_count_limit")],
            &table::SPAN_LINK_COUNT_LIMIT,
            defaults.link_count,
        ),
        event_attribute_count: builder.limit(
            &[place.get("event_attribute_count_limit"), count.clone()],
            &table::EVENT_ATTRIBUTE_COUNT_LIMIT,
            defaults.event_attribute_count,
        ),
        link_attribute_count: builder.limit(
            &[place.get("link_attribute_count_limit"), count],
            &table::LINK_ATTRIBUTE_COUNT_LIMIT,
            defaults.link_attribute_count,
        ),
    }
}

/// Delay, timeout, queue and batch, in this order, and processors of the application's own, where they can be of some
/// `kind`; the exporter of each of ours goes to `export`.
pub(super) fn processors(
    builder: &mut Builder<'_>,
    provider: &Place<'_>,
    defaults: Batch,
    variables: [&'static Variable; 4],
    kind: Option<ComponentKind>,
    mut export: impl FnMut(&mut Builder<'_>, &Place<'_>),
) -> (Batch, Vec<Component>) {
    let mut first = None;
    let mut custom = Vec::new();
    for processor in provider.get("processors").items() {
        let Some((name, place)) = processor.component() else {
            continue;
        };
        match name {
            "batch" => {
                let batch = batch(builder, &place, defaults, variables);
                if *first.get_or_insert(batch) != batch {
                    let what =
                        "has other settings than the first batch processor, and all share one set";
                    builder.warn(&place, what, "using those of the first");
                }
                export(builder, &place.get("exporter"));
            }
            "simple" => {
                let what = "exports one at a time, which would hold up the application";
                builder.notice(&place, what, "exporting in batches");
                export(builder, &place.get("exporter"));
            }
            "event_to_span_event_bridge/development" => {
                let what = "is not supported: it is still in development";
                builder.warn(&place, what, "ignoring it");
            }
            _ => match kind {
                Some(kind) => custom.extend(component(builder, kind, name, &place)),
                None => builder.reject(&place, "no processor of this name is registered"),
            },
        }
    }
    let batch =
        first.unwrap_or_else(|| batch(builder, &provider.get("processors"), defaults, variables));
    (batch, custom)
}

fn batch(
    builder: &mut Builder<'_>,
    place: &Place<'_>,
    defaults: Batch,
    variables: [&'static Variable; 4],
) -> Batch {
    let [delay, timeout, queue, size] = variables;
    let size_at = place.get("max_export_batch_size");
    let queue_at = place.get("max_queue_size");
    if !queue_at.is_set() && defaults.max_queue_size == usize::MAX {
        builder.record(queue, "as many as queue_bytes hold", &queue_at);
    }
    let max_queue_size = builder.size(&queue_at, queue, defaults.max_queue_size);
    let default_size = defaults.max_export_batch_size.min(max_queue_size);
    let mut max_export_batch_size = builder.size(&size_at, size, default_size);
    if max_export_batch_size > max_queue_size {
        let what = format!("is {max_export_batch_size}, and the queue holds {max_queue_size}");
        builder.warn(&size_at, what, format!("using {max_queue_size}"));
        max_export_batch_size = max_queue_size;
    }
    Batch {
        schedule_delay: builder.millis(
            &place.get("schedule_delay"),
            delay,
            defaults.schedule_delay,
        ),
        max_queue_size,
        max_export_batch_size,
        export_timeout: builder.millis(
            &place.get("export_timeout"),
            timeout,
            defaults.export_timeout,
        ),
        ..defaults
    }
}
