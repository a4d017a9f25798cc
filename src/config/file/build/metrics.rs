//! Metrics.

use std::time::Duration;

use super::Builder;
use super::exporter::{Target, exporter};
use super::place::Place;
use super::traces::record_names;
use crate::config::features::needs;
use crate::config::{
    ExemplarFilter, HistogramAggregation, MetricExporter, Metrics, OtlpMetrics, Prometheus, Signal,
    Temporality, mask, table,
};

/// No provider means that no metric goes anywhere: that is what the schema says.
pub(super) fn metrics(builder: &mut Builder<'_>, provider: &Place<'_>) -> Metrics {
    builder.unsupported(&provider.get("views"), "views are set in code");
    builder.unsupported(
        &provider.get("meter_configurator/development"),
        "it is still in development",
    );
    let defaults = Metrics::default();
    let mut exporters = Vec::new();
    let mut times = None;
    let readers = provider.get("readers");
    for reader in readers.items() {
        let Some((name, place)) = reader.component() else {
            continue;
        };
        builder.unsupported(
            &place.get("producers"),
            "the Rust SDK has no metric producers",
        );
        builder.unsupported(&place.get("cardinality_limits"), "limits are set in code");
        if name == "periodic" {
            builder.unsupported(
                &place.get("max_export_batch_size/development"),
                "it is still in development",
            );
            let these = intervals(builder, &place, &defaults);
            if *times.get_or_insert(these) != these {
                let what = "has other times than the first periodic reader, and all share one pair";
                builder.warn(&place, what, "using those of the first");
            }
            exporters.extend(push(builder, &place.get("exporter")));
        } else {
            exporters.extend(pull(builder, &place.get("exporter")));
        }
    }
    let names = exporters.iter().map(|exporter| match exporter {
        MetricExporter::Otlp(_) => "otlp",
        MetricExporter::Prometheus(_) => "prometheus",
        MetricExporter::OtlpStdout => "otlp/stdout",
        MetricExporter::Console => "console",
    });
    record_names(builder, &table::METRICS_EXPORTER, names.collect(), &readers);
    let (interval, timeout) = times.unwrap_or((defaults.interval, defaults.timeout));
    Metrics {
        exporters,
        interval,
        timeout,
        exemplar_filter: exemplar_filter(builder, &provider.get("exemplar_filter")),
    }
}

fn intervals(
    builder: &mut Builder<'_>,
    place: &Place<'_>,
    defaults: &Metrics,
) -> (Duration, Duration) {
    (
        builder.millis(
            &place.get("interval"),
            &table::METRIC_EXPORT_INTERVAL,
            defaults.interval,
        ),
        builder.millis(
            &place.get("timeout"),
            &table::METRIC_EXPORT_TIMEOUT,
            defaults.timeout,
        ),
    )
}

fn push(builder: &mut Builder<'_>, place: &Place<'_>) -> Option<MetricExporter> {
    let (target, component) = exporter(builder, place, Signal::Metrics)?;
    let temporality_at = component.get("temporality_preference");
    let histogram_at = component.get("default_histogram_aggregation");
    let Target::Otlp(otlp) = target else {
        builder.unsupported(&temporality_at, "only OTLP has a choice");
        builder.unsupported(&histogram_at, "only OTLP has a choice");
        return Some(match target {
            Target::OtlpStdout => MetricExporter::OtlpStdout,
            _ => MetricExporter::Console,
        });
    };
    let (temporality, word) = match temporality_at.text() {
        Some("delta") => (Temporality::Delta, "delta"),
        Some("low_memory") => (Temporality::LowMemory, "lowmemory"),
        _ => (Temporality::Cumulative, "cumulative"),
    };
    builder.record(&table::OTLP_METRICS_TEMPORALITY, word, &temporality_at);
    let word = histogram_at.text().unwrap_or("explicit_bucket_histogram");
    builder.record(&table::OTLP_METRICS_HISTOGRAM, word, &histogram_at);
    let histogram = match word {
        "base2_exponential_bucket_histogram" => HistogramAggregation::Base2Exponential,
        _ => HistogramAggregation::ExplicitBucket,
    };
    Some(MetricExporter::Otlp(OtlpMetrics {
        otlp,
        temporality,
        histogram,
    }))
}

fn pull(builder: &mut Builder<'_>, place: &Place<'_>) -> Option<MetricExporter> {
    let (name, component) = place.component()?;
    if name != "prometheus/development" {
        builder.reject(&component, "no exporter of this name is registered");
        return None;
    }
    if !builder.features.prometheus {
        builder.warn(&component, needs("prometheus"), "leaving that exporter out");
        return None;
    }
    for property in [
        "scope_info_enabled",
        "target_info_enabled/development",
        "resource_constant_labels",
        "translation_strategy",
    ] {
        builder.unsupported(&component.get(property), "the names and labels are fixed");
    }
    let defaults = Prometheus::default();
    let host_at = component.get("host");
    let host = host_at.text().map_or(defaults.host, ToOwned::to_owned);
    builder.record(&table::PROMETHEUS_HOST, mask::text(&host), &host_at);
    let port_at = component.get("port");
    let port = port_at.integer().map(u16::try_from);
    if matches!(port, Some(Err(_))) {
        builder.reject(&port_at, "is not a port up to 65535");
    }
    let port = port.and_then(Result::ok).unwrap_or(defaults.port);
    builder.record(&table::PROMETHEUS_PORT, port.to_string(), &port_at);
    Some(MetricExporter::Prometheus(Prometheus { host, port }))
}

fn exemplar_filter(builder: &mut Builder<'_>, place: &Place<'_>) -> ExemplarFilter {
    let word = place.text().unwrap_or("trace_based");
    builder.record(&table::METRICS_EXEMPLAR_FILTER, word, place);
    match word {
        "always_on" => ExemplarFilter::AlwaysOn,
        "always_off" => ExemplarFilter::AlwaysOff,
        _ => ExemplarFilter::TraceBased,
    }
}
