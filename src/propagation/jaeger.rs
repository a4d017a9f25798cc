//! The format of the Jaeger clients: `uber-trace-id`, and baggage in `uberctx-*`.
//!
//! <https://www.jaegertracing.io/sdk-migration/#propagation-format>

use std::sync::LazyLock;

use opentelemetry::Context;
use opentelemetry::baggage::{self, BaggageExt as _, KeyValueMetadata};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::wire::{self, Debugged};

const UBER_TRACE_ID: &str = "uber-trace-id";
const BAGGAGE_PREFIX: &str = "uberctx-";

const SAMPLED: u8 = 0b01;
const DEBUG: u8 = 0b10;

static FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [UBER_TRACE_ID.to_owned()]);

/// `uber-trace-id` and `uberctx-*`, for services that still run a Jaeger client.
///
/// Ids may come without their leading zeros and colons percent-encoded, as those clients send them. A debug flag
/// counts as sampled and is passed on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Jaeger;

impl TextMapPropagator for Jaeger {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let span = context.span();
        let span = span.span_context();
        if span.is_valid() {
            let mut flags = if span.is_sampled() { SAMPLED } else { 0 };
            if Debugged::is_marked(context, span.trace_id()) {
                flags |= DEBUG;
            }
            // The third part was the parent's span id; it is deprecated and always zero.
            injector.set(
                UBER_TRACE_ID,
                format!("{}:{}:0:{flags:x}", span.trace_id(), span.span_id()),
            );
        }
        for (key, (value, _)) in context.baggage() {
            injector.set(
                &format!("{BAGGAGE_PREFIX}{key}"),
                utf8_percent_encode(value.as_str(), NON_ALPHANUMERIC).to_string(),
            );
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let context = with_baggage(context, extractor);
        let Some((trace_id, span_id, flags)) =
            wire::only_value(extractor, UBER_TRACE_ID).and_then(uber_trace_id)
        else {
            return context;
        };
        let debug = flags & DEBUG != 0;
        let sampled = debug || flags & SAMPLED != 0;
        let context = context.with_remote_span_context(SpanContext::new(
            trace_id,
            span_id,
            TraceFlags::default().with_sampled(sampled),
            true,
            TraceState::NONE,
        ));
        if debug {
            Debugged::mark(&context, trace_id)
        } else {
            context
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&*FIELDS)
    }
}

/// `trace-id ":" span-id ":" parent-span-id ":" flags`
fn uber_trace_id(value: &str) -> Option<(TraceId, SpanId, u8)> {
    let decoded = percent_decode_str(value).decode_utf8().ok()?;
    let mut parts = decoded.split(':');
    let trace_id = wire::trace_id(parts.next()?)?;
    let span_id = wire::span_id(parts.next()?)?;
    let _parent = parts.next()?;
    let flags = wire::byte(parts.next()?)?;
    parts.next().is_none().then_some((trace_id, span_id, flags))
}

