//! What is said of receivers that do not work, and that those with TLS do.
//!
//! Every receiver is a real one on loopback, broken in one way; what is compared are the words that a user reads.

#[path = "doctor/authority.rs"]
mod authority;
#[path = "doctor/receiver.rs"]
mod receiver;
#[path = "doctor/receivers.rs"]
mod receivers;
#[path = "doctor/tls.rs"]
mod tls;

use std::net::SocketAddr;

use spanwise::config::{Env, Signal};
use spanwise::{Diagnosis, Telemetry};

/// What is found out with `pairs` as the environment.
fn diagnose(pairs: &[(&str, &str)]) -> Diagnosis {
    let base = [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "3000"),
        ("OTEL_LOG_LEVEL", "none"),
        ("OTEL_RUST_LOG_LINES", "off"),
        ("OTEL_RUST_RESOURCE_DETECTORS", "none"),
    ];
    let telemetry = Telemetry::builder()
        .with_env(Env::from_pairs(base.iter().chain(pairs).copied()))
        .build()
        .expect("it starts");
    telemetry.diagnose()
}

/// What is found out about spans sent to `endpoint`, a base URL.
fn spans_to(endpoint: &str, protocol: &str, pairs: &[(&str, &str)]) -> Result<(), String> {
    let base = [
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
    ];
    let pairs: Vec<_> = base.iter().chain(pairs).copied().collect();
    let diagnosis = diagnose(&pairs);
    assert_eq!(diagnosis.probes.len(), 1, "{diagnosis}");
    let probe = &diagnosis.probes[0];
    assert_eq!(probe.signal, Signal::Traces);
    probe.result.clone().map(drop)
}

/// Asserts that spans to `endpoint` fail, on one line that has all of `words`.
#[track_caller]
fn fails(endpoint: &str, protocol: &str, pairs: &[(&str, &str)], words: &[&str]) {
    let said = spans_to(endpoint, protocol, pairs).expect_err("the receiver is broken");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in words {
        assert!(
            said.contains(word),
            "{protocol} to {endpoint} without {word:?}: {said}"
        );
    }
}

const HTTP: &str = "http/protobuf";
const GRPC: &str = "grpc";

fn http(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// By the name that certificates hold.
fn https(address: SocketAddr) -> String {
    format!("https://localhost:{}", address.port())
}
