//! Span metrics for push exporters: the cells emptied into instruments of the SDK.
//!
//! The SDK aggregates what is recorded and nothing else, so what was added to each bucket since the last time is
//! recorded again: as many values as spans, each the mean of its bucket. Counts, buckets and sums come out exact; the
//! smallest and the greatest value do not, and are switched off where the instruments are made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};

use crate::semconv;
use crate::span_metrics::{Bucket, Point, SpanMetrics};

/// Moves what the cells gained into instruments.
#[derive(Debug)]
pub(crate) struct Drain {
    source: Arc<SpanMetrics>,
    sink: Option<Sink>,
}

#[derive(Debug)]
struct Sink {
    calls: Counter<u64>,
    duration: Histogram<f64>,
    series: Mutex<HashMap<usize, Drained>>,
}

/// What a series had when it was drained last.
#[derive(Debug)]
struct Drained {
    attributes: Vec<KeyValue>,
    buckets: Vec<Bucket>,
}

impl Drain {
    /// Without a meter nothing is drained: no push exporter asks.
    pub(crate) fn new(source: Arc<SpanMetrics>, meter: Option<&Meter>) -> Self {
        let sink = meter.map(|meter| Sink {
            calls: meter.u64_counter(semconv::SPAN_METRICS_CALLS).build(),
            duration: meter
                .f64_histogram(semconv::SPAN_METRICS_DURATION)
                .with_unit("ms")
                .with_boundaries(source.bounds().millis().collect())
                .build(),
            series: Mutex::default(),
        });
        Self { source, sink }
    }

    /// Records what was added since the last time.
    pub(crate) fn run(&self) {
        let Some(sink) = &self.sink else {
            return;
        };
        let mut series = sink.series.lock().unwrap_or_else(PoisonError::into_inner);
        self.source.visit(|point| {
            let drained = series
                .entry(point.index)
                .or_insert_with(|| Drained::new(&point));
            sink.record(drained, point.buckets);
        });
    }
}

impl Sink {
    fn record(&self, drained: &mut Drained, now: &[Bucket]) {
        let mut calls = 0;
        for (bucket, before) in now.iter().zip(&mut drained.buckets) {
            let count = bucket.count.saturating_sub(before.count);
            if count == 0 {
                continue;
            }
            let mean = bucket.sum.saturating_sub(before.sum) as f64 / count as f64 / 1e6;
            for _ in 0..count {
                self.duration.record(mean, &drained.attributes);
            }
            calls += count;
            *before = *bucket;
        }
        if calls > 0 {
            self.calls.add(calls, &drained.attributes);
        }
    }
}

impl Drained {
    fn new(point: &Point<'_>) -> Self {
        Self {
            attributes: point
                .labels
                .iter()
                .map(|(key, value)| KeyValue::new(key.to_string(), value.to_string()))
                .collect(),
            buckets: vec![Bucket::default(); point.buckets.len()],
        }
    }
}
