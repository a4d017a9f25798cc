//! End to end: the quickstart as a process of its own, real Jaeger, real Collector, real Prometheus.
//!
//! The servers come from `.ci/install`. Where they are missing, one line says so and the tests are
//! passed over, unless `CI` or `SPANWISE_E2E` is set: then they fail.
//!
//! The binary has a `main` of its own, because it is run again as the application under test (see
//! `endings`). The tests run one at a time: each has the machine to itself, so that seconds mean
//! something. As root they run where there is no network but loopback, and the servers
//! run unprivileged, because their binaries come from a package registry.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test runner talks to people"
)]

mod browser;
mod callbacks;
mod chaos;
mod config;
mod conventions;
mod deadline;
mod endings;
mod exemplars;
mod exposition;
mod filters;
mod http;
mod isolation;
mod jaeger;
mod monitor;
mod process;
mod prometheus;
mod quickstart;
mod rules;
mod sampling;
mod scanner;
mod scrape;
mod side_by_side;
mod stack;
mod start;
mod tools;
mod traces;

use std::env;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// What a step of a test gives, or why it cannot.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Fails the test with a message unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+).into());
        }
    };
}
use ensure;

fn main() -> ExitCode {
    if let Ok(scenario) = env::var(endings::SCENARIO) {
        return endings::application(&scenario);
    }
    if env::var_os(callbacks::APPLICATION).is_some() {
        return callbacks::application();
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(1);
    let mut trials = tests();
    if !arguments.list {
        match tools::check() {
            Ok(()) if isolation::inside() => {}
            Ok(()) => {
                if let Some(code) = isolation::run_again() {
                    return code;
                }
            }
            Err(missing) => {
                eprintln!("end-to-end tests: {missing}");
                if let Some(variable) = required() {
                    eprintln!(
                        "end-to-end tests: {variable} is set, so they may not be passed over"
                    );
                    return ExitCode::FAILURE;
                }
                trials = trials
                    .into_iter()
                    .map(|trial| trial.with_ignored_flag(true))
                    .collect();
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    process::leave_workplace(conclusion.has_failed());
    conclusion.exit_code()
}

/// The variable that says that the tests have to run.
fn required() -> Option<&'static str> {
    ["CI", "SPANWISE_E2E"]
        .into_iter()
        .find(|variable| env::var_os(variable).is_some())
}

fn tests() -> Vec<Trial> {
    [
        start::tests(),
        traces::tests(),
        monitor::tests(),
        sampling::tests(),
        filters::tests(),
        endings::tests(),
        side_by_side::tests(),
        exemplars::tests(),
        scrape::tests(),
        conventions::tests(),
        callbacks::tests(),
        scanner::tests(),
        rules::tests(),
        stack::tests(),
        chaos::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A test of this binary.
fn test(name: impl Into<String>, run: impl FnOnce() -> Outcome + Send + 'static) -> Trial {
    Trial::test(name, move || run().map_err(Into::into))
}
