//! Our layer: counts spans, and writes logged events to stderr and to the log pipeline.
//!
//! It stands before the OpenTelemetry layer, because after that one the trace of a closing span is gone.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use tracing::dispatcher::WeakDispatch;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::callsite::Callsites;
use super::filter::Directives;
use super::gate;
use super::propagators::Propagators;
use crate::diagnostics::{Diagnostics, Level};
use crate::logs::{self, Fields, Format, Line, PackedFields, SpanName};
use crate::own_thread;
use crate::semconv;
use crate::span_metrics::{SpanMetrics, Status};

/// The bridge from events to log records.
pub(crate) type Bridge = OpenTelemetryTracingBridge<SdkLoggerProvider, SdkLogger>;

/// Counts spans and logs events.
#[derive(Debug)]
pub(crate) struct SpanwiseLayer {
    metrics: Arc<SpanMetrics>,
    callsites: Callsites,
    /// How events look on stderr; `None` writes none.
    lines: Option<Format>,
    /// Where events become log records; `None` makes none.
    bridge: Option<BridgeDebug>,
    /// Fields of open spans, for the lines; those that do not fit are extensions of their span.
    fields: PackedFields,
    propagators: Propagators,
    diagnostics: Diagnostics,
    dispatch: OnceLock<WeakDispatch>,
    /// In a subscriber of our own: filters for all layers, which costs less than a filter each.
    directives: Option<Directives>,
}

/// The bridge has no `Debug` of its own.
struct BridgeDebug(Bridge);

impl std::fmt::Debug for BridgeDebug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenTelemetryTracingBridge")
    }
}

impl SpanwiseLayer {
    pub(crate) fn new(
        metrics: Arc<SpanMetrics>,
        callsites: Callsites,
        lines: Option<Format>,
        bridge: Option<Bridge>,
        propagators: Propagators,
        diagnostics: Diagnostics,
    ) -> Self {
        Self {
            metrics,
            callsites,
            lines,
            bridge: bridge.map(BridgeDebug),
            fields: PackedFields::new(),
            propagators,
            diagnostics,
            dispatch: OnceLock::new(),
            directives: None,
        }
    }

    /// Filters for the whole subscriber, which must be ours.
    pub(crate) fn for_all_layers(mut self, directives: Directives) -> Self {
        self.directives = Some(directives);
        self
    }

    /// Our layer of a subscriber, if it has one.
    pub(crate) fn of(subscriber: &Dispatch) -> Option<&Self> {
        subscriber.downcast_ref()
    }

    /// The application says how a span went.
    pub(crate) fn set_status(&self, id: &Id, status: Status) {
        self.metrics.on_status(id.into_u64(), status);
    }

    /// The propagators of the pipeline that the layer belongs to.
    pub(crate) fn propagators(&self) -> &Propagators {
        &self.propagators
    }

    /// The OpenTelemetry context of a span, which starts the exported span if it has not started.
    fn context_of(&self, id: &Id) -> Option<opentelemetry::Context> {
        let dispatch = self.dispatch.get()?.upgrade()?;
        tracing_opentelemetry::get_otel_context(id, &dispatch)
    }

    fn count_error<S>(&self, event: &Event<'_>, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        // The nearest span that is counted; one that is only logged may lie in between.
        let mut scope = context.event_scope(event).into_iter().flatten();
        scope.find(|span| self.metrics.on_error(span.id().into_u64()));
    }

    /// The SDK speaks of itself: once a kind, then counted.
    #[cold]
    fn say_internal(&self, level: Level, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let name = fields.take("name").map(|name| name.to_string());
        let mut text = fields
            .take(semconv::FIELD_MESSAGE)
            .map_or_else(String::new, |message| message.to_string());
        for (name, value) in fields.iter() {
            // Writing into a string cannot fail.
            let _ = write!(text, " {name}={value}");
        }
        let kind = name.as_deref().unwrap_or_else(|| event.metadata().name());
        self.diagnostics.fail(
            level,
            event.metadata().target(),
            kind,
            format_args!("{kind}: {}", text.trim_start()),
        );
    }

    fn log<S>(&self, event: &Event<'_>, context: Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        // The current context is the current span's. An event with a parent of its own belongs to that one.
        let parent = event.parent().and_then(|id| self.context_of(id));
        let current = match (&parent, event.is_contextual()) {
            (Some(parent), _) => parent.span().span_context().clone(),
            (None, true) => {
                opentelemetry::Context::map_current(|current| current.span().span_context().clone())
            }
            (None, false) => SpanContext::empty_context(),
        };
        if let Some(format) = self.lines {
            let current = current.is_valid().then_some(current);
            write_line(format, event, &context, current, &self.fields);
        }
        if let Some(BridgeDebug(bridge)) = &self.bridge {
            let _attached = parent.map(opentelemetry::Context::attach);
            bridge.on_event(event, context);
        }
    }
}

