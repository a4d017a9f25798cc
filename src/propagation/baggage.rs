//! W3C baggage.
//!
//! <https://www.w3.org/TR/baggage/>

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::LazyLock;

use opentelemetry::Context;
use opentelemetry::baggage::{self, BaggageExt as _};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use tracing::debug;

use super::wire::{OWS, is_token};

const BAGGAGE: &str = "baggage";

static FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [BAGGAGE.to_owned()]);

/// What everybody has to be able to pass on. The other limit, 64 members, is kept by the API's own type.
const MAX_BYTES: usize = 8192;

/// What may not stand in a property as it is. Properties travel as received, so a `%` stays one.
const PROPERTY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\');

/// What may not stand in a value as it is, and `=`, which some readers stop at.
const VALUE: &AsciiSet = &PROPERTY.add(b'%').add(b'=');

/// W3C `baggage`: values that travel with the context.
///
/// A malformed member, or one beyond 64 members or 8192 bytes, is left out and the others are kept. Values are percent-decoded;
/// properties (`;ttl=60`) are kept as they came. Several headers are one list; of a key that occurs twice the last counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Baggage;

impl TextMapPropagator for Baggage {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let mut members: Vec<_> = context.baggage().iter().collect();
        // The API iterates in random order; sorted, the same baggage is the same header, and loses the same at the limit.
        members.sort_unstable_by_key(|(key, _)| key.as_str());
        let mut header = String::new();
        for (key, (value, metadata)) in members {
            let before = header.len();
            if before > 0 {
                header.push(',');
            }
            write_member(&mut header, key.as_str(), value.as_str(), metadata.as_str());
            if header.len() > MAX_BYTES {
                header.truncate(before);
                debug!("baggage member not sent: the header would exceed 8192 bytes");
            }
        }
        if !header.is_empty() {
            injector.set(BAGGAGE, header);
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let headers = extractor.get_all(BAGGAGE).unwrap_or_default();
        let baggage = parse(&headers);
        if baggage.is_empty() {
            return context.clone();
        }
        context.with_baggage(baggage)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&*FIELDS)
    }
}

fn write_member(header: &mut String, key: &str, value: &str, metadata: &str) {
    // Writing to a `String` cannot fail.
    let _ = write!(header, "{key}={}", utf8_percent_encode(value, VALUE));
    for property in properties(metadata) {
        let (key, value) = property;
        let _ = match value {
            Some(value) => write!(header, ";{key}={}", utf8_percent_encode(value, PROPERTY)),
            None => write!(header, ";{key}"),
        };
    }
}

fn parse(headers: &[&str]) -> baggage::Baggage {
    let mut baggage = baggage::Baggage::new();
    let mut bytes = 0;
    for member in headers.iter().flat_map(|header| header.split(',')) {
        bytes += member.len() + 1;
        if bytes > MAX_BYTES + 1 {
            debug!("baggage members not read: the headers exceed 8192 bytes");
            break;
        }
        if member.trim_matches(OWS).is_empty() {
            continue;
        }
        match parse_member(member) {
            Some((key, value, metadata)) => {
                baggage.insert_with_metadata(key.to_owned(), value.into_owned(), metadata);
            }
            None => {
                debug!("baggage member not read: malformed");
            }
        }
    }
    baggage
}

/// `key OWS "=" OWS value *( OWS ";" OWS property )`
fn parse_member(member: &str) -> Option<(&str, Cow<'_, str>, String)> {
    let (pair, metadata) = member.split_once(';').unwrap_or((member, ""));
    let (key, value) = pair.split_once('=')?;
    let (key, value) = (key.trim_matches(OWS), value.trim_matches(OWS));
    if !is_token(key) || !is_value(value) {
        return None;
    }
    let mut kept = String::new();
    for (key, value) in properties(metadata) {
        if value.is_some_and(|value| !is_value(value)) {
            continue;
        }
        let separator = if kept.is_empty() { "" } else { ";" };
        let _ = match value {
            Some(value) => write!(kept, "{separator}{key}={value}"),
            None => write!(kept, "{separator}{key}"),
        };
    }
    // Escapes that are no UTF-8 become the replacement character, as the specification asks.
    let value = percent_decode_str(value).decode_utf8_lossy();
    Some((key, value, kept))
}

