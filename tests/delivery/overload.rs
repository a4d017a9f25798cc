//! More than a receiver takes, and connections that die without a word.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::receiver::{Answer, Receiver};
use crate::{Protocol, telemetry, ten_spans};

const LONG: Duration = Duration::from_secs(60);

fn spans(telemetry: &spanwise::Telemetry, count: u64) {
    telemetry.scope(|| {
        for _ in 0..count {
            tracing::info_span!("op", http.method = "GET", user.id = 17, cache.hit = true)
                .in_scope(|| ());
        }
    });
}

#[test]
fn a_burst_of_100_000_spans_fits_into_128_mebibytes() {
    const BURST: u64 = 100_000;
    let receiver = Receiver::start(vec![Answer::Slow(Duration::from_millis(5))]);
    let bound = [("OTEL_RUST_QUEUE_BYTES", "134217728")];
    let telemetry = telemetry(Protocol::Protobuf, receiver.address, &bound);
    spans(&telemetry, BURST);
    let report = telemetry.shutdown_within(LONG).expect("nothing is lost");
    assert_eq!(report.exporters()[0].delivered, BURST);
    assert_eq!(receiver.spans(), BURST);
}

#[test]
fn a_small_bound_loses_what_it_cannot_hold_and_counts_it() {
    let receiver = Receiver::start(vec![Answer::Slow(Duration::from_millis(50))]);
    let bound = [("OTEL_RUST_QUEUE_BYTES", "1000000")];
    let telemetry = telemetry(Protocol::Protobuf, receiver.address, &bound);
    spans(&telemetry, 10_000);
    let error = telemetry.shutdown_within(LONG).expect_err("some are lost");
    let traces = &error.report().exporters()[0];
    assert!(traces.lost.queue_full > 0, "{traces}");
    assert_eq!(
        traces.delivered + traces.lost.queue_full,
        10_000,
        "{traces}"
    );
    assert_eq!(receiver.spans(), traces.delivered);
}

#[test]
fn one_enormous_span_takes_no_other_with_it() {
    let receiver = Receiver::start(vec![Answer::Take]);
    let telemetry = telemetry(Protocol::Protobuf, receiver.address, &[]);
    let enormous = "x".repeat(100_000_000);
    telemetry.scope(|| tracing::info_span!("big", field = enormous).in_scope(|| ()));
    ten_spans(&telemetry);
    let error = telemetry.shutdown().expect_err("it is above the bound");
    let traces = &error.report().exporters()[0];
    assert_eq!(
        (traces.delivered, traces.lost.queue_full),
        (10, 1),
        "{traces}"
    );
}

#[test]
fn a_connection_that_died_without_a_word_is_given_up() {
    for protocol in Protocol::ALL {
        let receiver = Receiver::start(vec![Answer::Take]);
        let way = Way::to(receiver.address);
        let short = [("OTEL_EXPORTER_OTLP_TIMEOUT", "300")];
        let telemetry = telemetry(protocol, way.address, &short);
        ten_spans(&telemetry);
        telemetry.flush(LONG).expect("the way is open");
        way.cut();
        ten_spans(&telemetry);
        telemetry.flush(LONG).expect_err("nothing comes through");
        ten_spans(&telemetry);
        let error = telemetry.shutdown_within(LONG).expect_err("ten are lost");
        let traces = &error.report().exporters()[0];
        assert_eq!((traces.delivered, traces.lost.failed), (20, 10), "{traces}");
    }
}

/// A way to a receiver on which connections can be cut without either end learning of it.
struct Way {
    address: SocketAddr,
    /// Connections of an earlier age carry nothing any more.
    age: Arc<AtomicU64>,
}

impl Way {
    fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let age = Arc::new(AtomicU64::new(0));
        let now = age.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(target) else {
                    return;
                };
                let back = (far.try_clone(), near.try_clone());
                carry(near, far, now.clone());
                if let (Ok(far), Ok(near)) = back {
                    carry(far, near, now.clone());
                }
            }
        });
        Self { address, age }
    }

    fn cut(&self) {
        self.age.fetch_add(1, Ordering::SeqCst);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, age: Arc<AtomicU64>) {
    let born = age.load(Ordering::SeqCst);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            // What comes after the cut is read and dropped: the connection stays open.
            if age.load(Ordering::SeqCst) == born && to.write_all(&buffer[..read]).is_err() {
                return;
            }
        }
        if age.load(Ordering::SeqCst) == born {
            let _ = to.shutdown(std::net::Shutdown::Write);
        }
    });
}
