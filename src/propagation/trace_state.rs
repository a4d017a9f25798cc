//! The list of `tracestate`: its grammar, its limits, and what the API's own type cannot hold.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceId, TraceState};

use super::wire::OWS;

/// Members a list may have.
const MEMBERS: usize = 32;

/// Members that are valid and that [`TraceState`] does not take.
///
/// opentelemetry 0.33.1 allows one `@` in a key and 13 characters behind it, where level 1 has 14 and level 2 has
/// neither rule. They travel beside the span in the context instead. Delete this once
/// `TraceState::from_str("a@@b@fourteen-chars=1")` is `Ok`.
#[derive(Debug)]
pub(super) struct Refused {
    /// Spans of another trace must not send them.
    trace_id: TraceId,
    /// The list without them. While a span still has it, `header` is what it has to send.
    accepted: TraceState,
    /// The list with them, in the order received.
    header: String,
    members: Vec<String>,
}

/// The list of all `tracestate` headers together; empty when any part of it is malformed.
pub(super) fn parse(trace_id: TraceId, headers: &[&str]) -> (TraceState, Option<Refused>) {
    let Some(members) = members(headers) else {
        return (TraceState::NONE, None);
    };
    if let Ok(state) = TraceState::from_key_value(members.iter().copied()) {
        return (state, None);
    }
    let (accepted, refused): (Vec<_>, Vec<_>) = members
        .iter()
        .copied()
        .partition(|member| TraceState::from_key_value([*member]).is_ok());
    let accepted = TraceState::from_key_value(accepted).unwrap_or_default();
    let refused = Refused {
        trace_id,
        accepted: accepted.clone(),
        header: join(&members).join(","),
        members: join(&refused),
    };
    (accepted, Some(refused))
}

/// The header to send for `span`; empty when there is nothing to say.
pub(super) fn header(context: &Context, span: &SpanContext) -> String {
    let state = span.trace_state();
    match context.get::<Refused>() {
        Some(refused) if refused.trace_id == span.trace_id() => {
            if *state == refused.accepted {
                return refused.header.clone();
            }
            let own: Vec<_> = state.into_iter().collect();
            let mut members = join(&own);
            members.extend(refused.members.iter().cloned());
            members.truncate(MEMBERS);
            members.join(",")
        }
        _ => state.header(),
    }
}

fn join(members: &[(&str, &str)]) -> Vec<String> {
    members
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect()
}

/// Every member in order, or nothing when one is malformed or there are too many.
///
/// Nobody may send a key twice, and nobody has to punish it: the first stays, which is the newest.
fn members<'a>(headers: &[&'a str]) -> Option<Vec<(&'a str, &'a str)>> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    let mut received = 0;
    for member in headers.iter().flat_map(|header| header.split(',')) {
        let member = member.trim_matches(OWS);
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=')?;
        received += 1;
        if received > MEMBERS || !is_key(key) || !is_value(value) {
            return None;
        }
        if members.iter().all(|(known, _)| *known != key) {
            members.push((key, value));
        }
    }
    Some(members)
}

/// 1 to 256 characters, the first of which is a letter or a digit.
///
/// This is level 2, where an at sign is a character like others. Level 1 had a tenant and a system around one.
fn is_key(key: &str) -> bool {
    key.len() <= 256
        && key.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && key.bytes().all(
            |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@'),
        )
}

