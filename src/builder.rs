//! Settings from code, below and above the environment.

#[cfg(feature = "config-file")]
mod components;

use std::fmt;
use std::path::Path;

use crate::clock::Clock;
use crate::config::{self, Config, Env, Sources, SpanDescription, SpanMetrics, Strictness};
use crate::diagnostics::{Diagnostics, Level};
use crate::error::InitError;
use crate::metrics::{self, Registry};
use crate::pipeline::{Additions, Capture, Custom};
use crate::telemetry::Telemetry;

/// Configures [`Telemetry`] in code.
///
/// Everything is said in variables, so that what can be set from outside can be set in code under the same name:
/// [`override_var`](Self::override_var) wins over the environment, the environment wins over
/// [`default_var`](Self::default_var), and that wins over the default of the specification.
///
/// ```no_run
/// let telemetry = spanwise::Telemetry::builder()
///     .default_var("OTEL_SERVICE_NAME", "checkout")
///     .default_var("OTEL_METRICS_EXPORTER", "prometheus")
///     .init()?;
/// # Ok::<(), spanwise::InitError>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `init` or `build` is called"]
pub struct Builder {
    sources: Sources,
    strictness: Option<Strictness>,
    listener: Listener,
    additions: Additions,
    clock: Clock,
    panics: Panics,
    span_metrics: SpanMetricsChanges,
    registry: Option<Registry>,
}

/// What is to be changed of the span metrics, in order.
#[derive(Default)]
struct SpanMetricsChanges(Vec<Box<dyn FnOnce(SpanMetrics) -> SpanMetrics + Send>>);

impl fmt::Debug for SpanMetricsChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} changes", self.0.len())
    }
}

/// Whether the pipeline opens the `/metrics` port itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    Own,
    None,
}

