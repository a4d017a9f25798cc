//! `/metrics` is what the tools of Prometheus accept.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use libtest_mimic::Trial;

use crate::quickstart::Quickstart;
use crate::tools::{python_modules, tool};
use crate::{Outcome, ensure, test};

/// What promtool ends with when it parsed everything and would have named something otherwise.
const LINT: i32 = 3;

const MILLISECONDS: &str = "traces_span_metrics_duration_milliseconds use base unit";

/// Prints the names of the metric families, or fails with the first line that is not allowed.
const STRICT: &str = "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
for family in parse(sys.stdin.read()):
    print(family.name)
";

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("scrape::promtool_accepts_metrics", promtool_accepts_metrics),
        test(
            "scrape::strict_parser_accepts_openmetrics",
            strict_parser_accepts_openmetrics,
        ),
    ]
}

fn promtool_accepts_metrics() -> Outcome {
    let text = scrape("text/plain;version=0.0.4")?;
    ensure!(text.contains("target_info{"), "no target_info in\n{text}");
    let output = fed(
        Command::new(tool("promtool")).args(["check", "metrics"]),
        &text,
    )?;
    let said = String::from_utf8_lossy(&output.stderr);
    // It would like seconds, also where a published name is fixed: Jaeger and the
    // Collector's span-metrics connector measure spans in milliseconds.
    let complaints = said
        .lines()
        .filter(|line| !line.starts_with(MILLISECONDS))
        .count();
    ensure!(complaints == 0, "{said}\n{text}");
    let code = output.status.code();
    ensure!(
        code == Some(0) || code == Some(LINT),
        "{}\n{text}",
        output.status
    );
    Ok(())
}

/// Prometheus itself is more lenient than the reference implementation of the format.
fn strict_parser_accepts_openmetrics() -> Outcome {
    let text = scrape("application/openmetrics-text;version=1.0.0")?;
    ensure!(text.ends_with("# EOF\n"), "not OpenMetrics:\n{text}");
    let mut python = Command::new("python3");
    python
        .args(["-c", STRICT])
        .env("PYTHONPATH", python_modules());
    let output = fed(&mut python, &text)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}\n{text}");
    let families = String::from_utf8_lossy(&output.stdout);
    for family in [
        "target",
        "traces_span_metrics_calls",
        "traces_span_metrics_duration_milliseconds",
    ] {
        let found = families.lines().any(|line| line == family);
        ensure!(found, "no {family} in\n{families}\n{text}");
    }
    Ok(())
}

/// What the quickstart exposes after some requests, in a format.
fn scrape(accept: &str) -> Outcome<String> {
    let mut quickstart = Quickstart::start(&[])?;
    quickstart.load(20)?;
    let text = quickstart.metrics_as(accept)?;
    quickstart.stop()?;
    Ok(text)
}

/// Runs a program with a text on its standard input.
fn fed(command: &mut Command, text: &str) -> Outcome<Output> {
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = process.stdin.take().ok_or("no stdin")?;
    input.write_all(text.as_bytes())?;
    drop(input);
    Ok(process.wait_with_output()?)
}