/// The properties of a member whose key is one.
fn properties(metadata: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    metadata
        .split(';')
        .map(|property| match property.split_once('=') {
            Some((key, value)) => (key.trim_matches(OWS), Some(value.trim_matches(OWS))),
            None => (property.trim_matches(OWS), None),
        })
        .filter(|(key, _)| is_token(key))
}

/// Printable ASCII without blank, quote, comma, semicolon and backslash.
fn is_value(value: &str) -> bool {
    value
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::propagation::{extract_with, inject_with};
    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn read(headers: &[&str]) -> Context {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(
                BAGGAGE,
                HeaderValue::from_str(header).expect("a header value"),
            );
        }
        extract_with(&Baggage, &Context::new(), &map)
    }

    fn written(context: &Context) -> Option<String> {
        let mut headers = HeaderMap::new();
        inject_with(&Baggage, context, &mut headers);
        let header = headers.get(BAGGAGE)?.to_str().expect("text");
        Some(header.to_owned())
    }

    /// `key=value;metadata` of every member, sorted.
    fn shown(context: &Context) -> String {
        let mut members: Vec<_> = context
            .baggage()
            .iter()
            .map(|(key, (value, metadata))| match metadata.as_str() {
                "" => format!("{key}={value}"),
                metadata => format!("{key}={value};{metadata}"),
            })
            .collect();
        members.sort();
        members.join(",")
    }

    #[test]
    fn list_grammar() {
        #[rustfmt::skip]
        let cases: &[(&str, &[&str], &str)] = &[
            ("", &[], "no header"),
            ("", &[""], "empty header"),
            ("a=1,b=2", &["a=1,b=2"], "two members"),
            ("a=1,b=2", &["a=1", "b=2"], "two headers are one list"),
            ("a=1,b=2", &[" a\t=\t1 , b = 2 "], "white space around keys and values"),
            ("a=1,b=2", &[",a=1,,\t,b=2,"], "empty members"),
            ("a=", &["a="], "empty value"),
            ("a=b=c", &["a=b=c"], "equals sign in the value"),
            ("a=2", &["a=1,a=2"], "the last of two with the same key"),
            ("A=2,a=1", &["a=1,A=2"], "keys differ in case"),
            ("a=x y", &["a=x%20y"], "percent-decoding"),
            ("a=,;\"\\%", &["a=%2C%3B%22%5C%25"], "decoded delimiters"),
            ("a=é", &["a=%C3%A9"], "UTF-8"),
            ("a=\u{FFFD}", &["a=%ff"], "escapes that are no UTF-8"),
            ("a=100%", &["a=100%"], "a percent sign that escapes nothing"),
            ("a%20b=1", &["a%20b=1"], "keys are not decoded"),
            ("a=1;p;q=2", &["a=1 ; p ; q = 2"], "properties"),
            ("a=1;q=%20", &["a=1;q=%20"], "properties are not decoded"),
            ("a=1;q", &["a=1;;q;"], "empty properties"),
            ("a=1;q", &["a=1;b ad=1;q"], "a malformed property is left out alone"),
            ("a=1;q", &["a=1;p=b\"ad;q"], "also when its value is malformed"),
            ("b=2", &["a,b=2"], "no equals sign"),
            ("b=2", &["=1,b=2"], "empty key"),
            ("b=2", &["a b=1,b=2"], "blank in the key"),
            ("b=2", &["a@=1,b=2"], "delimiter in the key"),
            ("b=2", &["a=x y,b=2"], "blank in the value"),
            ("b=2", &["a=\"x\",b=2"], "quote in the value"),
            ("b=2", &["a=x\\,b=2"], "backslash in the value"),
            ("b=2", &["é=1,b=2"], "key outside ASCII"),
            ("b=2", &["a=é,b=2"], "value outside ASCII"),
        ];
        for (expected, headers, rule) in cases {
            assert_eq!(shown(&read(headers)), *expected, "{rule}: {headers:?}");
        }
    }

    #[test]
    fn nothing_valid_keeps_the_baggage_that_was_there() {
        let context = read(&["kept=1"]);
        let mut headers = HeaderMap::new();
        headers.insert(BAGGAGE, HeaderValue::from_static("malformed"));
        let found = extract_with(&Baggage, &context, &headers);
        assert_eq!(shown(&found), "kept=1");
    }

    #[test]
    fn sixty_four_members_pass() {
        let header: Vec<_> = (0..64).map(|n| format!("k{n:02}=v")).collect();
        let header = header.join(",");
        assert_eq!(written(&read(&[&header])), Some(header));
    }

    #[test]
    fn of_more_than_sixty_four_members_the_first_pass() {
        let header: Vec<_> = (0..100).map(|n| format!("k{n:02}=v")).collect();
        let found = read(&[&header.join(",")]);
        assert_eq!(found.baggage().len(), 64);
        assert!(found.baggage().get("k63").is_some());
    }

    #[test]
    fn eight_kibibytes_pass() {
        let header = format!("a={},b={}", "x".repeat(4093), "x".repeat(4094));
        assert_eq!(header.len(), MAX_BYTES);
        assert_eq!(written(&read(&[&header])), Some(header));
    }

    #[test]
    fn members_beyond_eight_kibibytes_are_left_out_whole() {
        let header = format!("a={},b={}", "x".repeat(4093), "x".repeat(4095));
        assert_eq!(header.len(), MAX_BYTES + 1);
        let found = read(&[&header]);
        assert_eq!(found.baggage().len(), 1);
        assert!(found.baggage().get("a").is_some());
    }

    #[test]
    fn what_grows_beyond_the_limit_by_escaping_is_left_out_whole() {
        let context = Context::new().with_baggage([
            opentelemetry::KeyValue::new("a", "é".repeat(2000)),
            opentelemetry::KeyValue::new("b", "2"),
        ]);
        assert_eq!(written(&context).as_deref(), Some("b=2"));
    }

    #[test]
    fn without_baggage_no_header_is_written() {
        assert_eq!(written(&Context::new()), None);
    }

    #[test]
    fn metadata_that_would_break_the_header_is_escaped_or_left_out() {
        let mut baggage = baggage::Baggage::new();
        baggage.insert_with_metadata("a", "1", "p=x,y\r\nz; b ad ;q");
        let context = Context::new().with_baggage(baggage);
        assert_eq!(written(&context).as_deref(), Some("a=1;p=x%2Cy%0D%0Az;q"));
    }

    proptest! {
        #[test]
        fn extract_reads_what_inject_wrote(
            members in prop::collection::btree_map(
                "[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,12}",
                (any::<String>(), "([a-z]{1,5}(=[!#-+\\--:<-Z^-~]{0,5})?){0,1}"),
                0..8,
            )
        ) {
            let mut baggage = baggage::Baggage::new();
            for (key, (value, metadata)) in &members {
                baggage.insert_with_metadata(key.clone(), value.clone(), metadata.as_str());
            }
            let sent: BTreeMap<_, _> = baggage.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            let context = Context::new().with_baggage(baggage);
            let mut headers = HeaderMap::new();
            inject_with(&Baggage, &context, &mut headers);
            let found = extract_with(&Baggage, &Context::new(), &headers);
            let read: BTreeMap<_, _> = found.baggage().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            prop_assert_eq!(read, sent);
        }

        #[test]
        fn garbage_never_panics(headers in prop::collection::vec(".{0,200}", 0..4)) {
            let carrier: Vec<_> = headers.into_iter().map(|header| (BAGGAGE.to_owned(), header)).collect();
            let found = extract_with(&Baggage, &Context::new(), &carrier);
            written(&found);
        }
    }
}
