//! What was seen of each span, for people.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::SpanKind;
use opentelemetry::{SpanId, TraceId};

use super::bounds::Bounds;
use super::exemplar::Exemplar;
use super::labels::Label;
use super::options::Options;
use super::outcome::{Kind, Status};
use super::series::Point;
use crate::semconv;

/// What was seen of the spans of one name and kind.
#[derive(Debug, Clone)]
pub struct SpanSummary {
    /// Their name.
    pub name: String,
    /// Their kind.
    pub kind: SpanKind,
    /// How many have closed.
    pub calls: u64,
    /// How many of those were errors.
    pub errors: u64,
    /// The duration that half of them stayed below, from the buckets.
    pub p50: Duration,
    /// The duration that 95 of 100 stayed below, from the buckets.
    pub p95: Duration,
    /// The duration that 99 of 100 stayed below, from the buckets.
    pub p99: Duration,
    /// How many are in flight.
    pub active: u64,
    /// The newest span that leads to a trace.
    pub last_exemplar: Option<(TraceId, SpanId)>,
    /// What was said about them ahead of time.
    pub help: Option<String>,
}

/// Summaries under way, by name and kind.
#[derive(Default)]
pub(super) struct Summaries {
    by_span: BTreeMap<(Arc<str>, Kind), Seen>,
}

#[derive(Default)]
struct Seen {
    calls: u64,
    errors: u64,
    active: u64,
    durations: Option<(Arc<Bounds>, Vec<u64>)>,
    exemplar: Option<Exemplar>,
}

impl Summaries {
    /// Adds a series of closed spans.
    pub(super) fn add(&mut self, point: &Point<'_>) {
        let Some(seen) = self.seen(point.labels) else {
            return;
        };
        let count = point.count();
        seen.calls += count;
        let error = Status::Error.label();
        if value(point.labels, semconv::STATUS_CODE).is_some_and(|status| **status == *error) {
            seen.errors += count;
        }
        let new = || (point.bounds.clone(), vec![0; point.buckets.len()]);
        let (_, counts) = seen.durations.get_or_insert_with(new);
        for (sum, bucket) in counts.iter_mut().zip(point.buckets) {
            *sum += bucket.count;
        }
        let exemplars = point.exemplars().into_iter().map(|(_, exemplar)| exemplar);
        let newest = exemplars.chain(seen.exemplar).max_by_key(|e| e.time);
        seen.exemplar = newest;
    }

    /// Adds spans in flight.
    pub(super) fn add_active(&mut self, labels: &[Label], count: u64) {
        if let Some(seen) = self.seen(labels) {
            seen.active += count;
        }
    }

    /// The overflow has no name, and neither has a series whose name is dropped.
    fn seen(&mut self, labels: &[Label]) -> Option<&mut Seen> {
        let name = value(labels, semconv::SPAN_NAME)?.clone();
        let kind = value(labels, semconv::SPAN_KIND).and_then(|kind| Kind::from_label(kind));
        let key = (name, kind.unwrap_or_default());
        Some(self.by_span.entry(key).or_default())
    }

    /// All of them, the names in order.
    pub(super) fn finish(self, options: &Options) -> Vec<SpanSummary> {
        let summary = |((name, kind), seen): ((Arc<str>, Kind), Seen)| {
            let quantile = |quantile| {
                let durations = seen.durations.as_ref();
                let nanos =
                    durations.map_or(0, |(bounds, counts)| bounds.quantile(counts, quantile));
                Duration::from_nanos(nanos)
            };
            let mut rules = options.rules_of(&name, &name);
            SpanSummary {
                kind: kind.to_otel(),
                calls: seen.calls,
                errors: seen.errors,
                p50: quantile(0.5),
                p95: quantile(0.95),
                p99: quantile(0.99),
                active: seen.active,
                last_exemplar: seen.exemplar.map(|e| (e.trace_id, e.span_id)),
                help: rules.find_map(|rule| Some(rule.help.as_ref()?.to_string())),
                name: name.to_string(),
            }
        };
        self.by_span.into_iter().map(summary).collect()
    }
}

fn value<'a>(labels: &'a [Label], key: &str) -> Option<&'a Arc<str>> {
    let mut labels = labels.iter();
    labels.find_map(|(label, value)| (**label == *key).then_some(value))
}
