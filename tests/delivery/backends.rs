//! What `docs/backends.md` says of each backend is what is sent.
//!
//! The page is the only source: variables and requests are read from it. The server of a test has TLS, knows the paths of the
//! page and turns away what does not carry exactly its headers; only the host of the endpoint is another one.

use std::collections::BTreeSet;

use spanwise::Telemetry;
use spanwise::config::Env;

use crate::receiver::{Answer, Demand};
use crate::tls::{Authority, text};

const PAGE: &str = include_str!("../../docs/backends.md");

#[test]
fn every_section_is_tried() {
    let sections = PAGE.lines().filter_map(|line| line.strip_prefix("## "));
    let tried = [
        "Jaeger",
        "Grafana Cloud",
        "Honeycomb",
        "Datadog",
        "New Relic",
        "Dash0",
        "SigNoz",
    ];
    assert_eq!(sections.collect::<Vec<_>>(), tried);
}

#[test]
fn jaeger_takes_what_its_section_sends() {
    takes_what_is_sent("Jaeger");
}

#[test]
fn grafana_cloud_takes_what_its_section_sends() {
    takes_what_is_sent("Grafana Cloud");
}

#[test]
fn honeycomb_takes_what_its_section_sends() {
    takes_what_is_sent("Honeycomb");
}

#[test]
fn datadog_takes_what_its_section_sends() {
    takes_what_is_sent("Datadog");
}

#[test]
fn new_relic_takes_what_its_section_sends() {
    takes_what_is_sent("New Relic");
}

#[test]
fn dash0_takes_what_its_section_sends() {
    takes_what_is_sent("Dash0");
}

#[test]
fn signoz_takes_what_its_section_sends() {
    takes_what_is_sent("SigNoz");
}

/// Sends a span, metrics and a log record with the variables of a section to a server that demands its requests.
#[track_caller]
fn takes_what_is_sent(backend: &str) {
    let demands = demands(block(backend, "http"));
    let authority = Authority::new();
    let identity = authority.issue("localhost", false);
    let script = vec![Answer::Only(demands.clone())];
    let receiver = authority.receiver_with(&identity, false, script);
    let certificate = authority.certificate();
    let mut vars = vec![
        ("OTEL_SERVICE_NAME", "svc".to_owned()),
        ("OTEL_LOG_LEVEL", "none".to_owned()),
        ("OTEL_RUST_LOG_LINES", "off".to_owned()),
        ("OTEL_RUST_BANNER", "off".to_owned()),
        (
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            text(&certificate).to_owned(),
        ),
    ];
    vars.extend(block(backend, "sh").lines().map(|line| {
        let (name, value) = line.split_once('=').expect("a variable");
        if name.ends_with("_ENDPOINT") {
            (name, here(value, receiver.address.port()))
        } else {
            (name, value.to_owned())
        }
    }));
    let builder = Telemetry::builder().with_env(Env::from_pairs(vars));
    let telemetry = builder.strict().build().expect("a valid configuration");
    telemetry.scope(|| tracing::info_span!("work").in_scope(|| tracing::info!("at work")));
    let ended = telemetry.shutdown();
    let turned_away = receiver.got.headers.lock().expect("no thread panics");
    let report = ended.unwrap_or_else(|error| panic!("{backend}: {error}\n{turned_away:#?}"));
    assert!(
        report.exporters().iter().all(|status| status.delivered > 0),
        "{backend}: {report}"
    );
    let paths = receiver.got.paths.lock().expect("no thread panics");
    let demanded = demands.into_iter().map(|demand| demand.path);
    assert_eq!(*paths, demanded.collect::<BTreeSet<_>>(), "{backend}");
}

/// The block of code in a language that stands in the section of a backend.
fn block(backend: &str, language: &str) -> &'static str {
    let (_, section) = PAGE
        .split_once(&format!("\n## {backend}\n"))
        .unwrap_or_else(|| panic!("no section on {backend}"));
    let section = section.split("\n## ").next().unwrap_or_default();
    let (_, block) = section
        .split_once(&format!("\n```{language}\n"))
        .unwrap_or_else(|| panic!("no {language} in the section on {backend}"));
    block.split("\n```").next().unwrap_or_default()
}

/// Requests, each group with its headers, with an empty line between two groups.
fn demands(block: &str) -> Vec<Demand> {
    let groups = block.split("\n\n").map(|group| {
        let (paths, headers): (Vec<_>, Vec<_>) =
            group.lines().partition(|line| line.starts_with("POST "));
        let headers: BTreeSet<_> = headers
            .into_iter()
            .map(|line| line.split_once(": ").expect("a header"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        paths.into_iter().map(move |line| Demand {
            path: line.trim_start_matches("POST ").to_owned(),
            headers: headers.clone(),
        })
    });
    groups.flatten().collect()
}

/// The same path on this machine.
fn here(endpoint: &str, port: u16) -> String {
    let rest = endpoint.strip_prefix("https://").expect("TLS");
    let path = rest.find('/').map_or("", |start| &rest[start..]);
    format!("https://localhost:{port}{path}")
}
