//! What is told while it runs: the status, and the metrics about ourselves.

use std::time::{Duration, Instant};

use crate::receiver::{Answer, Receiver, nobody, wait_for};
use crate::{Protocol, telemetry, ten_spans};

const LONG: Duration = Duration::from_secs(5);

/// Values of a metric on the page, by the labels that the test names.
fn sample(page: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let mut lines = page.lines();
    let line = lines.find(|line| {
        line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label))
    })?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn the_page_tells_what_became_of_spans() {
    let refuse = Answer::Http(400, vec![], "no".into());
    let receiver = Receiver::start(vec![Answer::Take, refuse]);
    let small = [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "15"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "15"),
    ];
    let telemetry = telemetry(Protocol::Protobuf, receiver.address, &small);
    ten_spans(&telemetry);
    telemetry.flush(LONG).expect("the first ten arrive");
    ten_spans(&telemetry);
    telemetry.flush(LONG).expect_err("the next ten are refused");
    ten_spans(&telemetry);
    let page = telemetry.render();
    let exported = "otel_sdk_exporter_span_exported_total";
    let exporter = r#"otel_component_type="otlp_http_span_exporter""#;
    let refused = r#"error_type="refused""#;
    assert_eq!(sample(&page, exported, &[exporter]), Some(10.0), "{page}");
    assert_eq!(sample(&page, exported, &[refused]), Some(10.0), "{page}");
    let of = |name: &str| sample(&page, &format!("otel_sdk_processor_span_{name}"), &[]);
    assert_eq!(of("queue_size"), Some(10.0), "{page}");
    assert_eq!(of("queue_capacity"), Some(15.0), "{page}");
    assert_eq!(of("processed_total"), Some(20.0), "{page}");
    let operations = "otel_sdk_exporter_operation_duration_seconds_count";
    assert_eq!(sample(&page, operations, &[refused]), Some(1.0), "{page}");
    let port = format!("server_port=\"{}\"", receiver.address.port());
    assert_eq!(sample(&page, exported, &[&port]), Some(10.0), "{page}");
}

#[test]
fn a_dropped_span_is_processed_with_an_error() {
    let small = [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "4"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
    ];
    // Batches of four fail against nobody: one is kept, the rest has to wait, in a queue of four.
    let telemetry = telemetry(Protocol::Protobuf, nobody(), &small);
    ten_spans(&telemetry);
    ten_spans(&telemetry);
    let dropped = telemetry.status()[0].lost.queue_full;
    assert!(dropped > 0, "{}", telemetry.status()[0]);
    let page = telemetry.render();
    let full = [r#"error_type="queue_full""#];
    assert_eq!(
        sample(&page, "otel_sdk_processor_span_processed_total", &full),
        Some(dropped as f64)
    );
}

#[test]
fn a_push_exporter_sends_the_metrics_about_ourselves_once() {
    let receiver = Receiver::start(vec![Answer::Take]);
    let push = [("OTEL_METRICS_EXPORTER", "otlp")];
    let telemetry = telemetry(Protocol::Protobuf, receiver.address, &push);
    ten_spans(&telemetry);
    telemetry.flush(LONG).expect("everything arrives");
    let names = receiver.names();
    let count = |name: &str| names.iter().filter(|known| *known == name).count();
    assert_eq!(count("otel.sdk.exporter.span.exported"), 1, "{names:?}");
    assert_eq!(count("otel.sdk.processor.span.processed"), 1, "{names:?}");
    assert_eq!(count("traces.span.metrics.calls"), 1, "{names:?}");
}

#[test]
fn the_sum_holds_while_a_receiver_is_chaotic() {
    let unavailable = Answer::Http(503, vec![], "".into());
    let refuse = Answer::Http(400, vec![], "".into());
    let slow = Answer::Slow(Duration::from_millis(30));
    let script = vec![Answer::Take, unavailable, refuse, slow];
    let receiver = Receiver::start(vec![script; 100].concat());
    let small = [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "200"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "50"),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
    ];
    let telemetry = telemetry(Protocol::Protobuf, receiver.address, &small);
    let start = Instant::now();
    let mut created = 0;
    while start.elapsed() < Duration::from_secs(2) {
        ten_spans(&telemetry);
        created += 10;
        let status = &telemetry.status()[0];
        assert_eq!(status.created, created, "{status}");
        let sum = status.delivered + status.lost.total() + status.queued;
        assert_eq!(sum, created, "{status}");
    }
    let ended = telemetry.shutdown();
    let report = ended.unwrap_or_else(|error| error.report().clone());
    let traces = &report.exporters()[0];
    assert_eq!((traces.created, traces.queued), (created, 0), "{report}");
    wait_for("agreement of both ends", || {
        receiver.spans() == traces.delivered
    });
}
