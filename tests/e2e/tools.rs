//! Where the servers and the application are.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;

const NAMES: [&str; 4] = ["jaeger", "otelcol", "prometheus", "promtool"];

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The binary of a server.
pub(crate) fn tool(name: &str) -> PathBuf {
    root().join("target/tools/bin").join(name)
}

/// Where the Python packages are.
pub(crate) fn python_modules() -> PathBuf {
    root().join("target/tools/python")
}

/// The built quickstart, which stands beside this binary.
pub(crate) fn quickstart() -> Outcome<PathBuf> {
    let own = env::current_exe()?;
    let profile = own
        .parent()
        .and_then(Path::parent)
        .ok_or("this binary has no target directory")?;
    Ok(profile.join("examples/quickstart"))
}

/// Says what is missing to run against; builds the quickstart, which `cargo test --test e2e` alone does not.
pub(crate) fn check() -> Outcome {
    let mut missing: Vec<_> = NAMES
        .iter()
        .filter(|name| !tool(name).is_file())
        .copied()
        .collect();
    if !python_modules().join("prometheus_client").is_dir() {
        missing.push("prometheus_client");
    }
    if !missing.is_empty() {
        return Err(format!(
            "{} not found in target/tools; run .ci/install",
            missing.join(", ")
        )
        .into());
    }
    if env::var_os(crate::isolation::INSIDE).is_some() {
        return Ok(());
    }
    let mut build = Command::new(env!("CARGO"));
    build
        .args([
            "build",
            "--quiet",
            "--example",
            "quickstart",
            "--features",
            "full",
        ])
        .current_dir(root());
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    if build.status()?.success() {
        Ok(())
    } else {
        Err("the quickstart does not build".into())
    }
}
