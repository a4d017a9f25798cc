//! An outage with a place on disk: what memory cannot hold, and what is left at the end, arrives later.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use spanwise::{Status, Telemetry};

use crate::receiver::{Answer, Receiver, black_hole, nobody, wait_for};
use crate::{Protocol, env, telemetry, ten_spans};

/// Names the directory of the child's spool.
const CHILD: &str = "SPANWISE_TEST_SPOOL";
const LONG: Duration = Duration::from_secs(10);
/// Spans that a queue holds here.
const QUEUE: u64 = 100;

/// A directory that is gone with the test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("spool-{}-{made}", std::process::id());
        Self(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    fn vars(&self) -> Vec<(&'static str, &str)> {
        let path = self.0.to_str().expect("a path in UTF-8");
        vec![
            ("OTEL_RUST_SPOOL_DIRECTORY", path),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "20"),
            ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ]
    }

    fn telemetry(&self, address: SocketAddr, more: &[(&'static str, &'static str)]) -> Telemetry {
        let vars: Vec<_> = self
            .vars()
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        telemetry(Protocol::Protobuf, address, &vars)
    }

    /// Files that hold batches.
    fn segments(&self) -> usize {
        let spools = fs::read_dir(&self.0).expect("a directory");
        let files = spools.flat_map(|spool| fs::read_dir(spool.expect("a spool").path()));
        let paths = files.flatten().map(|file| file.expect("a file").path());
        paths.filter(|path| path.extension().is_some()).count()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn traces(telemetry: &Telemetry) -> Status {
    let status = telemetry.status().swap_remove(0);
    let sum = status.delivered + status.lost.total() + status.queued;
    assert_eq!(status.created, sum, "{status}");
    status
}

/// Ends spans with these numbers as their names, ten at once and no faster than memory has room for them.
fn spans(telemetry: &Telemetry, numbers: std::ops::Range<u64>) {
    for n in numbers {
        if n % 10 == 0 {
            wait_for("room", || {
                let status = traces(telemetry);
                status.queued - status.spooled <= QUEUE - 10
            });
        }
        telemetry.scope(|| tracing::info_span!("work", otel.name = %n).in_scope(|| ()));
    }
}

fn names(numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(|n| n.to_string()).collect()
}

#[test]
fn what_memory_cannot_hold_arrives_in_order_when_the_receiver_is_back() {
    for protocol in Protocol::ALL {
        let directory = Directory::new();
        let address = nobody();
        let telemetry = telemetry(protocol, address, &directory.vars());
        spans(&telemetry, 0..1000);
        let status = traces(&telemetry);
        assert_eq!((status.created, status.lost.total()), (1000, 0), "{status}");
        assert!(status.spooled >= 1000 - QUEUE, "{status}");
        let receiver = Receiver::start_at(address, vec![Answer::Take]);
        telemetry.flush(LONG).expect("the receiver is back");
        assert_eq!(receiver.names(), names(0..1000), "{protocol:?}");
        let status = traces(&telemetry);
        assert_eq!(
            (status.delivered, status.queued, status.spooled),
            (1000, 0, 0)
        );
        assert_eq!(directory.segments(), 0);
    }
}

#[test]
fn what_is_left_at_the_end_arrives_from_the_next_start() {
    let directory = Directory::new();
    let address = nobody();
    let first = directory.telemetry(address, &[]);
    spans(&first, 0..10);
    let report = first.shutdown().expect("nothing is lost");
    let status = &report.exporters()[0];
    assert_eq!((status.queued, status.spooled), (10, 10), "{report}");
    let receiver = Receiver::start_at(address, vec![Answer::Take]);
    let second = directory.telemetry(address, &[]);
    wait_for("delivery", || traces(&second).delivered == 10);
    assert_eq!(traces(&second).created, 10);
    assert_eq!(receiver.names(), names(0..10));
}

#[test]
fn a_receiver_that_says_nothing_holds_nothing_up() {
    let directory = Directory::new();
    let (address, _listener) = black_hole();
    let first = directory.telemetry(address, &[]);
    spans(&first, 0..500);
    let report = first.shutdown_within(Duration::from_secs(1));
    assert!(report.is_ok(), "{report:?}");
    let receiver = Receiver::start(vec![Answer::Take]);
    let second = directory.telemetry(receiver.address, &[]);
    wait_for("delivery", || traces(&second).delivered == 500);
    assert_eq!(receiver.names(), names(0..500));
}

#[test]
fn what_is_refused_for_good_leaves_the_disk() {
    let directory = Directory::new();
    let first = directory.telemetry(nobody(), &[]);
    spans(&first, 0..10);
    first.shutdown().expect("nothing is lost");
    let refuse = Answer::Http(400, vec![], "no".into());
    let receiver = Receiver::start(vec![refuse, Answer::Take]);
    let second = directory.telemetry(receiver.address, &[]);
    wait_for("answer", || traces(&second).lost.failed == 10);
    spans(&second, 10..20);
    second.flush(LONG).expect_err("the first ten were refused");
    assert_eq!(receiver.names(), names(10..20));
    assert_eq!(directory.segments(), 0);
}

#[test]
fn a_full_spool_loses_what_it_cannot_hold_and_nothing_else() {
    let directory = Directory::new();
    let address = nobody();
    let first = directory.telemetry(address, &[("OTEL_RUST_SPOOL_BYTES", "20000")]);
    first.scope(|| {
        for n in 0..1000 {
            tracing::info_span!("work", otel.name = %n).in_scope(|| ());
        }
    });
    first.shutdown().expect_err("not everything fits");
    let receiver = Receiver::start_at(address, vec![Answer::Take]);
    let second = directory.telemetry(address, &[]);
    let found = || traces(&second).created;
    wait_for("delivery", || found() > 0 && traces(&second).queued == 0);
    let arrived = receiver.names();
    assert_eq!(arrived.len() as u64, found());
    assert!(
        arrived
            .iter()
            .is_sorted_by_key(|name| name.parse::<u64>().expect("a number"))
    );
}

#[test]
fn a_directory_that_cannot_be_made_leaves_everything_in_memory() {
    let directory = Directory::new();
    fs::create_dir_all(directory.0.parent().expect("a parent")).expect("a directory");
    fs::write(&directory.0, "a file").expect("a file");
    let receiver = Receiver::start(vec![Answer::Take]);
    let telemetry = directory.telemetry(receiver.address, &[]);
    ten_spans(&telemetry);
    telemetry.shutdown().expect("everything arrives");
    assert_eq!(receiver.spans(), 10);
    fs::remove_file(&directory.0).expect("the file is still there");
}

#[test]
fn a_disk_that_goes_away_loses_what_was_on_it_and_nothing_else() {
    let directory = Directory::new();
    let address = nobody();
    let telemetry = directory.telemetry(address, &[]);
    spans(&telemetry, 0..200);
    fs::remove_dir_all(&directory.0).expect("a directory");
    spans(&telemetry, 200..210);
    let receiver = Receiver::start_at(address, vec![Answer::Take]);
    telemetry
        .flush(LONG)
        .expect_err("what was on disk is lost and counted");
    let status = traces(&telemetry);
    assert_eq!((status.created, status.queued), (210, 0), "{status}");
    assert_eq!(receiver.spans(), status.delivered);
    spans(&telemetry, 210..220);
    telemetry.flush(LONG).expect("the next ten arrive");
    assert_eq!(traces(&telemetry).lost, status.lost);
    let arrived = receiver.names();
    assert_eq!(arrived[arrived.len() - 10..], names(210..220));
}

/// Not a test: the application, in a process of its own that is killed. Run as a test it does nothing.
#[test]
fn application() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let telemetry = Telemetry::init().expect("a valid environment");
    let mut is_said = false;
    for n in 0.. {
        spans(&telemetry, n * 10..(n + 1) * 10);
        let spooled = traces(&telemetry).spooled;
        if spooled >= 300 && !is_said {
            crate::endings::say(&format!("on disk: {spooled}"));
            is_said = true;
        }
    }
}

#[test]
fn what_is_on_disk_survives_kill_9() {
    let directory = Directory::new();
    let address = nobody();
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "spool::application", "--nocapture"])
        .env_clear()
        .env(CHILD, "1")
        .envs(env(Protocol::Protobuf, address, &directory.vars()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this binary runs");
    let stdout = child.stdout.take().expect("a pipe");
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let on_disk = lines.find_map(|line| Some(line.split_once("on disk: ")?.1.parse::<usize>()));
    let on_disk = on_disk.expect("the application says it").expect("a number");
    child.kill().expect("the application still runs");
    child.wait().expect("it is killed");

    let receiver = Receiver::start_at(address, vec![Answer::Take]);
    let telemetry = directory.telemetry(address, &[]);
    wait_for("delivery", || {
        let status = traces(&telemetry);
        status.created > 0 && status.queued == 0
    });
    let arrived = receiver.names();
    assert!(arrived.len() >= on_disk, "{} of {on_disk}", arrived.len());
    assert_eq!(arrived, names(0..arrived.len() as u64));
    assert_eq!(traces(&telemetry).created, arrived.len() as u64);
}
