//! Rules that give some traces a sampler of their own.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::Sampler;
use crate::semconv;

/// A sampler for the traces whose first span in this process matches.
///
/// In `OTEL_RUST_TRACES_SAMPLER_RULES` rules are separated by `;`, conditions by `,`, and what would be taken for a separator
/// is percent-encoded. The first rule that matches decides; under a parent-based sampler a remote parent comes before.
///
/// ```
/// let telemetry = spanwise::Telemetry::builder()
///     .default_var(
///         "OTEL_RUST_TRACES_SAMPLER_RULES",
///         "span.name=GET /health*=>always_off;span.kind=consumer,tenant=free=>ratelimiting:10",
///     )
///     .build()?;
/// assert_eq!(telemetry.config().traces.rules.len(), 2);
/// # Ok::<(), spanwise::InitError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SamplingRule {
    /// What has to hold, all of it.
    pub conditions: Vec<SpanCondition>,
    /// Who decides then.
    pub sampler: Sampler,
}

/// As it stands in `OTEL_RUST_TRACES_SAMPLER_RULES`.
impl fmt::Display for SamplingRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, condition) in self.conditions.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match condition {
                SpanCondition::Name(pattern) => {
                    write!(f, "{}={}", semconv::SPAN_NAME, coded(pattern))?
                }
                SpanCondition::Kind(kind) => write!(f, "{}={}", semconv::SPAN_KIND, kind.as_str())?,
                SpanCondition::Attribute(key, pattern) => {
                    write!(f, "{}={}", coded(key), coded(pattern))?;
                }
            }
        }
        f.write_str("=>")?;
        match &self.sampler {
            Sampler::AlwaysOn => f.write_str("always_on"),
            Sampler::AlwaysOff => f.write_str("always_off"),
            Sampler::TraceIdRatio(ratio) => write!(f, "traceidratio:{ratio}"),
            Sampler::RateLimiting(rate) => write!(f, "ratelimiting:{rate}"),
            // Only code makes these; the variable has no words for them.
            Sampler::ParentBased(_) => f.write_str("parentbased"),
            Sampler::JaegerRemote(_) => f.write_str("jaeger_remote"),
            Sampler::Custom(custom) => f.write_str(&custom.name),
        }
    }
}

/// Without what separates rules and their parts, and spaces at the ends, which would be lost.
fn coded(text: &str) -> impl fmt::Display {
    const APART: &AsciiSet = &CONTROLS.add(b'%').add(b',').add(b';').add(b'=').add(b'>');
    const SPACES: &AsciiSet = &APART.add(b' ');
    let set = if text.trim() == text { APART } else { SPACES };
    utf8_percent_encode(text, set)
}

/// What a span is like when it starts.
///
/// Patterns are compared with the whole text; `*` stands for any text, also for none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpanCondition {
    /// Its name.
    Name(String),
    /// Its kind.
    Kind(SpanKind),
    /// An attribute that it has from the start, by key.
    Attribute(String, String),
}

/// The role of a span between two services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpanKind {
    /// Inside one service.
    Internal,
    /// Answers a request.
    Server,
    /// Makes a request.
    Client,
    /// Sends a message.
    Producer,
    /// Processes a message.
    Consumer,
}

impl SpanKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::Internal,
        Self::Server,
        Self::Client,
        Self::Producer,
        Self::Consumer,
    ];

    /// The word for it, as in the field `otel.kind`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}
