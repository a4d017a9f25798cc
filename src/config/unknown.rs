//! Names that nobody reads: slips of the pen, other SDKs' variables, and what is refused.

use super::features::needs;
#[cfg(feature = "config-file")]
use super::file::References;
use super::lookup::show_raw;
use super::reader::Reader;
use super::sources::Layer;
use super::variable::Support;
use super::{Features, Problem, Severity, table};

/// Starts of names that other SDKs and the Kubernetes operator own; to see them here is no mistake.
const FOREIGN: &[&str] = &[
    "OTEL_CPP_",
    "OTEL_DOTNET_",
    "OTEL_ERLANG_",
    "OTEL_GO_",
    "OTEL_INJECTOR_",
    "OTEL_INSTRUMENTATION_",
    "OTEL_JAVA",
    "OTEL_NODE_",
    "OTEL_PHP_",
    "OTEL_POD_",
    "OTEL_PYTHON_",
    "OTEL_RESOURCE_ATTRIBUTES_",
    "OTEL_RUBY_",
    "OTEL_SWIFT_",
];

/// Reports each `OTEL_*` variable that is not honoured; in code, every name.
pub(super) fn report(reader: &mut Reader<'_>) {
    let sources = reader.sources;
    for (layer, env) in sources.layers() {
        for name in env.names() {
            if layer == Layer::Environment && !is_ours(name) {
                continue;
            }
            if let Some(problem) = problem(
                reader.features,
                layer,
                name,
                env.get(name).unwrap_or_default(),
            ) {
                reader.push(problem);
            }
        }
    }
}

/// Reports each variable that is set beside a configuration file which does not refer to it.
#[cfg(feature = "config-file")]
pub(super) fn report_ignored(reader: &mut Reader<'_>, references: &References<'_>) {
    let sources = reader.sources;
    for (layer, env) in sources.layers() {
        let severity = match layer {
            // Whoever set it in code wants it; in the environment the specification has it ignored.
            Layer::Code => Severity::Warning,
            Layer::Environment => Severity::Notice,
            // A default gives way to whatever is configured.
            Layer::CodeDefault => continue,
        };
        for name in env.names() {
            let is_known = table::find(name).is_some() || is_ours(name);
            let is_used = layer == Layer::Environment && references.uses(name);
            if name == table::CONFIG_FILE.name || !is_known || is_used {
                continue;
            }
            reader.push(Problem {
                key: name.to_owned(),
                value: None,
                origin: layer.origin(name.to_owned()),
                what: format!("has no effect beside {}", table::CONFIG_FILE.name),
                instead: "ignoring it".to_owned(),
                severity,
            });
        }
    }
}

fn is_ours(name: &str) -> bool {
    let prefix = name.get(.."OTEL_".len());
    prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case("OTEL_"))
}

fn problem(features: Features, layer: Layer, name: &str, text: &str) -> Option<Problem> {
    let (what, instead, severity, value) = match table::find(name) {
        Some(variable) => {
            let shown = show_raw(variable, text).filter(|shown| !shown.is_empty());
            match variable.support {
                Support::Honoured if variable == &table::CONFIG_FILE && !features.config_file => {
                    let instead = "using the variables instead";
                    (needs("config-file"), instead, Severity::Warning, shown)
                }
                Support::Honoured => return None,
                Support::Refused(reason) => {
                    let what = format!("is not supported: {reason}");
                    (what, "ignoring it", Severity::Warning, shown)
                }
                Support::Unneeded(reason) => {
                    let what = format!("is not needed: {reason}");
                    (what, "ignoring it", Severity::Notice, shown)
                }
            }
        }
        None if FOREIGN.iter().any(|prefix| name.starts_with(prefix)) => {
            let what = "belongs to another SDK".to_owned();
            (what, "ignoring it", Severity::Notice, None)
        }
        // The value stays hidden: it may be a header list under a misspelt name.
        None => (unknown(name), "ignoring it", Severity::Warning, None),
    };
    Some(Problem {
        key: name.to_owned(),
        value,
        origin: layer.origin(name.to_owned()),
        what,
        instead: instead.to_owned(),
        severity,
    })
}

/// Longer names than ours are not slips of the pen, and the comparison is quadratic.
const LONGEST_NAME: usize = 100;

fn unknown(name: &str) -> String {
    if name.len() > LONGEST_NAME {
        return "is not a known variable".to_owned();
    }
    let distance = |known: &str| strsim::damerau_levenshtein(&name.to_ascii_uppercase(), known);
    let nearest = table::variables()
        .filter(|variable| variable.support == Support::Honoured)
        .map(|variable| (distance(variable.name), variable.name))
        .min();
    match nearest {
        // Further away it would be a guess at random.
        Some((distance, known)) if distance * 3 <= name.len() => {
            format!("is not a known variable; did you mean {known}?")
        }
        _ => "is not a known variable".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_name_gets_the_nearest_known_one() {
        for (name, known) in [
            ("OTEL_TRACE_SAMPLER", "OTEL_TRACES_SAMPLER"),
            ("OTEL_SERVICENAME", "OTEL_SERVICE_NAME"),
            ("OTEL_EXPORTER_OTLP_HEADER", "OTEL_EXPORTER_OTLP_HEADERS"),
            ("OTEL_EXPORTER_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
            ("otel_propagators", "OTEL_PROPAGATORS"),
            ("OTEL_RUST_SPANS_FILTER", "OTEL_RUST_SPAN_FILTER"),
        ] {
            assert!(unknown(name).ends_with(&format!(" {known}?")), "{name}");
        }
    }

    #[test]
    fn name_far_from_all_gets_no_guess() {
        assert_eq!(unknown("OTEL_XYZ"), "is not a known variable");
    }

    #[test]
    fn value_of_an_unknown_name_is_not_shown() {
        let problem = problem(
            Features::COMPILED,
            Layer::Environment,
            "OTEL_EXPORTER_OTLP_HEADER",
            "k=s3cret",
        );
        assert_eq!(problem.unwrap().value(), None);
    }

    #[test]
    fn variables_of_other_sdks_are_no_mistake() {
        let problem = problem(
            Features::COMPILED,
            Layer::Environment,
            "OTEL_PYTHON_LOG_CORRELATION",
            "true",
        );
        assert_eq!(problem.unwrap().severity(), Severity::Notice);
    }
}
