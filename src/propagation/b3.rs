//! B3, the format of Zipkin, in one header or in several.
//!
//! <https://github.com/openzipkin/b3-propagation>

use std::sync::LazyLock;

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};

use super::wire::{self, Debugged};

const SINGLE: &str = "b3";
const TRACE_ID: &str = "x-b3-traceid";
const SPAN_ID: &str = "x-b3-spanid";
const SAMPLED: &str = "x-b3-sampled";
const FLAGS: &str = "x-b3-flags";
/// Never read, and removed from a carrier that is written to: a span sends no parent of its own.
const PARENT_SPAN_ID: &str = "x-b3-parentspanid";

static SINGLE_FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [SINGLE.to_owned()]);
static MULTI_FIELDS: LazyLock<[String; 5]> =
    LazyLock::new(|| [TRACE_ID, SPAN_ID, SAMPLED, FLAGS, PARENT_SPAN_ID].map(str::to_owned));

/// B3, which Zipkin and many service meshes use.
///
/// Reads both forms whichever it writes, the single header first. A debug flag counts as sampled and is passed on.
/// A missing sampling decision counts as not sampled, and a decision without ids starts a new trace.
#[derive(Debug, Clone, Copy)]
pub struct B3 {
    form: Form,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Single,
    Multi,
}

impl B3 {
    /// Writes one header, `b3`.
    pub const fn single() -> Self {
        Self { form: Form::Single }
    }

    /// Writes `x-b3-traceid`, `x-b3-spanid` and `x-b3-sampled` or `x-b3-flags`.
    pub const fn multi() -> Self {
        Self { form: Form::Multi }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Drop,
    Sample,
    Debug,
}

impl Decision {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "0" | "false" => Some(Self::Drop),
            "1" | "true" => Some(Self::Sample),
            "d" => Some(Self::Debug),
            _ => None,
        }
    }
}

type Parsed = (TraceId, SpanId, Decision);

