//! However a process ends, what it has made arrives.
//!
//! What is installed is global to a process, and an ending ends it: this binary runs itself again, with one test, and a
//! variable that says how to end.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use spanwise::Telemetry;

use crate::receiver::{Answer, Receiver, black_hole};
use crate::{Protocol, env};

/// Says how the child ends.
const ENDING: &str = "SPANWISE_TEST_ENDING";
/// What the child says when it is ready for a signal.
const READY: &str = "ready";

/// Not a test: the application, in a process of its own. Run as a test it does nothing.
#[test]
fn application() {
    let Ok(ending) = std::env::var(ENDING) else {
        return;
    };
    if ending == "ignored guard" {
        let _ = Telemetry::init();
        ten_spans();
        return;
    }
    let telemetry = Telemetry::init().expect("a valid environment");
    match ending.as_str() {
        "guard dropped" => ten_spans(),
        "exit" => {
            ten_spans();
            spanwise::exit(7);
        }
        "panic" => {
            ten_spans();
            panic!("the end");
        }
        "panic without a guard" => {
            // Nothing will drop it: only the hook is left.
            std::mem::forget(telemetry);
            ten_spans();
            panic!("the end");
        }
        "panic that aborts" => {
            ten_spans();
            cannot_unwind();
        }
        "signal" => {
            ten_spans();
            telemetry.exit_on_signal();
            say(READY);
            park();
        }
        "graceful" => {
            let signal = telemetry.signal();
            say(READY);
            // Any executor will do.
            let signal = futures_executor::block_on(signal);
            ten_spans();
            telemetry.shutdown().expect("everything arrives");
            std::process::exit(signal.exit_code());
        }
        "impatient" => {
            let signal = telemetry.signal();
            say(READY);
            futures_executor::block_on(signal);
            ten_spans();
            say(READY);
            park();
        }
        other => panic!("no ending is called {other:?}"),
    }
}

/// Unwinding out of it aborts the process, with the guard alive.
extern "C" fn cannot_unwind() {
    panic!("the end");
}

fn ten_spans() {
    (0..10).for_each(|n| tracing::info_span!("work", n).in_scope(|| ()));
}

fn park() -> ! {
    loop {
        std::thread::park();
    }
}

pub(crate) fn say(word: &str) {
    use std::io::Write;

    let mut stdout = std::io::stdout();
    writeln!(stdout, "{word}").expect("the parent listens");
    stdout.flush().expect("the parent listens");
}

/// The application, told to end so.
fn start(ending: &str, env: Vec<(String, String)>) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command
        .args(["--exact", "endings::application", "--nocapture"])
        .env_clear()
        .env(ENDING, ending)
        .envs(env)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("this binary runs")
}

/// How the application ended, and what it said on stderr.
fn ended(child: Child) -> (ExitStatus, String) {
    let output = child.wait_with_output().expect("the application ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status, said)
}

fn run(ending: &str, env: Vec<(String, String)>) -> (ExitStatus, String) {
    ended(start(ending, env))
}

/// Ten of ten over every protocol, with this exit code if there is one.
fn delivers(ending: &str, code: Option<i32>) {
    for protocol in Protocol::ALL {
        let receiver = Receiver::start(vec![Answer::Take]);
        let (status, said) = run(ending, env(protocol, receiver.address, &[]));
        assert_eq!(receiver.spans(), 10, "{protocol:?}: {said}");
        assert_eq!(status.code(), code, "{protocol:?}: {said}");
    }
}

#[test]
fn a_dropped_guard_delivers() {
    delivers("guard dropped", Some(0));
}

#[test]
fn exit_delivers_and_keeps_the_code() {
    delivers("exit", Some(7));
}

#[test]
fn a_panic_that_unwinds_delivers() {
    delivers("panic", Some(101));
}

#[test]
fn a_panic_delivers_where_no_guard_is_dropped() {
    delivers("panic without a guard", Some(101));
}

#[test]
fn a_panic_that_aborts_delivers() {
    delivers("panic that aborts", None);
}

#[test]
fn a_panic_is_not_held_up_for_long_by_a_black_hole() {
    let (address, _listener) = black_hole();
    let start = Instant::now();
    run("panic that aborts", env(Protocol::Protobuf, address, &[]));
    let took = start.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// Starts the application, sends it a signal whenever it is ready, and looks at what arrived.
fn signalled(ending: &str, signals: &[&str], code: i32) {
    for protocol in Protocol::ALL {
        let receiver = Receiver::start(vec![Answer::Take]);
        let mut child = start(ending, env(protocol, receiver.address, &[]));
        let stdout = child.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(stdout).lines();
        for signal in signals {
            let ready = lines
                .by_ref()
                .any(|line| line.is_ok_and(|line| line.ends_with(READY)));
            assert!(ready, "the application did not get ready");
            let pid = child.id().to_string();
            let sent = Command::new("kill").args(["-s", signal, &pid]).status();
            assert!(sent.expect("kill is installed").success());
        }
        let (status, said) = ended(child);
        assert_eq!(receiver.spans(), 10, "{protocol:?}: {said}");
        assert_eq!(status.code(), Some(code), "{protocol:?}: {said}");
    }
}

#[test]
fn sigterm_and_ctrl_c_deliver() {
    signalled("signal", &["TERM"], 143);
    signalled("signal", &["INT"], 130);
}

#[test]
fn a_graceful_shutdown_delivers_what_ends_after_the_signal() {
    signalled("graceful", &["TERM"], 143);
}

#[test]
fn a_second_signal_ends_the_process_and_delivers() {
    signalled("impatient", &["INT", "INT"], 130);
}

#[test]
fn a_guard_that_is_dropped_at_once_is_explained() {
    let receiver = Receiver::start(vec![Answer::Take]);
    let words = [("OTEL_LOG_LEVEL", "warn")];
    let (_, said) = run(
        "ignored guard",
        env(Protocol::Protobuf, receiver.address, &words),
    );
    assert!(
        said.contains("let telemetry = Telemetry::init()?;"),
        "{said}"
    );
    assert!(said.contains("what ends from now on is lost"), "{said}");
}
