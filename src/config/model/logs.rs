//! Log records and the lines on stderr.

use super::{Batch, Component, Filter, Otlp, Signal};

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

/// Where log records go.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum LogExporter {
    /// OTLP.
    Otlp(Otlp),
    /// Readable lines on standard output.
    Console,
    /// OTLP as one JSON object a line on standard output.
    OtlpStdout,
    /// One of the application's own.
    Custom(Component),
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
