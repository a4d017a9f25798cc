//! The README shows the table that the code uses.

use std::fs;
use std::path::Path;

use spanwise::config;

use crate::say;

const START: &str = "<!-- variables:start -->";
const END: &str = "<!-- variables:end -->";

/// `UPDATE_README=1 cargo test --test config readme` writes the table into the README.
#[test]
fn readme_has_the_generated_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let Ok(readme) = fs::read_to_string(&path) else {
        say("NOT CHECKED: there is no README.md");
        return;
    };
    let Some((before, rest)) = readme.split_once(START) else {
        say(&format!("NOT CHECKED: README.md has no {START}"));
        return;
    };
    let (written, after) = rest
        .split_once(END)
        .expect("the end marker follows the start marker");
    let generated = format!("\n{}", config::variables_markdown());
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, format!("{before}{START}{generated}{END}{after}"))
            .expect("README.md can be written");
        return;
    }
    assert!(
        written == generated,
        "the variables of README.md differ from the table; run `UPDATE_README=1 cargo test --test config readme`\n{generated}"
    );
}

#[test]
fn every_variable_is_in_the_generated_table() {
    let table = config::variables_markdown();
    for variable in config::variables() {
        let general = ["_TRACES_", "_METRICS_", "_LOGS_"]
            .iter()
            .fold(variable.name.to_owned(), |name, signal| {
                name.replace(&format!("OTLP{signal}"), "OTLP_")
            });
        let named = [variable.name, &general]
            .iter()
            .any(|name| table.contains(&format!("`{name}`")));
        assert!(named, "{} is missing:\n{table}", variable.name);
    }
}
