//! Spans and the RED metrics made from them.

use std::fmt;
use std::time::Duration;

use super::{Component, Filter, Otlp, SamplingRule, Signal};

/// The trace pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Traces {
    /// Where spans go; empty means nowhere. Defaults to OTLP.
    pub exporters: Vec<SpanExporter>,
    /// What sees spans before the exporters do. Defaults to none.
    pub processors: Vec<Component>,
    /// Which traces are kept. Defaults to parent-based always-on.
    pub sampler: Sampler,
    /// What decides instead of [`sampler`](Self::sampler), or instead of its root if it is parent-based, where a rule matches;
    /// the first one does. Defaults to none.
    pub rules: Vec<SamplingRule>,
    /// Batching. Defaults to 5 s, 2048 spans, 512 a batch, 30 s.
    pub batch: Batch,
    /// How much one span may carry.
    pub limits: SpanLimits,
    /// Which spans may be exported, by target and level. Defaults to `info`.
    pub filter: Filter,
    /// Whether descendants of an unsampled span pass the OpenTelemetry layer by. Defaults to `true`.
    pub skip_unsampled: bool,
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            exporters: vec![SpanExporter::Otlp(Otlp::default_for(Signal::Traces))],
            processors: Vec::new(),
            sampler: Sampler::parent_based(Sampler::AlwaysOn),
            rules: Vec::new(),
            batch: Batch::spans(),
            limits: SpanLimits::default(),
            filter: Filter::default(),
            skip_unsampled: true,
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
    /// OTLP as one JSON object a line on standard output.
    OtlpStdout,
    /// One of the application's own.
    Custom(Component),
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
    /// So many traces a second at most; as many at once after a pause.
    RateLimiting(f64),
    /// As the parent was decided; the named one at a root.
    ParentBased(Box<Sampler>),
    /// As a Jaeger collector says, asked for again and again.
    JaegerRemote(JaegerRemote),
    /// One of the application's own.
    Custom(Component),
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
    /// Bytes held at most, with what is on its way; counted as the memory of an item and what its pointers lead to.
    pub max_queue_bytes: usize,
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
            max_queue_bytes: 32 << 20,
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

/// Sampling strategies from a Jaeger collector.
#[derive(Debug, Clone, PartialEq)]
pub struct JaegerRemote {
    /// Scheme, host and port of the collector's gRPC server, or, if it has a path, the URL that answers over HTTP, such as
    /// `http://localhost:5778/api/sampling`. Defaults to `http://localhost:14250`.
    pub endpoint: String,
    /// Time between two questions. Defaults to 60 s.
    pub interval: Duration,
    /// Share of traces that is kept until the first answer, 0 to 1. Defaults to 0.001, as in Jaeger's own clients.
    pub initial_rate: f64,
}

impl Default for JaegerRemote {
    fn default() -> Self {
        Self {
            endpoint: "http://localhost:14250".to_owned(),
            interval: Duration::from_secs(60),
            initial_rate: 0.001,
        }
    }
}

/// The value of `OTEL_TRACES_SAMPLER_ARG` that means the same.
impl fmt::Display for JaegerRemote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint,
            interval,
            initial_rate,
        } = self;
        let millis = interval.as_millis();
        write!(
            f,
            "endpoint={endpoint},pollingIntervalMs={millis},initialSamplingRate={initial_rate}"
        )
    }
}
