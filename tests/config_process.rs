//! Configuration from the environment of a real process.
//!
//! A binary of its own, because it runs itself again: once for each case, with the variables of that case alone.

#[path = "config/cases.rs"]
mod cases;

use std::env;
use std::io::Write;
use std::process::{Child, Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Map, Value};
use spanwise::config::{self, Sources};

/// One process each; ten times fewer than there are cases, which all run inside one process elsewhere.
const SAMPLE: usize = 40;

/// What the process under test is started with, and the case.
const SHOW: &str = "--show-case";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    if arguments.next().as_deref() == Some(SHOW) {
        let case = arguments.next().unwrap_or_default();
        say_out(&show(
            &serde_json::from_str(&case).expect("the case is JSON"),
        ));
        return ExitCode::SUCCESS;
    }
    let trial = Trial::test(
        "process_environment_means_what_the_specification_says",
        sample,
    );
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

/// What this process makes of its environment, for each word of `case`.
fn show(case: &Value) -> String {
    let resolved = config::resolve(&Sources::from_process());
    let shown = cases::expected(case)
        .map(|(key, expected)| (key.clone(), cases::observe(&resolved, key, expected)));
    Value::Object(shown.collect::<Map<_, _>>()).to_string()
}

fn sample() -> Result<(), Failed> {
    let Some(folder) = cases::folder() else {
        return Ok(());
    };
    let mut cases = cases::load(&folder);
    cases.retain(|case| cases::belongs_elsewhere(case).is_none());
    let step = cases.len() / SAMPLE;
    let sample: Vec<&Value> = cases.iter().step_by(step).take(SAMPLE).collect();
    assert_eq!(sample.len(), SAMPLE);
    // All at once: each takes a few milliseconds, most of them for the start of the process.
    let running: Result<Vec<_>, _> = sample.iter().map(|case| start(case)).collect();
    let mut failures = Vec::new();
    for (case, process) in sample.into_iter().zip(running?) {
        let output = process.wait_with_output()?;
        let shown: Value = serde_json::from_slice(&output.stdout).map_err(|error| {
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            format!("{}: {error}: {stderr}", cases::id(case))
        })?;
        for (key, expected) in cases::expected(case) {
            if shown[key] != *expected {
                let (id, got) = (cases::id(case), &shown[key]);
                failures.push(format!("{id}: {key}: expected {expected}, got {got}"));
            }
        }
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n").into())
    }
}

fn start(case: &Value) -> std::io::Result<Child> {
    Command::new(env::current_exe()?)
        .args([SHOW, &case.to_string()])
        .env_clear()
        .envs(cases::environment(case))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

fn say_out(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("stdout is open");
}

/// Past the capture of the test harness: what was not checked must be seen.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("stderr is open");
}
