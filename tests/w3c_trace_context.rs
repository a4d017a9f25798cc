//! The rules of W3C trace context, level 2, over HTTP: a request comes in with some headers, `examples/w3c_service.rs`
//! calls back, and the headers of the call are looked at.
//!
//! There are 41 rules, one for each case that the test suite of the W3C has at its strictest, and each is tried with
//! every request that could tell it apart from a neighbour. Sections are those of <https://www.w3.org/TR/trace-context-2/>.
//! Requests are written byte by byte, because HTTP clients would repair what is to be tried.

#[expect(dead_code, reason = "of an example, only the router is needed here")]
#[path = "../examples/w3c_service.rs"]
mod w3c_service;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const TRACE: &str = "12345678901234567890123456789012";
const PARENT: &str = "1234567890123456";

/// Nothing here takes longer than a few milliseconds on loopback.
const DEADLINE: Duration = Duration::from_secs(10);

// --- the harness ---

type Calls = Arc<Mutex<Vec<HeaderMap>>>;

struct Harness {
    service: SocketAddr,
    callback: SocketAddr,
    calls: Calls,
}

impl Harness {
    async fn start() -> Self {
        let calls = Calls::default();
        let callback = Router::new()
            .route("/callback", post(record))
            .with_state(calls.clone());
        Self {
            service: serve(w3c_service::router()).await,
            callback: serve(callback).await,
            calls,
        }
    }

    /// The headers of the calls that the service makes when asked for `count` of them by a request with `headers`.
    async fn calls(&self, headers: &[(&str, &str)], count: usize) -> Vec<HeaderMap> {
        let call = format!(
            r#"{{"url":"http://{}/callback","arguments":[]}}"#,
            self.callback
        );
        let body = format!("[{}]", vec![call; count].join(","));
        let mut request = format!(
            "POST /test HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
            self.service,
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("\r\n{body}"));

        let response = timeout(DEADLINE, exchange(self.service, &request))
            .await
            .expect("an answer in time")
            .expect("an answer");
        assert!(
            response.starts_with("HTTP/1.1 200"),
            "{request}\n{response}"
        );
        let calls = std::mem::take(&mut *self.calls.lock().expect("no panic while recording"));
        assert_eq!(calls.len(), count, "calls of the service for {request}");
        calls
    }
}

