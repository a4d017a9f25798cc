//! Configuration from variables, without touching the environment of the process.

// What a build without these does is tested beside the features, in one build.
#![cfg(all(feature = "otlp-http", feature = "prometheus", feature = "tls"))]

#[path = "config/cases.rs"]
mod cases;
#[cfg(feature = "full")]
#[path = "config/file.rs"]
mod file;
#[path = "config/garbage.rs"]
mod garbage;
#[path = "config/layers.rs"]
mod layers;
#[path = "config/pairs.rs"]
mod pairs;
#[path = "config/readme.rs"]
mod readme;
#[path = "config/secrets.rs"]
mod secrets;
#[path = "config/table.rs"]
mod table;
#[path = "config/vectors.rs"]
mod vectors;

use std::io::Write;

use spanwise::config::{self, Env, Resolved, Severity, Sources};

/// What an environment of `pairs` means.
fn resolve(pairs: &[(&str, &str)]) -> Resolved {
    config::resolve(&Sources {
        env: Env::from_pairs(pairs.iter().copied()),
        ..Sources::default()
    })
}

fn warnings(resolved: &Resolved) -> Vec<String> {
    let problems = resolved.problems.iter();
    problems
        .filter(|problem| problem.severity() == Severity::Warning)
        .map(ToString::to_string)
        .collect()
}

/// Past the capture of the test harness: what was not checked must be seen.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("stderr is open");
}
