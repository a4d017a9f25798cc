//! Metrics.

use std::time::Duration;

use super::OtlpMetrics;

/// The metric pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    /// Where metrics go; empty means nowhere. Defaults to OTLP.
    pub exporters: Vec<MetricExporter>,
    /// Time between two exports to a push exporter. Defaults to 60 s.
    pub interval: Duration,
    /// Time that one export may take; zero means no limit. Defaults to 30 s.
    pub timeout: Duration,
    /// Which measurements may become exemplars. Defaults to those made inside a sampled span.
    pub exemplar_filter: ExemplarFilter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            exporters: vec![MetricExporter::Otlp(OtlpMetrics::default())],
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(30),
            exemplar_filter: ExemplarFilter::default(),
        }
    }
}

/// Where metrics go.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum MetricExporter {
    /// OTLP.
    Otlp(OtlpMetrics),
    /// A listener that Prometheus scrapes.
    Prometheus(Prometheus),
    /// Readable lines on standard output.
    Console,
    /// OTLP as one JSON object a line on standard output.
    OtlpStdout,
}

/// Whether sums and histograms restart at each export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Temporality {
    /// Everything since the start.
    #[default]
    Cumulative,
    /// Counters and histograms since the last export; up-down counters since the start.
    Delta,
    /// Synchronous counters and histograms since the last export; the rest since the start.
    LowMemory,
}

/// How histograms aggregate on OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HistogramAggregation {
    /// Fixed bucket boundaries.
    #[default]
    ExplicitBucket,
    /// Base-2 exponential buckets.
    Base2Exponential,
}

/// Which measurements may become exemplars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExemplarFilter {
    /// All of them.
    AlwaysOn,
    /// None.
    AlwaysOff,
    /// Those made inside a sampled span.
    #[default]
    TraceBased,
}

/// The address of the `/metrics` listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prometheus {
    /// Host name or address to listen on. Defaults to `localhost`.
    pub host: String,
    /// Port to listen on; zero takes a free one. Defaults to 9464.
    pub port: u16,
}

impl Default for Prometheus {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 9464,
        }
    }
}