/// What a panic does to what is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Panics {
    Flush,
    Ignore,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            sources: Sources::from_process(),
            strictness: None,
            listener: Listener::Own,
            additions: Additions::default(),
            clock: Clock::system(),
            panics: Panics::Flush,
            span_metrics: SpanMetricsChanges::default(),
            registry: None,
        }
    }

    /// Sets what a variable means while the environment does not have it. Defaults to the specification's default.
    pub fn default_var(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.sources.defaults.insert(name, value);
        self
    }

    /// Sets a variable above the environment. Defaults to what the environment says.
    pub fn override_var(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.sources.overrides.insert(name, value);
        self
    }

    /// Reads the configuration from a file of the declarative configuration, as `OTEL_CONFIG_FILE` does, and above it. All
    /// other variables are then ignored, except where the file refers to one. Defaults to `OTEL_CONFIG_FILE`.
    #[cfg(feature = "config-file")]
    pub fn config_file(mut self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().as_os_str().to_owned();
        self.sources.overrides.insert_os(config::CONFIG_FILE, path);
        self
    }

    /// Replaces the process environment, for tests and for programs that read their settings elsewhere. Defaults to the
    /// environment of the process at the time of [`Telemetry::builder`].
    pub fn with_env(mut self, env: Env) -> Self {
        self.sources.env = env;
        self
    }

    /// Makes the start fail, with every problem listed, where it would otherwise replace a value and say so. Defaults to
    /// `OTEL_RUST_CONFIG`, which defaults to lenient.
    pub fn strict(mut self) -> Self {
        self.strictness = Some(Strictness::Strict);
        self
    }

    /// Leaves the `/metrics` port closed, for an application that serves [`Telemetry::render`] itself. Defaults to
    /// listening when `OTEL_METRICS_EXPORTER` has `prometheus`.
    pub fn without_metrics_listener(mut self) -> Self {
        self.listener = Listener::None;
        self
    }

    /// Adds a span exporter of the application's own, beside those of `OTEL_TRACES_EXPORTER`.
    ///
    /// It gets sampled spans in batches as `OTEL_BSP_*` says, from a task of the private runtime, and what it loses is
    /// counted like any other. It must not block. Defaults to none.
    pub fn add_span_exporter(
        mut self,
        exporter: impl opentelemetry_sdk::trace::SpanExporter + 'static,
    ) -> Self {
        self.additions.exporters.push(Custom::spans(exporter));
        self
    }

    /// The registry whose metrics are shown and sent. Defaults to [`metrics::global`](crate::metrics::global) with
    /// [`init`](Self::init) and to a new one with [`build`](Self::build), so that two pipelines share nothing.
    pub fn with_registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// The registry of the process, unless another one was chosen.
    pub(crate) fn with_global_registry(mut self) -> Self {
        self.registry
            .get_or_insert_with(|| metrics::global().clone());
        self
    }

    /// Lets the test harness see spans and logs as they end, and decide what time it is.
    pub(crate) fn with_capture(mut self, capture: Capture, clock: Clock) -> Self {
        self.additions.capture = Some(capture);
        self.clock = clock;
        self
    }

    /// Leaves the panic hook alone. Defaults to a hook behind the present one that sends what is queued, for at most half a
    /// second, because a panic may be the end.
    pub fn without_panic_hook(mut self) -> Self {
        self.panics = Panics::Ignore;
        self
    }

    pub(crate) fn panics(&self) -> Panics {
        self.panics
    }

    /// Changes how spans become RED metrics, on top of what `OTEL_RUST_SPAN_METRICS_*` says. Defaults to no change.
    ///
    /// ```
    /// use spanwise::config::Dimension;
    ///
    /// let builder = spanwise::Telemetry::builder().span_metrics(|metrics| {
    ///     metrics
    ///         .add_dimension(Dimension::new("tenant.id").with_label("tenant"))
    ///         .add_reserved("http.route", ["/users/{id}", "/health"])
    /// });
    /// ```
    pub fn span_metrics(
        mut self,
        change: impl FnOnce(SpanMetrics) -> SpanMetrics + Send + 'static,
    ) -> Self {
        self.span_metrics.0.push(Box::new(change));
        self
    }

    /// Says ahead of time what spans of one name are, which of their fields become labels, and what buckets they have.
    /// Defaults to nothing: spans need no description.
    pub fn describe(self, span: SpanDescription) -> Self {
        self.span_metrics(|metrics| metrics.add_span(span))
    }

    /// Builds and installs: the global `tracing` subscriber, meter provider, tracer provider and propagator.
    ///
    /// Works from plain `main`, inside any runtime, and before there is one.
    ///
    /// # Errors
    ///
    /// [`InitError`] says what is in the way. The process is as it was before.
    pub fn init(self) -> Result<Telemetry, InitError> {
        Telemetry::install(self)
    }

    /// Builds without touching a global: for [`Telemetry::layer`] and [`Telemetry::scope`].
    ///
    /// # Errors
    ///
    /// [`InitError`] says what is in the way.
    pub fn build(self) -> Result<Telemetry, InitError> {
        let clock = self.clock;
        let mut resolved = config::resolve(&self.sources);
        if let Some(strictness) = self.strictness {
            resolved.strictness = strictness;
        }
        let mut resolved = resolved.check()?;
        for change in self.span_metrics.0 {
            resolved.config.span_metrics = change(resolved.config.span_metrics);
        }
        let level = diagnostics_level(&resolved.config);
        let diagnostics = Diagnostics::stderr(level, clock.clone());
        Telemetry::build(
            resolved,
            self.additions,
            self.registry.unwrap_or_default(),
            self.listener,
            clock,
            diagnostics,
        )
    }
}

fn diagnostics_level(config: &Config) -> Option<Level> {
    match config.diagnostics.level {
        config::DiagnosticsLevel::None => None,
        config::DiagnosticsLevel::Error => Some(Level::Error),
        config::DiagnosticsLevel::Warn => Some(Level::Warn),
        config::DiagnosticsLevel::Info => Some(Level::Info),
        config::DiagnosticsLevel::Debug => Some(Level::Debug),
    }
}

/// Whether the process is a test or benchmark of cargo: those lie in `deps`, programs beside it.
pub(crate) fn is_test_process() -> bool {
    std::env::current_exe().is_ok_and(|path| {
        path.parent()
            .and_then(Path::file_name)
            .is_some_and(|name| name == "deps")
    })
}
