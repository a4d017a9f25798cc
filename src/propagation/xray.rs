//! The tracing header of AWS X-Ray.
//!
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>

use std::sync::LazyLock;

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};

use super::wire::{self, OWS};

const TRACE_HEADER: &str = "x-amzn-trace-id";

static FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [TRACE_HEADER.to_owned()]);

/// `X-Amzn-Trace-Id`, which load balancers and Lambda of AWS send.
///
/// A header with a root and no parent, as a load balancer starts it, holds no context. A missing or open (`?`)
/// decision counts as not sampled.
#[derive(Debug, Clone, Copy, Default)]
pub struct XRay;

impl TextMapPropagator for XRay {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let span = context.span();
        let span = span.span_context();
        if !span.is_valid() {
            return;
        }
        let trace_id = span.trace_id().to_string();
        let (seconds, unique) = trace_id.split_at(8);
        injector.set(
            TRACE_HEADER,
            format!(
                "Root=1-{seconds}-{unique};Parent={};Sampled={}",
                span.span_id(),
                u8::from(span.is_sampled())
            ),
        );
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let Some((trace_id, span_id, flags)) =
            wire::only_value(extractor, TRACE_HEADER).and_then(trace_header)
        else {
            return context.clone();
        };
        let state = TraceState::NONE;
        context.with_remote_span_context(SpanContext::new(trace_id, span_id, flags, true, state))
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&*FIELDS)
    }
}

/// Parts `Key=value` between semicolons, in any order; of those, `Root`, `Parent` and `Sampled` concern us.
fn trace_header(value: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let (mut trace_id, mut span_id, mut sampled) = (None, None, false);
    for part in value.split(';') {
        let Some((key, value)) = part.trim_matches(OWS).split_once('=') else {
            continue;
        };
        match key {
            "Root" => trace_id = Some(root(value)?),
            "Parent" if value.len() == 16 => span_id = Some(wire::span_id(value)?),
            "Parent" => return None,
            "Sampled" => {
                sampled = match value {
                    "1" => true,
                    "0" | "?" => false,
                    _ => return None,
                }
            }
            _ => {}
        }
    }
    let flags = TraceFlags::default().with_sampled(sampled);
    Some((trace_id?, span_id?, flags))
}

/// `"1-" 8HEXDIG "-" 24HEXDIG`
fn root(value: &str) -> Option<TraceId> {
    let (seconds, unique) = value.strip_prefix("1-")?.split_once('-')?;
    if seconds.len() != 8 || unique.len() != 24 {
        return None;
    }
    wire::trace_id(&format!("{seconds}{unique}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::propagation::{extract_with, inject_with};
    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::*;

    const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";
    const PARENT: &str = "53995c3f42cd8ad8";

    fn sent(received: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(
            TRACE_HEADER,
            HeaderValue::from_str(received).expect("a header value"),
        );
        let context = extract_with(&XRay, &Context::new(), &headers);
        let mut headers = HeaderMap::new();
        inject_with(&XRay, &context, &mut headers);
        let value = headers.get(TRACE_HEADER)?.to_str().expect("text");
        Some(value.to_owned())
    }

    #[test]
    fn trace_header_grammar() {
        let sampled = format!("Root={ROOT};Parent={PARENT};Sampled=1");
        let not_sampled = format!("Root={ROOT};Parent={PARENT};Sampled=0");
        #[rustfmt::skip]
        let cases = [
            (Some(&sampled),     sampled.clone(), "sampled"),
            (Some(&not_sampled), not_sampled.clone(), "not sampled"),
            (Some(&not_sampled), format!("Root={ROOT};Parent={PARENT}"), "no decision"),
            (Some(&not_sampled), format!("Root={ROOT};Parent={PARENT};Sampled=?"), "open decision"),
            (Some(&sampled),     format!(" Sampled=1 ; Parent={PARENT} ;Root={ROOT}"), "any order, white space"),
            (Some(&sampled),     format!("Self=1-2-3;{sampled};Lineage=1:2:3;x"), "other parts"),
            (None, String::new(), "empty"),
            (None, format!("Root={ROOT}"), "no parent"),
            (None, format!("Parent={PARENT};Sampled=1"), "no root"),
            (None, sampled.replace("=1-", "=2-"), "another version"),
            (None, sampled.replace("5759e988", "5759e98"), "short time"),
            (None, sampled.replace("272793", "27279"), "short rest"),
            (None, sampled.replace("272793", "27279x"), "no digit in the root"),
            (None, sampled.replace(PARENT, "53995c3f42cd8ad"), "short parent"),
            (None, sampled.replace(PARENT, &"0".repeat(16)), "parent of zeros"),
            (None, sampled.replace("Sampled=1", "Sampled=x"), "unknown decision"),
        ];
        for (expected, received, rule) in cases {
            assert_eq!(sent(&received).as_ref(), expected, "{rule}: {received:?}");
        }
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
            let mut headers = HeaderMap::new();
            inject_with(&XRay, &context, &mut headers);
            let found = extract_with(&XRay, &Context::new(), &headers);
            prop_assert_eq!(found.span().span_context().clone(), context.span().span_context().clone());
        }

        #[test]
        fn garbage_never_panics(value in "(Root=1-)?.{0,80}(;Parent=.{0,20})?") {
            extract_with(&XRay, &Context::new(), &vec![(TRACE_HEADER.to_owned(), value)]);
        }
    }
}
