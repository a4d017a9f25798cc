//! Descendants of an unsampled span do not reach the OpenTelemetry layer.
//!
//! Sampling is decided once, at the local root, which goes through the OpenTelemetry layer in full: so its parent can be
//! set, its context read, and third-party middleware keeps working. Everything below it shares its decision. The
//! OpenTelemetry layer would do all of its work for such a span and throw it away; this gate does not let it through.
//!
//! # What stays as it was
//!
//! - *Who is skipped*: a span whose parent, as the OpenTelemetry layer would find it, is a local, valid and unsampled one.
//!   A remote parent, a new root, and an explicit parent that is exported go through.
//! - *Server and consumer spans* go through: middleware sets their parent after they are made.
//! - *Client and producer spans* go through where they descend from the current context: instrumentation reads their
//!   context to inject it, and nothing says that their parent is still current then.
//! - *The current context* below a skipped span is its root's, on every thread: trace id, parent and the flag in outgoing
//!   headers are right, and so is the trace id of log records.
//!
//! Off where the sampler may decide otherwise for a descendant, and by `OTEL_RUST_SKIP_UNSAMPLED=off`.
//!
//! # Hot path
//!
//! A skipped span costs a look at the current context and a place in a table; entering it compares trace ids. Only where a
//! span is entered on a thread with another context is its root's attached. `benches/span.rs` guards it.

use std::cell::RefCell;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context as OtelContext, ContextGuard};
use tracing::dispatcher::WeakDispatch;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::config::Sampler;
use crate::semconv;
use crate::span_table::SpanTable;

/// Whether a descendant of an unsampled span can never be sampled.
pub(crate) fn descendants_follow(sampler: &Sampler) -> bool {
    match sampler {
        // The trace id decides, and descendants have the same one.
        Sampler::TraceIdRatio(_) | Sampler::ParentBased(_) | Sampler::AlwaysOff => true,
        _ => false,
    }
}

/// Stands around the OpenTelemetry layer.
#[derive(Debug)]
pub(crate) struct Gate<L> {
    inner: L,
    /// `None` lets everything through.
    skipped: Option<SpanTable<Skipped>>,
    dispatch: OnceLock<WeakDispatch>,
    /// Whether nothing goes through: the application exports spans itself.
    closed: bool,
    /// Of all our filters: as in `filter::Exported`, the inner layer's would be lost.
    max_level: LevelFilter,
}

/// Whether there is an OpenTelemetry layer in a subscriber already. Two of them on one span panic.
///
/// The name of the type is all there is to see of a layer that lies below ours; one above cannot be seen.
pub(super) fn is_exporting<S>() -> bool {
    std::any::type_name::<S>().contains("tracing_opentelemetry::layer::OpenTelemetryLayer<")
}

/// The unsampled span that a skipped one descends from.
#[derive(Debug, Default)]
struct Skipped {
    trace: [AtomicU64; 2],
    span: AtomicU64,
}

impl Skipped {
    fn set(&self, trace: TraceId, span: SpanId) {
        let trace = u128::from_be_bytes(trace.to_bytes());
        self.trace[0].store((trace >> 64) as u64, Ordering::Relaxed);
        self.trace[1].store(trace as u64, Ordering::Relaxed);
        self.span
            .store(u64::from_be_bytes(span.to_bytes()), Ordering::Relaxed);
    }

    fn trace(&self) -> TraceId {
        let high = u128::from(self.trace[0].load(Ordering::Relaxed));
        let low = u128::from(self.trace[1].load(Ordering::Relaxed));
        (high << 64 | low).into()
    }

    fn ids(&self) -> (TraceId, SpanId) {
        (self.trace(), self.span.load(Ordering::Relaxed).into())
    }
}

impl<L> Gate<L> {
    pub(crate) fn new(inner: L, skip: bool, max_level: LevelFilter) -> Self {
        Self {
            inner,
            skipped: skip.then(SpanTable::new),
            dispatch: OnceLock::new(),
            closed: false,
            max_level,
        }
    }

    fn is_skipped(&self, id: &Id) -> bool {
        let skipped = self.skipped.as_ref();
        skipped.is_some_and(|skipped| skipped.with(id.into_u64(), |_| ()).is_some())
    }

    /// The unsampled span that a new one would descend from, if it may be skipped.
    fn unsampled_parent(
        &self,
        skipped: &SpanTable<Skipped>,
        attributes: &Attributes<'_>,
    ) -> Option<(TraceId, SpanId)> {
        if let Some(parent) = attributes.parent() {
            let ids = skipped.with(parent.into_u64(), Skipped::ids)?;
            // The OpenTelemetry layer does not know the parent and would start another trace here.
            (kind(attributes) != Kind::Incoming).then_some(ids)
        } else if attributes.is_contextual() {
            let ids = current_if_unsampled()?;
            (kind(attributes) == Kind::Internal).then_some(ids)
        } else {
            None
        }
    }

    /// Makes the root's context the current one on a thread that has another: with what it carries beside the ids, if the
    /// root is a span of ours, which its descendants keep open.
    #[cold]
    fn attach<S>(&self, id: &Id, ids: (TraceId, SpanId), context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let dispatch = self.dispatch.get().and_then(WeakDispatch::upgrade);
        let ancestors = context.span_scope(id).into_iter().flatten().skip(1);
        let root = dispatch.and_then(|dispatch| {
            let mut contexts = ancestors
                .filter_map(|span| tracing_opentelemetry::get_otel_context(&span.id(), &dispatch));
            contexts.find(|root| root.span().span_context().trace_id() == ids.0)
        });
        let root = root.unwrap_or_else(|| {
            let span = SpanContext::new(
                ids.0,
                ids.1,
                TraceFlags::default(),
                false,
                TraceState::default(),
            );
            OtelContext::new().with_remote_span_context(span)
        });
        let guard = root.attach();
        // A thread without its locals closes no more spans in order: the guard ends at once.
        let _ = ATTACHED.try_with(|attached| {
            attached.borrow_mut().push(Attached {
                span: id.into_u64(),
                again: 0,
                guard,
            })
        });
    }
}