impl TextMapPropagator for B3 {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let span = context.span();
        let span = span.span_context();
        if !span.is_valid() {
            return;
        }
        let debugged = Debugged::is_marked(context, span.trace_id());
        let sampled = match (debugged, span.is_sampled()) {
            (true, _) => "d",
            (false, true) => "1",
            (false, false) => "0",
        };
        match self.form {
            Form::Single => injector.set(
                SINGLE,
                format!("{}-{}-{sampled}", span.trace_id(), span.span_id()),
            ),
            Form::Multi => {
                injector.set(TRACE_ID, span.trace_id().to_string());
                injector.set(SPAN_ID, span.span_id().to_string());
                if debugged {
                    // The debug flag implies the decision, which is then not sent.
                    injector.set(FLAGS, "1".to_owned());
                } else {
                    injector.set(SAMPLED, sampled.to_owned());
                }
            }
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let Some((trace_id, span_id, decision)) = single(extractor).or_else(|| multi(extractor))
        else {
            return context.clone();
        };
        let flags = TraceFlags::default().with_sampled(decision != Decision::Drop);
        let state = TraceState::NONE;
        let context = context
            .with_remote_span_context(SpanContext::new(trace_id, span_id, flags, true, state));
        match decision {
            Decision::Debug => Debugged::mark(&context, trace_id),
            Decision::Drop | Decision::Sample => context,
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        match self.form {
            Form::Single => FieldIter::new(&*SINGLE_FIELDS),
            Form::Multi => FieldIter::new(&*MULTI_FIELDS),
        }
    }
}

/// `trace-span`, `trace-span-decision` or `trace-span-decision-parent`.
fn single(extractor: &dyn Extractor) -> Option<Parsed> {
    let mut parts = wire::only_value(extractor, SINGLE)?.split('-');
    let trace_id = trace_id(parts.next()?)?;
    let own_id = span_id(parts.next()?)?;
    let decision = match parts.next() {
        Some(text) => Decision::parse(text)?,
        None => Decision::Drop,
    };
    if let Some(parent) = parts.next() {
        span_id(parent)?;
    }
    parts
        .next()
        .is_none()
        .then_some((trace_id, own_id, decision))
}

fn multi(extractor: &dyn Extractor) -> Option<Parsed> {
    let trace_id = trace_id(wire::only_value(extractor, TRACE_ID)?)?;
    let span_id = span_id(wire::only_value(extractor, SPAN_ID)?)?;
    if wire::only_value(extractor, FLAGS) == Some("1") {
        return Some((trace_id, span_id, Decision::Debug));
    }
    let decision = match wire::only_value(extractor, SAMPLED) {
        // `d` belongs to the single header; early Zipkin libraries write it here too.
        Some(text) => Decision::parse(text)?,
        None => Decision::Drop,
    };
    Some((trace_id, span_id, decision))
}

/// 16 or 32 digits.
fn trace_id(text: &str) -> Option<TraceId> {
    matches!(text.len(), 16 | 32).then(|| wire::trace_id(text))?
}

/// 16 digits.
fn span_id(text: &str) -> Option<SpanId> {
    (text.len() == 16).then(|| wire::span_id(text))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::propagation::{extract_with, inject_with};
    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::*;

    const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
    const SPAN: &str = "e457b5a2e4d86bd1";

    fn read(pairs: &[(&'static str, &str)]) -> Context {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).expect("a header value"));
        }
        extract_with(&B3::single(), &Context::new(), &headers)
    }

    /// `trace-span-flags`, or nothing.
    fn shown(context: &Context) -> Option<String> {
        let span = context.span();
        let span = span.span_context();
        span.is_valid().then(|| {
            format!(
                "{}-{}-{:x}",
                span.trace_id(),
                span.span_id(),
                span.trace_flags()
            )
        })
    }

    #[test]
    fn single_header_grammar() {
        let not_sampled = format!("{TRACE}-{SPAN}-0");
        let sampled = format!("{TRACE}-{SPAN}-1");
        let short = format!("0000000000000000{}-{SPAN}-1", &TRACE[16..]);
        #[rustfmt::skip]
        let cases = [
            (Some(&sampled),     format!("{TRACE}-{SPAN}-1"), "sampled"),
            (Some(&not_sampled), format!("{TRACE}-{SPAN}-0"), "not sampled"),
            (Some(&sampled),     format!("{TRACE}-{SPAN}-d"), "debug"),
            (Some(&not_sampled), format!("{TRACE}-{SPAN}"), "no decision"),
            (Some(&sampled),     format!("{TRACE}-{SPAN}-1-05e3ac9a4f6e3b90"), "with a parent"),
            (Some(&short),       format!("{}-{SPAN}-1", &TRACE[16..]), "64-bit trace id"),
            (None, "0".to_owned(), "a decision alone"),
            (None, String::new(), "empty"),
            (None, TRACE.to_owned(), "trace id alone"),
            (None, format!("{TRACE}-{SPAN}-"), "empty decision"),
            (None, format!("{TRACE}-{SPAN}-2"), "unknown decision"),
            (None, format!("{TRACE}-{SPAN}-1-x"), "malformed parent"),
            (None, format!("{TRACE}-{SPAN}-1-05e3ac9a4f6e3b90-x"), "more behind the parent"),
            (None, format!("{}-{SPAN}-1", &TRACE[1..]), "trace id of 31 digits"),
            (None, format!("{TRACE}-{}-1", &SPAN[1..]), "span id of 15 digits"),
            (None, format!("{}-{SPAN}-1", "0".repeat(32)), "trace id of zeros"),
            (None, format!("{TRACE}-{}-1", "0".repeat(16)), "span id of zeros"),
            (None, format!("{}-{SPAN}-1", TRACE.to_uppercase()), "upper case"),
        ];
        for (expected, value, rule) in cases {
            assert_eq!(
                shown(&read(&[(SINGLE, &value)])).as_ref(),
                expected,
                "{rule}: {value:?}"
            );
        }
    }

    /// What is read, from which headers, and the rule.
    type Case<'a> = (Option<&'a String>, &'a [(&'static str, &'a str)], &'a str);

    #[test]
    fn several_headers_grammar() {
        let not_sampled = format!("{TRACE}-{SPAN}-0");
        let sampled = format!("{TRACE}-{SPAN}-1");
        #[rustfmt::skip]
        let cases: [Case<'_>; 10] = [
            (Some(&sampled),     &[(TRACE_ID, TRACE), (SPAN_ID, SPAN), (SAMPLED, "1")], "sampled"),
            (Some(&sampled),     &[(TRACE_ID, TRACE), (SPAN_ID, SPAN), (SAMPLED, "true")], "sampled, old spelling"),
            (Some(&not_sampled), &[(TRACE_ID, TRACE), (SPAN_ID, SPAN), (SAMPLED, "0")], "not sampled"),
            (Some(&not_sampled), &[(TRACE_ID, TRACE), (SPAN_ID, SPAN)], "no decision"),
            (Some(&sampled),     &[(TRACE_ID, TRACE), (SPAN_ID, SPAN), (FLAGS, "1")], "debug"),
            (Some(&sampled),     &[(TRACE_ID, TRACE), (SPAN_ID, SPAN), (FLAGS, "0"), (SAMPLED, "1")], "no debug"),
            (None, &[(TRACE_ID, TRACE), (SPAN_ID, SPAN), (SAMPLED, "yes")], "unknown decision"),
            (None, &[(TRACE_ID, TRACE), (SAMPLED, "1")], "no span id"),
            (None, &[(SPAN_ID, SPAN), (SAMPLED, "1")], "no trace id"),
            (None, &[(TRACE_ID, TRACE), (TRACE_ID, TRACE), (SPAN_ID, SPAN)], "two trace ids"),
        ];
        for (expected, pairs, rule) in cases {
            assert_eq!(shown(&read(pairs)).as_ref(), expected, "{rule}");
        }
    }

    #[test]
    fn the_single_header_wins_over_several() {
        let found = read(&[
            (SINGLE, &format!("{TRACE}-{SPAN}-1")),
            (TRACE_ID, "00000000000000000000000000000001"),
            (SPAN_ID, SPAN),
        ]);
        assert_eq!(shown(&found), Some(format!("{TRACE}-{SPAN}-1")));
    }

    #[test]
    fn a_malformed_single_header_leaves_the_word_to_several() {
        let found = read(&[(SINGLE, "x"), (TRACE_ID, TRACE), (SPAN_ID, SPAN)]);
        assert_eq!(shown(&found), Some(format!("{TRACE}-{SPAN}-0")));
    }

    #[test]
    fn the_debug_flag_is_passed_on_in_both_forms() {
        let context = read(&[(SINGLE, &format!("{TRACE}-{SPAN}-d"))]);
        let mut headers = HeaderMap::new();
        inject_with(&B3::single(), &context, &mut headers);
        assert_eq!(headers[SINGLE], format!("{TRACE}-{SPAN}-d").as_str());

        let mut headers = HeaderMap::new();
        inject_with(&B3::multi(), &context, &mut headers);
        assert_eq!(headers[FLAGS], "1");
        assert!(!headers.contains_key(SAMPLED));
    }

    #[test]
    fn the_debug_flag_stays_with_its_trace() {
        let context = read(&[(SINGLE, &format!("{TRACE}-{SPAN}-d"))]).with_remote_span_context(
            SpanContext::new(
                TraceId::from(1),
                SpanId::from(2),
                TraceFlags::NOT_SAMPLED,
                false,
                TraceState::NONE,
            ),
        );
        let mut headers = HeaderMap::new();
        inject_with(&B3::multi(), &context, &mut headers);
        assert_eq!(headers[SAMPLED], "0");
        assert!(!headers.contains_key(FLAGS));
    }

    #[test]
    fn a_parent_that_was_received_is_not_sent_on() {
        let mut headers = HeaderMap::new();
        headers.insert(PARENT_SPAN_ID, HeaderValue::from_static(SPAN));
        let context = read(&[(SINGLE, &format!("{TRACE}-{SPAN}-1"))]);
        inject_with(&B3::multi(), &context, &mut headers);
        assert!(!headers.contains_key(PARENT_SPAN_ID));
    }

    proptest! {
        #[test]
        fn extract_reads_what_inject_wrote(trace in 1u128.., span in 1u64.., sampled: bool) {
            let context = Context::new().with_remote_span_context(SpanContext::new(
                TraceId::from(trace),
                SpanId::from(span),
                TraceFlags::default().with_sampled(sampled),
                true,
                TraceState::NONE,
            ));
            for propagator in [B3::single(), B3::multi()] {
                let mut headers = HeaderMap::new();
                inject_with(&propagator, &context, &mut headers);
                let found = extract_with(&propagator, &Context::new(), &headers);
                prop_assert_eq!(found.span().span_context().clone(), context.span().span_context().clone());
            }
        }

        #[test]
        fn garbage_never_panics(single in ".{0,60}", trace in ".{0,40}", span in ".{0,20}") {
            let carrier = vec![
                (SINGLE.to_owned(), single),
                (TRACE_ID.to_owned(), trace),
                (SPAN_ID.to_owned(), span),
            ];
            extract_with(&B3::single(), &Context::new(), &carrier);
        }
    }
}
