//! How long a flush and an end may take, and what goes on afterwards.

use std::time::{Duration, Instant};

use crate::receiver::{Answer, Receiver, black_hole, nobody, wait_for};
use crate::{Protocol, telemetry, ten_spans};

const LONG: Duration = Duration::from_secs(5);

#[test]
fn a_deadline_of_300_milliseconds_holds_against_a_black_hole() {
    for protocol in Protocol::ALL {
        let (address, _listener) = black_hole();
        let telemetry = telemetry(protocol, address, &[]);
        ten_spans(&telemetry);
        let start = Instant::now();
        let error = telemetry.shutdown_within(Duration::from_millis(300));
        let took = start.elapsed();
        assert!(took < Duration::from_millis(330 + 50), "{took:?}");
        assert_eq!(error.expect_err("nothing arrives").report().lost(), 10);
    }
}

#[test]
fn all_signals_share_one_deadline() {
    let (address, _listener) = black_hole();
    let everything = [
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
    ];
    let telemetry = telemetry(Protocol::Protobuf, address, &everything);
    ten_spans(&telemetry);
    telemetry.scope(|| tracing::info!("logged"));
    let start = Instant::now();
    let error = telemetry.shutdown_within(Duration::from_millis(300));
    let took = start.elapsed();
    assert!(took < Duration::from_millis(330 + 50), "{took:?}");
    let report = error.expect_err("nothing arrives").report().clone();
    for exporter in report.exporters() {
        assert!(exporter.lost.failed > 0, "{report}");
        assert_eq!(exporter.queued, 0, "{report}");
    }
    assert_eq!(report.exporters().len(), 3);
}

#[test]
fn a_drop_waits_one_second_where_the_last_export_failed() {
    let (address, _listener) = black_hole();
    let short = [("OTEL_EXPORTER_OTLP_TIMEOUT", "100")];
    let telemetry = telemetry(Protocol::Protobuf, address, &short);
    ten_spans(&telemetry);
    telemetry.flush(LONG).expect_err("nothing arrives");
    ten_spans(&telemetry);
    let start = Instant::now();
    drop(telemetry);
    let took = start.elapsed();
    assert!(took < Duration::from_millis(1100), "{took:?}");
}

#[test]
fn a_flush_sends_what_is_queued_and_later_spans_arrive_too() {
    for protocol in Protocol::ALL {
        let receiver = Receiver::start(vec![Answer::Take]);
        let telemetry = telemetry(protocol, receiver.address, &[]);
        ten_spans(&telemetry);
        let report = telemetry.flush(LONG).expect("everything arrived");
        assert_eq!(report.exporters()[0].delivered, 10);
        assert_eq!(receiver.spans(), 10);
        ten_spans(&telemetry);
        telemetry.shutdown().expect("everything arrived");
        assert_eq!(receiver.spans(), 20);
    }
}

#[test]
fn a_flush_that_is_cut_short_loses_nothing() {
    let slow = Answer::Slow(Duration::from_millis(500));
    let receiver = Receiver::start(vec![slow, Answer::Take]);
    let telemetry = telemetry(Protocol::Protobuf, receiver.address, &[]);
    ten_spans(&telemetry);
    let start = Instant::now();
    let error = telemetry.flush(Duration::from_millis(100));
    assert!(start.elapsed() < Duration::from_millis(300));
    let report = error.expect_err("still on its way").report().clone();
    assert_eq!(report.exporters()[0].queued, 10, "{report}");
    telemetry.shutdown().expect("everything arrived");
    assert_eq!(receiver.spans(), 10);
}

#[test]
fn a_flush_complains_of_a_loss_once() {
    let refuse = Answer::Http(400, vec![], "no".into());
    let receiver = Receiver::start(vec![refuse, Answer::Take]);
    let telemetry = telemetry(Protocol::Protobuf, receiver.address, &[]);
    ten_spans(&telemetry);
    telemetry.flush(LONG).expect_err("the first ten are lost");
    ten_spans(&telemetry);
    let report = telemetry.flush(LONG).expect("the next ten arrived");
    assert_eq!(report.lost(), 10, "the report goes on counting");
}

#[test]
fn spans_of_an_outage_arrive_when_it_is_over() {
    for protocol in Protocol::ALL {
        let address = nobody();
        let telemetry = telemetry(protocol, address, &[]);
        ten_spans(&telemetry);
        telemetry.flush(LONG).expect_err("nobody listens");
        assert_eq!(telemetry.status()[0].queued, 10, "nothing is lost yet");
        let receiver = Receiver::start_at(address, vec![Answer::Take]);
        wait_for("delivery without being asked", || receiver.spans() == 10);
        telemetry.shutdown().expect("everything arrived");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_end_that_is_awaited_leaves_the_runtime_free() {
    let receiver = Receiver::start(vec![Answer::Slow(Duration::from_millis(200))]);
    let telemetry = telemetry(Protocol::Grpc, receiver.address, &[]);
    ten_spans(&telemetry);
    let mut turns = 0;
    let mut end = std::pin::pin!(telemetry.shutdown_async());
    let ended = loop {
        tokio::select! {
            ended = &mut end => break ended,
            () = tokio::task::yield_now() => turns += 1,
        }
    };
    ended.expect("everything arrived");
    assert!(turns > 10, "{turns} turns of other tasks");
}

#[test]
fn an_awaited_end_needs_no_runtime() {
    let receiver = Receiver::start(vec![Answer::Take]);
    let telemetry = telemetry(Protocol::Protobuf, receiver.address, &[]);
    ten_spans(&telemetry);
    let ended = futures_executor::block_on(telemetry.shutdown_async());
    ended.expect("everything arrived");
    assert_eq!(receiver.spans(), 10);
}
