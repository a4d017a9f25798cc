//! What goes into telemetry before it is exported: resource, limits and samplers, seen from a receiver.

#[path = "sources/jaeger.rs"]
mod jaeger;
#[path = "sources/limits.rs"]
mod limits;
#[cfg(feature = "grpc")]
#[path = "sources/real_jaeger.rs"]
mod real_jaeger;
#[path = "sources/receiver.rs"]
mod receiver;
#[path = "sources/resource.rs"]
mod resource;
#[path = "sources/samplers.rs"]
mod samplers;
#[path = "sources/server.rs"]
mod server;

use std::io::Write as _;
use std::time::Duration;

use spanwise::Telemetry;
use spanwise::config::Env;

use receiver::Receiver;

/// Long enough for any machine; only reached when something is wrong.
const PLENTY: Duration = Duration::from_secs(30);

/// Past the capture of the test harness: what was not run must be seen.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("stderr is open");
}

/// Telemetry that sends JSON to `receiver` and nothing else to anywhere, with `pairs` on top.
fn telemetry(receiver: &Receiver, pairs: &[(&str, &str)]) -> Telemetry {
    let base = [
        ("OTEL_SERVICE_NAME", "shop"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_RUST_LOG_LINES", "off"),
    ];
    let endpoint = receiver.url();
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
    let pairs = base.iter().chain(&endpoint).chain(pairs);
    Telemetry::builder()
        .with_env(Env::from_pairs(pairs.copied()))
        .strict()
        .build()
        .expect("the configuration is good")
}
