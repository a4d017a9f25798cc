//! One page for Prometheus: the span metrics from their cells, everything else from the SDK.

use std::iter::Peekable;
use std::sync::{Arc, Mutex, PoisonError};
use std::vec;

use super::metrics::Reader;
use super::registry;
use crate::diagnostics::{Diagnostics, Level};
use crate::exposition::{self, Encoder, Format, Histogram, Labels, Scopes};
use crate::metrics::Registry;
use crate::semconv;
use crate::span_metrics::{Bounds, Exemplar, Label, Metric, Point, SpanMetrics, Unit};

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
    registry: Registry,
    diagnostics: Diagnostics,
    remembered: Mutex<Remembered>,
}

/// What one page has in common with the next: label sets by metric, and memory.
#[derive(Debug, Default)]
struct Remembered {
    metrics: Vec<LabelSets>,
    active: LabelSets,
    rows: Rows,
}

/// Rendered label sets by the index of their series, which rises and whose labels never change.
type LabelSets = Vec<(u64, Labels)>;

/// The series of one metric as they stood when the page was asked for.
#[derive(Debug, Default)]
struct Rows {
    rows: Vec<Row>,
    /// The buckets of all rows, one row after the other.
    buckets: Vec<u64>,
}

#[derive(Debug)]
struct Row {
    count: u64,
    sum: u64,
    bounds: Arc<Bounds>,
    /// Where its buckets begin.
    buckets: usize,
    exemplars: Vec<(usize, Exemplar)>,
}

impl Scrape {
    pub(crate) fn new(
        span_metrics: Arc<SpanMetrics>,
        reader: Option<Reader>,
        registry: Registry,
        diagnostics: Diagnostics,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                span_metrics,
                reader,
                registry,
                diagnostics,
                remembered: Mutex::default(),
            }),
        }
    }

    /// The page as it stands now; calls back into the application for observable instruments.
    pub(crate) fn render(&self, format: Format) -> String {
        let diagnostics = &self.inner.diagnostics;
        let mut encoder = Encoder::new(format);
        match self.inner.reader.as_ref().map(Reader::read) {
            Some(Ok(metrics)) => encoder.resource_metrics(&metrics, Scopes::Labelled),
            Some(Err(failure)) => diagnostics.fail(Level::Error, "scrape", failure.kind, &failure),
            None => {}
        }
        registry::write(&mut encoder, &self.inner.registry);
        registry::report(diagnostics, &self.inner.registry);
        self.span_metrics(&mut encoder);
        let page = encoder.finish();
        for problem in page.problems {
            // The words tell one problem from another; each comes again with every page.
            let words = problem.to_string();
            diagnostics.fail(Level::Warn, "scrape", &words, &words);
        }
        page.text
    }

    fn span_metrics(&self, encoder: &mut Encoder) {
        // One scrape at a time: nobody who records takes this lock.
        let mut remembered = self
            .inner
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let remembered = &mut *remembered;
        remembered
            .metrics
            .resize_with(Metric::all().count(), Vec::new);
        for (metric, labels) in Metric::all().zip(&mut remembered.metrics) {
            self.metric(encoder, metric, labels, &mut remembered.rows);
        }
        self.active(encoder, &mut remembered.active);
        self.overflows(encoder);
    }

    fn metric(
        &self,
        encoder: &mut Encoder,
        metric: Metric,
        remembered: &mut LabelSets,
        rows: &mut Rows,
    ) {
        let metrics = &self.inner.span_metrics;
        let takes_exemplars = encoder.format() == Format::OpenMetrics;
        let mut labels = Learning::new(remembered);
        rows.rows.clear();
        rows.buckets.clear();
        metrics.visit(metric, |point| {
            labels.learn(point.index, point.labels);
            rows.add(&point, takes_exemplars);
        });
        *remembered = labels.learnt;
        let Some(first) = rows.rows.first() else {
            return;
        };
        let with_labels = || {
            let labels = remembered.iter().map(|(_, labels)| labels);
            rows.rows.iter().zip(labels)
        };
        let unit = metrics.unit(metric);
        if metric == Metric::Spans {
            encoder.counter(metric.name(), "", "Spans that closed.", |family| {
                for (row, labels) in with_labels() {
                    let newest = row.exemplars.iter().max_by_key(|(_, e)| e.time);
                    // What a counter counted is one.
                    let newest = newest.map(|(_, e)| exposition::Exemplar {
                        value: 1.0,
                        ..shown(e, unit)
                    });
                    family.sample(labels, row.count, newest);
                }
            });
        }
        let bounds: Vec<f64> = first.bounds.in_unit(unit).collect();
        let (name, help) = (metric.duration_name(), metric.duration_help());
        encoder.histogram(name, unit.symbol(), help, &bounds, |family| {
            let mut last = first.bounds.clone();
            for (row, labels) in with_labels() {
                // Few series have buckets of their own.
                if last != row.bounds {
                    last = row.bounds.clone();
                    family.rebound(&last.in_unit(unit).collect::<Vec<_>>());
                }
                rows.write(row, family, labels, unit);
            }
        });
    }

    fn active(&self, encoder: &mut Encoder, remembered: &mut LabelSets) {
        let mut labels = Learning::new(remembered);
        let mut counts = Vec::new();
        self.inner.span_metrics.visit_active(|number, set, count| {
            labels.learn(number as u64, set);
            counts.push(count);
        });
        *remembered = labels.learnt;
        let help = "Spans that have started and not closed.";
        encoder.gauge(semconv::SPAN_METRICS_ACTIVE, "", help, |family| {
            for ((_, labels), count) in remembered.iter().zip(counts) {
                family.sample(labels, count);
            }
        });
    }

    fn overflows(&self, encoder: &mut Encoder) {
        let help =
            "Spans beyond the limit of series, by metric and by the label whose value was new.";
        encoder.counter(semconv::SPAN_METRICS_OVERFLOWS, "", help, |family| {
            for (metric, label, spans) in self.inner.span_metrics.overflowed() {
                let labels = [(semconv::METRIC, metric.name()), (semconv::LABEL, &*label)];
                family.sample(&Labels::render(labels), spans, None);
            }
        });
    }
}

