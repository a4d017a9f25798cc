//! The configuration as plain data: what was asked for, after every source was weighed.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

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
            diagnostics: Diagnostics::default(),
        }
    }
}

/// What describes this process.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// `service.name`. Defaults to `unknown_service:` and the name of the executable.
    pub service_name: Option<String>,
    /// Further attributes, in order; `service.name` is never among them once resolved.
    pub attributes: Vec<(String, String)>,
}

/// A way to carry context over a process boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
}

/// The trace pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Traces {
    /// Where spans go; empty means nowhere. Defaults to OTLP.
    pub exporters: Vec<SpanExporter>,
    /// Which traces are kept. Defaults to parent-based always-on.
    pub sampler: Sampler,
    /// Batching. Defaults to 5 s, 2048 spans, 512 a batch, 30 s.
    pub batch: Batch,
    /// How much one span may carry.
    pub limits: SpanLimits,
    /// Which spans may be exported, by target and level. Defaults to `info`.
    pub filter: Filter,
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            exporters: vec![SpanExporter::Otlp(Otlp::default_for(Signal::Traces))],
            sampler: Sampler::parent_based(Sampler::AlwaysOn),
            batch: Batch::spans(),
            limits: SpanLimits::default(),
            filter: Filter::default(),
        }
    }
}

/// RED metrics from spans.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpanMetrics {
    /// Which spans are counted, by target and level. Defaults to `info`.
    pub filter: Filter,
}

/// The metric pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    /// Where metrics go; empty means nowhere. Defaults to OTLP.
    pub exporters: Vec<MetricExporter>,
    /// Time between two exports to a push exporter. Defaults to 60 s.
    pub interval: Duration,
    /// Time that one export may take; zero means no limit. Defaults to 30 s.
    pub timeout: Duration,
    /// Which measurements may become exemplars. Defaults to those made inside a sampled span.
    pub exemplar_filter: ExemplarFilter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            exporters: vec![MetricExporter::Otlp(OtlpMetrics::default())],
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(30),
            exemplar_filter: ExemplarFilter::default(),
        }
    }
}

/// The log pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Logs {
    /// Where log records go; empty means nowhere. Defaults to OTLP.
    pub exporters: Vec<LogExporter>,
    /// Batching. Defaults to 1 s, 2048 records, 512 a batch, 30 s.
    pub batch: Batch,
    /// How much one record may carry.
    pub limits: LogLimits,
    /// Which events become log records and lines, by target and level: `RUST_LOG`. Defaults to `info`.
    pub filter: Filter,
    /// The lines on stderr. Defaults to pretty on a terminal and JSON otherwise.
    pub lines: LogLines,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            exporters: vec![LogExporter::Otlp(Otlp::default_for(Signal::Logs))],
            batch: Batch::log_records(),
            limits: LogLimits::default(),
            filter: Filter::default(),
            lines: LogLines::default(),
        }
    }
}

/// How log events are written to stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLines {
    /// Pretty on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One readable line an event.
    Pretty,
    /// One JSON object a line.
    Json,
    /// Nothing.
    Off,
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

/// Where spans go.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SpanExporter {
    /// OTLP.
    Otlp(Otlp),
    /// Readable lines on standard output.
    Console,
}

/// Where metrics go.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum MetricExporter {
    /// OTLP.
    Otlp(OtlpMetrics),
    /// A listener that Prometheus scrapes.
    Prometheus(Prometheus),
    /// Readable lines on standard output.
    Console,
}

/// Where log records go.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum LogExporter {
    /// OTLP.
    Otlp(Otlp),
    /// Readable lines on standard output.
    Console,
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

/// One OTLP connection, resolved for its signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Otlp {
    /// Wire format and transport. Defaults to `http/protobuf`.
    pub protocol: Protocol,
    /// The full URL that is posted to over HTTP; scheme, host and port over gRPC.
    pub endpoint: String,
    /// Sent with every request. Values are never printed.
    pub headers: Headers,
    /// Time that one export may take, retries included; zero means no limit. Defaults to 10 s.
    pub timeout: Duration,
    /// Compression of the request body. Defaults to none.
    pub compression: Option<Compression>,
    /// Private authority, client key and client certificate.
    pub tls: TlsFiles,
}

impl Otlp {
    /// What an empty environment means for `signal`.
    pub fn default_for(signal: Signal) -> Self {
        Self {
            protocol: Protocol::HttpProtobuf,
            endpoint: format!("http://localhost:4318/v1/{signal}"),
            headers: Headers::default(),
            timeout: Duration::from_secs(10),
            compression: None,
            tls: TlsFiles::default(),
        }
    }
}

/// OTLP for metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct OtlpMetrics {
    /// The connection.
    pub otlp: Otlp,
    /// Whether sums and histograms restart at each export. Defaults to cumulative.
    pub temporality: Temporality,
    /// How histograms aggregate. Defaults to explicit buckets.
    pub histogram: HistogramAggregation,
}