async fn record(State(calls): State<Calls>, headers: HeaderMap) {
    calls
        .lock()
        .expect("no panic while recording")
        .push(headers);
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn exchange(address: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    Ok(response)
}

/// What a service sent.
#[derive(Debug)]
struct Sent {
    trace: String,
    parent: String,
    flags: u8,
    state: Option<String>,
}

impl Sent {
    /// Whatever came in, what goes out has to be well-formed: version 00, and not more than one of each header.
    fn read(headers: &HeaderMap) -> Result<Self, String> {
        let one = |name: &str| -> Result<Option<String>, String> {
            let values: Vec<_> = headers.get_all(name).iter().collect();
            match values.as_slice() {
                [] => Ok(None),
                [value] => Ok(Some(value.to_str().map_err(|e| e.to_string())?.to_owned())),
                several => Err(format!("{} headers {name}", several.len())),
            }
        };
        let parent = one("traceparent")?.ok_or("no traceparent")?;
        let parts: Vec<_> = parent.split('-').collect();
        let hex = |text: &str, length| {
            text.len() == length && text.bytes().all(|b| b"0123456789abcdef".contains(&b))
        };
        match parts.as_slice() {
            ["00", trace, id, flags]
                if hex(trace, 32)
                    && hex(id, 16)
                    && hex(flags, 2)
                    && trace.contains(|c| c != '0')
                    && id.contains(|c| c != '0') =>
            {
                Ok(Self {
                    trace: (*trace).to_owned(),
                    parent: (*id).to_owned(),
                    flags: u8::from_str_radix(flags, 16).map_err(|e| e.to_string())?,
                    state: one("tracestate")?,
                })
            }
            _ => Err(format!("malformed traceparent {parent:?}")),
        }
    }
}

// --- the rules ---

/// What has to become of a trace.
#[derive(Debug, Clone, PartialEq)]
enum Expected {
    /// It goes on, with this `tracestate` or none.
    Goes(Option<String>),
    /// A new one starts, without `tracestate`.
    Restarts,
}

struct Rule {
    /// In words, with the section that has it.
    rule: &'static str,
    cases: Vec<(Vec<(&'static str, String)>, Expected)>,
}

/// A request with these `traceparent` headers.
fn parents(values: &[&str]) -> Vec<(&'static str, String)> {
    values
        .iter()
        .map(|value| ("traceparent", (*value).to_owned()))
        .collect()
}

/// A request with a well-formed `traceparent` and these `tracestate` headers.
fn states<S: AsRef<str>>(values: &[S]) -> Vec<(&'static str, String)> {
    let mut headers = parents(&[&format!("00-{TRACE}-{PARENT}-00")]);
    headers.extend(
        values
            .iter()
            .map(|value| ("tracestate", value.as_ref().to_owned())),
    );
    headers
}

/// A rule by which each of these `traceparent`s is malformed.
fn refuses(rule: &'static str, values: &[String]) -> Rule {
    let cases = values
        .iter()
        .map(|value| (parents(&[value]), Expected::Restarts))
        .collect();
    Rule { rule, cases }
}

/// A rule by which the trace goes on with each of these `traceparent`s.
fn accepts(rule: &'static str, values: &[String]) -> Rule {
    let cases = values
        .iter()
        .map(|value| (parents(&[value]), Expected::Goes(None)))
        .collect();
    Rule { rule, cases }
}

/// A rule by which lists of `tracestate` headers become one, or none.
fn lists(rule: &'static str, cases: &[(&[&str], Option<&str>)]) -> Rule {
    let cases = cases
        .iter()
        .map(|(headers, sent)| (states(headers), Expected::Goes(sent.map(str::to_owned))))
        .collect();
    Rule { rule, cases }
}

fn named(
    name: &'static str,
    value: &str,
    expected: Expected,
) -> (Vec<(&'static str, String)>, Expected) {
    (vec![(name, value.to_owned())], expected)
}

fn traceparent_rules() -> Vec<Rule> {
    let well_formed = format!("00-{TRACE}-{PARENT}-01");
    let other = format!("00-12345678901234567890123456789011-{PARENT}-01");
    let with = |from: &str, to: &str| well_formed.replacen(from, to, 1);
    let (zero_trace, zero_parent) = ("0".repeat(32), "0".repeat(16));
    vec![
        Rule {
            rule: "4.2: without traceparent a new trace starts",
            cases: vec![(vec![], Expected::Restarts)],
        },
        accepts(
            "4.3: with traceparent alone the trace goes on under a new parent-id",
            std::slice::from_ref(&well_formed),
        ),
        Rule {
            rule: "3.2: of two traceparent headers neither counts",
            cases: vec![
                (parents(&[&other, &well_formed]), Expected::Restarts),
                (parents(&[&well_formed, &well_formed]), Expected::Restarts),
            ],
        },
        Rule {
            rule: "3.2.1: the name has no separators",
            cases: vec![
                named("trace-parent", &well_formed, Expected::Restarts),
                named("trace.parent", &well_formed, Expected::Restarts),
                named("trace_parent", &well_formed, Expected::Restarts),
            ],
        },
        Rule {
            rule: "3.2.1: the name is matched in any case",
            cases: vec![
                named("TraceParent", &well_formed, Expected::Goes(None)),
                named("TrAcEpArEnT", &well_formed, Expected::Goes(None)),
                named("TRACEPARENT", &well_formed, Expected::Goes(None)),
            ],
        },
        refuses(
            "3.2.2.2: version 00 ends with the flags",
            &[
                format!("{well_formed}."),
                format!("{well_formed}-"),
                format!("{well_formed}-what-the-future-will-be-like"),
            ],
        ),
        Rule {
            rule: "3.2.4: a higher version may go on behind a dash",
            cases: [
                accepts(
                    "",
                    &[
                        with("00-", "cc-"),
                        with("00-", "01-"),
                        format!("{}-what-the-future-will-be-like", with("00-", "cc-")),
                    ],
                ),
                refuses(
                    "",
                    &[
                        format!("{}.what-the-future-will-be-like", with("00-", "cc-")),
                        format!("{}1", with("00-", "cc-")),
                    ],
                ),
            ]
            .into_iter()
            .flat_map(|part| part.cases)
            .collect(),
        },
        refuses(
            "3.2.2.1: version ff is forbidden",
            &[with("00-", "ff-"), with("00-", "FF-")],
        ),
        refuses(
            "3.2.2: the version has lower-case hexadecimal digits only",
            &[with("00-", ".0-"), with("00-", "0.-"), with("00-", "CC-")],
        ),
        refuses(
            "3.2.2: the version has no third digit",
            &[with("00-", "000-"), with("00-", "0000-")],
        ),
        refuses(
            "3.2.2: the version has a second digit",
            &[with("00-", "0-"), with("00-", "-")],
        ),
        refuses(
            "3.2.2.3: a trace-id of zeros is invalid",
            &[with(TRACE, &zero_trace)],
        ),
        refuses(
            "3.2.2.3: the trace-id has lower-case hexadecimal digits only",
            &[
                with(TRACE, ".2345678901234567890123456789012"),
                with(TRACE, "1234567890123456789012345678901."),
                with(TRACE, "A2345678901234567890123456789012"),
            ],
        ),
        refuses(
            "3.2.2.3: the trace-id has no 33rd digit",
            &[with(TRACE, &format!("{TRACE}3"))],
        ),
        refuses(
            "3.2.2.3: the trace-id has a 32nd digit",
            &[with(TRACE, &TRACE[1..])],
        ),
        refuses(
            "3.2.2.4: a parent-id of zeros is invalid",
            &[with(&format!("-{PARENT}-"), &format!("-{zero_parent}-"))],
        ),
        refuses(
            "3.2.2.4: the parent-id has lower-case hexadecimal digits only",
            &[
                format!("00-{TRACE}-.234567890123456-01"),
                format!("00-{TRACE}-123456789012345.-01"),
                format!("00-{TRACE}-A234567890123456-01"),
            ],
        ),
        refuses(
            "3.2.2.4: the parent-id has no 17th digit",
            &[format!("00-{TRACE}-{PARENT}7-01")],
        ),
        refuses(
            "3.2.2.4: the parent-id has a 16th digit",
            &[format!("00-{TRACE}-{}-01", &PARENT[1..])],
        ),
        refuses(
            "3.2.2.5: the flags have lower-case hexadecimal digits only",
            &[
                format!("00-{TRACE}-{PARENT}-.0"),
                format!("00-{TRACE}-{PARENT}-0."),
                format!("00-{TRACE}-{PARENT}-0A"),
            ],
        ),
        refuses(
            "3.2.2.5: the flags have no third digit",
            &[format!("00-{TRACE}-{PARENT}-001")],
        ),
        refuses(
            "3.2.2.5: the flags have a second digit",
            &[
                format!("00-{TRACE}-{PARENT}-1"),
                format!("00-{TRACE}-{PARENT}-"),
                format!("00-{TRACE}-{PARENT}"),
            ],
        ),
        accepts(
            "RFC 9110, 5.5: white space around a field value is no part of it",
            &[
                format!(" {well_formed}"),
                format!("\t{well_formed}"),
                format!("{well_formed} "),
                format!("{well_formed}\t"),
                format!("\t {well_formed} \t"),
            ],
        ),
    ]
}

fn tracestate_rules() -> Vec<Rule> {
    let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let value: String = (' '..='~').filter(|c| !",=".contains(*c)).collect();
    let value = value.as_str();
    let named_state = |name: &'static str, sent: Option<&str>| {
        let mut headers = states::<&str>(&[]);
        headers.push((name, "foo=1".to_owned()));
        (headers, Expected::Goes(sent.map(str::to_owned)))
    };
    let members = |numbers: std::ops::RangeInclusive<u32>| {
        numbers
            .map(|n| format!("bar{n:02}={n:02}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    let (long, longest) = (
        format!("{}=1", "z".repeat(257)),
        format!("{}=1", "z".repeat(256)),
    );
    let tenant = format!("{}@v=1", "t".repeat(254));
    let system = format!("t@{}=1", "v".repeat(15));
    let longest_value = format!("foo={}", "v".repeat(256));
    vec![
        Rule {
            rule: "3.3: without traceparent the tracestate is not looked at",
            cases: vec![
                named("tracestate", "foo=1", Expected::Restarts),
                named("tracestate", "foo=1,bar=2", Expected::Restarts),
            ],
        },
        lists(
            "3.3: with traceparent the tracestate goes on",
            &[(&["foo=1,bar=2"], Some("foo=1,bar=2"))],
        ),
        Rule {
            rule: "3.3.1: the name has no separators",
            cases: vec![
                named_state("trace-state", None),
                named_state("trace.state", None),
            ],
        },
        Rule {
            rule: "3.3.1: the name is matched in any case",
            cases: vec![
                named_state("TraceState", Some("foo=1")),
                named_state("TrAcEsTaTe", Some("foo=1")),
                named_state("TRACESTATE", Some("foo=1")),
            ],
        },
        lists(
            "3.3.1.1: an empty header counts for nothing, and nor does an empty member",
            &[
                (&[""], None),
                (&["foo=1", ""], Some("foo=1")),
                (&["", "foo=1"], Some("foo=1")),
                (&["foo=1,,bar=2,"], Some("foo=1,bar=2")),
            ],
        ),
        lists(
            "3.3.1.1: several headers are one list, in order",
            &[(
                &["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
                Some("foo=1,bar=2,rojo=1,congo=2,baz=3"),
            )],
        ),
        lists(
            "3.3.1.4: a key that comes twice does not cost the list, and one of them is sent",
            &[
                (&["foo=1,foo=1"], Some("foo=1")),
                (&["foo=1,foo=2"], Some("foo=1")),
                (&["foo=1", "foo=1"], Some("foo=1")),
                (&["foo=1", "foo=2"], Some("foo=1")),
            ],
        ),
        lists(
            "3.3.1.3: every character that is allowed in keys and values is passed on",
            &[
                (
                    &[&format!("{key}={value}")],
                    Some(&format!("{key}={value}")),
                ),
                (
                    &[&format!("{key}@a-z0-9_-*/={value}")],
                    Some(&format!("{key}@a-z0-9_-*/={value}")),
                ),
                (&[&longest_value], Some(&longest_value)),
            ],
        ),
        lists(
            "3.3.1.1: white space around members is no part of them",
            &[
                (
                    &["foo=1 \t , \t bar=2, \t baz=3"],
                    Some("foo=1,bar=2,baz=3"),
                ),
                (
                    &["foo=1\t \t,\t \tbar=2,\t \tbaz=3"],
                    Some("foo=1,bar=2,baz=3"),
                ),
                (&[" foo=1"], Some("foo=1")),
                (&["\tfoo=1"], Some("foo=1")),
                (&["foo=1 "], Some("foo=1")),
                (&["foo=1\t"], Some("foo=1")),
                (&["\t foo=1 \t"], Some("foo=1")),
            ],
        ),
        lists(
            "3.3.1.3.1: any other character in a key costs the list",
            &[
                (&["foo =1"], None),
                (&["FOO=1"], None),
                (&["foo.bar=1"], None),
                (&["bar=2,FOO=1"], None),
            ],
        ),
        lists(
            "3.3.1.3.1: a key has at signs anywhere but in front",
            &[
                (&["foo@=1,bar=2"], Some("foo@=1,bar=2")),
                (&["@foo=1,bar=2"], None),
                (&["foo@@bar=1,bar=2"], Some("foo@@bar=1,bar=2")),
                (&["foo@bar@baz=1,bar=2"], Some("foo@bar@baz=1,bar=2")),
            ],
        ),
        lists(
            "3.3.1.1: 32 members are passed on, 33 are not",
            &[
                (
                    &[
                        &members(1..=10),
                        &members(11..=20),
                        &members(21..=30),
                        &members(31..=32),
                    ],
                    Some(&members(1..=32)),
                ),
                (
                    &[
                        &members(1..=10),
                        &members(11..=20),
                        &members(21..=30),
                        &members(31..=33),
                    ],
                    None,
                ),
                (&[&members(1..=33)], None),
            ],
        ),
        lists(
            "3.3.1.3.1: a key has 256 characters at most, at signs or not",
            &[
                (&["foo=1", &longest], Some(&format!("foo=1,{longest}"))),
                (&["foo=1", &long], None),
                (&["foo=1", &tenant], Some(&format!("foo=1,{tenant}"))),
                (&["foo=1", &system], Some(&format!("foo=1,{system}"))),
                (&["foo=1", &format!("t{tenant}")], None),
            ],
        ),
        lists(
            "3.3.1.3.2: a value that is empty, too long or holds an equals sign costs the list",
            &[
                (&["foo=bar=baz"], None),
                (&["foo=,bar=3"], None),
                (&[&format!("{longest_value}v")], None),
            ],
        ),
    ]
}

/// The rules that look at more than one call, or at the flags.
const FURTHER_RULES: usize = 4;

async fn violations(rules: &[Rule]) -> Vec<String> {
    let harness = Harness::start().await;
    let mut violations = Vec::new();
    for Rule { rule, cases } in rules {
        for (headers, expected) in cases {
            let borrowed: Vec<_> = headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let calls = harness.calls(&borrowed, 1).await;
            let sent = Sent::read(&calls[0]);
            let kept = |sent: &Sent| match expected {
                Expected::Goes(state) => {
                    sent.trace == TRACE && sent.parent != PARENT && sent.state == *state
                }
                Expected::Restarts => {
                    sent.state.is_none()
                        && !headers.iter().any(|(_, value)| value.contains(&sent.trace))
                }
            };
            if !sent.as_ref().is_ok_and(kept) {
                violations.push(format!(
                    "{rule}\n  received {headers:?}\n  expected {expected:?}\n  sent     {sent:?}"
                ));
            }
        }
    }
    violations
}

#[tokio::test]
async fn traceparent() {
    let violations = violations(&traceparent_rules()).await;
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[tokio::test]
async fn tracestate() {
    let violations = violations(&tracestate_rules()).await;
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn there_are_as_many_rules_as_the_suite_has_cases() {
    let rules = traceparent_rules().len() + tracestate_rules().len() + FURTHER_RULES;
    assert_eq!(rules, 41);
}

async fn three_calls(headers: &[(&str, &str)]) -> Vec<Sent> {
    let calls = Harness::start().await.calls(headers, 3).await;
    calls
        .iter()
        .map(|headers| Sent::read(headers).expect("well-formed headers"))
        .collect()
}

fn distinct_parents(sent: &[Sent]) -> usize {
    sent.iter()
        .map(|sent| &sent.parent)
        .collect::<BTreeSet<_>>()
        .len()
}

/// 3.2.2.4: every outgoing request has a parent-id of its own, and 4.3: all belong to the trace that was received.
#[tokio::test]
async fn several_calls_go_on_with_the_trace_under_parents_of_their_own() {
    let sent = three_calls(&[("traceparent", &format!("00-{TRACE}-{PARENT}-01"))]).await;
    assert!(sent.iter().all(|sent| sent.trace == TRACE), "{sent:?}");
    assert_eq!(distinct_parents(&sent), 3, "{sent:?}");
}

/// 3.2.2.4, also in a trace that starts here.
#[tokio::test]
async fn several_calls_without_traceparent_have_parents_of_their_own() {
    let sent = three_calls(&[]).await;
    assert_eq!(distinct_parents(&sent), 3, "{sent:?}");
}

/// 3.2.2.4 and 4.2, also when a malformed `traceparent` made the trace start here.
#[tokio::test]
async fn several_calls_with_a_malformed_traceparent_have_parents_of_their_own() {
    let zeros = "0".repeat(32);
    let sent = three_calls(&[("traceparent", &format!("00-{zeros}-{PARENT}-01"))]).await;
    assert!(sent.iter().all(|sent| sent.trace != zeros), "{sent:?}");
    assert_eq!(distinct_parents(&sent), 3, "{sent:?}");
}

/// 3.2.2.5.2: whoever goes on with a trace passes the random-trace-id flag on as received.
#[tokio::test]
async fn the_random_flag_is_passed_on_as_received() {
    let harness = Harness::start().await;
    for (received, random) in [("02", true), ("03", true), ("00", false), ("01", false)] {
        let parent = format!("00-{TRACE}-{PARENT}-{received}");
        let calls = harness.calls(&[("traceparent", &parent)], 1).await;
        let sent = Sent::read(&calls[0]).expect("well-formed headers");
        assert_eq!(sent.trace, TRACE);
        assert_eq!(
            sent.flags & 0b10 != 0,
            random,
            "received {received}, {sent:?}"
        );
    }
}
