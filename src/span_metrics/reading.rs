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
        for series in all {
            visit(series.point(&series.read()));
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
