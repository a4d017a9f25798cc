//! One page for Prometheus: the span metrics from their cells, everything else from the SDK.

use std::sync::{Arc, Mutex, PoisonError};

use super::metrics::Reader;
use crate::exposition::{Encoder, Format, Labels, Rendered};
use crate::semconv;
use crate::span_metrics::{Point, SpanMetrics};

/// Renders the page; clones share what they remember.
#[derive(Debug, Clone)]
pub(crate) struct Scrape {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    span_metrics: Arc<SpanMetrics>,
    /// The application's instruments; `None` where only push exporters read them.
    reader: Option<Reader>,
    remembered: Mutex<Remembered>,
}

/// What one page has in common with the next.
#[derive(Debug, Default)]
struct Remembered {
    /// Label sets by the index of their series; series never go, and their labels never change.
    labels: Vec<Labels>,
    /// The overflow series has no index of its own.
    overflow: Option<Labels>,
    counts: Vec<u64>,
}

impl Scrape {
    pub(crate) fn new(span_metrics: Arc<SpanMetrics>, reader: Option<Reader>) -> Self {
        Self {
            inner: Arc::new(Inner {
                span_metrics,
                reader,
                remembered: Mutex::default(),
            }),
        }
    }

    /// The page as it stands now; calls back into the application for observable instruments.
    pub(crate) fn render(&self, format: Format, buffer: String) -> Rendered {
        let mut encoder = Encoder::with_buffer(format, buffer);
        if let Some(Ok(metrics)) = self.inner.reader.as_ref().map(Reader::read) {
            encoder.resource_metrics(&metrics, crate::exposition::Scopes::Labelled);
        }
        self.span_metrics(&mut encoder);
        encoder.finish()
    }

    fn span_metrics(&self, encoder: &mut Encoder) {
        let metrics = &self.inner.span_metrics;
        // One scrape at a time: nobody who records takes this lock.
        let mut remembered = self
            .inner
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let remembered = &mut *remembered;
        let mut points = Vec::new();
        metrics.visit(|point| {
            remembered.learn(&point);
            points.push((point.index, point.count(), point.buckets.to_vec()));
        });
        if points.is_empty() {
            return;
        }
        encoder.counter(
            semconv::SPAN_METRICS_CALLS,
            "",
            "Spans that closed.",
            |family| {
                for (index, count, _) in &points {
                    if let Some(labels) = remembered.labels(*index) {
                        family.sample(labels, *count, None);
                    }
                }
            },
        );
        let bounds: Vec<f64> = metrics.bounds().millis().collect();
        let help = "Duration of spans that closed, from start to last exit.";
        encoder.histogram(
            semconv::SPAN_METRICS_DURATION,
            "ms",
            help,
            &bounds,
            |family| {
                let mut counts = std::mem::take(&mut remembered.counts);
                for (index, _, buckets) in &points {
                    counts.clear();
                    counts.extend(buckets.iter().map(|bucket| bucket.count));
                    let nanos: u64 = buckets.iter().map(|bucket| bucket.sum).sum();
                    if let Some(labels) = remembered.labels(*index) {
                        family.sample(labels, &counts, nanos as f64 / 1e6, |_| None);
                    }
                }
                remembered.counts = counts;
            },
        );
    }
}

impl Remembered {
    fn learn(&mut self, point: &Point<'_>) {
        let render = || {
            Labels::render(
                point
                    .labels
                    .iter()
                    .map(|(key, value)| (key.as_ref(), value.as_ref())),
            )
        };
        if point.index == usize::MAX {
            self.overflow.get_or_insert_with(render);
        } else if point.index == self.labels.len() {
            self.labels.push(render());
        }
    }

    fn labels(&self, index: usize) -> Option<&Labels> {
        if index == usize::MAX {
            return self.overflow.as_ref();
        }
        self.labels.get(index)
    }
}