impl<S> Layer<S> for SpanwiseLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_layer(&mut self, _: &mut S) {
        if gate::is_exporting::<S>() {
            let message = "traces: the subscriber has an OpenTelemetry layer of its own, and a span has room for one; \
                           ours is off. Spans are counted and logged, and exported by the other layer only. Remove \
                           that layer to export them from here, or set OTEL_TRACES_EXPORTER=none";
            self.diagnostics.say(Level::Error, message);
        }
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match &self.directives {
            Some(directives) => directives.interest(metadata),
            None => Interest::always(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let directives = self.directives.as_ref();
        directives.is_none_or(|directives| directives.any(metadata))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.directives.as_ref().map(Directives::max_level)
    }

    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        // The first subscriber is ours for good; a layer cannot move to another one.
        let _ = self.dispatch.set(subscriber.downgrade());
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if own_thread::is_current() {
            return;
        }
        self.callsites.with(attributes.metadata(), |callsite| {
            if let Some(plan) = &callsite.plan {
                self.metrics.on_new_span(id.into_u64(), plan, attributes);
            }
            if callsite.logged
                && self.lines.is_some()
                && !attributes.is_empty()
                && !self.fields.open(id.into_u64(), attributes)
            {
                let mut fields = Fields::default();
                attributes.record(&mut fields);
                if let Some(span) = context.span(id) {
                    span.extensions_mut().insert(fields);
                }
            }
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else {
            return;
        };
        self.callsites.with(span.metadata(), |callsite| {
            if let Some(plan) = &callsite.plan {
                self.metrics.on_record(id.into_u64(), plan, values);
            }
            if callsite.logged && self.lines.is_some() {
                // Recording calls the application's `Debug`, so no lock of the registry is held meanwhile.
                let known = span.extensions_mut().remove::<Fields>();
                let packed = || self.fields.get(id.into_u64(), span.metadata());
                let mut fields = known.or_else(packed).unwrap_or_default();
                values.record(&mut fields);
                span.extensions_mut().replace(fields);
            }
        });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if own_thread::is_current() {
            return;
        }
        self.callsites.with(event.metadata(), |callsite| {
            if let Some(level) = callsite.internal {
                return self.say_internal(level, event);
            }
            if callsite.error.is_error(event) {
                self.count_error(event, &context);
            }
            if callsite.logged {
                self.log(event, context);
            }
        });
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        self.metrics.on_enter(id.into_u64());
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        // We stand before the OpenTelemetry layer: the span that is left is still the current one. One that is not
        // exported gives the answer of the exported one around it; whoever acts on it asks again.
        let is_sampled = || {
            opentelemetry::Context::map_current(|current| {
                current.has_active_span() && current.span().span_context().is_sampled()
            })
        };
        self.metrics.on_exit(id.into_u64(), is_sampled);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        // A span that was never entered starts here, when asked for its context: its end is near, nothing is lost.
        let context = || {
            let context = self.context_of(&id)?;
            Some(context.span().span_context().clone())
        };
        self.metrics.on_close(id.into_u64(), context);
        if self.lines.is_some() {
            self.fields.close(id.into_u64());
        }
    }
}

thread_local! {
    static LINE: Cell<String> = const { Cell::new(String::new()) };
}

fn write_line<S>(
    format: Format,
    event: &Event<'_>,
    context: &Context<'_, S>,
    current: Option<SpanContext>,
    packed: &PackedFields,
) where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let mut fields = Fields::default();
    event.record(&mut fields);
    let line = Line {
        time: SystemTime::now(),
        metadata: event.metadata(),
        fields,
        context: current,
    };
    let spans = |show: &mut dyn FnMut(SpanName<'_>)| {
        for span in context
            .event_scope(event)
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            let extensions = span.extensions();
            let recorded = extensions.get::<Fields>();
            let unpacked = match recorded {
                Some(_) => None,
                None => packed.get(span.id().into_u64(), span.metadata()),
            };
            show(SpanName {
                name: span.name(),
                fields: recorded.or(unpacked.as_ref()),
            });
        }
    };
    // Taken, not borrowed: nobody can find it in use. A thread that has lost its locals makes a new one.
    let mut buffer = LINE.try_with(Cell::take).unwrap_or_default();
    buffer.clear();
    logs::write(&mut buffer, format, line, spans);
    // A closed stderr loses the line and nothing else.
    let _ = std::io::stderr().lock().write_all(buffer.as_bytes());
    let _ = LINE.try_with(|line| line.set(buffer));
}
