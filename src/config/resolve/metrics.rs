//! Metrics.

use super::otlp;
use crate::config::lookup::Candidate;
use crate::config::reader::Reader;
use crate::config::sources::Layer;
use crate::config::{
    ExemplarFilter, HistogramAggregation, MetricExporter, Metrics, OtlpMetrics, Prometheus, Signal,
    Temporality, mask, parsed, table,
};

pub(super) fn metrics(reader: &mut Reader<'_>) -> Metrics {
    let (names, connection) = otlp::exporters(reader, &table::METRICS_EXPORTER, Signal::Metrics);
    let temporality = temporality(reader);
    let histogram = histogram(reader);
    let prometheus = prometheus(reader);
    let exporters = names.iter().filter_map(|name| match *name {
        otlp::NAME => connection.clone().map(|otlp| {
            MetricExporter::Otlp(OtlpMetrics {
                otlp,
                temporality,
                histogram,
            })
        }),
        otlp::PROMETHEUS => Some(MetricExporter::Prometheus(prometheus.clone())),
        "console" => Some(MetricExporter::Console),
        otlp::STDOUT => Some(MetricExporter::OtlpStdout),
        _ => None,
    });
    Metrics {
        exporters: exporters.collect(),
        interval: reader.duration(&[&table::METRIC_EXPORT_INTERVAL]).value,
        timeout: reader.duration(&[&table::METRIC_EXPORT_TIMEOUT]).value,
        exemplar_filter: match reader.choice(&[&table::METRICS_EXEMPLAR_FILTER]).value {
            "always_on" => ExemplarFilter::AlwaysOn,
            "always_off" => ExemplarFilter::AlwaysOff,
            _ => ExemplarFilter::TraceBased,
        },
    }
}

fn temporality(reader: &mut Reader<'_>) -> Temporality {
    match reader.choice(&[&table::OTLP_METRICS_TEMPORALITY]).value {
        "delta" => Temporality::Delta,
        "lowmemory" => Temporality::LowMemory,
        _ => Temporality::Cumulative,
    }
}

fn histogram(reader: &mut Reader<'_>) -> HistogramAggregation {
    match reader.choice(&[&table::OTLP_METRICS_HISTOGRAM]).value {
        "base2_exponential_bucket_histogram" => HistogramAggregation::Base2Exponential,
        _ => HistogramAggregation::ExplicitBucket,
    }
}

fn prometheus(reader: &mut Reader<'_>) -> Prometheus {
    let host = reader.required(
        &[&table::PROMETHEUS_HOST],
        |candidate: Candidate<'_>| parsed::text(candidate.text),
        |host| mask::text(host),
    );
    let port = reader.required(
        &[&table::PROMETHEUS_PORT],
        |candidate: Candidate<'_>| {
            // A free port is for tests, which set it in code and ask which one it became.
            let lowest = u16::from(candidate.layer == Layer::Environment);
            parsed::port(candidate.text, lowest, &candidate.variable.kind.accepted())
        },
        u16::to_string,
    );
    Prometheus {
        host: host.value,
        port: port.value,
    }
}