impl Rows {
    fn add(&mut self, point: &Point<'_>, takes_exemplars: bool) {
        let exemplars = if takes_exemplars {
            point.exemplars()
        } else {
            Vec::new()
        };
        if !exemplars.is_empty() {
            point.exemplars_shown();
        }
        self.rows.push(Row {
            count: point.count(),
            sum: point.sum(),
            bounds: point.bounds.clone(),
            buckets: self.buckets.len(),
            exemplars,
        });
        let counts = point.buckets.iter().map(|bucket| bucket.count);
        self.buckets.extend(counts);
    }

    fn write(&self, row: &Row, family: &mut Histogram<'_>, labels: &Labels, unit: Unit) {
        let end = row.buckets + row.bounds.buckets();
        let counts = &self.buckets[row.buckets..end];
        family.sample(labels, counts, unit.of_nanos(row.sum), |bucket| {
            let mut exemplars = row.exemplars.iter();
            let (_, exemplar) = exemplars.find(|(of, _)| *of == bucket)?;
            Some(shown(exemplar, unit))
        });
    }
}

fn shown(exemplar: &Exemplar, unit: Unit) -> exposition::Exemplar {
    exposition::Exemplar {
        trace_id: exemplar.trace_id,
        span_id: exemplar.span_id,
        value: unit.of_nanos(exemplar.nanos),
        timestamp: exemplar.time,
    }
}

/// Goes along series in the order of their indices, keeps the labels of those that are still there and renders those of
/// new ones.
struct Learning {
    known: Peekable<vec::IntoIter<(u64, Labels)>>,
    learnt: LabelSets,
}

impl Learning {
    fn new(remembered: &mut LabelSets) -> Self {
        Self {
            known: std::mem::take(remembered).into_iter().peekable(),
            learnt: Vec::new(),
        }
    }

    fn learn(&mut self, index: u64, labels: &[Label]) {
        while self.known.next_if(|(known, _)| *known < index).is_some() {}
        let known = self.known.next_if(|(known, _)| *known == index);
        let render = || {
            let labels = labels.iter();
            let labels = Labels::render(labels.map(|(key, value)| (key.as_ref(), value.as_ref())));
            (index, labels)
        };
        self.learnt.push(known.unwrap_or_else(render));
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::MeterProvider as _;
    use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};

    use super::*;
    use crate::clock::Clock;
    use crate::span_metrics::Options;

    #[test]
    fn what_a_page_had_to_leave_out_is_said_once() {
        let clock = Clock::system();
        let (diagnostics, said) = Diagnostics::memory(Some(Level::Warn), clock.clone());
        let reader = Reader::new(Temporality::Cumulative);
        let provider = SdkMeterProvider::builder()
            .with_reader(reader.clone())
            .build();
        let meter = provider.meter("test");
        meter.u64_counter("orders").build().add(1, &[]);
        meter.f64_gauge("orders_total").build().record(1.0, &[]);
        let span_metrics = SpanMetrics::new(Options::default(), clock, diagnostics.clone());
        let scrape = Scrape::new(
            Arc::new(span_metrics),
            Some(reader),
            Registry::default(),
            diagnostics,
        );
        let page = scrape.render(Format::Text);
        assert_eq!(page, scrape.render(Format::Text));
        let said = said.lock().unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.starts_with("spanwise: scrape: ") && said.contains("orders_total"),
            "{said}"
        );
    }
}
