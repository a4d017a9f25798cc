//! The guard: telemetry runs while it lives, and its end delivers what is left.

mod spans;
mod views;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use opentelemetry::global;
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::banner::Banner;
use crate::builder::{self, Builder};
use crate::clock::Clock;
use crate::config::Resolved;
#[cfg(feature = "prometheus")]
use crate::config::{Config, MetricExporter};
use crate::delivery::Report;
use crate::diagnostics::{Diagnostics, Level};
use crate::ending;
use crate::error::{InitError, ShutdownError};
use crate::metrics;
use crate::pipeline::{self, Additions, Pipeline};
#[cfg(feature = "prometheus")]
use crate::server;

/// A guard that lives no longer than this and has seen nothing was not meant to be dropped.
const TOO_SHORT: Duration = Duration::from_millis(100);

/// Whether this process has installed telemetry; it never has again.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Running telemetry, and the guard that delivers what is left when it ends.
///
/// Keep it until the end of `main`. Dropping it sends what is queued, for at most five seconds (one, if the last export
/// failed), from any thread and inside any runtime. [`shutdown`](Self::shutdown) does the same and tells what arrived.
///
/// ```no_run
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let telemetry = spanwise::Telemetry::init()?;
///     tracing::info_span!("work").in_scope(|| tracing::info!("working"));
///     telemetry.shutdown()?;
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[must_use = "telemetry ends when this is dropped: write `let telemetry = ...` and keep it until the end of `main`"]
pub struct Telemetry {
    pipeline: Arc<Pipeline>,
    resolved: Resolved,
    #[cfg(feature = "prometheus")]
    listener: Option<server::Running>,
    diagnostics: Diagnostics,
    /// The subscriber of [`scope`](Self::scope), made when it is asked for.
    scoped: OnceLock<Option<Dispatch>>,
    /// What the last flush has reported as lost.
    known_loss: AtomicU64,
    /// When it was installed for the process, if it was.
    installed: Option<Instant>,
    finished: bool,
}

impl Telemetry {
    /// Starts telemetry as the environment says, and installs it for the process.
    ///
    /// The same as `Telemetry::builder().init()`.
    ///
    /// # Errors
    ///
    /// [`InitError`] says what is in the way: telemetry or another subscriber is installed already, the `/metrics` port is
    /// taken, or a file that a variable names cannot be read. A variable with a bad value is no error: it is replaced
    /// and said on stderr, unless the start is [strict](Builder::strict).
    pub fn init() -> Result<Self, InitError> {
        Self::builder().init()
    }

