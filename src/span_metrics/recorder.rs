//! The recorder: what a `tracing` layer calls as spans open, change and close.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use opentelemetry::trace::SpanContext;
use tracing::Metadata;
use tracing::span::{Attributes, Record};

use super::active::{self, Active};
use super::fields::FieldVisitor;
use super::identity::Identity;
use super::intern::Interner;
use super::labels;
use super::observers::{ClosedSpan, Observers, StartedSpan};
use super::open::{Beginning, OpenSpan};
use super::options::{ExemplarRule, Options};
use super::outcome::{Kind, Status};
use super::plan::Plan;
use super::target::{Looked, Target, Targets};
use crate::clock::Clock;
use crate::diagnostics::Diagnostics;
use crate::span_table::SpanTable;

/// Counts spans as they close.
#[derive(Debug)]
pub(crate) struct SpanMetrics {
    pub(super) options: Options,
    pub(super) clock: Clock,
    pub(super) interner: Interner,
    /// By index. Callsites are part of the program, so there are never many.
    pub(super) plans: RwLock<Vec<Arc<Plan>>>,
    pub(super) open: SpanTable<OpenSpan>,
    pub(super) targets: Targets,
    pub(super) active: Option<Active>,
    pub(super) observers: Arc<Observers>,
    pub(super) diagnostics: Diagnostics,
}

/// A span as it was when it closed.
struct Closed {
    identity: Identity,
    nanos: u64,
    active: u32,
    is_sampled: bool,
}

impl SpanMetrics {
    pub(crate) fn new(options: Options, clock: Clock, diagnostics: Diagnostics) -> Self {
        Self {
            interner: Interner::new(),
            plans: RwLock::default(),
            open: SpanTable::new(),
            targets: Targets::new(options.limit),
            active: options
                .active
                .then(|| Active::new(options.service_name.clone(), options.limit)),
            observers: Arc::new(Observers::new(clock.clone(), diagnostics.clone())),
            options,
            clock,
            diagnostics,
        }
    }

    /// What matters at a span callsite; the caller keeps it.
    pub(crate) fn plan(&self, metadata: &'static Metadata<'static>) -> Arc<Plan> {
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        let index = plans.len() as u32;
        let Options {
            dimensions,
            domains,
            ..
        } = &self.options;
        let plan = Plan::new(index, metadata, dimensions, domains, &self.interner);
        plans.push(Arc::new(plan));
        plans[index as usize].clone()
    }

    fn visitor<'a>(
        &'a self,
        plan: &'a Plan,
        span: &'a OpenSpan,
    ) -> FieldVisitor<'a, impl Fn(&str) -> u32> {
        FieldVisitor {
            plan,
            span,
            intern: |text: &str| self.interner.intern(text, || self.sweep()),
        }
    }

    /// A span was made.
    #[inline]
    pub(crate) fn on_new_span(&self, id: u64, plan: &Plan, attributes: &Attributes<'_>) {
        let beginning = Beginning {
            plan: plan.index,
            name: plan.name,
            slots: plan.fields.len(),
        };
        let mut seen = (plan.name, Kind::default(), active::NOWHERE);
        let opened = self.open.open(id, |span| {
            span.begin(beginning);
            if plan.any {
                attributes.record(&mut self.visitor(plan, span));
            }
            let (name, kind) = (span.name(), span.kind());
            let keep = || {
                let text = self.interner.get(name)?;
                Some((self.interner.keep(&text), text))
            };
            let counted = self.active.as_ref();
            let number = counted.map_or(active::NOWHERE, |a| a.start(name, kind, keep));
            span.set_active(number);
            span.start(self.clock.nanos());
            seen = (name, kind, number);
        });
        let (name, kind, number) = seen;
        if !opened {
            return self.active.iter().for_each(|active| active.end(number));
        }
        if self.observers.want_start() {
            let name = self.interner.get(name);
            self.observers.started(&StartedSpan {
                name: name.as_deref().unwrap_or(plan.metadata.name()),
                target: plan.metadata.target(),
                kind: kind.to_otel(),
            });
        }
    }

    /// Fields of a span were recorded.
    pub(crate) fn on_record(&self, id: u64, plan: &Plan, values: &Record<'_>) {
        if plan.any {
            self.open
                .with(id, |span| values.record(&mut self.visitor(plan, span)));
        }
    }

    /// An error happened in a span; `false` if the span is not counted.
    pub(crate) fn on_error(&self, id: u64) -> bool {
        self.on_status(id, Status::Error)
    }

    /// Someone said how a span went; `false` if the span is not counted.
    pub(crate) fn on_status(&self, id: u64, status: Status) -> bool {
        self.open.with(id, |span| span.set_status(status)).is_some()
    }

    /// A span was entered.
    #[inline]
    pub(crate) fn on_enter(&self, id: u64) {
        self.open.with(id, |span| span.mark_started());
    }

    /// A span was left; `is_sampled` says whether the trace that is current then is sampled.
    #[inline]
    pub(crate) fn on_exit(&self, id: u64, is_sampled: impl FnOnce() -> bool) {
        self.open.with(id, |span| {
            span.mark_exit(self.clock.nanos());
            if self.options.exemplars == ExemplarRule::Sampled {
                span.learn_sampling(is_sampled);
            }
        });
    }

    /// A span closed: it counts. `context` is asked for spans that lead to a trace or that a callback is for.
    #[inline]
    pub(crate) fn on_close(&self, id: u64, context: impl FnOnce() -> Option<SpanContext>) {
        let closed = self.open.close(id, |span| Closed {
            identity: span.identity(),
            nanos: span.duration(|| self.clock.nanos()),
            active: span.active(),
            is_sampled: span.is_sampled(),
        });
        let Some(closed) = closed else {
            return;
        };
        if let Some(active) = &self.active {
            active.end(closed.active);
        }
        let observed = self.observers.want_close();
        let may_lead = match self.options.exemplars {
            ExemplarRule::None => false,
            ExemplarRule::Sampled => closed.is_sampled,
            ExemplarRule::All => true,
        };
        let looked = self
            .targets
            .record(&closed.identity, closed.nanos, observed, may_lead);
        match looked {
            Looked::Recorded(None) => {}
            Looked::Recorded(Some(target)) => self.finish(&closed, &target, context()),
            Looked::New => {
                let target = self.find(closed.identity);
                let wants = target.record(closed.nanos);
                if observed || (may_lead && wants) {
                    self.finish(&closed, &target, context());
                }
            }
        }
    }

    /// What only some spans need: exemplars and callbacks.
    #[cold]
    fn finish(&self, closed: &Closed, target: &Target, context: Option<SpanContext>) {
        let context = context.filter(SpanContext::is_valid);
        if let Some(context) = context.as_ref().filter(|context| self.leads(context)) {
            for series in target.series() {
                let bucket = series.bounds.bucket(closed.nanos);
                if series.exemplars.wants(bucket) {
                    series.exemplars.keep(bucket, context, closed.nanos);
                }
            }
        }
        if !self.observers.want_close() {
            return;
        }
        let name = self.interner.get(closed.identity.name);
        let labels = &target.span.labels;
        let dimensions = labels.iter().position(|(l, _)| !labels::is_own(l));
        self.observers.closed(&ClosedSpan {
            name: name.as_deref().unwrap_or_default(),
            kind: closed.identity.kind.to_otel(),
            status: closed.identity.status,
            duration: Duration::from_nanos(closed.nanos),
            dimensions: &labels[dimensions.unwrap_or(labels.len())..],
            ids: context.map(|context| (context.trace_id(), context.span_id())),
        });
    }
}