impl Default for OtlpMetrics {
    fn default() -> Self {
        Self {
            otlp: Otlp::default_for(Signal::Metrics),
            temporality: Temporality::default(),
            histogram: HistogramAggregation::default(),
        }
    }
}

/// Wire format and transport of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `http/protobuf`.
    HttpProtobuf,
    /// `http/json`.
    HttpJson,
    /// `grpc`.
    Grpc,
}

impl Protocol {
    /// The value of `OTEL_EXPORTER_OTLP_PROTOCOL` that selects it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
            Self::Grpc => "grpc",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Compression of request bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// `gzip`.
    Gzip,
}

/// Header names with secret values.
///
/// `Debug` shows the names only.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(pub Vec<(String, String)>);

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.0.iter().map(|(name, _)| (name, "***")))
            .finish()
    }
}

/// PEM files for TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFiles {
    /// Authorities to trust instead of those of the operating system.
    pub certificate: Option<PathBuf>,
    /// Our private key, for servers that ask who we are.
    pub client_key: Option<PathBuf>,
    /// Our certificate chain, for servers that ask who we are.
    pub client_certificate: Option<PathBuf>,
}

/// Whether sums and histograms restart at each export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Temporality {
    /// Everything since the start.
    #[default]
    Cumulative,
    /// Counters and histograms since the last export; up-down counters since the start.
    Delta,
    /// Synchronous counters and histograms since the last export; the rest since the start.
    LowMemory,
}

/// How histograms aggregate on OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HistogramAggregation {
    /// Fixed bucket boundaries.
    #[default]
    ExplicitBucket,
    /// Base-2 exponential buckets.
    Base2Exponential,
}

/// Which measurements may become exemplars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExemplarFilter {
    /// All of them.
    AlwaysOn,
    /// None.
    AlwaysOff,
    /// Those made inside a sampled span.
    #[default]
    TraceBased,
}

/// The address of the `/metrics` listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prometheus {
    /// Host name or address to listen on. Defaults to `localhost`.
    pub host: String,
    /// Port to listen on; zero takes a free one. Defaults to 9464.
    pub port: u16,
}

impl Default for Prometheus {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 9464,
        }
    }
}

/// Which traces are kept.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Sampler {
    /// Every trace.
    AlwaysOn,
    /// No trace.
    AlwaysOff,
    /// This share of traces, 0 to 1, decided by trace id.
    TraceIdRatio(f64),
    /// As the parent was decided; the named one at a root.
    ParentBased(Box<Sampler>),
}

impl Sampler {
    /// `root` for spans without a parent, the parent's decision for all others.
    pub fn parent_based(root: Self) -> Self {
        Self::ParentBased(Box::new(root))
    }
}

/// How items are batched on their way to an exporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Longest wait before a batch is sent; zero sends as soon as something is there.
    pub schedule_delay: Duration,
    /// Items held at most; what comes on top is dropped and counted.
    pub max_queue_size: usize,
    /// Items in one request at most, never above `max_queue_size`.
    pub max_export_batch_size: usize,
    /// Time that one batch may take, retries included; zero means no limit.
    pub export_timeout: Duration,
}

impl Batch {
    /// The defaults of `OTEL_BSP_*`.
    pub const fn spans() -> Self {
        Self {
            schedule_delay: Duration::from_secs(5),
            max_queue_size: 2048,
            max_export_batch_size: 512,
            export_timeout: Duration::from_secs(30),
        }
    }

    /// The defaults of `OTEL_BLRP_*`.
    pub const fn log_records() -> Self {
        Self {
            schedule_delay: Duration::from_secs(1),
            ..Self::spans()
        }
    }
}

/// How much one span may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanLimits {
    /// Attributes a span. Defaults to 128.
    pub attribute_count: u32,
    /// Characters a string attribute value; `None` means no limit. Defaults to `None`.
    pub attribute_value_length: Option<usize>,
    /// Events a span. Defaults to 128.
    pub event_count: u32,
    /// Links a span. Defaults to 128.
    pub link_count: u32,
    /// Attributes an event. Defaults to 128.
    pub event_attribute_count: u32,
    /// Attributes a link. Defaults to 128.
    pub link_attribute_count: u32,
}

impl Default for SpanLimits {
    fn default() -> Self {
        Self {
            attribute_count: 128,
            attribute_value_length: None,
            event_count: 128,
            link_count: 128,
            event_attribute_count: 128,
            link_attribute_count: 128,
        }
    }
}

/// How much one log record may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// Attributes a record. Defaults to 128.
    pub attribute_count: u32,
    /// Characters a string attribute value; `None` means no limit. Defaults to `None`.
    pub attribute_value_length: Option<usize>,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            attribute_count: 128,
            attribute_value_length: None,
        }
    }
}
