//! Telemetry does not feed on itself.
//!
//! With everything at TRACE the transport speaks a lot: hyper, h2 and tower have spans and events of their own. Those of an
//! export must not be exported again, and those of the application must.

use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::Protocol;
use crate::receiver::{Answer, Receiver};

/// Everything, and exports as often as can be.
const TRACE: [(&str, &str); 6] = [
    ("RUST_LOG", "trace"),
    ("OTEL_RUST_SPAN_FILTER", "trace"),
    ("OTEL_RUST_SPAN_METRICS_FILTER", "trace"),
    ("OTEL_LOGS_EXPORTER", "otlp"),
    ("OTEL_BSP_SCHEDULE_DELAY", "20"),
    ("OTEL_BLRP_SCHEDULE_DELAY", "20"),
];

/// Export cycles that an idle application is watched for.
const CYCLES: u32 = 10;

/// Set in a process that is to be one of the applications: what a loop feeds on happens on threads that no scope reaches.
const CHILD: &str = "SPANWISE_TEST_LOOP";

/// Not a test: an application that has done one thing, and then nothing.
#[test]
fn idle() {
    let Ok(protocol) = std::env::var(CHILD) else {
        return;
    };
    let telemetry = spanwise::Telemetry::init().expect("a valid environment");
    tracing::info_span!("only").in_scope(|| tracing::info!("only"));
    telemetry
        .flush(Duration::from_secs(5))
        .expect("both arrive");
    // That nothing happens in a time is what is tested.
    std::thread::sleep(Duration::from_millis(20) * CYCLES);
    let report = telemetry.shutdown().expect("everything arrives");
    for exporter in report.exporters() {
        assert_eq!(exporter.created, 1, "{protocol}: {report}");
    }
}

/// Not a test: an application with a client of its own.
#[test]
fn client() {
    if std::env::var(CHILD).is_err() {
        return;
    }
    let telemetry = spanwise::Telemetry::init().expect("a valid environment");
    let address = std::env::var("SPANWISE_TEST_ADDRESS").expect("set by the test");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(own_request(address.parse().expect("an address")));
    // The span of a connection ends with it.
    drop(runtime);
    telemetry.shutdown().expect("everything arrives");
}

#[test]
fn an_idle_application_exports_nothing_however_loud_its_transport_is() {
    for protocol in Protocol::ALL {
        let receiver = Receiver::start(vec![Answer::Take]);
        child("idle", protocol, &receiver);
        assert_eq!(receiver.spans(), 1, "{:?}", receiver.names());
        assert_eq!(receiver.got.logs.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn spans_of_the_applications_own_client_survive() {
    for protocol in Protocol::ALL {
        let receiver = Receiver::start(vec![Answer::Take]);
        child("client", protocol, &receiver);
        let names = receiver.names();
        assert!(names.iter().any(|name| name == "Connection"), "{names:?}");
    }
}

/// Runs one of the applications above in a process of its own.
fn child(application: &str, protocol: Protocol, receiver: &Receiver) {
    let output = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", &format!("loops::{application}"), "--nocapture"])
        .env_clear()
        .env(CHILD, protocol.name())
        .env("SPANWISE_TEST_ADDRESS", receiver.address.to_string())
        .envs(crate::env(protocol, receiver.address, &TRACE))
        .output()
        .expect("this binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// A request over HTTP/2, whose connection h2 has a span for.
async fn own_request(address: std::net::SocketAddr) {
    use http_body_util::Empty;
    use hyper_util::rt::{TokioExecutor, TokioIo};

    let stream = tokio::net::TcpStream::connect(address)
        .await
        .expect("a receiver");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Empty<bytes::Bytes>>(
            TokioExecutor::new(),
            TokioIo::new(stream),
        )
        .await
        .expect("HTTP/2");
    tokio::spawn(connection);
    let request = hyper::Request::post(format!("http://{address}/v1/traces"))
        .body(Empty::new())
        .expect("a request");
    sender.send_request(request).await.expect("an answer");
}
