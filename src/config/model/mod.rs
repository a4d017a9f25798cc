//! The configuration as plain data: what was asked for, after every source was weighed.

mod component;
mod detector;
mod logs;
mod metrics;
mod otlp;
mod rules;
mod span_metrics;
mod spool;
mod traces;

use std::fmt;

use super::mask;

pub use component::*;
pub use detector::*;
pub use logs::*;
pub use metrics::*;
pub use otlp::*;
pub use rules::*;
pub use span_metrics::*;
pub use spool::*;
pub use traces::*;

/// Everything a pipeline is built from.
///
/// [`Config::default`] is what an empty environment means by the OpenTelemetry specification: every signal over
/// OTLP to `http://localhost:4318`, parent-based always-on sampling, W3C trace context and baggage.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// No-op providers for all signals; propagators stay. Defaults to `false`.
    pub disabled: bool,
    /// What describes this process on every item of telemetry.
    pub resource: Resource,
    /// Propagators in order, without duplicates. Defaults to trace context and baggage.
    pub propagators: Vec<Propagator>,
    /// Spans.
    pub traces: Traces,
    /// RED metrics from spans.
    pub span_metrics: SpanMetrics,
    /// Metrics.
    pub metrics: Metrics,
    /// Log records and the lines on stderr.
    pub logs: Logs,
    /// Batches on disk during an outage.
    pub spool: Spool,
    /// Our own messages on stderr.
    pub diagnostics: Diagnostics,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            disabled: false,
            resource: Resource::default(),
            propagators: vec![Propagator::TraceContext, Propagator::Baggage],
            traces: Traces::default(),
            span_metrics: SpanMetrics::default(),
            metrics: Metrics::default(),
            logs: Logs::default(),
            spool: Spool::default(),
            diagnostics: Diagnostics::default(),
        }
    }
}

/// What describes this process.
///
/// `Debug` hides values that look like credentials.
#[derive(Clone, PartialEq)]
pub struct Resource {
    /// What the process finds out about itself, below everything that was asked for. Defaults to [`Detector::DEFAULT`].
    pub detectors: Vec<Detector>,
    /// Detectors of the application's own, whose attributes win over those of the others. Defaults to none.
    pub custom_detectors: Vec<Component>,
    /// `service.name`. Defaults to `unknown_service:` and the name of the executable.
    pub service_name: Option<String>,
    /// Further attributes, in order; `service.name` is never among them once resolved.
    pub attributes: Vec<(String, String)>,
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("detectors", &self.detectors)
            .field("custom_detectors", &self.custom_detectors)
            .field(
                "service_name",
                &self.service_name.as_deref().map(mask::text),
            )
            .field("attributes", &mask::attributes(&self.attributes))
            .finish()
    }
}

impl Default for Resource {
    fn default() -> Self {
        Self {
            detectors: Detector::DEFAULT.to_vec(),
            custom_detectors: Vec::new(),
            service_name: None,
            attributes: Vec::new(),
        }
    }
}

/// A way to carry context over a process boundary.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Propagator {
    /// W3C `traceparent` and `tracestate`.
    TraceContext,
    /// W3C `baggage`.
    Baggage,
    /// B3 in one header.
    B3,
    /// B3 in several headers.
    B3Multi,
    /// `uber-trace-id`.
    Jaeger,
    /// `X-Amzn-Trace-Id`.
    XRay,
    /// One of the application's own.
    Custom(Component),
}

/// Our own messages on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diagnostics {
    /// The least severe message that is written: `OTEL_LOG_LEVEL`. Defaults to `info`.
    pub level: DiagnosticsLevel,
    /// Whether the block that says what was configured is written at start: `OTEL_RUST_BANNER`. Defaults to `true`.
    pub banner: bool,
}

impl Default for Diagnostics {
    fn default() -> Self {
        Self {
            level: DiagnosticsLevel::Info,
            banner: true,
        }
    }
}

/// Severity of our own messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiagnosticsLevel {
    /// Nothing at all.
    None,
    /// What lost data.
    Error,
    /// What may lose data or was replaced.
    Warn,
    /// What was configured.
    Info,
    /// More than most want.
    Debug,
}

/// Target and level directives, such as `info,my_service::db=debug`.
///
/// The syntax is the one of `RUST_LOG`, without span and field directives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The directives, comma-separated.
    pub directives: String,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            directives: "info".to_owned(),
        }
    }
}

/// One of the three kinds of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    /// All signals, in the order in which they are reported.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// The word for it in URLs and messages: `traces`, `metrics` or `logs`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
