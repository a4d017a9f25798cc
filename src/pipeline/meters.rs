//! Meter providers: one for instruments, one that the span metrics are drained into for push exporters.

use std::sync::Arc;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, SdkMeterProvider, Stream, Temporality,
};

use super::drain::{self, Drain};
use super::exporters::temporality;
use super::metrics::Reader;
use crate::config::{Config, HistogramAggregation, MetricExporter};
use crate::span_metrics::SpanMetrics;

/// Meter providers with their readers.
pub(super) struct Meters {
    /// What the application's instruments live in, and those about ourselves.
    pub(super) application: SdkMeterProvider,
    /// What the span metrics are drained into, if anything is pushed.
    pub(super) drained: Option<SdkMeterProvider>,
    pub(super) drain: Arc<Drain>,
    /// For every push exporter, the readers that it sends.
    pub(super) pushed: Vec<Vec<Reader>>,
    /// What a scrape reads.
    pub(super) scraped: Option<Reader>,
}

impl Meters {
    pub(super) fn build(
        config: &Config,
        resource: &Resource,
        span_metrics: &Arc<SpanMetrics>,
    ) -> Self {
        let exporters: &[MetricExporter] = if config.disabled {
            &[]
        } else {
            &config.metrics.exporters
        };
        let pushed: Vec<Vec<Reader>> = exporters
            .iter()
            .filter_map(temporality)
            .map(|temporality| vec![Reader::new(temporality), Reader::new(temporality)])
            .collect();
        // Each reader aggregates on its own: where everything is pushed, none is kept for a scrape.
        let scraped = (pushed.is_empty() || pushed.len() < exporters.len())
            .then(|| Reader::new(Temporality::Cumulative));

        let mut application = SdkMeterProvider::builder().with_resource(resource.clone());
        let mut drained = SdkMeterProvider::builder()
            .with_resource(resource.clone())
            .with_view(drain::view(
                span_metrics.clone(),
                exponential(config).then(base2),
            ));
        for reader in scraped.iter().filter(|_| !config.disabled) {
            application = application.with_reader(reader.clone());
        }
        for readers in &pushed {
            application = application.with_reader(readers[0].clone());
            drained = drained.with_reader(readers[1].clone());
        }
        if exponential(config) {
            application = application.with_view(|instrument: &Instrument| {
                let histogram = instrument.kind() == InstrumentKind::Histogram;
                histogram.then(|| stream(base2())).flatten()
            });
        }
        let drained = (!pushed.is_empty()).then(|| drained.build());
        Self {
            application: application.build(),
            drain: Arc::new(Drain::new(span_metrics.clone(), drained.as_ref())),
            drained,
            pushed,
            scraped: scraped.filter(|_| !config.disabled),
        }
    }
}

fn exponential(config: &Config) -> bool {
    config.metrics.exporters.iter().any(|exporter| {
        matches!(exporter, MetricExporter::Otlp(otlp) if otlp.histogram == HistogramAggregation::Base2Exponential)
    })
}

/// The specification's defaults for exponential histograms.
fn base2() -> Aggregation {
    Aggregation::Base2ExponentialHistogram {
        max_size: 160,
        max_scale: 20,
        record_min_max: false,
    }
}

fn stream(aggregation: Aggregation) -> Option<Stream> {
    // The SDK refuses aggregations that make no sense; ours are constants.
    Stream::builder().with_aggregation(aggregation).build().ok()
}
