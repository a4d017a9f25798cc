//! Building a pipeline, and what can be asked of it while it runs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanLimits};
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use super::api_spans::ApiSpans;
use super::callsite::Callsites;
use super::capture::{Capture, Counting, Ids};
use super::custom::Custom;
use super::exporters::{self, Exporter, Parts};
use super::filter::{Directives, Filters};
use super::gate;
use super::guarded;
use super::layer::{Bridge, SpanwiseLayer};
use super::layers::Layers;
use super::logs::LogSink;
use super::meters::Meters;
use super::propagators::Propagators;
use super::provided::Provided;
use super::runtime::Runtime;
use super::scrape::Scrape;
use super::self_metrics::Durations;
use super::traces::SpanSink;
use super::{
    SCOPE, detectors, finish, propagators, registry, resource, sampler, self_metrics, span_metrics,
};
use crate::clock::Clock;
use crate::config::{self, Config, LogLines};
use crate::delivery::{Failure, Report, Status};
use crate::detect::Environment;
use crate::diagnostics::{Diagnostics, Level};
use crate::logs::Format;
use crate::metrics::Registry;
use crate::span_metrics::{Metric, SpanMetrics};

/// Why a pipeline could not be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot start the threads that export: {0}")]
    Runtime(#[source] io::Error),
    #[error(transparent)]
    Exporter(#[from] exporters::Error),
    #[error("cannot sample traces: {0}")]
    Sampler(#[source] Failure),
    #[error("cannot process spans: {0}")]
    Processor(#[source] Failure),
    #[error("cannot propagate context: {0}")]
    Propagator(#[source] Failure),
    #[error("cannot describe this process: {0}")]
    Detector(#[source] Failure),
}

/// What a pipeline gets beside its configuration.
#[derive(Debug, Default)]
pub(crate) struct Additions {
    pub(crate) exporters: Vec<Custom<SpanData>>,
    pub(crate) capture: Option<Capture>,
    pub(crate) provided: Provided,
}

/// Running telemetry.
#[derive(Debug)]
pub(crate) struct Pipeline {
    filters: Filters,
    lines: Option<Format>,
    /// Whether descendants of unsampled spans pass the OpenTelemetry layer by.
    skip_unsampled: bool,
    tracer_provider: SdkTracerProvider,
    meter_provider: SdkMeterProvider,
    /// What the span metrics are drained into; kept alive for the readers.
    _drained: Option<SdkMeterProvider>,
    logger_provider: Option<SdkLoggerProvider>,
    propagators: Propagators,
    /// Those of the application's own.
    processors: Vec<guarded::Processor>,
    span_metrics: Arc<SpanMetrics>,
    scrape: Scrape,
    exporters: Vec<Exporter>,
    /// Whether the layer has been handed out: a second one would count every span twice.
    layer_taken: AtomicBool,
    registry: Registry,
    diagnostics: Diagnostics,
    runtime: Runtime,
}

impl Pipeline {
    /// Builds everything that `config` asks for and touches no global; on failure what was built is gone.
    pub(crate) fn build(
        config: &Config,
        additions: Additions,
        registry: Registry,
        clock: Clock,
        diagnostics: &Diagnostics,
    ) -> Result<Self, Error> {
        let runtime = Runtime::start().map_err(Error::Runtime)?;
        // Channels of gRPC look for the runtime around them when they are made.
        let _entered = runtime.handle().enter();
        let Additions {
            exporters: custom,
            capture,
            provided,
        } = additions;
        let provided = &provided;
        let propagators = propagators::build(&config.propagators, provided, diagnostics)
            .map_err(Error::Propagator)?;
        let resource = if config.disabled {
            Resource::builder_empty().build()
        } else {
            let environment = Environment::of_this_process();
            let custom = &config.resource.custom_detectors;
            let custom = detectors::run(custom, provided, resource::DETECTION, diagnostics)
                .map_err(Error::Detector)?;
            resource::build(&config.resource, &environment, custom, diagnostics)
        };
        let service_name = resource::service_name(&config.resource);
        let exports_spans = !config.traces.exporters.is_empty()
            || !config.traces.processors.is_empty()
            || !custom.is_empty()
            || capture.is_some();
        let options = span_metrics::options(config, exports_spans);
        let span_metrics = Arc::new(SpanMetrics::new(
            options,
            clock.clone(),
            diagnostics.clone(),
        ));
        let mut exporters = Vec::new();

        let meters = Meters::build(config, &resource, &span_metrics);
        if let Some(drained) = &meters.drained {
            registry.bind(drained.meter(SCOPE));
        }
        let meter = meters.application.meter(SCOPE);
        let durations = Durations::new(&meter);
        let parts = Parts {
            config,
            resource: &resource,
            runtime: &runtime,
            diagnostics,
            durations: &durations,
            provided,
            made: &AtomicUsize::new(0),
        };
        let (spans, logs) = if config.disabled {
            (Vec::new(), Vec::new())
        } else {
            let mut spans = parts.spans()?;
            let custom = custom.into_iter();
            spans.extend(custom.map(|custom| custom.start(parts, "custom exporter")));
            let logs = parts.logs()?;
            exporters.extend(spans.iter().map(|queue| queue.exporter()));
            exporters.extend(parts.metrics(meters.pushed, &meters.drain)?);
            exporters.extend(logs.iter().map(|queue| queue.exporter()));
            self_metrics::observe(&meter, &exporters);
            (spans, logs)
        };

        // Nobody is asked how to sample what is not recorded.
        let unused = config::Traces::default();
        let traces = if config.disabled {
            &unused
        } else {
            &config.traces
        };
        let sampler = sampler::Parts {
            service_name: &service_name,
            runtime: &runtime,
            clock: &clock,
            diagnostics,
            provided,
        }
        .sampler(traces)
        .map_err(Error::Sampler)?;
        let limits = &config.traces.limits;
        let mut tracer_provider = SdkTracerProvider::builder();
        if config.span_metrics.api_spans {
            // Before the sink, which takes the span with it.
            tracer_provider = tracer_provider.with_span_processor(ApiSpans(span_metrics.clone()));
        }
        let processors = provided
            .processors(&traces.processors, &resource, diagnostics)
            .map_err(Error::Processor)?;
        for processor in &processors {
            tracer_provider = tracer_provider.with_span_processor(processor.clone());
        }
        if capture.as_ref().is_some_and(|c| c.ids == Ids::Sequential) {
            tracer_provider = tracer_provider.with_id_generator(Counting::default());
        }
        let tracer_provider = tracer_provider
            .with_resource(resource.clone())
            .with_sampler(sampler)
            .with_span_limits(SpanLimits {
                max_attributes_per_span: limits.attribute_count,
                max_events_per_span: limits.event_count,
                max_links_per_span: limits.link_count,
                max_attributes_per_event: limits.event_attribute_count,
                max_attributes_per_link: limits.link_attribute_count,
            })
            .with_span_processor(SpanSink::new(
                spans,
                limits.attribute_value_length,
                capture.clone(),
            ))
            .build();
        let logger_provider = (!logs.is_empty() || capture.is_some()).then(|| {
            SdkLoggerProvider::builder()
                .with_resource(resource.clone())
                .with_log_processor(LogSink::new(logs, config.logs.limits, diagnostics, capture))
                .build()
        });

        Ok(Self {
            filters: Filters::new(config),
            lines: line_format(config.logs.lines),
            skip_unsampled: config.traces.skip_unsampled
                && gate::descendants_follow(&config.traces.sampler),
            tracer_provider,
            meter_provider: meters.application,
            _drained: meters.drained,
            logger_provider,
            propagators,
            processors,
            scrape: Scrape::new(
                span_metrics.clone(),
                meters.scraped,
                registry.clone(),
                diagnostics.clone(),
            ),
            registry,
            span_metrics,
            exporters,
            layer_taken: AtomicBool::new(false),
            diagnostics: diagnostics.clone(),
            runtime,
        })
    }

    /// Our layers for a subscriber of the application; `None` the second time.
    pub(crate) fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        Some(self.layers()?.with_filters())
    }

    /// A subscriber of our own; `None` the second time.
    pub(crate) fn subscriber(&self) -> Option<Dispatch> {
        Some(self.layers()?.into_subscriber())
    }

    fn layers<S>(&self) -> Option<Layers<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if self.layer_taken.swap(true, Ordering::Relaxed) {
            return None;
        }
        let ours = SpanwiseLayer::new(
            self.span_metrics.clone(),
            Callsites::new(self.filters.clone(), self.span_metrics.clone()),
            self.lines,
            self.logger_provider.as_ref().map(Bridge::new),
            self.propagators.clone(),
            self.diagnostics.clone(),
        );
        let scope = InstrumentationScope::builder(SCOPE)
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        let tracer = self.tracer_provider.tracer_with_scope(scope);
        let directives = Directives::new(self.filters.clone());
        Some(Layers::new(ours, tracer, self.skip_unsampled, directives))
    }

    pub(crate) fn tracer_provider(&self) -> &SdkTracerProvider {
        &self.tracer_provider
    }

    pub(crate) fn meter_provider(&self) -> &SdkMeterProvider {
        &self.meter_provider
    }

    pub(crate) fn span_metrics(&self) -> &SpanMetrics {
        &self.span_metrics
    }

    pub(crate) fn propagators(&self) -> &Propagators {
        &self.propagators
    }

    /// What the application records.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn scrape(&self) -> &Scrape {
        &self.scrape
    }

    #[cfg(any(feature = "prometheus", feature = "signal", feature = "otlp-http"))]
    pub(crate) fn runtime(&self) -> &tokio::runtime::Handle {
        self.runtime.handle()
    }

    pub(crate) fn status(&self) -> Vec<Status> {
        self.exporters
            .iter()
            .map(|exporter| exporter.subject.status())
            .collect()
    }

    /// Whether a span or a log record has come by.
    pub(crate) fn has_seen_anything(&self) -> bool {
        let items = |status: &Status| status.signal != "metrics" && status.created > 0;
        let mut any = self.status().iter().any(items);
        self.span_metrics.visit(Metric::Spans, |_| any = true);
        any
    }

    /// Whether the last export of any exporter failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.exporters
            .iter()
            .any(|exporter| exporter.subject.counters.is_failing())
    }

    /// Sends what there is; `last` also ends the exporters.
    pub(crate) fn finish(&self, within: Duration, last: bool) -> Report {
        if self.can_send() {
            self.say_uncounted(last);
            registry::report(&self.diagnostics, &self.registry);
            let processors = guarded::finish(&self.processors, self.runtime.handle(), within, last);
            finish::wait(&self.runtime, &self.exporters, processors, within, last);
        }
        Report::new(self.status())
    }

    /// The same, for whoever can await.
    pub(crate) async fn finish_async(&self, within: Duration, last: bool) -> Report {
        if self.can_send() {
            self.say_uncounted(last);
            let processors = guarded::finish(&self.processors, self.runtime.handle(), within, last);
            finish::wait_async(&self.runtime, &self.exporters, processors, within, last).await;
        }
        Report::new(self.status())
    }

    /// Whether the threads that send are in this process.
    fn can_send(&self) -> bool {
        let can = self.runtime.is_of_this_process();
        if !can {
            let message = "this process was forked off the one that started telemetry, and threads do not survive that: \
                           nothing is sent from here; start telemetry after the fork";
            self.diagnostics
                .fail(Level::Error, "process", "fork", message);
        }
        can
    }

    fn say_uncounted(&self, last: bool) {
        let uncounted = self.span_metrics.lost();
        if last && uncounted > 0 {
            let message = format_args!(
                "span metrics: {uncounted} spans are not counted: too many were open at once"
            );
            self.diagnostics.say(Level::Error, message);
        }
    }
}

fn line_format(lines: LogLines) -> Option<Format> {
    use std::io::IsTerminal;

    // https://no-color.org: set and not empty means no colour.
    let colour = || {
        std::io::stderr().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    };
    match lines {
        LogLines::Auto if std::io::stderr().is_terminal() => {
            Some(Format::Pretty { colour: colour() })
        }
        LogLines::Auto | LogLines::Json => Some(Format::Json),
        LogLines::Pretty => Some(Format::Pretty { colour: colour() }),
        LogLines::Off => None,
    }
}
