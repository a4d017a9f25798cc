//! What goes into telemetry before it is exported: resource, limits and samplers, seen from a receiver.

#[path = "sources/limits.rs"]
mod limits;
#[path = "sources/receiver.rs"]
mod receiver;
#[path = "sources/resource.rs"]
mod resource;

use std::time::Duration;

use spanwise::Telemetry;
use spanwise::config::Env;

use receiver::Receiver;

/// Long enough for any machine; only reached when something is wrong.
const PLENTY: Duration = Duration::from_secs(30);

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
