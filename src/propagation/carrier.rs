//! What context travels on, and the four functions that write to it and read from it.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::{Context, global};

/// Shown in place of a value that is not text. No format accepts it, so the header counts as present and malformed
/// instead of absent, which is the difference between one `traceparent` and two.
const NOT_TEXT: &str = "\u{FFFD}";

/// A set of named text values that context can be written to and read from.
///
/// Implemented for HTTP headers, string maps and lists, and for [`std::process::Command`], whose environment then
/// carries the context. Names are compared without regard to case. Implement it for the message type of a queue to
/// send context through it.
pub trait Carrier {
    /// Every value of `name`, in order; empty when there is none.
    fn values(&self, name: &str) -> Vec<&str>;

    /// The names that have a value.
    fn names(&self) -> Vec<&str>;

    /// Makes `value` the only value of `name`.
    fn set(&mut self, name: &str, value: String);

    /// Takes every value of `name` away.
    fn remove(&mut self, name: &str);
}

/// Writes the current context to `carrier`, with the propagator of the process.
///
/// A context with nothing to say leaves the carrier untouched. Otherwise fields of the propagator that the context
/// does not fill are removed, so that headers copied from an incoming request cannot contradict what is sent.
pub fn inject(carrier: &mut (impl Carrier + ?Sized)) {
    Context::map_current(|context| {
        global::get_text_map_propagator(|propagator| inject_with(propagator, context, carrier));
    });
}

/// Writes `context` to `carrier`, with `propagator`; see [`inject`].
pub fn inject_with(
    propagator: &dyn TextMapPropagator,
    context: &Context,
    carrier: &mut (impl Carrier + ?Sized),
) {
    let mut written = Written(Vec::new());
    propagator.inject_context(context, &mut written);
    if written.0.is_empty() {
        return;
    }
    for field in propagator.fields() {
        carrier.remove(field);
    }
    for (name, value) in written.0 {
        carrier.set(&name, value);
    }
}

/// The context that `carrier` holds, with the propagator of the process, on top of the current context.
///
/// Without anything valid on the carrier it is the current context.
pub fn extract(carrier: &(impl Carrier + ?Sized)) -> Context {
    Context::map_current(|context| {
        global::get_text_map_propagator(|propagator| extract_with(propagator, context, carrier))
    })
}

/// The context that `carrier` holds, with `propagator`, on top of `context`; see [`extract`].
pub fn extract_with(
    propagator: &dyn TextMapPropagator,
    context: &Context,
    carrier: &(impl Carrier + ?Sized),
) -> Context {
    propagator.extract_with_context(context, &Reader(carrier))
}

/// What a propagator wrote, before the carrier is touched.
struct Written(Vec<(String, String)>);

impl Injector for Written {
    fn set(&mut self, key: &str, value: String) {
        self.0.push((key.to_owned(), value));
    }
}

/// A carrier as the API reads it.
struct Reader<'a, C: ?Sized>(&'a C);

impl<C: Carrier + ?Sized> Extractor for Reader<'_, C> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.values(key).first().copied()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.names()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        Some(self.0.values(key)).filter(|values| !values.is_empty())
    }
}

/// HTTP headers. A name or value that HTTP does not allow is not set; no propagator of this module writes one.
impl Carrier for HeaderMap {
    fn values(&self, name: &str) -> Vec<&str> {
        self.get_all(name)
            .iter()
            .map(|value| std::str::from_utf8(value.as_bytes()).unwrap_or(NOT_TEXT))
            .collect()
    }

    fn names(&self) -> Vec<&str> {
        self.keys().map(HeaderName::as_str).collect()
    }

    fn set(&mut self, name: &str, value: String) {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::try_from(value),
        ) {
            self.insert(name, value);
        }
    }

    fn remove(&mut self, name: &str) {
        Self::remove(self, name);
    }
}

