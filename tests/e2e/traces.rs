//! Traces reach Jaeger whole, in each protocol.

use std::collections::BTreeMap;

use libtest_mimic::Trial;

use crate::jaeger::{self, Jaeger, Span};
use crate::quickstart::{Quickstart, SPANS_OF_TEN};
use crate::{Outcome, ensure, test};

pub(crate) const PROTOCOLS: [&str; 3] = ["http/protobuf", "http/json", "grpc"];

/// What each span of the quickstart is: name, kind, name of its parent. A server span has no parent when
/// the request comes from the test.
const SPANS: [(&str, &str, Option<&str>); 10] = [
    ("GET /users/{id}", "server", None),
    ("SELECT users", "client", Some("GET /users/{id}")),
    ("POST /orders", "server", None),
    ("price order", "internal", Some("POST /orders")),
    ("GET /users/{id}", "client", Some("POST /orders")),
    ("INSERT orders", "client", Some("POST /orders")),
    ("POST /payments/{id}", "server", None),
    ("charge card", "client", Some("POST /payments/{id}")),
    ("GET /reports", "server", None),
    ("render report", "internal", Some("GET /reports")),
];

pub(crate) fn tests() -> Vec<Trial> {
    let by_protocol = PROTOCOLS.map(|protocol| {
        let name = format!(
            "traces::reach_jaeger_whole_over_{}",
            protocol.replace('/', "_")
        );
        test(name, move || traces_reach_jaeger_whole(protocol))
    });
    by_protocol.into()
}

fn traces_reach_jaeger_whole(protocol: &str) -> Outcome {
    let jaeger = Jaeger::start(jaeger::Options::default())?;
    let mut quickstart = Quickstart::start(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &jaeger.endpoint(protocol)),
        ("OTEL_SERVICE_NAME", "shop"),
    ])?;
    quickstart.load(20)?;
    let report = quickstart.stop()?;
    ensure!(
        report.contains("traces"),
        "the report does not speak of traces:\n{report}"
    );

    let spans = jaeger.wait_for_spans("shop", 2 * SPANS_OF_TEN)?;
    let by_id: BTreeMap<_, _> = spans.iter().map(|span| (&span.id, span)).collect();
    for span in &spans {
        let parent = match &span.parent {
            Some(parent) => Some(
                *by_id
                    .get(parent)
                    .ok_or_else(|| format!("the parent of {span:?} is lost"))?,
            ),
            None => None,
        };
        check(span, parent)?;
    }
    let seen = |name: &str, kind: &str| {
        spans
            .iter()
            .filter(|span| span.name == name && span.kind() == kind)
            .count()
    };
    for (name, kind, _) in SPANS {
        ensure!(seen(name, kind) > 0, "no {kind} span {name}");
    }
    let traces = spans.iter().filter(|span| span.parent.is_none()).count();
    ensure!(traces == 20, "{traces} traces from 20 requests");
    Ok(())
}

fn check(span: &Span, parent: Option<&Span>) -> Outcome {
    ensure!(span.service == "shop", "service of {span:?}");
    let expected = SPANS
        .iter()
        .find(|(name, kind, _)| span.name == *name && span.kind() == *kind);
    let (name, kind, expected) = expected.ok_or_else(|| format!("nobody made {span:?}"))?;
    // The one remote parent: the service called itself.
    let called_by_order =
        *kind == "server" && parent.is_some_and(|parent| parent.kind() == "client");
    if called_by_order {
        let caller = parent.map_or("", |parent| &parent.name);
        ensure!(caller == *name, "{caller} called {span:?}");
    } else {
        let found = parent.map(|parent| parent.name.as_str());
        ensure!(
            found == *expected,
            "the parent of {span:?} is {found:?}, not {expected:?}"
        );
    }
    if let Some(parent) = parent {
        ensure!(
            parent.trace == span.trace,
            "{span:?} is not in the trace of {parent:?}"
        );
    }
    if *kind == "server" {
        let status = span
            .tags
            .get("http.response.status_code")
            .and_then(serde_json::Value::as_i64);
        ensure!(
            status == Some(if span.failed() { 502 } else { 200 }),
            "status code of {span:?}"
        );
        ensure!(
            span.tags
                .get("http.route")
                .is_some_and(|route| name.ends_with(route.as_str().unwrap_or("?"))),
            "route of {span:?}"
        );
    }
    // Payments 0 and 1 of the load are refused by the bank, and nothing else fails.
    let fails = ["POST /payments/{id}", "charge card"].contains(name);
    ensure!(span.failed() == fails, "error status of {span:?}");
    Ok(())
}