/// What `uberctx-*` says on top of the baggage that is there.
fn with_baggage(context: &Context, extractor: &dyn Extractor) -> Context {
    let received: Vec<_> = extractor
        .keys()
        .into_iter()
        .filter_map(|name| {
            let prefix = name.get(..BAGGAGE_PREFIX.len())?;
            let key = name.get(BAGGAGE_PREFIX.len()..)?;
            let value = wire::only_value(extractor, name)?;
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            prefix
                .eq_ignore_ascii_case(BAGGAGE_PREFIX)
                .then(|| KeyValueMetadata::new(key.to_owned(), value, ""))
        })
        .collect();
    if received.is_empty() {
        return context.clone();
    }
    let kept = context.baggage().iter().map(|(key, (value, metadata))| {
        KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
    });
    context.with_baggage(kept.chain(received).collect::<baggage::Baggage>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::propagation::{extract_with, inject_with};
    use http::{HeaderMap, HeaderName, HeaderValue};
    use opentelemetry::KeyValue;
    use proptest::prelude::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn read(pairs: &[(&str, &str)]) -> Context {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).expect("a header name"),
                HeaderValue::from_str(value).expect("a header value"),
            );
        }
        extract_with(&Jaeger, &Context::new(), &headers)
    }

    fn written(context: &Context) -> HeaderMap {
        let mut headers = HeaderMap::new();
        inject_with(&Jaeger, context, &mut headers);
        headers
    }

    #[test]
    fn uber_trace_id_grammar() {
        let sampled = format!("{TRACE}:{SPAN}:0:1");
        let not_sampled = format!("{TRACE}:{SPAN}:0:0");
        let padded = format!("{:032x}:{:016x}:0:1", 0xab, 0xc);
        #[rustfmt::skip]
        let cases = [
            (Some(&sampled),     format!("{TRACE}:{SPAN}:0:1"), "sampled"),
            (Some(&sampled),     format!("{TRACE}:{SPAN}:0:01"), "two digits of flags"),
            (Some(&not_sampled), format!("{TRACE}:{SPAN}:0:0"), "not sampled"),
            (Some(&sampled),     format!("{TRACE}:f067aa0ba902b7:53ce929d0e0e4736:1"), "no leading zeros, a parent"),
            (Some(&padded),      "ab:c:0:1".to_owned(), "short ids"),
            (Some(&sampled),     format!("{TRACE}%3A{SPAN}%3A0%3A1"), "percent-encoded"),
            (None, String::new(), "empty"),
            (None, format!("{TRACE}:{SPAN}:0"), "no flags"),
            (None, format!("{TRACE}:{SPAN}:0:1:2"), "five parts"),
            (None, format!("{TRACE}0:{SPAN}:0:1"), "trace id of 33 digits"),
            (None, format!("{TRACE}:{SPAN}0:0:1"), "span id of 17 digits"),
            (None, format!("0:{SPAN}:0:1"), "trace id of zero"),
            (None, format!("{TRACE}:0:0:1"), "span id of zero"),
            (None, format!("{TRACE}:{SPAN}:0:x"), "no digit in the flags"),
            (None, format!("{TRACE}:{SPAN}:0:+1"), "a sign in the flags"),
        ];
        for (expected, value, rule) in cases {
            let sent = written(&read(&[(UBER_TRACE_ID, &value)]));
            let sent = sent
                .get(UBER_TRACE_ID)
                .map(|value| value.to_str().expect("text"));
            assert_eq!(sent, expected.map(String::as_str), "{rule}: {value:?}");
        }
    }

    #[test]
    fn the_debug_flag_counts_as_sampled_and_is_passed_on() {
        let context = read(&[(UBER_TRACE_ID, &format!("{TRACE}:{SPAN}:0:2"))]);
        assert!(context.span().span_context().is_sampled());
        assert_eq!(
            written(&context)[UBER_TRACE_ID],
            format!("{TRACE}:{SPAN}:0:3").as_str()
        );
    }

    #[test]
    fn baggage_joins_what_the_context_has() {
        let before = Context::new().with_baggage([KeyValue::new("kept", "1")]);
        let carrier = vec![("Uberctx-User".to_owned(), "a%20b".to_owned())];
        let context = extract_with(&Jaeger, &before, &carrier);
        assert_eq!(context.baggage().get("kept"), Some(&"1".into()));
        assert_eq!(context.baggage().get("User"), Some(&"a b".into()));
    }

    proptest! {
        #[test]
        fn extract_reads_what_inject_wrote(
            trace in 1u128..,
            span in 1u64..,
            sampled: bool,
            value in any::<String>(),
        ) {
            let context = Context::new()
                .with_remote_span_context(SpanContext::new(
                    TraceId::from(trace),
                    SpanId::from(span),
                    TraceFlags::default().with_sampled(sampled),
                    true,
                    TraceState::NONE,
                ))
                .with_baggage([KeyValue::new("key", value.clone())]);
            let found = extract_with(&Jaeger, &Context::new(), &written(&context));
            prop_assert_eq!(found.span().span_context().clone(), context.span().span_context().clone());
            prop_assert_eq!(found.baggage().get("key"), Some(&value.into()));
        }

        #[test]
        fn garbage_never_panics(id in ".{0,60}", name in "(uberctx-)?.{0,10}", value in ".{0,20}") {
            let carrier = vec![(UBER_TRACE_ID.to_owned(), id), (name, value)];
            extract_with(&Jaeger, &Context::new(), &carrier);
        }
    }
}
