//! Log records as plain data.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use opentelemetry::logs::AnyValue;
use opentelemetry::{SpanId, TraceId};

use super::timeline::Timeline;
use crate::pipeline::Record;

/// A log record.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Log {
    /// The level, in upper case.
    pub level: String,
    /// The target, usually the module.
    pub target: String,
    /// The message.
    pub body: String,
    /// The fields as text, in order.
    pub attributes: Vec<(String, String)>,
    /// The trace and the span that it was written in.
    pub ids: Option<(TraceId, SpanId)>,
    /// When it was written, since the harness was made.
    pub at: Duration,
}

impl Log {
    pub(super) fn new((record, scope): Record, timeline: &Timeline) -> Self {
        let target = record.target().map(|target| target.to_string());
        let ids = record
            .trace_context()
            .map(|context| (context.trace_id, context.span_id));
        Self {
            level: record.severity_text().unwrap_or_default().to_owned(),
            target: target.unwrap_or_else(|| scope.name().to_owned()),
            body: record.body().map(text).unwrap_or_default(),
            attributes: record
                .attributes_iter()
                .map(|(key, value)| (key.to_string(), text(value)))
                .collect(),
            ids,
            at: record
                .timestamp()
                .map(|time| timeline.since_start(time))
                .unwrap_or_default(),
        }
    }

    /// The value of a field as text.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes.find_map(|(known, value)| (known == key).then_some(value.as_str()))
    }
}

fn text(value: &AnyValue) -> String {
    match value {
        AnyValue::String(text) => text.to_string(),
        AnyValue::Int(number) => number.to_string(),
        AnyValue::Double(number) => number.to_string(),
        AnyValue::Boolean(truth) => truth.to_string(),
        other => format!("{other:?}"),
    }
}

/// Log records that a query has left, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Logs(pub(super) Vec<Log>);

impl Logs {
    /// Those of this level, in any case.
    pub fn at_level(self, level: &str) -> Self {
        self.filter(|log| log.level.eq_ignore_ascii_case(level))
    }

    /// Those whose message contains `text`.
    pub fn containing(self, text: &str) -> Self {
        self.filter(|log| log.body.contains(text))
    }

    /// Those whose field has this value, as text.
    pub fn with(self, key: &str, value: &str) -> Self {
        self.filter(|log| log.attribute(key) == Some(value))
    }

    /// Those that were written in a span.
    pub fn in_span(self, span: &super::Span) -> Self {
        self.filter(|log| log.ids == Some((span.trace_id, span.span_id)))
    }

    /// Those that `keep` wants.
    pub fn filter(mut self, keep: impl FnMut(&Log) -> bool) -> Self {
        self.0.retain(keep);
        self
    }

    /// The only record that is left.
    ///
    /// # Panics
    ///
    /// When there is none or more than one; the message shows them.
    #[track_caller]
    pub fn one(mut self) -> Log {
        match self.0.pop() {
            Some(log) if self.0.is_empty() => log,
            last => {
                self.0.extend(last);
                panic!("expected one log record, found {}:\n{self}", self.0.len())
            }
        }
    }
}

impl Deref for Logs {
    type Target = [Log];

    fn deref(&self) -> &[Log] {
        &self.0
    }
}

impl IntoIterator for Logs {
    type Item = Log;
    type IntoIter = std::vec::IntoIter<Log>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|log| writeln!(f, "  {log}"))
    }
}
