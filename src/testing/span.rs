//! Ended spans as plain data.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use opentelemetry::trace::{SpanContext, SpanKind, Status};
use opentelemetry::{KeyValue, SpanId, TraceId};
use opentelemetry_sdk::trace::SpanData;

use super::timeline::Timeline;
use crate::SpanStatus;

/// A span that has ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Span {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: SpanKind,
    /// The trace that it belongs to.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// Its parent, unless it is the root of its trace.
    pub parent: Option<SpanId>,
    /// How it ended.
    pub status: SpanStatus,
    /// What was said about an error, or empty.
    pub message: String,
    /// The attributes.
    pub attributes: Vec<KeyValue>,
    /// What happened in it, in order.
    pub events: Vec<Event>,
    /// Other spans that it is linked to.
    pub links: Vec<SpanContext>,
    /// When it started, since the harness was made.
    pub start: Duration,
    /// How long it took.
    pub duration: Duration,
}

/// An event of a span.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its name.
    pub name: String,
    /// The attributes.
    pub attributes: Vec<KeyValue>,
    /// When it happened, since the harness was made.
    pub at: Duration,
}

impl Span {
    pub(super) fn new(span: SpanData, timeline: &Timeline) -> Self {
        let start = timeline.since_start(span.start_time);
        let (status, message) = match span.status {
            Status::Unset => (SpanStatus::Unset, String::new()),
            Status::Ok => (SpanStatus::Ok, String::new()),
            Status::Error { description } => (SpanStatus::Error, description.into_owned()),
        };
        let events = span.events.events.into_iter().map(|event| Event {
            name: event.name.into_owned(),
            at: timeline.since_start(event.timestamp),
            attributes: event.attributes,
        });
        let parent = span.parent_span_id;
        Self {
            name: span.name.into_owned(),
            kind: span.span_kind,
            trace_id: span.span_context.trace_id(),
            span_id: span.span_context.span_id(),
            parent: (parent != SpanId::INVALID).then_some(parent),
            status,
            message,
            attributes: span.attributes,
            events: events.collect(),
            links: span
                .links
                .links
                .into_iter()
                .map(|link| link.span_context)
                .collect(),
            start,
            duration: timeline
                .since_start(span.end_time)
                .checked_sub(start)
                .unwrap_or_default(),
        }
    }

    /// The value of an attribute as text.
    pub fn attribute(&self, key: &str) -> Option<String> {
        value(&self.attributes, key)
    }

    /// The first event of this name.
    pub fn event(&self, name: &str) -> Option<&Event> {
        self.events.iter().find(|event| event.name == name)
    }
}

impl Event {
    /// The value of an attribute as text.
    pub fn attribute(&self, key: &str) -> Option<String> {
        value(&self.attributes, key)
    }
}

/// The last value that was set counts.
fn value(attributes: &[KeyValue], key: &str) -> Option<String> {
    let mut set = attributes.iter().rev();
    let found = set.find(|attribute| attribute.key.as_str() == key)?;
    Some(found.value.as_str().into_owned())
}

/// Spans that a query has left, in the order in which they ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Spans(pub(super) Vec<Span>);

impl Spans {
    /// Those of this name.
    pub fn named(self, name: &str) -> Self {
        self.filter(|span| span.name == name)
    }

    /// Those whose attribute has this value, as text.
    pub fn with(self, key: &str, value: &str) -> Self {
        self.filter(|span| span.attribute(key).as_deref() == Some(value))
    }

    /// Those that ended with an error.
    pub fn failed(self) -> Self {
        self.filter(|span| span.status == SpanStatus::Error)
    }

    /// The direct children of a span.
    pub fn children_of(self, parent: &Span) -> Self {
        self.filter(|span| span.trace_id == parent.trace_id && span.parent == Some(parent.span_id))
    }

    /// Those of one trace.
    pub fn of_trace(self, trace_id: TraceId) -> Self {
        self.filter(|span| span.trace_id == trace_id)
    }

    /// Those that `keep` wants.
    pub fn filter(mut self, keep: impl FnMut(&Span) -> bool) -> Self {
        self.0.retain(keep);
        self
    }

    /// Their names, in the order in which they ended.
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|span| span.name.as_str()).collect()
    }

    /// The only span that is left.
    ///
    /// # Panics
    ///
    /// When there is none or more than one; the message shows them.
    #[track_caller]
    pub fn one(mut self) -> Span {
        match self.0.pop() {
            Some(span) if self.0.is_empty() => span,
            last => {
                self.0.extend(last);
                panic!("expected one span, found {}:\n{self}", self.0.len())
            }
        }
    }
}

impl Deref for Spans {
    type Target = [Span];

    fn deref(&self) -> &[Span] {
        &self.0
    }
}

impl IntoIterator for Spans {
    type Item = Span;
    type IntoIter = std::vec::IntoIter<Span>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|span| writeln!(f, "  {span}"))
    }
}