impl<S: BuildHasher> Carrier for HashMap<String, String, S> {
    fn values(&self, name: &str) -> Vec<&str> {
        self.iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    fn names(&self) -> Vec<&str> {
        self.keys().map(String::as_str).collect()
    }

    fn set(&mut self, name: &str, value: String) {
        Carrier::remove(self, name);
        self.insert(name.to_owned(), value);
    }

    fn remove(&mut self, name: &str) {
        self.retain(|key, _| !key.eq_ignore_ascii_case(name));
    }
}

impl Carrier for BTreeMap<String, String> {
    fn values(&self, name: &str) -> Vec<&str> {
        self.iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    fn names(&self) -> Vec<&str> {
        self.keys().map(String::as_str).collect()
    }

    fn set(&mut self, name: &str, value: String) {
        Carrier::remove(self, name);
        self.insert(name.to_owned(), value);
    }

    fn remove(&mut self, name: &str) {
        self.retain(|key, _| !key.eq_ignore_ascii_case(name));
    }
}

/// A list in which a name may occur more than once, as in the headers of most message queues.
impl Carrier for Vec<(String, String)> {
    fn values(&self, name: &str) -> Vec<&str> {
        self.iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    fn names(&self) -> Vec<&str> {
        self.iter().map(|(key, _)| key.as_str()).collect()
    }

    fn set(&mut self, name: &str, value: String) {
        Carrier::remove(self, name);
        self.push((name.to_owned(), value));
    }

    fn remove(&mut self, name: &str) {
        self.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::propagation::TraceContext;
    use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId};

    fn context() -> Context {
        Context::new().with_remote_span_context(SpanContext::new(
            TraceId::from_bytes([1; 16]),
            SpanId::from_bytes([2; 8]),
            TraceFlags::SAMPLED,
            true,
            Default::default(),
        ))
    }

    const PARENT: &str = "00-01010101010101010101010101010101-0202020202020202-01";

    #[test]
    fn string_carriers_find_names_in_any_case() {
        let map = HashMap::from([("TraceParent".to_owned(), PARENT.to_owned())]);
        let tree: BTreeMap<_, _> = map.clone().into_iter().collect();
        let list: Vec<_> = map.clone().into_iter().collect();
        for carrier in [&map as &dyn Carrier, &tree, &list] {
            let found = extract_with(&TraceContext, &Context::new(), carrier);
            assert_eq!(found.span().span_context(), context().span().span_context());
        }
    }

    #[test]
    fn injecting_replaces_a_value_under_another_spelling() {
        let old = ("TraceParent".to_owned(), "old".to_owned());
        let mut map = HashMap::from([old.clone()]);
        let mut tree = BTreeMap::from([old.clone()]);
        let mut list = vec![old];
        for carrier in [&mut map as &mut dyn Carrier, &mut tree, &mut list] {
            inject_with(&TraceContext, &context(), carrier);
            assert_eq!(carrier.values("traceparent"), [PARENT]);
            assert_eq!(carrier.names(), ["traceparent"]);
        }
    }

    #[test]
    fn injecting_removes_fields_that_the_context_does_not_fill() {
        let mut headers = HeaderMap::new();
        headers.insert("tracestate", HeaderValue::from_static("stale=1"));
        headers.insert("accept", HeaderValue::from_static("*/*"));
        inject_with(&TraceContext, &context(), &mut headers);
        assert_eq!(headers["traceparent"], PARENT);
        assert!(!headers.contains_key("tracestate"));
        assert_eq!(headers["accept"], "*/*");
    }

    #[test]
    fn an_empty_context_leaves_the_carrier_untouched() {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", HeaderValue::from_static("passed through"));
        inject_with(&TraceContext, &Context::new(), &mut headers);
        assert_eq!(headers["traceparent"], "passed through");
    }

    #[test]
    fn a_header_that_is_not_text_still_counts_as_one() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", HeaderValue::from_static(PARENT));
        headers.append(
            "traceparent",
            HeaderValue::from_bytes(b"\xff\xfe").expect("opaque bytes are allowed"),
        );
        let found = extract_with(&TraceContext, &Context::new(), &headers);
        assert!(!found.span().span_context().is_valid());
    }

    #[test]
    fn without_anything_valid_the_given_context_comes_back() {
        let found = extract_with(&TraceContext, &context(), &HeaderMap::new());
        assert_eq!(found.span().span_context(), context().span().span_context());
    }
}
