//! Target and level directives, checked one by one.

use tracing_subscriber::filter::Targets;

use crate::config::lookup::Candidate;
use crate::config::parsed::{Fault, Parsed};
use crate::config::reader::Reader;
use crate::config::variable::Variable;
use crate::config::{Filter, mask};

const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];

pub(super) fn filter(reader: &mut Reader<'_>, variable: &'static Variable) -> Filter {
    let read = reader.required(
        &[variable],
        |candidate: Candidate<'_>| directives(candidate.text),
        |filter| filter.directives.clone(),
    );
    read.value
}

/// The directives that can be used, the others named.
pub(in crate::config) fn directives(text: &str) -> Parsed<Filter> {
    let mut kept = Vec::new();
    let mut faults = Vec::new();
    for directive in split(text) {
        match check(directive) {
            Verdict::Good => kept.push(directive),
            Verdict::Odd(what) => {
                kept.push(directive);
                faults.push(fault(directive, what, "using it as it is"));
            }
            Verdict::Bad(what) => faults.push(fault(directive, what, "ignoring that directive")),
        }
    }
    if kept.is_empty() {
        if faults.is_empty() {
            faults.push(Fault::whole("has no directive"));
        }
        for fault in &mut faults {
            fault.instead = None;
        }
        return Parsed {
            value: None,
            faults,
        };
    }
    Parsed {
        value: Some(Filter {
            directives: kept.join(","),
        }),
        faults,
    }
}

enum Verdict {
    Good,
    Odd(String),
    Bad(String),
}

fn fault(directive: &str, what: String, instead: &str) -> Fault {
    Fault {
        part: Some(mask::text(directive)),
        ..Fault::partial(what, instead)
    }
}

fn check(directive: &str) -> Verdict {
    if directive.contains(['[', ']', '{', '}']) {
        // Reading fields means formatting them on every span, which the span path never does.
        return Verdict::Bad(
            "filters by span or field; only target and level are accepted".to_owned(),
        );
    }
    // Anything else is a slip, or a pasted secret that the listing would show.
    let is_plain = |c: char| c.is_alphanumeric() || "_:.-/=".contains(c);
    let is_plain = directive.chars().all(is_plain) && !directive.contains("://");
    if !is_plain || directive.parse::<Targets>().is_err() {
        return Verdict::Bad(format!(
            "is not a directive; write target=level, with one of {}",
            LEVELS.join(", ")
        ));
    }
    // A word that is no level is a target, so a slip of the pen silences everything else.
    let lower = directive.to_ascii_lowercase();
    let meant = LEVELS
        .iter()
        .find(|level| **level != lower && strsim::damerau_levenshtein(&lower, level) == 1);
    match meant {
        Some(level) => Verdict::Odd(format!(
            "is taken as a target, which switches off all others; did you mean {level}?"
        )),
        None => Verdict::Good,
    }
}

/// At commas outside brackets: `a[{x,y}]=info` is one directive.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    text.split(move |c| {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|directive| !directive.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> Option<String> {
        directives(text).value.map(|filter| filter.directives)
    }

    #[test]
    fn target_and_level_directives_are_kept() {
        let text = "info, my_service::db=debug,hyper=off,OTHER";
        assert_eq!(
            kept(text).as_deref(),
            Some("info,my_service::db=debug,hyper=off,OTHER")
        );
        assert_eq!(directives(text).faults, []);
    }

    #[test]
    fn span_and_field_directives_are_refused_one_by_one() {
        let parsed = directives("info,a[span{x=1,y=2}]=debug,b=warn,[{z}]=trace");
        assert_eq!(parsed.value.unwrap().directives, "info,b=warn");
        let parts: Vec<_> = parsed.faults.into_iter().map(|f| f.part.unwrap()).collect();
        assert_eq!(parts, ["a[span{x=1,y=2}]=debug", "[{z}]=trace"]);
    }

    #[test]
    fn broken_directive_is_named_and_the_rest_kept() {
        let parsed = directives("a=b=c,warn,x=loud");
        assert_eq!(parsed.value.unwrap().directives, "warn");
        assert_eq!(parsed.faults.len(), 2);
    }

    #[test]
    fn filter_of_refused_directives_counts_as_unset() {
        assert_eq!(kept("[s]=info"), None);
        assert_eq!(kept(" , "), None);
    }

    #[test]
    fn misspelt_level_is_noticed() {
        for text in ["inof", "warm", "debg"] {
            assert_eq!(directives(text).faults.len(), 1, "{text}");
        }
        for text in ["hyper", "INFO", "tower", "0"] {
            assert_eq!(directives(text).faults, [], "{text}");
        }
    }
}
