//! The examples print what they promise: each is compared with its file in `tests/examples/`.
//!
//! `cargo test` builds them beside the tests; `cargo test --test examples` alone does not. After a change that is meant, run with
//! `SPANWISE_BLESS=1` and look at the difference.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Beside the folder of this binary, where cargo puts them.
fn program(name: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("a path");
    let deps = tests.parent().expect("a folder");
    let built = deps.parent().expect("a folder").join("examples");
    built
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION)
}

fn assert_shows(name: &str) {
    let program = program(name);
    assert!(
        program.exists(),
        "{} is not built: cargo build --examples --features full",
        program.display()
    );
    let ran = Command::new(&program).output().expect("it starts");
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{name} failed:\n{errors}");
    let shown = String::from_utf8(ran.stdout).expect("text");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples");
    let file = folder.join(name).with_extension("txt");
    if std::env::var_os("SPANWISE_BLESS").is_some() {
        return std::fs::write(file, shown).expect("a folder that can be written");
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        shown == expected,
        "{name} shows something else than {}:\n{shown}\n{errors}",
        file.display()
    );
}

#[test]
fn custom_metrics_shows_values_and_refusals() {
    assert_shows("custom_metrics");
}

#[test]
fn callbacks_shows_who_is_called_when() {
    assert_shows("callbacks");
}

#[test]
fn helpers_shows_outcomes() {
    assert_shows("helpers");
}

#[test]
fn genai_shows_tokens_and_cost() {
    assert_shows("genai");
}

#[test]
fn stream_metrics_shows_both_ends() {
    assert_shows("stream_metrics");
}

#[test]
fn testing_shows_a_capture() {
    assert_shows("testing");
}
