//! Runs the tests where there is no network but loopback, and nothing outlives them.

use std::env;
use std::process::{Command, ExitCode};

/// Set in the process that runs inside, to the id of the one outside.
pub(crate) const INSIDE: &str = "SPANWISE_E2E_ISOLATED";

const NAMESPACES: [&str; 5] = ["--net", "--pid", "--fork", "--mount-proc", "--kill-child"];

pub(crate) fn inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Runs this process again in namespaces of its own; `None` where that is not allowed.
pub(crate) fn run_again() -> Option<ExitCode> {
    let own = env::current_exe().ok()?;
    let script = "ip link set lo up && exec \"$@\"";
    let mut unshare = Command::new("unshare");
    unshare.args(NAMESPACES).args(["sh", "-c"]);
    let mut trial = Command::new("unshare");
    trial
        .args(NAMESPACES)
        .args(["sh", "-c", script, "sh", "true"]);
    if !trial.output().is_ok_and(|output| output.status.success()) {
        println!(
            "end-to-end tests: no namespaces allowed here, so they share the network of this machine"
        );
        return None;
    }
    let status = unshare
        .args([script, "sh"])
        .arg(own)
        .args(env::args_os().skip(1))
        .env(INSIDE, std::process::id().to_string())
        .status()
        .ok()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Some(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
