//! Where a span counts that nobody has seen the like of, found by names and labels.
//!
//! This is the slow way, once for spans of the same name, outcome and values.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use opentelemetry::trace::SpanContext;

use super::bounds::Bounds;
use super::family::{Domain, Family};
use super::identity::Identity;
use super::intern::{self, cut};
use super::labels::{self, Facts, Label};
use super::options::ExemplarRule;
use super::plan::Form;
use super::recorder::SpanMetrics;
use super::series::{Found, Full, Wanted};
use super::target::{Known, Metric, Target};
use crate::diagnostics::Level;

/// A series by name.
struct Place {
    metric: Metric,
    labels: Vec<Label>,
    bounds: Arc<Bounds>,
}

impl SpanMetrics {
    /// Where spans of an identity count that this thread has not met.
    #[cold]
    pub(super) fn find(&self, identity: Identity) -> Arc<Target> {
        let known = self.targets.lock().target(&identity);
        if let Some(target) = known {
            self.targets.remember(&target);
            return target;
        }
        let places = self.places(&identity);
        let mut full = Vec::new();
        let target = {
            let mut known = self.targets.lock();
            let Some((span, family)) = places else {
                // A value was forgotten between its recording and now: it cannot be shown, but the span counts.
                let labels = labels::of_overflow(Some(&self.options.service_name));
                let bounds = self.options.bounds.clone();
                let span = known.store(Metric::Spans).overflow(bounds, labels);
                return Target::overflow(identity, span, None);
            };
            let mut fits = true;
            let mut find = |place: Place| {
                let metric = place.metric;
                match self.find_series(&mut known, place) {
                    Found::Series(series) => series,
                    Found::Overflow(series, first) => {
                        fits = false;
                        full.extend(first.map(|first| (metric, first)));
                        series
                    }
                }
            };
            let (span, family) = (find(span), family.map(&mut find));
            if fits {
                let target = self.targets.add(&mut known, identity, span, family);
                self.targets.remember(&target);
                target
            } else {
                Target::overflow(identity, span, family)
            }
        };
        for (metric, full) in full {
            self.say_full(metric, &full);
        }
        target
    }

    fn find_series(&self, known: &mut Known, place: Place) -> Found {
        let wanted = Wanted {
            is_reserved: self.is_reserved(&place.labels),
            labels: place.labels,
            bounds: place.bounds,
            now: self.clock.nanos(),
        };
        let service = (place.metric == Metric::Spans).then_some(&self.options.service_name);
        let store = known.store(place.metric);
        store.find(wanted, || labels::of_overflow(service))
    }

    /// Whether a series with these labels has a place that others cannot take.
    pub(super) fn is_reserved(&self, labels: &[Label]) -> bool {
        !self.options.reserved.is_empty()
            && labels
                .iter()
                .any(|label| self.options.reserved.contains(label))
    }

    /// The series that spans of an identity count in; `None` when a value is not known any more.
    fn places(&self, identity: &Identity) -> Option<(Place, Option<Place>)> {
        let plan = {
            let plans = self.plans.read().unwrap_or_else(PoisonError::into_inner);
            plans.get(identity.plan as usize)?.clone()
        };
        let mut values = Vec::new();
        for (field, id) in plan.fields.iter().zip(identity.slots) {
            if id != intern::ABSENT {
                values.push((*field, self.interner.get(id)?));
            }
        }
        let field = |name: &str| {
            let mut values = values.iter();
            values.find_map(|(field, value)| (*field == name).then(|| value.clone()))
        };
        let facts = Facts {
            name: self.interner.get(identity.name)?,
            callsite: (plan.metadata.name(), plan.metadata.target()),
            kind: identity.kind,
            status: identity.status,
            field: &field,
        };
        Some(self.places_of(plan.domain, &facts))
    }

    fn places_of(&self, domain: Option<Domain>, facts: &Facts<'_>) -> (Place, Option<Place>) {
        let span = Place {
            metric: Metric::Spans,
            labels: labels::of_span(&self.options, facts),
            bounds: self.options.bounds_of(&facts.name, facts.callsite.0),
        };
        let family = domain.and_then(|domain| Family::of(domain, facts));
        let family = family.map(|(family, labels)| Place {
            metric: Metric::Family(family),
            labels,
            bounds: family.bounds(),
        });
        (span, family)
    }

    /// Counts a span that was not made through `tracing`: slower, because nothing is known of its like.
    pub(crate) fn count(&self, facts: &Facts<'_>, duration: Duration, context: &SpanContext) {
        let domains = self.options.domains.iter().copied();
        let domain = domains
            .into_iter()
            .find(|d| (facts.field)(d.key_field()).is_some());
        let field = |name: &str| {
            let value = (facts.field)(name)?;
            let kept = Form::of(name, domain).of_text(cut(&value))?;
            Some(kept.into())
        };
        let facts = Facts {
            name: cut(&facts.name).into(),
            field: &field,
            ..*facts
        };
        let (span, family) = self.places_of(domain, &facts);
        let nanos = duration.as_nanos() as u64;
        let leads = self.leads(context);
        for place in [Some(span), family].into_iter().flatten() {
            let metric = place.metric;
            let found = {
                let mut known = self.targets.lock();
                self.find_series(&mut known, place)
            };
            if let Found::Overflow(_, Some(full)) = &found {
                self.say_full(metric, full);
            }
            let (Found::Series(series) | Found::Overflow(series, _)) = found;
            let bucket = series.record(nanos);
            if leads && series.exemplars.wants(bucket) {
                series.exemplars.keep(bucket, context, nanos);
            }
        }
    }

    /// Whether a span of this context may be an exemplar.
    pub(super) fn leads(&self, context: &SpanContext) -> bool {
        context.is_valid()
            && match self.options.exemplars {
                ExemplarRule::None => false,
                ExemplarRule::Sampled => context.is_sampled(),
                ExemplarRule::All => true,
            }
    }

    fn say_full(&self, metric: Metric, full: &Full) {
        let name = metric.name();
        let limit = full.limit;
        let label = match &full.label {
            Some((label, values)) => format!("; its label {label} has the most values, {values}"),
            None => String::new(),
        };
        let message = format_args!(
            "span metrics: {name} has reached {limit} series{label}. Further ones are counted together, with \
             otel.metric.overflow=\"true\". Drop the label, reserve the values that matter, or raise \
             OTEL_RUST_SPAN_METRICS_LIMIT"
        );
        self.diagnostics.say(Level::Warn, message);
    }

    /// Forgets strings that nobody needs.
    #[cold]
    pub(super) fn sweep(&self) {
        // This lock before that of the interner, as everywhere.
        let known = self.targets.lock();
        self.interner.sweep(|in_use| {
            known.add_ids(in_use);
            self.open.visit(|span| in_use.extend(span.identity().ids()));
        });
    }
}