/// The context that a thread has for a skipped span.
struct Attached {
    span: u64,
    /// How often the span was entered once more while it was entered.
    again: usize,
    guard: ContextGuard,
}

thread_local! {
    /// Contexts attached for skipped spans that are entered on this thread.
    static ATTACHED: RefCell<Vec<Attached>> = const { RefCell::new(Vec::new()) };
}

/// Notes that a span is entered while the context is its root's: perhaps because of this very span.
fn enter_again(id: &Id) {
    let _ = ATTACHED.try_with(|attached| {
        let mut attached = attached.borrow_mut();
        if let Some(entry) = attached
            .iter_mut()
            .rfind(|entry| entry.span == id.into_u64())
        {
            entry.again += 1;
        }
    });
}

/// Ends what was attached when the span was entered, if anything was and this is the last exit.
fn detach(id: &Id) {
    let guard = ATTACHED.try_with(|attached| {
        let mut attached = attached.borrow_mut();
        let place = attached
            .iter()
            .rposition(|entry| entry.span == id.into_u64())?;
        if attached[place].again > 0 {
            attached[place].again -= 1;
            return None;
        }
        Some(attached.remove(place).guard)
    });
    // Ended outside the borrow.
    drop(guard);
}

/// The current span's ids, if it is a local one that is not sampled.
pub(super) fn current_if_unsampled() -> Option<(TraceId, SpanId)> {
    OtelContext::map_current(|current| {
        if !current.has_active_span() {
            return None;
        }
        let span = current.span();
        let span = span.span_context();
        (span.is_valid() && !span.is_sampled() && !span.is_remote())
            .then(|| (span.trace_id(), span.span_id()))
    })
}

/// What the kind of a span means for its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It stays in this process.
    Internal,
    /// Its context leaves the process.
    Outgoing,
    /// Middleware may yet give it a parent from another process. A kind that is not known yet may become any.
    Incoming,
}

fn kind(attributes: &Attributes<'_>) -> Kind {
    let fields = attributes.metadata().fields();
    if fields.field(semconv::FIELD_KIND).is_none() {
        return Kind::Internal;
    }
    let mut kind = KindVisitor(Kind::Incoming);
    attributes.record(&mut kind);
    kind.0
}

struct KindVisitor(Kind);

impl Visit for KindVisitor {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == semconv::FIELD_KIND {
            let is = |kind: &str| value.eq_ignore_ascii_case(kind);
            self.0 = if is("internal") {
                Kind::Internal
            } else if is("client") || is("producer") {
                Kind::Outgoing
            } else {
                Kind::Incoming
            };
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == semconv::FIELD_KIND {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}

impl<S, L> Layer<S> for Gate<L>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    L: Layer<S>,
{
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.max_level)
    }

    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        let _ = self.dispatch.set(subscriber.downgrade());
        self.inner.on_register_dispatch(subscriber);
    }

    fn on_layer(&mut self, subscriber: &mut S) {
        self.closed = is_exporting::<S>();
        self.inner.on_layer(subscriber);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if self.closed {
            return;
        }
        if let Some(skipped) = &self.skipped
            && let Some((trace, span)) = self.unsampled_parent(skipped, attributes)
            && skipped.open(id.into_u64(), |place| place.set(trace, span))
        {
            return;
        }
        // A value that opens spans while it is shown, or a callback that does, makes tracing-subscriber 0.3.23 forget that
        // a filter has left this span out (tokio-rs/tracing#2704), and the OpenTelemetry layer panics on such a span.
        if context.span(id).is_some() {
            self.inner.on_new_span(attributes, id, context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if !self.closed && !self.is_skipped(id) {
            self.inner.on_record(id, values, context);
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        if !self.closed && !self.is_skipped(id) {
            self.inner.on_follows_from(id, follows, context);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        // The OpenTelemetry layer would build the event before it finds that nobody records it.
        let unrecorded = match event.parent() {
            Some(parent) => self.is_skipped(parent),
            None => self.skipped.is_some() && current_if_unsampled().is_some(),
        };
        if !self.closed && !unrecorded {
            self.inner.on_event(event, context);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if self.closed {
            return;
        }
        let skipped = self.skipped.as_ref();
        let Some(ids) = skipped.and_then(|skipped| skipped.with(id.into_u64(), Skipped::ids))
        else {
            return self.inner.on_enter(id, context);
        };
        let current = OtelContext::map_current(|current| {
            current.has_active_span() && current.span().span_context().trace_id() == ids.0
        });
        if current {
            enter_again(id);
        } else {
            self.attach(id, ids, &context);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if self.closed {
            return;
        }
        if self.is_skipped(id) {
            return detach(id);
        }
        self.inner.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if self.closed {
            return;
        }
        let skipped = self.skipped.as_ref();
        if skipped
            .and_then(|skipped| skipped.close(id.into_u64(), |_| ()))
            .is_none()
        {
            self.inner.on_close(id, context);
        }
    }
}
