//! Metrics and logs take the same road as spans.

use std::sync::atomic::Ordering;

use crate::receiver::{Answer, Receiver};
use crate::{Protocol, telemetry, ten_spans};

#[test]
fn spans_metrics_and_logs_arrive_over_every_protocol() {
    for protocol in Protocol::ALL {
        let receiver = Receiver::start(vec![Answer::Take]);
        let everything = [
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_LOGS_EXPORTER", "otlp"),
        ];
        let telemetry = telemetry(protocol, receiver.address, &everything);
        ten_spans(&telemetry);
        telemetry.scope(|| tracing::info!("logged"));
        let report = telemetry.shutdown().expect("everything arrived");
        assert_eq!(report.exporters().len(), 3, "{report}");
        assert_eq!(receiver.spans(), 10);
        assert_eq!(receiver.got.logs.load(Ordering::SeqCst), 1);
        let metrics = receiver.names();
        assert!(
            metrics
                .iter()
                .any(|name| name == "traces.span.metrics.calls"),
            "{metrics:?}"
        );
    }
}

#[test]
fn headers_are_sent_with_every_request_over_every_protocol() {
    for protocol in Protocol::ALL {
        let receiver = Receiver::start(vec![Answer::Take]);
        let headers = [("OTEL_EXPORTER_OTLP_HEADERS", "X-Tenant=a%20b")];
        let telemetry = telemetry(protocol, receiver.address, &headers);
        ten_spans(&telemetry);
        telemetry.shutdown().expect("everything arrived");
        let got = receiver.got.headers.lock().expect("no thread panics");
        let tenant = got[0].get("x-tenant").map(|value| value.as_bytes());
        assert_eq!(tenant, Some(&b"a b"[..]), "{protocol:?}");
        let agent = got[0]["user-agent"].to_str().expect("text");
        assert!(agent.starts_with("spanwise/"), "{agent}");
    }
}

#[test]
fn compressed_requests_arrive_over_http_and_grpc() {
    for (protocol, header) in [
        (Protocol::Protobuf, "content-encoding"),
        (Protocol::Grpc, "grpc-encoding"),
    ] {
        let receiver = Receiver::start(vec![Answer::Take]);
        let gzip = [("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")];
        let telemetry = telemetry(protocol, receiver.address, &gzip);
        ten_spans(&telemetry);
        telemetry.shutdown().expect("everything arrived");
        assert_eq!(receiver.spans(), 10);
        let got = receiver.got.headers.lock().expect("no thread panics");
        assert_eq!(got[0].get(header).map(|v| v.as_bytes()), Some(&b"gzip"[..]));
    }
}
