//! The variable table as the README shows it.

use super::table;
use super::variable::{Kind, Support, Variable};

/// The variable table as Markdown, for people; a test compares the README with it.
pub fn variables_markdown() -> String {
    let mut text =
        String::from("| variable | accepts | default | what it does |\n|---|---|---|---|\n");
    for variable in table::singles().filter(|variable| is_honoured(variable)) {
        row(&mut text, variable, "");
    }
    for family in table::families() {
        row(&mut text, &family.general, " ¹");
    }
    text.push_str(
        "\n¹ The same for one signal: `OTEL_EXPORTER_OTLP_TRACES_…`, `OTEL_EXPORTER_OTLP_METRICS_…`, \
         `OTEL_EXPORTER_OTLP_LOGS_…`, which win.\n\n\
         An empty variable counts as unset. A value that is not accepted is reported on stderr, with what is used \
         instead, and counts as unset; a switch that is neither `true` nor `false` counts as `false`.\n\n\
         | not honoured | why |\n|---|---|\n",
    );
    for variable in table::singles() {
        if let Support::Refused(reason) | Support::Unneeded(reason) = variable.support {
            text.push_str(&format!("| `{}` | {reason} |\n", variable.name));
        }
    }
    text
}

fn is_honoured(variable: &Variable) -> bool {
    variable.support == Support::Honoured
}

fn row(text: &mut String, variable: &Variable, mark: &str) {
    let Variable {
        name, default, doc, ..
    } = variable;
    let default = match *default {
        "" => "–".to_owned(),
        default => format!("`{default}`"),
    };
    let accepts = accepts(variable.kind);
    text.push_str(&format!(
        "| `{name}`{mark} | {accepts} | {default} | {doc} |\n"
    ));
}

fn accepts(kind: Kind) -> String {
    let words = |words: &[&str]| {
        let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
        words.join(", ")
    };
    match kind {
        Kind::Flag => words(&["true", "false"]),
        Kind::Duration => "milliseconds".to_owned(),
        Kind::Timeout => "milliseconds, 0 for no limit".to_owned(),
        Kind::Size => "number above 0".to_owned(),
        Kind::Limit => "number".to_owned(),
        Kind::Port => "port".to_owned(),
        Kind::Choice(choice) => words(choice),
        Kind::List(list) => format!("list of {} or `none`", words(list)),
        Kind::Text => "text".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Url => "URL".to_owned(),
        Kind::Headers => "`name=value,…`, percent-encoded".to_owned(),
        Kind::Attributes => "`key=value,…`, percent-encoded".to_owned(),
        Kind::Directives => "`level,target=level,…`".to_owned(),
        Kind::Dimensions => "`field=label:default,…`, `-label` leaves one out".to_owned(),
        Kind::Buckets => format!(
            "{} or milliseconds",
            words(&["connector", "requests", "fast", "batch"])
        ),
        Kind::SamplerArgument => "what the sampler asks for".to_owned(),
        Kind::SamplerRules => "`key=pattern,…=>sampler:argument;…`, percent-encoded".to_owned(),
    }
}
