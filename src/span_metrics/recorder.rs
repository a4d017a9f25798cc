//! The recorder: what a `tracing` layer calls as spans open, change and close.

use std::sync::Arc;

use tracing::Metadata;
use tracing::span::{Attributes, Record};

use super::cell::Bounds;
use super::intern::{self, Interner};
use super::open::{MAX_DIMENSIONS, OpenSpans};
use super::outcome::Status;
use super::plan::Plan;
use super::series::{Key, Label, Point, SeriesMap};
use crate::clock::Clock;
use crate::semconv;

/// How spans are turned into series.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The value of the label `service.name`.
    pub(crate) service_name: String,
    /// Span fields that become labels of the same name, at most [`MAX_DIMENSIONS`].
    pub(crate) dimensions: Vec<String>,
    /// Upper bounds of the duration buckets.
    pub(crate) bounds: Bounds,
    /// Series held at most; spans on top count in the overflow series.
    pub(crate) limit: usize,
}

impl Default for Options {
    /// The defaults of the Collector's span-metrics connector, with a limit.
    fn default() -> Self {
        Self {
            service_name: String::new(),
            dimensions: Vec::new(),
            bounds: Bounds::from_millis(&[
                2.0, 4.0, 6.0, 8.0, 10.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1000.0, 1400.0, 2000.0,
                5000.0, 10000.0, 15000.0,
            ]),
            // The limit that the specification gives every metric.
            limit: 2000,
        }
    }
}

/// Counts spans as they close.
#[derive(Debug)]
pub(crate) struct SpanMetrics {
    service_name: Arc<str>,
    dimensions: Vec<String>,
    dimension_labels: Vec<Arc<str>>,
    bounds: Bounds,
    clock: Clock,
    interner: Interner,
    open: OpenSpans,
    series: SeriesMap,
}

impl SpanMetrics {
    pub(crate) fn new(mut options: Options, clock: Clock) -> Self {
        options.dimensions.truncate(MAX_DIMENSIONS);
        Self {
            service_name: options.service_name.into(),
            dimension_labels: options
                .dimensions
                .iter()
                .map(|name| name.as_str().into())
                .collect(),
            open: OpenSpans::new(options.dimensions.len()),
            dimensions: options.dimensions,
            bounds: options.bounds,
            clock,
            interner: Interner::default(),
            series: SeriesMap::new(options.limit),
        }
    }

    /// What matters at a span callsite; the caller keeps it.
    pub(crate) fn plan(&self, metadata: &'static Metadata<'static>) -> Plan {
        Plan::new(metadata, &self.dimensions, &self.interner)
    }

    /// A span was made.
    #[inline]
    pub(crate) fn on_new_span(&self, id: u64, plan: &Plan, attributes: &Attributes<'_>) {
        self.open.open(id, plan.name, self.clock.nanos(), |span| {
            if plan.any {
                attributes.record(&mut plan.visitor(span, &self.interner));
            }
        });
    }

    /// Fields of a span were recorded.
    pub(crate) fn on_record(&self, id: u64, plan: &Plan, values: &Record<'_>) {
        if plan.any {
            self.open.with(id, |span| {
                values.record(&mut plan.visitor(span, &self.interner))
            });
        }
    }

    /// An error happened in a span; `false` if the span is not counted.
    pub(crate) fn on_error(&self, id: u64) -> bool {
        self.open
            .with(id, |span| span.set_status(Status::Error))
            .is_some()
    }

    /// A span was entered.
    #[inline]
    pub(crate) fn on_enter(&self, id: u64) {
        self.open.with(id, |span| span.mark_started());
    }

    /// A span was left.
    #[inline]
    pub(crate) fn on_exit(&self, id: u64) {
        self.open
            .with(id, |span| span.mark_exit(self.clock.nanos()));
    }

    /// A span closed: it counts.
    #[inline]
    pub(crate) fn on_close(&self, id: u64) {
        let closed = self.open.close(id, |span| {
            let key = Key {
                name: span.name(),
                kind: span.kind(),
                status: span.status(),
                dimensions: span.dimensions(self.dimensions.len()),
            };
            (key, span.duration(|| self.clock.nanos()))
        });
        if let Some((key, nanos)) = closed {
            self.series
                .record(key, &self.bounds, nanos, |key| self.labels(key));
        }
    }

    /// Upper bounds of the duration buckets.
    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Shows every series as it stands; writers go on meanwhile.
    pub(crate) fn visit(&self, visit: impl FnMut(Point<'_>)) {
        self.series.visit(&self.bounds, visit);
    }

    /// Spans that were not counted because too many were open at once.
    pub(crate) fn lost(&self) -> u64 {
        self.open.lost()
    }

    fn labels(&self, key: &Key) -> Box<[Label]> {
        let mut labels = vec![(semconv::SERVICE_NAME.into(), self.service_name.clone())];
        if key.is_overflow() {
            labels.push((semconv::OVERFLOW.into(), "true".into()));
            return labels.into();
        }
        if let Some(name) = self.interner.get(key.name) {
            labels.push((semconv::SPAN_NAME.into(), name));
        }
        labels.push((semconv::SPAN_KIND.into(), key.kind.label().into()));
        labels.push((semconv::STATUS_CODE.into(), key.status.label().into()));
        let present = key.dimensions.iter().zip(&self.dimension_labels);
        labels.extend(
            present
                .filter(|(value, _)| **value != intern::ABSENT)
                .filter_map(|(value, label)| Some((label.clone(), self.interner.get(*value)?))),
        );
        labels.into()
    }
}
