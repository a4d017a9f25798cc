//! The rooms of the crate and who may import whom. An arrow that this table does not allow fails the build.
//!
//! A room is a file or a folder of `src/`. Lower layers know nothing of higher ones, and rooms of one layer know each other
//! only where the table says so: that is what keeps each readable on its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// L0: time, names, words and counts.
const BASE: &[&str] = &[
    "clock",
    "delivery",
    "diagnostics",
    "own_thread",
    "semconv",
    "span_table",
];

/// Room, and the rooms beyond [`BASE`] that it may import. `*` is everything.
const ROOMS: &[(&str, &[&str])] = &[
    // L0
    ("clock", &[]),
    ("delivery", &[]),
    ("diagnostics", &[]),
    ("own_thread", &[]),
    ("semconv", &[]),
    ("span_table", &[]),
    // L1: what the user asked for, as plain data.
    ("config", &[]),
    // L2: one concept each.
    ("detect", &["config"]),
    ("export", &[]),
    ("exposition", &[]),
    ("logs", &[]),
    ("metrics", &[]),
    ("propagation", &[]),
    ("span_metrics", &["metrics"]),
    ("spool", &[]),
    // L3: the only place that makes objects of the SDK.
    (
        "pipeline",
        &[
            "config",
            "detect",
            "export",
            "exposition",
            "logs",
            "metrics",
            "propagation",
            "span_metrics",
            "spool",
        ],
    ),
    // L4: what talks to the outside beside the exporters.
    ("runtime", &["metrics"]),
    ("server", &["config", "exposition"]),
    // What application code says of the span that it is in.
    ("trace", &["pipeline", "propagation", "span_metrics"]),
    // L5: what the user holds.
    ("banner", &["*"]),
    ("builder", &["*"]),
    ("ending", &["*"]),
    ("diagnosis", &["*"]),
    ("error", &["*"]),
    ("signal", &["*"]),
    ("telemetry", &["*"]),
    ("testing", &["*"]),
    // Crate docs and re-exports.
    ("lib", &["*"]),
];

#[test]
fn imports_point_downward_only() {
    let mut wrong = BTreeSet::new();
    for (file, room) in files() {
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            wrong.insert(format!("src/{room} is not in the table of rooms"));
            continue;
        };
        for import in imports(&fs::read_to_string(&file).expect("a readable file")) {
            let known = ROOMS.iter().any(|(name, _)| *name == import);
            let allowed = import == room
                || BASE.contains(&import.as_str())
                || allowed.contains(&"*")
                || allowed.contains(&import.as_str());
            if known && !allowed {
                wrong.insert(format!(
                    "{} imports `{import}`, which `{room}` may not",
                    file.display()
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "\n{}",
        wrong.into_iter().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn a_forbidden_import_is_seen() {
    assert_eq!(
        imports("//! [`crate::doc`]\nuse crate::config::{Config};\nlet x = crate::server::Listener::bind();").into_iter().collect::<Vec<_>>(),
        ["config", "server"]
    );
}

/// The first segments behind `crate::`, comments left out.
fn imports(source: &str) -> BTreeSet<String> {
    let code = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1))
        .inspect(|rest| {
            assert!(
                !rest.starts_with('{'),
                "write one `use crate::room` a room: crate::{rest}"
            )
        })
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect::<String>()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

/// Every source file with its room.
fn files() -> Vec<(PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&src).expect("a path below src");
                let first = inside
                    .components()
                    .next()
                    .expect("a component")
                    .as_os_str()
                    .to_string_lossy();
                found.push((path.clone(), first.trim_end_matches(".rs").to_owned()));
            }
        }
    }
    found
}
