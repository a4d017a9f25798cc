//! Which spans and events go where: one decision a callsite and purpose, none of which moves another.
//!
//! # Hot path
//!
//! tracing asks the filters for every span, because the thread decides as well. The directives are compared once a
//! callsite; after that [`Decisions`] answers with one load.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Filter};

use crate::config::Config;
use crate::diagnostics;
use crate::own_thread;
use crate::span_metrics::ErrorRule;

/// The directives of every purpose.
#[derive(Debug, Clone)]
pub(crate) struct Filters {
    /// Exported spans: `OTEL_RUST_SPAN_FILTER`.
    pub(crate) traces: Targets,
    /// Counted spans: `OTEL_RUST_SPAN_METRICS_FILTER`.
    pub(crate) span_metrics: Targets,
    /// Logged events, and the spans whose fields their lines show: `RUST_LOG`.
    pub(crate) logs: Targets,
}

impl Filters {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            traces: compile(&config.traces.filter.directives),
            span_metrics: compile(&config.span_metrics.filter.directives),
            logs: compile(&config.logs.filter.directives),
        }
    }

    /// The most verbose level that anything wants.
    fn max_level(&self) -> LevelFilter {
        let all = [&self.traces, &self.span_metrics, &self.logs];
        let most = all.into_iter().map(max_level).max();
        // Warnings of the SDK are always heard.
        most.unwrap_or(LevelFilter::TRACE).max(LevelFilter::WARN)
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        if is_internal(metadata) {
            return *metadata.level() <= Level::WARN;
        }
        enabled(&self.logs, metadata)
            || enabled(&self.span_metrics, metadata)
                && (metadata.is_span() || ErrorRule::of(metadata) != ErrorRule::Never)
    }
}

/// The configuration has refused what does not parse; what is left of it counts, and nothing means the default.
fn compile(directives: &str) -> Targets {
    directives
        .parse()
        .unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO))
}

/// Whether the SDK speaks of itself: its `otel_warn!` and the like name the crate they stand in.
///
/// Such events go to our diagnostics, which no log filter silences, and never into the application's logs.
pub(crate) fn is_internal(metadata: &Metadata<'_>) -> bool {
    const CRATES: [&str; 6] = [
        "opentelemetry",
        "opentelemetry_sdk",
        "opentelemetry-otlp",
        "opentelemetry-http",
        "opentelemetry-proto",
        "opentelemetry-prometheus",
    ];
    metadata.is_event() && CRATES.contains(&metadata.target())
}

/// How much an event of the SDK matters.
pub(crate) fn internal_level(metadata: &Metadata<'_>) -> diagnostics::Level {
    match *metadata.level() {
        Level::ERROR => diagnostics::Level::Error,
        Level::WARN => diagnostics::Level::Warn,
        _ => diagnostics::Level::Debug,
    }
}

/// Whether the directives let the callsite through.
pub(crate) fn enabled(targets: &Targets, metadata: &Metadata<'_>) -> bool {
    targets.would_enable(metadata.target(), metadata.level())
}

/// What was decided about the callsites that registered, by the address of their metadata.
#[derive(Debug)]
struct Decisions {
    /// The address, whose low bits are free because metadata holds references, with the two bits of a decision. 0 is no
    /// callsite.
    known: Box<[AtomicUsize]>,
}

/// A decision: whether our own layer sees the callsite, and whether the OpenTelemetry layer does.
const SEEN: usize = 0b01;
const EXPORTED: usize = 0b10;
const DECISION: usize = SEEN | EXPORTED;

impl Decisions {
    /// Places, 8 bytes each. Two callsites that share one cost each other a comparison of the directives.
    const PLACES: usize = 1 << 12;

    fn new() -> Self {
        Self {
            known: (0..Self::PLACES).map(|_| AtomicUsize::new(0)).collect(),
        }
    }

    fn place(&self, address: usize) -> &AtomicUsize {
        // Metadata lies at least 8 bytes apart, and neighbours should not share a place.
        &self.known[(address >> 3) % Self::PLACES]
    }

    #[inline]
    fn get(&self, metadata: &Metadata<'_>) -> Option<usize> {
        let address = std::ptr::from_ref(metadata).addr();
        // Relaxed: the word says everything about the callsite; nothing is read behind it.
        let known = self.place(address).load(Ordering::Relaxed);
        (known & !DECISION == address).then_some(known & DECISION)
    }