    /// Starts from the environment and adds settings from code.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn build(
        resolved: Resolved,
        additions: Additions,
        registry: metrics::Registry,
        listener: builder::Listener,
        clock: Clock,
        diagnostics: Diagnostics,
    ) -> Result<Self, InitError> {
        let pipeline = Pipeline::build(&resolved.config, additions, registry, clock, &diagnostics)?;
        let telemetry = Self {
            #[cfg(feature = "prometheus")]
            listener: listen(&pipeline, &resolved.config, listener)?,
            pipeline: Arc::new(pipeline),
            resolved,
            diagnostics,
            scoped: OnceLock::new(),
            known_loss: AtomicU64::new(0),
            installed: None,
            finished: false,
        };
        #[cfg(not(feature = "prometheus"))]
        let _ = listener;
        telemetry.say_start();
        Ok(telemetry)
    }

    pub(crate) fn install(builder: Builder) -> Result<Self, InitError> {
        // The slot is taken first: the loser of a race must not have taken a port or started a thread.
        if INSTALLED.swap(true, Ordering::AcqRel) {
            return Err(InitError::AlreadyInstalled);
        }
        let installed = Self::install_once(builder);
        if installed.is_err() {
            INSTALLED.store(false, Ordering::Release);
        }
        installed
    }

    fn install_once(builder: Builder) -> Result<Self, InitError> {
        if tracing::dispatcher::has_been_set() {
            return Err(InitError::SubscriberInstalled);
        }
        let panics = builder.panics();
        let mut telemetry = builder.with_global_registry().build()?;
        let subscriber = telemetry
            .pipeline
            .subscriber()
            .ok_or(InitError::AlreadyInstalled)?;
        // Before the subscriber: setting a provider logs under a lock that a layer could want.
        global::set_meter_provider(telemetry.pipeline.meter_provider().clone());
        global::set_tracer_provider(telemetry.pipeline.tracer_provider().clone());
        global::set_text_map_propagator(telemetry.propagator());
        tracing::dispatcher::set_global_default(subscriber)
            .map_err(|_| InitError::SubscriberInstalled)?;
        ending::register(&telemetry.pipeline, &telemetry.diagnostics);
        if panics == builder::Panics::Flush {
            ending::hook_panics();
        }
        telemetry.installed = Some(Instant::now());
        Ok(telemetry)
    }

    /// Our layers, with a filter each, for an application that owns its subscriber.
    ///
    /// Add it first, and put no filter on the whole registry: that would also switch spans off. Propagation, and metrics
    /// through the OpenTelemetry API, stay with the application too: see [`propagator`](Self::propagator) and
    /// [`meter_provider`](Self::meter_provider).
    ///
    /// Do not wrap it in an `Option` or a `Vec`: tracing-subscriber 0.3.23 does not tell layers in there which subscriber they
    /// belong to, and exemplars and the trace ids of some log lines are lost.
    ///
    /// # Errors
    ///
    /// [`InitError::LayerTaken`] the second time, and after [`scope`](Self::scope) or [`init`](Self::init): a second layer would
    /// count every span twice.
    ///
    /// ```
    /// use tracing_subscriber::layer::SubscriberExt;
    ///
    /// let telemetry = spanwise::Telemetry::builder()
    ///     .override_var("OTEL_TRACES_EXPORTER", "none")
    ///     .override_var("OTEL_METRICS_EXPORTER", "none")
    ///     .override_var("OTEL_LOGS_EXPORTER", "none")
    ///     .build()?;
    /// let subscriber = tracing_subscriber::registry().with(telemetry.layer()?);
    /// tracing::subscriber::with_default(subscriber, || tracing::info_span!("work").in_scope(|| ()));
    /// assert!(telemetry.render().contains(r#"span_name="work""#));
    /// # Ok::<(), spanwise::InitError>(())
    /// ```
    pub fn layer<S>(&self) -> Result<impl Layer<S> + use<S>, InitError>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        self.pipeline.layer().ok_or(InitError::LayerTaken)
    }

    /// Runs `f` with this telemetry as the subscriber of the current thread, for tests. Threads and tasks that `f` starts
    /// do not inherit it.
    pub fn scope<R>(&self, f: impl FnOnce() -> R) -> R {
        match self.dispatch() {
            Some(dispatch) => tracing::dispatcher::with_default(dispatch, f),
            // The layer is in use: installed, or handed out.
            None => f(),
        }
    }

    /// The subscriber of [`scope`](Self::scope).
    pub(crate) fn dispatch(&self) -> Option<&Dispatch> {
        let dispatch = self.scoped.get_or_init(|| self.pipeline.subscriber());
        dispatch.as_ref()
    }

    /// Sends what is queued now, for at most `within`, and goes on.
    ///
    /// # Errors
    ///
    /// When anything was lost since the last flush, or is still on its way when the time is over. What is on its way goes on.
    pub fn flush(&self, within: Duration) -> Result<Report, ShutdownError> {
        let report = self.pipeline.finish(within, false);
        let lost = report.lost_for_good();
        let known = self.known_loss.swap(lost, Ordering::Relaxed);
        if lost > known || report.lost() > lost {
            return Err(ShutdownError { report });
        }
        Ok(report)
    }

    /// Sends what is left, for at most five seconds or one if the last export failed, and ends.
    ///
    /// Works from any thread and inside any runtime, which it blocks meanwhile; [`shutdown_async`](Self::shutdown_async) does not.
    ///
    /// # Errors
    ///
    /// When anything was lost since the start.
    pub fn shutdown(self) -> Result<Report, ShutdownError> {
        let within = ending::default_deadline(&self.pipeline);
        self.shutdown_within(within)
    }

    /// Sends what is left, for at most `within`, and ends.
    ///
    /// # Errors
    ///
    /// When anything was lost since the start.
    pub fn shutdown_within(mut self, within: Duration) -> Result<Report, ShutdownError> {
        ShutdownError::check(self.finish(within))
    }

    /// Sends what is left, for at most five seconds or one if the last export failed, and ends, without blocking the thread.
    ///
    /// # Errors
    ///
    /// When anything was lost since the start.
    pub async fn shutdown_async(mut self) -> Result<Report, ShutdownError> {
        let within = ending::default_deadline(&self.pipeline);
        let report = self.pipeline.finish_async(within, true).await;
        self.finished = true;
        ShutdownError::check(report)
    }

    /// Waits for Ctrl-C or SIGTERM, on any runtime or none; made for the graceful shutdown of servers.
    ///
    /// From this call on neither ends the process by itself. Another one after the first delivers what is queued and ends the
    /// process: whoever presses Ctrl-C twice does not want to wait for requests.
    ///
    /// ```no_run
    /// # async fn run(listener: tokio::net::TcpListener, app: axum::Router) -> Result<(), Box<dyn std::error::Error>> {
    /// let telemetry = spanwise::Telemetry::init()?;
    /// let signal = telemetry.signal();
    /// axum::serve(listener, app)
    ///     .with_graceful_shutdown(async { drop(signal.await) })
    ///     .await?;
    /// telemetry.shutdown_async().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "signal")]
    pub fn signal(&self) -> impl Future<Output = crate::Signal> + Send + 'static {
        crate::signal::next(&self.pipeline, &self.diagnostics)
    }

    /// Delivers what is queued and ends the process when Ctrl-C or SIGTERM comes, for programs that wait for neither.
    ///
    /// The process exits with 130 or 143. Destructors of the application do not run.
    #[cfg(feature = "signal")]
    pub fn exit_on_signal(&self) {
        crate::signal::exit_on_signal(&self.pipeline, &self.diagnostics);
    }

    fn finish(&mut self, within: Duration) -> Report {
        self.finished = true;
        self.pipeline.finish(within, true)
    }

    /// `let _ = Telemetry::init()` drops the guard on the spot, which nothing else would tell.
    fn say_if_too_short(&self) {
        let lived = self.installed.map(|start| start.elapsed());
        let Some(lived) = lived.filter(|lived| *lived < TOO_SHORT) else {
            return;
        };
        if std::thread::panicking() || self.pipeline.has_seen_anything() {
            return;
        }
        let message = format_args!(
            "telemetry ended {lived:.0?} after its start and has seen nothing: keep the guard until the end of main; \
             `let telemetry = Telemetry::init()?;` does, `let _ = Telemetry::init()?;` drops it at once"
        );
        self.diagnostics.say(Level::Warn, message);
    }

    fn say_start(&self) {
        let config = &self.resolved.config;
        let url = self.metrics_url();
        let banner = Banner {
            resolved: &self.resolved,
            service_name: &pipeline::service_name(&config.resource),
            metrics_url: url.as_deref(),
        };
        if config.diagnostics.banner && !builder::is_test_process() {
            self.diagnostics.say(Level::Info, banner);
            return;
        }
        for problem in &self.resolved.problems {
            self.diagnostics.say(Level::Warn, problem);
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        self.say_if_too_short();
        ending::end(&self.pipeline, &self.diagnostics);
    }
}

/// Opens the `/metrics` port if the configuration asks for it.
#[cfg(feature = "prometheus")]
fn listen(
    pipeline: &Pipeline,
    config: &Config,
    listener: builder::Listener,
) -> Result<Option<server::Running>, InitError> {
    let asked = config
        .metrics
        .exporters
        .iter()
        .find_map(|exporter| match exporter {
            MetricExporter::Prometheus(prometheus) => Some(prometheus),
            _ => None,
        });
    let Some(prometheus) = asked.filter(|_| listener == builder::Listener::Own && !config.disabled)
    else {
        return Ok(None);
    };
    let scrape = pipeline.scrape().clone();
    let source = move |format| scrape.render(format);
    let bound = server::Listener::bind(&prometheus.host, prometheus.port, pipeline.runtime())?;
    Ok(Some(bound.serve(std::sync::Arc::new(source))))
}
