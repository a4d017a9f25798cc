//! The pieces that several wire formats are made of.

use opentelemetry::Context;
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::{SpanId, TraceId};

/// Optional white space around values: blank and tab, nothing else.
pub(super) const OWS: [char; 2] = [' ', '\t'];

/// In the context of a trace that was received with the debug flag of B3 or Jaeger, which the API has no place for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Debugged(TraceId);

impl Debugged {
    /// Marks `trace_id` as debugged.
    pub(super) fn mark(context: &Context, trace_id: TraceId) -> Context {
        context.with_value(Self(trace_id))
    }

    /// Whether `trace_id` was marked; a mark of another trace does not count.
    pub(super) fn is_marked(context: &Context, trace_id: TraceId) -> bool {
        context
            .get::<Self>()
            .is_some_and(|marked| marked.0 == trace_id)
    }
}

/// The value of `name` when there is exactly one: with two, neither can be trusted.
pub(super) fn only_value<'a>(extractor: &'a dyn Extractor, name: &str) -> Option<&'a str> {
    match extractor.get_all(name)?.as_slice() {
        [value] => Some(value.trim_matches(OWS)),
        _ => None,
    }
}

/// A trace id of 1 to 32 lower-case hexadecimal digits, not all zero; short ones are padded on the left.
pub(super) fn trace_id(text: &str) -> Option<TraceId> {
    is_lower_hex(text, 32)
        .then(|| TraceId::from_hex(text).ok())?
        .filter(|id| *id != TraceId::INVALID)
}

/// A span id of 1 to 16 lower-case hexadecimal digits, not all zero; short ones are padded on the left.
pub(super) fn span_id(text: &str) -> Option<SpanId> {
    is_lower_hex(text, 16)
        .then(|| SpanId::from_hex(text).ok())?
        .filter(|id| *id != SpanId::INVALID)
}

/// One or two lower-case hexadecimal digits.
pub(super) fn byte(text: &str) -> Option<u8> {
    is_lower_hex(text, 2).then(|| u8::from_str_radix(text, 16).ok())?
}

/// The standard library would also take upper case and a leading `+`.
fn is_lower_hex(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A `token` of RFC 9110: what header names and baggage keys are made of.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