    /// Keeps a decision. Only for metadata that lives for ever: the `log` bridge asks about some on its stack.
    fn set(&self, metadata: &'static Metadata<'static>, decision: usize) {
        let address = std::ptr::from_ref(metadata).addr();
        self.place(address)
            .store(address | decision, Ordering::Relaxed);
    }
}

/// The filters of one pipeline with what they have decided; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Directives {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    filters: Filters,
    max_level: LevelFilter,
    decisions: Decisions,
}

impl Directives {
    pub(crate) fn new(filters: Filters) -> Self {
        let max_level = filters.max_level();
        Self {
            inner: Arc::new(Inner {
                filters,
                max_level,
                decisions: Decisions::new(),
            }),
        }
    }

    /// Whether any layer of a subscriber of our own wants the callsite on this thread.
    #[inline]
    pub(crate) fn any(&self, metadata: &Metadata<'_>) -> bool {
        !own_thread::is_current() && self.is(DECISION, metadata)
    }

    /// The same for all threads: the thread decides, so a yes cannot be kept.
    pub(crate) fn interest(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.register(metadata) == 0 {
            Interest::never()
        } else {
            Interest::sometimes()
        }
    }

    pub(crate) fn max_level(&self) -> LevelFilter {
        self.inner.max_level
    }

    /// Whether every span that our own layer sees is exported: then the OpenTelemetry layer needs no filter of its own.
    pub(crate) fn exports_all_seen(&self) -> bool {
        let Filters {
            traces,
            span_metrics,
            logs,
        } = &self.inner.filters;
        let covered = |other: &Targets| {
            other == traces
                || level_only(other)
                    .zip(level_only(traces))
                    .is_some_and(|(other, traces)| other <= traces)
        };
        covered(span_metrics) && covered(logs)
    }

    #[inline]
    fn is(&self, wanted: usize, metadata: &Metadata<'_>) -> bool {
        let known = self.inner.decisions.get(metadata);
        known.unwrap_or_else(|| self.decide(metadata)) & wanted != 0
    }

    fn register(&self, metadata: &'static Metadata<'static>) -> usize {
        let decision = self.decide(metadata);
        self.inner.decisions.set(metadata, decision);
        decision
    }

    fn decide(&self, metadata: &Metadata<'_>) -> usize {
        let filters = &self.inner.filters;
        let seen = if filters.wants(metadata) { SEEN } else { 0 };
        let exported = if enabled(&filters.traces, metadata) {
            EXPORTED
        } else {
            0
        };
        seen | exported
    }
}

/// What our own layer sees: the union of what is counted and what is logged.
#[derive(Debug)]
pub(crate) struct Seen(pub(crate) Directives);

impl<S: Subscriber> Filter<S> for Seen {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.0.is(SEEN, metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.0.register(metadata) & SEEN != 0 {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.inner.max_level)
    }
}

/// What the OpenTelemetry layer sees: exported spans, but none of an export.
#[derive(Debug)]
pub(crate) struct Exported(pub(crate) Directives);

impl<S: Subscriber> Filter<S> for Exported {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        !own_thread::is_current() && self.0.is(EXPORTED, metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        // The thread decides, so the answer cannot be kept.
        if self.0.register(metadata) & EXPORTED != 0 {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    /// The hint of all our filters: two layers that were joined before they reach a `Registry` lose the inner one's, because
    /// tracing-subscriber 0.3.23 takes the inner layer for the registry (`Layered::inner_is_registry`).
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.inner.max_level)
    }
}

/// What the layer sees that lends its type: nothing.
#[derive(Debug)]
pub(crate) struct Nothing(pub(crate) Directives);

impl<S: Subscriber> Filter<S> for Nothing {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        false
    }

    fn callsite_enabled(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::never()
    }

    // As in `Exported`.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.inner.max_level)
    }
}

/// The level of directives that name no target.
fn level_only(targets: &Targets) -> Option<LevelFilter> {
    let all = targets.iter().next().is_none();
    all.then(|| targets.default_level()).flatten()
}

fn max_level(targets: &Targets) -> LevelFilter {
    Layer::<tracing_subscriber::Registry>::max_level_hint(targets).unwrap_or(LevelFilter::TRACE)
}
