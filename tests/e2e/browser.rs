//! A real browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{Process, directory};
use crate::tools::{root, tool};
use crate::{Outcome, ensure, required};

/// What a browser may take for a page, which is far above what it needs.
const LIMIT: Duration = Duration::from_secs(60);

/// Whether there is a browser; says so where there is none, and fails where it may not be missing.
pub(crate) fn present() -> Outcome<bool> {
    let present = tool("chromium").is_file();
    if !present {
        ensure!(
            required().is_none(),
            "chromium not found in target/tools; run .ci/install"
        );
        println!("NOT CHECKED: no chromium in target/tools, so nothing looks at the page");
    }
    Ok(present)
}

/// What a page is like once its scripts have run: its elements, and a picture of it in a file.
pub(crate) fn rendered(url: &str, picture: &Path) -> Outcome<String> {
    let home = directory("chromium")?;
    let mut command = Command::new(tool("chromium"));
    command
        .args([
            "--headless",
            // Root may not have the sandbox; there is no network but loopback here.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--hide-scrollbars",
            "--window-size=1400,1100",
            // Milliseconds for the scripts of the page, not counting those that it waits for a server.
            "--virtual-time-budget=10000",
            "--dump-dom",
        ])
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("--user-data-dir={}", home.display()))
        .arg(url)
        .env("HOME", &home)
        .env("XDG_RUNTIME_DIR", &home);
    let mut browser = Process::start(command, home)?;
    let status = browser.wait(LIMIT)?;
    ensure!(status.success(), "{status}\n{}", browser.stderr()?);
    browser.stdout()
}

/// A file that outlives the tests, for people to look at.
pub(crate) fn artefact(name: &str) -> Outcome<PathBuf> {
    let directory = root().join("target/e2e");
    fs::create_dir_all(&directory)?;
    Ok(directory.join(name))
}
