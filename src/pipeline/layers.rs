//! Our layers, put together in the right order.
//!
//! 1. One that answers for the OpenTelemetry layer: tracing-opentelemetry finds its layer by type, and the gate hides the
//!    one that works. It sees nothing itself; it shares the tracer, and what is known of a span lies in the registry. It comes
//!    first because the others run code of the application, values that are shown and callbacks, and where that opens
//!    spans, tracing-subscriber 0.3.23 forgets what the filters of later layers have said (tokio-rs/tracing#2704). The
//!    gate copes with that; this one would panic.
//! 2. Ours, which counts and logs: before the one that exports, because after that the trace of a closing span is gone.
//! 3. The one that exports, behind the gate.

use opentelemetry_sdk::trace::SdkTracer;
use tracing::{Dispatch, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::{LookupSpan, Registry};

use super::filter::{Directives, Exported, Nothing, Seen};
use super::gate::Gate;
use super::layer::SpanwiseLayer;

/// Layers before they are put together.
pub(super) struct Layers<S> {
    found_by_type: OpenTelemetryLayer<S, SdkTracer>,
    ours: SpanwiseLayer,
    exported: Gate<OpenTelemetryLayer<S, SdkTracer>>,
    directives: Directives,
}

impl<S> Layers<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    pub(super) fn new(
        ours: SpanwiseLayer,
        tracer: SdkTracer,
        skip_unsampled: bool,
        directives: Directives,
    ) -> Self {
        Self {
            found_by_type: lean(tracer.clone()),
            ours,
            exported: Gate::new(lean(tracer), skip_unsampled, directives.max_level()),
            directives,
        }
    }

    /// Each with a filter of its own, for a subscriber with other layers.
    pub(super) fn with_filters(self) -> impl Layer<S> + use<S> {
        let directives = self.directives;
        self.found_by_type
            .with_filter(Nothing(directives.clone()))
            .and_then(self.ours.with_filter(Seen(directives.clone())))
            .and_then(self.exported.with_filter(Exported(directives)))
    }
}

impl Layers<Registry> {
    /// A subscriber of nothing else.
    ///
    /// A filter of one layer costs three look-ups of the span. So ours filters for all, and the OpenTelemetry layer has
    /// a filter only where it sees less than ours.
    pub(super) fn into_subscriber(self) -> Dispatch {
        let directives = self.directives;
        let ours = self
            .found_by_type
            .with_filter(Nothing(directives.clone()))
            .and_then(self.ours.for_all_layers(directives.clone()));
        let registry = tracing_subscriber::registry();
        if directives.exports_all_seen() {
            Dispatch::new(registry.with(ours.and_then(self.exported)))
        } else {
            let exported = self.exported.with_filter(Exported(directives));
            Dispatch::new(registry.with(ours.and_then(exported)))
        }
    }
}

/// The OpenTelemetry layer without what costs and few read: four allocations a span instead of nine.
fn lean<S>(tracer: SdkTracer) -> OpenTelemetryLayer<S, SdkTracer>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    OpenTelemetryLayer::new(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
}