/// 1 to 256 printable characters without comma and equals sign. That the last is no blank follows from the trimming.
fn is_value(value: &str) -> bool {
    (1..=256).contains(&value.len())
        && value
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(headers: &[&str]) -> Option<String> {
        members(headers).map(|members| join(&members).join(","))
    }

    #[test]
    fn list_grammar() {
        let printable: String = (' '..='~').filter(|c| !",=".contains(*c)).collect();
        #[rustfmt::skip]
        let cases: Vec<(Option<&str>, Vec<String>, &str)> = vec![
            (Some(""), vec![], "no header"),
            (Some(""), vec!["".into()], "empty header"),
            (Some("foo=1"), vec!["foo=1".into(), "".into()], "empty header behind"),
            (Some("foo=1"), vec!["".into(), "foo=1".into()], "empty header in front"),
            (Some("foo=1,bar=2"), vec![",foo=1,, ,bar=2,".into()], "empty members"),
            (Some("a=1,b=2,c=3,d=4"), vec!["a=1,b=2".into(), "c=3".into(), "d=4".into()], "several headers are one list"),
            (Some("foo=1,bar=2"), vec![" \tfoo=1 \t,\t bar=2\t".into()], "white space around members"),
            (Some("foo=1,bar=2"), vec!["foo=1,bar=2,foo=3".into()], "the first of a key that occurs twice"),
            (Some("foo=1"), vec!["foo=1".into(), "foo=2".into()], "also over two headers"),
            (Some("foo= 1"), vec!["foo= 1".into()], "a blank leads the value and belongs to it"),
            (Some("1a=1"), vec!["1a=1".into()], "a key may start with a digit"),
            (Some("az09_-*/@a-z0-9_-*/=1"), vec!["az09_-*/@a-z0-9_-*/=1".into()], "all characters of a key"),
            (Some("foo@=1,a@@b=2,a@b@1=3"), vec!["foo@=1,a@@b=2,a@b@1=3".into()], "at signs anywhere but in front"),
            (None, vec!["foo".into()], "no equals sign"),
            (None, vec!["=1".into()], "empty key"),
            (None, vec!["foo=".into()], "empty value"),
            (None, vec!["foo= ".into()], "blank value"),
            (None, vec!["foo =1".into()], "white space behind the key"),
            (None, vec!["foo=1=2".into()], "equals sign in the value"),
            (None, vec!["FOO=1".into()], "upper-case key"),
            (None, vec!["foo.bar=1".into()], "dot in the key"),
            (None, vec!["_foo=1".into()], "key starts with punctuation"),
            (None, vec!["@foo=1".into()], "key starts with an at sign"),
            (None, vec!["foo=1\t2".into()], "tab in the value"),
            (None, vec!["foo=é".into()], "value outside ASCII"),
            (None, vec!["foo=1,bar".into()], "one bad member loses the list"),
            (None, vec!["foo=1".into(), "bar".into()], "also in another header"),
        ];
        for (expected, headers, rule) in cases {
            let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
            assert_eq!(list(&headers).as_deref(), expected, "{rule}: {headers:?}");
        }
        let all = format!("foo={printable}");
        assert_eq!(
            list(&[&all]),
            Some(all.clone()),
            "all characters of a value"
        );
    }

    #[test]
    fn length_limits() {
        #[rustfmt::skip]
        let cases = [
            (true,  format!("{}=1", "z".repeat(256)), "key of 256"),
            (false, format!("{}=1", "z".repeat(257)), "key of 257"),
            (true,  format!("{}@v=1", "t".repeat(254)), "key of 256 with an at sign"),
            (false, format!("{}@v=1", "t".repeat(255)), "key of 257 with an at sign"),
            (true,  format!("foo={}", "v".repeat(256)), "value of 256"),
            (false, format!("foo={}", "v".repeat(257)), "value of 257"),
        ];
        for (expected, header, rule) in cases {
            assert_eq!(list(&[&header]).is_some(), expected, "{rule}");
        }
    }

    #[test]
    fn thirty_two_members_and_no_more() {
        let of = |count: usize| {
            let members: Vec<_> = (1..=count).map(|n| format!("k{n}={n}")).collect();
            members.join(",")
        };
        assert!(list(&[&of(32)]).is_some());
        assert_eq!(list(&[&of(33)]), None);
        assert_eq!(list(&[&of(32), "more=1"]), None, "counted over all headers");
        assert_eq!(list(&[&of(32), "k1=1"]), None, "counted as received");
    }

    #[test]
    fn empty_members_do_not_count() {
        let header = format!("{}foo=1", ",".repeat(100));
        assert_eq!(list(&[&header]).as_deref(), Some("foo=1"));
    }
}
