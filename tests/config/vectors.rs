//! The cases of `env_to_config.json`: what the specification makes of an environment.

use serde_json::Value;

use crate::{cases, resolve, say};

#[test]
fn environments_mean_what_the_specification_says() {
    let Some(folder) = cases::folder() else {
        return;
    };
    let cases = cases::load(&folder);
    assert_eq!(cases.len(), 408);
    let mut failures = Vec::new();
    let mut skipped = Vec::new();
    for case in &cases {
        let id = cases::id(case);
        if let Some(reason) = reason_to_skip(case) {
            skipped.push(format!("{id}: {reason}"));
            continue;
        }
        check(id, case, &mut failures);
    }
    assert!(
        failures.is_empty(),
        "{} failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
    // With every feature nothing but the cases that belong elsewhere may be left out.
    if cfg!(feature = "full") {
        assert_eq!(skipped.len(), cases::ELSEWHERE.len(), "{skipped:#?}");
    }
    say(&format!(
        "{} cases, {} not for this build or this test:\n{}",
        cases.len(),
        skipped.len(),
        skipped.join("\n")
    ));
}

fn reason_to_skip(case: &Value) -> Option<&'static str> {
    if let Some(reason) = cases::belongs_elsewhere(case) {
        return Some(reason);
    }
    let env = cases::environment(case);
    let has = |word: &str| {
        env.iter()
            .any(|(_, value)| value.eq_ignore_ascii_case(word))
    };
    let needs = [
        (
            has("grpc") && !cfg!(feature = "grpc"),
            "needs the feature grpc",
        ),
        (
            (has("http/json") || has("otlp/stdout")) && !cfg!(feature = "http-json"),
            "needs the feature http-json",
        ),
        (
            has("gzip") && !cfg!(feature = "gzip"),
            "needs the feature gzip",
        ),
    ];
    needs
        .into_iter()
        .find_map(|(missing, reason)| missing.then_some(reason))
}

fn check(id: &str, case: &Value, failures: &mut Vec<String>) {
    let env = cases::environment(case);
    let pairs: Vec<_> = env.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let resolved = resolve(&pairs);
    for (key, expected) in cases::expected(case) {
        let got = cases::observe(&resolved, key, expected);
        if got != *expected {
            let problems: Vec<_> = resolved.problems.iter().map(ToString::to_string).collect();
            failures.push(format!(
                "{id}: {key}: expected {expected}, got {got}; problems: {problems:?}"
            ));
        }
    }
}
