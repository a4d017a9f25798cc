//! RED metrics from spans.

use std::time::Duration;

use super::Filter;

/// RED metrics from spans.
///
/// ```
/// use spanwise::config::{Buckets, Dimension, SpanMetrics, SpanDescription};
///
/// let metrics = SpanMetrics::default()
///     .add_dimension(Dimension::new("tenant.id").with_label("tenant").with_default("none"))
///     .add_span(SpanDescription::new("import").with_buckets(Buckets::Batch));
/// assert_eq!(metrics.limit, 2000);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SpanMetrics {
    /// Which spans are counted, by target and level. Defaults to `info`.
    pub filter: Filter,
    /// Span fields that become labels, at most 16. Defaults to none.
    pub dimensions: Vec<Dimension>,
    /// Labels that are left out, those that every span has (`status.code` and the like) included. Defaults to none.
    pub dropped_labels: Vec<String>,
    /// Buckets of the duration. Defaults to those of the Collector's span-metrics connector.
    pub buckets: Buckets,
    /// Unit of the duration. Defaults to milliseconds, as Jaeger's Monitor tab expects.
    pub unit: DurationUnit,
    /// Series a metric; spans on top count in one series with `otel.metric.overflow="true"`. Defaults to 2000.
    pub limit: usize,
    /// Time after which a series without a span is forgotten; zero means never. Defaults to zero.
    pub expiration: Duration,
    /// Metrics beside calls and duration. Defaults to all.
    pub families: Vec<SpanFamily>,
    /// Whether spans that are made through the OpenTelemetry API, without `tracing`, are counted too. Defaults to `false`.
    ///
    /// Those that the sampler drops never reach anyone who could count them.
    pub api_spans: bool,
    /// What is known of spans ahead of time, by name. Defaults to nothing.
    pub spans: Vec<SpanDescription>,
    /// Label values that other series cannot take the place of. Defaults to none.
    pub reserved: Vec<Reserved>,
}

impl Default for SpanMetrics {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            dimensions: Vec::new(),
            dropped_labels: Vec::new(),
            buckets: Buckets::default(),
            unit: DurationUnit::default(),
            limit: 2000,
            expiration: Duration::ZERO,
            families: SpanFamily::ALL.to_vec(),
            api_spans: false,
            spans: Vec::new(),
            reserved: Vec::new(),
        }
    }
}

impl SpanMetrics {
    /// Declares a span field that becomes a label.
    pub fn add_dimension(mut self, dimension: Dimension) -> Self {
        self.dimensions.push(dimension);
        self
    }

    /// Says what is known of spans of one name.
    pub fn add_span(mut self, span: SpanDescription) -> Self {
        self.spans.push(span);
        self
    }

    /// Keeps room for label values that are known ahead of time, such as the routes of a router: however many others come,
    /// series with one of these have a limit of their own.
    ///
    /// `label` is the name of the label, such as `http.route`.
    pub fn add_reserved<V: Into<String>>(
        mut self,
        label: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        self.reserved.push(Reserved {
            label: label.into(),
            values: values.into_iter().map(Into::into).collect(),
        });
        self
    }

    /// Leaves a label out.
    pub fn add_dropped_label(mut self, label: impl Into<String>) -> Self {
        self.dropped_labels.push(label.into());
        self
    }

    /// Sets the buckets of the duration. Defaults to those of the Collector's span-metrics connector.
    pub fn with_buckets(mut self, buckets: Buckets) -> Self {
        self.buckets = buckets;
        self
    }

    /// Sets how many series a metric has at most. Defaults to 2000.
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// A span field that becomes a label.
///
/// A span without the field, and without a default, has no such label. Of a field that is recorded several times the last
/// value counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// The field.
    pub field: String,
    /// The label; `None` is the name of the field.
    pub label: Option<String>,
    /// The value of spans without the field; `None` leaves the label out.
    pub default: Option<String>,
    /// Only for spans of this name; `None` is for all.
    pub span: Option<String>,
    /// Only for spans of this target and below it; `None` is for all.
    pub target: Option<String>,
}

