//! Delivery as an application sees it: spans in, a receiver on loopback, a report out.
//!
//! Nothing here is global to the process, except in `endings`, which runs this binary again for each ending.

#[path = "delivery/answers.rs"]
mod answers;
#[path = "delivery/backends.rs"]
mod backends;
#[path = "delivery/deadlines.rs"]
mod deadlines;
#[path = "delivery/endings.rs"]
mod endings;
#[path = "delivery/loops.rs"]
mod loops;
#[path = "delivery/matrix.rs"]
mod matrix;
#[path = "delivery/overload.rs"]
mod overload;
#[path = "delivery/receiver.rs"]
mod receiver;
#[path = "delivery/signals.rs"]
mod signals;
#[path = "delivery/spool.rs"]
mod spool;
#[path = "delivery/status.rs"]
mod status;
#[path = "delivery/tls.rs"]
mod tls;

use std::net::SocketAddr;

use spanwise::Telemetry;
use spanwise::config::Env;

/// A wire protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Protobuf,
    Json,
    Grpc,
}

impl Protocol {
    const ALL: [Self; 3] = [Self::Protobuf, Self::Json, Self::Grpc];

    fn name(self) -> &'static str {
        match self {
            Self::Protobuf => "http/protobuf",
            Self::Json => "http/json",
            Self::Grpc => "grpc",
        }
    }
}

/// An environment for spans only, sent to `address`; later variables win.
fn env(protocol: Protocol, address: SocketAddr, vars: &[(&str, &str)]) -> Vec<(String, String)> {
    let endpoint = format!("http://{address}");
    let base = [
        ("OTEL_SERVICE_NAME", "svc"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_RUST_LOG_LINES", "off"),
        ("OTEL_RUST_BANNER", "off"),
        ("OTEL_LOG_LEVEL", "none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.name()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
    ];
    let all = base.iter().chain(vars);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn telemetry(protocol: Protocol, address: SocketAddr, vars: &[(&str, &str)]) -> Telemetry {
    Telemetry::builder()
        .with_env(Env::from_pairs(env(protocol, address, vars)))
        .strict()
        .build()
        .expect("a valid configuration")
}

/// Ends ten spans.
fn ten_spans(telemetry: &Telemetry) {
    telemetry.scope(|| {
        for n in 0..10 {
            tracing::info_span!("work", n).in_scope(|| ());
        }
    });
}
