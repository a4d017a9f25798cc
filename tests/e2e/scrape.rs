//! `/metrics` is what the tools of Prometheus accept.

use std::io::Write;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;

use crate::quickstart::Quickstart;
use crate::tools::tool;
use crate::{Outcome, ensure, test};

/// What promtool ends with when it parsed everything and would have named something otherwise.
const LINT: i32 = 3;

const MILLISECONDS: &str = "traces_span_metrics_duration_milliseconds use base unit";

pub(crate) fn tests() -> Vec<Trial> {
    vec![test(
        "scrape::promtool_accepts_metrics",
        promtool_accepts_metrics,
    )]
}

fn promtool_accepts_metrics() -> Outcome {
    let mut quickstart = Quickstart::start(&[])?;
    quickstart.load(20)?;
    let text = quickstart.metrics()?;
    quickstart.stop()?;
    ensure!(text.contains("target_info{"), "no target_info in\n{text}");
    let mut promtool = Command::new(tool("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    promtool
        .stdin
        .take()
        .ok_or("no stdin")?
        .write_all(text.as_bytes())?;
    let output = promtool.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    // It would like seconds, also where a published name is fixed: Jaeger and the
    // Collector's span-metrics connector measure spans in milliseconds.
    let complaints: Vec<_> = said
        .lines()
        .filter(|line| !line.starts_with(MILLISECONDS))
        .collect();
    ensure!(complaints.is_empty(), "{said}\n{text}");
    let code = output.status.code();
    ensure!(
        code == Some(0) || code == Some(LINT),
        "{}\n{text}",
        output.status
    );
    Ok(())
}
