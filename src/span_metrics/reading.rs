//! What the recorder has counted, for those who show it.

use std::sync::Arc;

use super::bounds::{Bounds, Unit};
use super::labels::Label;
use super::observers::Observers;
use super::options::Options;
use super::recorder::SpanMetrics;
use super::series::Point;
use super::summary::{SpanSummary, Summaries};
use super::target::Metric;

impl SpanMetrics {
    /// Shows every series of a metric as it stands; writers go on meanwhile. Idle ones expire first.
    pub(crate) fn visit(&self, metric: Metric, mut visit: impl FnMut(Point<'_>)) {
        let all = {
            let mut known = self.targets.lock();
            if let Some(idle) = self.options.expiration {
                let (idle, now) = (idle.as_nanos() as u64, self.clock.nanos());
                let store = known.store(metric);
                if store.expire(idle, now, |labels| self.is_reserved(labels)) {
                    self.targets.forget(&mut known);
                }
            }
            known.store(metric).all()
        };
        let mut buckets = Vec::new();
        for series in all {
            series.read_into(&mut buckets);
            visit(series.point(&buckets));
        }
    }

    /// Shows how many spans are in flight, by a number that stays.
    pub(crate) fn visit_active(&self, visit: impl FnMut(usize, &[Label], u64)) {
        if let Some(active) = &self.active {
            active.visit(visit);
        }
    }

    /// Spans that overflowed, by metric and by the label whose value was new.
    pub(crate) fn overflowed(&self) -> Vec<(Metric, Arc<str>, u64)> {
        let mut known = self.targets.lock();
        let of = |metric: Metric| {
            let counts = known.store(metric).overflowed().into_iter();
            counts.map(move |(label, spans)| (metric, label, spans))
        };
        Metric::all().flat_map(of).collect()
    }

    /// What was seen of each span.
    pub(crate) fn summaries(&self) -> Vec<SpanSummary> {
        let mut summaries = Summaries::default();
        self.visit(Metric::Spans, |point| summaries.add(&point));
        self.visit_active(|_, labels, count| summaries.add_active(labels, count));
        summaries.finish(&self.options)
    }

    /// How spans are turned into series.
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// The unit of a metric's durations.
    pub(crate) fn unit(&self, metric: Metric) -> Unit {
        match metric {
            Metric::Spans => self.options.unit,
            Metric::Family(_) => Unit::Seconds,
        }
    }

    /// The bounds that a metric has, the general ones first; `None` behind the last.
    pub(crate) fn bounds(&self, metric: Metric, number: usize) -> Option<Arc<Bounds>> {
        match metric {
            Metric::Spans => self.options.all_bounds().get(number).cloned(),
            Metric::Family(family) => (number == 0).then(|| family.bounds()),
        }
    }

    /// The number of the bounds of one of a metric's series.
    pub(crate) fn number_of_bounds(&self, metric: Metric, bounds: &Arc<Bounds>) -> usize {
        if metric != Metric::Spans || *bounds == self.options.bounds {
            return 0;
        }
        let all = self.options.all_bounds();
        all.iter().position(|known| known == bounds).unwrap_or(0)
    }

    /// The callbacks on spans.
    pub(crate) fn observers(&self) -> &Arc<Observers> {
        &self.observers
    }

    /// Spans that were not counted because too many were open at once.
    pub(crate) fn lost(&self) -> u64 {
        self.open.lost()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tracing::Subscriber;
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::{Context, SubscriberExt};
    use tracing_subscriber::registry::LookupSpan;

    use super::*;
    use crate::clock::{Clock, Hand};
    use crate::diagnostics::{Diagnostics, Level};
    use crate::span_metrics::Dimension;

    fn metrics(
        change: impl FnOnce(&mut Options),
    ) -> (Arc<SpanMetrics>, Hand, Arc<std::sync::Mutex<String>>) {
        let mut options = Options::default();
        change(&mut options);
        let (clock, hand) = Clock::manual();
        let (diagnostics, said) = Diagnostics::memory(Some(Level::Info), clock.clone());
        (
            Arc::new(SpanMetrics::new(options, clock, diagnostics)),
            hand,
            said,
        )
    }

    /// The least that a layer has to do.
    struct Counting(Arc<SpanMetrics>);

    impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Counting {
        fn on_new_span(
            &self,
            attributes: &tracing::span::Attributes<'_>,
            id: &tracing::Id,
            _: Context<'_, S>,
        ) {
            let plan = self.0.plan(attributes.metadata());
            self.0.on_new_span(id.into_u64(), &plan, attributes);
        }

        fn on_close(&self, id: tracing::Id, _: Context<'_, S>) {
            self.0.on_close(id.into_u64(), || None);
        }
    }

    fn trace(metrics: &Arc<SpanMetrics>, spans: impl FnOnce()) {
        let subscriber = tracing_subscriber::registry().with(Counting(metrics.clone()));
        tracing::subscriber::with_default(subscriber, spans);
    }

    fn dimension(field: &str) -> Dimension {
        Dimension {
            field: field.to_owned(),
            label: field.into(),
            default: None,
            span: None,
            target: None,
        }
    }

    fn counts(metrics: &SpanMetrics) -> Vec<u64> {
        let mut counts = Vec::new();
        metrics.visit(Metric::Spans, |point| counts.push(point.count()));
        counts
    }

    #[test]
    fn an_idle_series_is_forgotten_and_starts_again_with_the_next_span() {
        let (metrics, hand, _) =
            metrics(|options| options.expiration = Some(Duration::from_secs(60)));
        let span = || trace(&metrics, || drop(tracing::info_span!("a")));
        span();
        span();
        assert_eq!(counts(&metrics), [2]);
        hand.advance(Duration::from_secs(59));
        assert_eq!(counts(&metrics), [2]);
        hand.advance(Duration::from_secs(1));
        assert_eq!(counts(&metrics), [0; 0]);
        span();
        assert_eq!(counts(&metrics), [1]);
    }

    #[test]
    fn strings_of_spans_that_are_gone_are_forgotten() {
        let (metrics, hand, _) = metrics(|options| {
            options.dimensions = vec![dimension("x")];
            options.limit = 100;
            options.expiration = Some(Duration::from_secs(60));
        });
        trace(&metrics, || {
            for x in 0..20_000 {
                drop(tracing::info_span!("a", x));
            }
        });
        assert!(metrics.interner.len() < 3000, "{}", metrics.interner.len());
        counts(&metrics);
        hand.advance(Duration::from_secs(60));
        counts(&metrics);
        trace(&metrics, || {
            for x in 0..10_000 {
                drop(tracing::info_span!("a", x = format!("late {x}")));
            }
        });
        // Those that are gone have made room for a hundred others.
        assert_eq!(counts(&metrics).len(), 101);
        assert!(metrics.interner.len() < 3000, "{}", metrics.interner.len());
    }

    #[test]
    fn the_first_overflow_is_said_once_with_the_label_that_varies_most() {
        let (metrics, _, said) = metrics(|options| {
            options.dimensions = vec![dimension("user"), dimension("plan")];
            options.limit = 10;
        });
        trace(&metrics, || {
            for user in 0..100 {
                drop(tracing::info_span!("a", user, plan = user % 3));
            }
        });
        let said = said.lock().expect("no panic");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.contains("reached 10 series; its label user has the most values, 10"),
            "{said}"
        );
        assert_eq!(counts(&metrics).last(), Some(&90));
    }

    #[test]
    fn quantiles_come_from_the_buckets() {
        let (metrics, hand, _) = metrics(|_| ());
        trace(&metrics, || {
            for millis in 1..=100 {
                let span = tracing::info_span!("a");
                hand.advance(Duration::from_millis(millis));
                drop(span);
            }
        });
        let summary = &metrics.summaries()[0];
        let within = |got: Duration, truth: u64| got.as_millis().abs_diff(u128::from(truth)) <= 1;
        assert!(
            within(summary.p50, 50) && within(summary.p95, 95),
            "{summary:?}"
        );
    }
}