impl Dimension {
    /// The field of all spans, under its own name.
    pub fn new(field: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            label: None,
            default: None,
            span: None,
            target: None,
        }
    }

    /// Calls the label otherwise. Defaults to the name of the field.
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Gives spans without the field a value. Defaults to none: the label is left out.
    pub fn with_default(mut self, value: impl Into<String>) -> Self {
        self.default = Some(value.into());
        self
    }

    /// Only for spans of this name. Defaults to all.
    pub fn for_span(mut self, name: impl Into<String>) -> Self {
        self.span = Some(name.into());
        self
    }

    /// Only for spans of this target and below it. Defaults to all.
    pub fn for_target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }
}

/// What is known of spans of one name ahead of time: the name of their callsite, or the one that `otel.name` gave them.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanDescription {
    /// The name.
    pub name: String,
    /// What these spans are, for people. Defaults to nothing.
    pub help: Option<String>,
    /// Their fields that become labels, beside those of all spans. Defaults to none.
    pub dimensions: Vec<Dimension>,
    /// Buckets of their duration; `None` is those of all spans.
    pub buckets: Option<Buckets>,
    /// Labels that are left out. Defaults to none.
    pub dropped_labels: Vec<String>,
}

impl SpanDescription {
    /// Nothing is known but the name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            help: None,
            dimensions: Vec::new(),
            buckets: None,
            dropped_labels: Vec::new(),
        }
    }

    /// Says what these spans are, for people. Defaults to nothing.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Declares a field of these spans that becomes a label.
    pub fn add_dimension(mut self, dimension: Dimension) -> Self {
        self.dimensions.push(dimension.for_span(&self.name));
        self
    }

    /// Sets the buckets of their duration. Defaults to those of all spans.
    pub fn with_buckets(mut self, buckets: Buckets) -> Self {
        self.buckets = Some(buckets);
        self
    }

    /// Leaves a label out.
    pub fn add_dropped_label(mut self, label: impl Into<String>) -> Self {
        self.dropped_labels.push(label.into());
        self
    }
}

/// Label values that other series cannot take the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    /// The label.
    pub label: String,
    /// Its values.
    pub values: Vec<String>,
}

/// Upper bounds of the buckets of a duration.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Buckets {
    /// Those of the Collector's span-metrics connector: 2 ms to 15 s.
    #[default]
    Connector,
    /// Those that the semantic conventions give HTTP requests: 5 ms to 10 s.
    Requests,
    /// For work in memory: 10 µs to 100 ms.
    Fast,
    /// For jobs: 100 ms to an hour.
    Batch,
    /// In milliseconds; at most 63 count.
    Millis(Vec<f64>),
}

impl Buckets {
    /// The bounds in milliseconds.
    pub fn millis(&self) -> &[f64] {
        match self {
            Self::Connector => &[
                2.0, 4.0, 6.0, 8.0, 10.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1000.0, 1400.0, 2000.0,
                5000.0, 10000.0, 15000.0,
            ],
            Self::Requests => &[
                5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0,
                7500.0, 10000.0,
            ],
            Self::Fast => &[
                0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0,
            ],
            Self::Batch => &[
                100.0,
                500.0,
                1000.0,
                5000.0,
                10000.0,
                30000.0,
                60000.0,
                300_000.0,
                600_000.0,
                1_800_000.0,
                3_600_000.0,
            ],
            Self::Millis(millis) => millis,
        }
    }
}

/// The unit that durations are shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DurationUnit {
    /// `traces_span_metrics_duration_milliseconds`
    #[default]
    Milliseconds,
    /// `traces_span_metrics_duration_seconds`
    Seconds,
}

/// Metrics from spans beside calls and duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanFamily {
    /// `traces.span.metrics.active`: spans in flight.
    Active,
    /// `http.server.request.duration` and `http.client.request.duration`.
    Http,
    /// `rpc.server.call.duration` and `rpc.client.call.duration`.
    Rpc,
    /// `db.client.operation.duration`.
    Db,
    /// `messaging.process.duration`.
    Messaging,
    /// `gen_ai.client.operation.duration`.
    GenAi,
}

impl SpanFamily {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Active,
        Self::Http,
        Self::Rpc,
        Self::Db,
        Self::Messaging,
        Self::GenAi,
    ];

    /// The word for it in `OTEL_RUST_SPAN_METRICS_FAMILIES`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Http => "http",
            Self::Rpc => "rpc",
            Self::Db => "db",
            Self::Messaging => "messaging",
            Self::GenAi => "gen_ai",
        }
    }
}
