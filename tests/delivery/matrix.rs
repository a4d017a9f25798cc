//! Every way to run, every protocol, every kind of receiver: in time, complete where it can be, and told truly.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use spanwise::{Report, ShutdownError, Telemetry};
use tokio::runtime::Builder;

use crate::receiver::{Answer, Receiver, black_hole, nobody};
use crate::{Protocol, telemetry, ten_spans};

/// Above what the slow receiver takes, short enough for many black holes.
const DEADLINE: Duration = Duration::from_secs(3);
/// What a drop takes at most.
const DROP_DEADLINE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    NoRuntime,
    CurrentThread,
    Multi(usize),
    SpawnBlocking,
    DropInAsync,
}

const SETTINGS: [Setting; 6] = [
    Setting::NoRuntime,
    Setting::CurrentThread,
    Setting::Multi(1),
    Setting::Multi(4),
    Setting::SpawnBlocking,
    Setting::DropInAsync,
];

/// How long the end took, and how it went; a drop tells nothing.
type Ended = (Duration, Option<Result<Report, ShutdownError>>);

impl Setting {
    fn deadline(self) -> Duration {
        match self {
            Self::DropInAsync => DROP_DEADLINE,
            _ => DEADLINE,
        }
    }

    fn run(self, telemetry: Telemetry) -> Ended {
        let workers = match self {
            Self::NoRuntime => return work(telemetry),
            Self::CurrentThread | Self::DropInAsync => None,
            Self::Multi(workers) => Some(workers),
            Self::SpawnBlocking => Some(1),
        };
        let mut builder = match workers {
            None => Builder::new_current_thread(),
            Some(_) => Builder::new_multi_thread(),
        };
        if let Some(workers) = workers {
            builder.worker_threads(workers);
        }
        let runtime = builder.enable_all().build().expect("threads");
        // In a task, so that it is a worker of the application that waits.
        let task = runtime.spawn(async move {
            match self {
                Self::SpawnBlocking => {
                    let worked = tokio::task::spawn_blocking(|| work(telemetry)).await;
                    worked.expect("no panic")
                }
                Self::DropInAsync => {
                    ten_spans(&telemetry);
                    let start = Instant::now();
                    drop(telemetry);
                    (start.elapsed(), None)
                }
                _ => work(telemetry),
            }
        });
        runtime.block_on(task).expect("no panic")
    }
}

fn work(telemetry: Telemetry) -> Ended {
    ten_spans(&telemetry);
    let start = Instant::now();
    let ended = telemetry.shutdown_within(DEADLINE);
    (start.elapsed(), Some(ended))
}

/// Runs every cell against what `receiver` gives, side by side, and hands each to `check`.
fn all<R: Send>(
    receiver: impl Fn() -> (SocketAddr, R) + Sync,
    check: impl Fn(Setting, Ended, &R) + Sync,
) {
    let (receiver, check) = (&receiver, &check);
    thread::scope(|scope| {
        for setting in SETTINGS {
            for protocol in Protocol::ALL {
                let name = format!("{setting:?} {}", protocol.name());
                let cell = move || {
                    let (address, receiver) = receiver();
                    let telemetry = telemetry(protocol, address, &[]);
                    check(setting, setting.run(telemetry), &receiver);
                };
                // The name tells in which cell a check failed.
                let named = thread::Builder::new().name(name);
                named.spawn_scoped(scope, cell).expect("a thread");
            }
        }
    });
}

fn delivered(ended: Option<Result<Report, ShutdownError>>) {
    let Some(ended) = ended else { return };
    let report = ended.expect("everything arrived");
    let [traces] = report.exporters() else {
        panic!("one exporter: {report}")
    };
    assert_eq!((traces.created, traces.delivered), (10, 10), "{report}");
    assert_eq!((traces.queued, report.lost()), (0, 0), "{report}");
    assert_eq!(traces.last_error, None);
}

fn lost(ended: Option<Result<Report, ShutdownError>>, because: &str) {
    let Some(ended) = ended else { return };
    let error = ended.expect_err("nothing can arrive");
    let report = error.report();
    let [traces] = report.exporters() else {
        panic!("one exporter: {report}")
    };
    assert_eq!((traces.created, traces.lost.failed), (10, 10), "{report}");
    assert_eq!((traces.delivered, traces.queued), (0, 0), "{report}");
    assert!(error.to_string().contains(because), "{error}");
}

#[test]
fn a_receiver_that_is_up_gets_ten_of_ten_within_a_second() {
    let up = || {
        let receiver = Receiver::start(vec![Answer::Take]);
        (receiver.address, receiver)
    };
    all(up, |_, (took, ended), receiver| {
        delivered(ended);
        assert_eq!(receiver.spans(), 10);
        assert!(took < Duration::from_secs(1), "{took:?}");
    });
}

#[test]
fn a_slow_receiver_gets_ten_of_ten_within_the_deadline() {
    let slow = || {
        let receiver = Receiver::start(vec![Answer::Slow(Duration::from_secs(2))]);
        (receiver.address, receiver)
    };
    all(slow, |setting, (took, ended), receiver| {
        delivered(ended);
        assert_eq!(receiver.spans(), 10);
        assert!(took < setting.deadline().mul_f64(1.1), "{took:?}");
    });
}

#[test]
fn where_nothing_listens_the_end_comes_early_and_says_why() {
    let refused = || (nobody(), ());
    all(refused, |setting, (took, ended), ()| {
        lost(ended, "nothing listens there");
        assert!(took < setting.deadline(), "{took:?}");
    });
}

#[test]
fn a_black_hole_costs_the_deadline_and_no_more() {
    all(black_hole, |setting, (took, ended), _| {
        lost(ended, "not exported in time");
        assert!(took < setting.deadline().mul_f64(1.1), "{took:?}");
    });
}
