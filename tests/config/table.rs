//! Rules that hold for every row of the variable table.

use spanwise::config::{self, Applies, Config, Kind, Support, Variable};

use crate::{resolve, warnings};

/// What makes `variable` matter, so that its value has an effect.
fn setting_for(variable: &Variable) -> Vec<(&'static str, &'static str)> {
    match variable.kind {
        Kind::SamplerArgument => vec![("OTEL_TRACES_SAMPLER", "traceidratio")],
        _ if variable.name.contains("PROMETHEUS") => vec![("OTEL_METRICS_EXPORTER", "prometheus")],
        // Half of a client certificate is a mistake of its own.
        _ if variable.name.contains("CLIENT_KEY") => {
            vec![(
                sibling(variable, "CLIENT_KEY", "CLIENT_CERTIFICATE"),
                "a.pem",
            )]
        }
        _ if variable.name.contains("CLIENT_CERTIFICATE") => {
            vec![(
                sibling(variable, "CLIENT_CERTIFICATE", "CLIENT_KEY"),
                "a.pem",
            )]
        }
        _ => Vec::new(),
    }
}

fn sibling(variable: &Variable, from: &str, to: &str) -> &'static str {
    let name = variable.name.replace(from, to);
    let mut names = config::variables().map(|variable| variable.name);
    names
        .find(|known| *known == name)
        .expect("both halves are in the table")
}

fn good(kind: Kind) -> &'static str {
    match kind {
        Kind::Flag => "false",
        Kind::Duration | Kind::Timeout | Kind::Size | Kind::Limit => "17",
        Kind::Port => "1717",
        Kind::Choice(words) | Kind::List(words) => words[0],
        Kind::Url => "http://collector.example/",
        Kind::Headers | Kind::Attributes => "a=b",
        Kind::Directives => "warn,a::b=debug",
        Kind::SamplerArgument => "0.25",
        Kind::Buckets => "1,10",
        Kind::SamplerRules => "span.name=a=>always_off",
        _ => "anything",
    }
}

/// Values that the kind must refuse.
fn garbage(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Flag => &["1", "yes", " ", "tru"],
        Kind::Duration | Kind::Timeout | Kind::Limit => {
            &["x", "-1", "1.5", "10s", " ", "99999999999999999999"]
        }
        Kind::Size => &["x", "-1", "0", " ", "99999999999999999999"],
        Kind::Port => &["x", "-1", "0", "65536", " "],
        Kind::Choice(_) | Kind::List(_) => &["no-such-word", " "],
        Kind::Text | Kind::Path => &[" "],
        Kind::Url => &["localhost:4318", "/v1", "ftp://h", "http://", " "],
        Kind::Headers => &["novalue", "a b=c", "a=%zz"],
        Kind::Attributes => &["novalue", "=x", "a=%zz"],
        Kind::Directives => &["[span]=info", "a=b=c", "a=loud", " "],
        Kind::SamplerArgument => &["x", "-0.1", "1.1", "NaN", " "],
        Kind::Dimensions => &["=x", "-", "span.name", " "],
        Kind::Buckets => &["slow", "2,1", "0", "-1", " "],
        Kind::SamplerRules => &["x", "=>always_off", "a=b=>no-such-sampler"],
        _ => &[],
    }
}

fn honoured() -> impl Iterator<Item = &'static Variable> {
    config::variables()
        .filter(|variable| variable.support == Support::Honoured)
        .filter(|variable| variable.name != "OTEL_CONFIG_FILE")
}

#[test]
fn empty_environment_is_the_default_configuration() {
    let resolved = resolve(&[]);
    assert_eq!(resolved.config, Config::default());
    assert_eq!(resolved.problems, []);
}

#[test]
fn empty_variable_counts_as_unset() {
    for variable in config::variables() {
        let resolved = resolve(&[(variable.name, "")]);
        assert_eq!(resolved.config, Config::default(), "{}", variable.name);
        assert_eq!(resolved.problems, [], "{}", variable.name);
    }
}

#[test]
fn default_of_the_table_is_what_unset_means() {
    // The URL of one signal includes its path, which the table gives for all of them at once.
    let is_url_of_signal =
        |v: &Variable| v.kind == Kind::Url && matches!(v.applies, Applies::Otlp(_));
    let rows = honoured().filter(|variable| !variable.default.is_empty());
    for variable in rows.filter(|variable| !is_url_of_signal(variable)) {
        let resolved = resolve(&[(variable.name, variable.default)]);
        assert_eq!(resolved.config, Config::default(), "{}", variable.name);
        assert_eq!(resolved.problems, [], "{}", variable.name);
    }
}

#[test]
fn good_value_has_no_problem_and_shows_up() {
    for variable in honoured() {
        let mut env = setting_for(variable);
        env.push((variable.name, good(variable.kind)));
        if matches!(good(variable.kind), "grpc") && !cfg!(feature = "grpc") {
            continue;
        }
        let resolved = resolve(&env);
        assert_eq!(warnings(&resolved), [""; 0], "{}", variable.name);
        let mut settings = resolved.effective.iter();
        assert!(
            settings.any(|setting| setting.origin().variable() == Some(variable.name)),
            "{} has no effect:\n{}",
            variable.name,
            resolved.effective
        );
    }
}

#[test]
fn garbage_is_named_once_and_counts_as_unset() {
    for variable in honoured() {
        for value in garbage(variable.kind) {
            let mut env = match variable.name.contains("CLIENT_") {
                true => Vec::new(),
                false => setting_for(variable),
            };
            let expected = resolve(&env).config;
            env.push((variable.name, value));
            let resolved = resolve(&env);
            let name = variable.name;
            assert_eq!(resolved.config, expected, "{name}={value:?}");
            let problems = warnings(&resolved);
            assert_eq!(problems.len(), 1, "{name}={value:?}: {problems:#?}");
            assert!(
                problems[0].starts_with(name),
                "{name}={value:?}: {problems:?}"
            );
            assert!(
                problems[0].contains("; "),
                "what happens instead: {problems:?}"
            );
        }
    }
}

#[test]
fn words_are_accepted_in_any_case() {
    for variable in honoured() {
        let (Kind::Choice(words) | Kind::List(words)) = variable.kind else {
            continue;
        };
        for word in words {
            let plain = resolve(&[(variable.name, word)]);
            let upper = resolve(&[(variable.name, &word.to_uppercase())]);
            assert_eq!(upper.config, plain.config, "{}={word}", variable.name);
            assert_eq!(upper.problems.len(), plain.problems.len());
        }
    }
}

#[test]
fn refused_variable_says_why() {
    let refused = config::variables().filter_map(|variable| match variable.support {
        Support::Refused(reason) | Support::Unneeded(reason) => Some((variable, reason)),
        _ => None,
    });
    for (variable, reason) in refused {
        let resolved = resolve(&[(variable.name, "1")]);
        assert_eq!(resolved.problems.len(), 1, "{}", variable.name);
        assert!(resolved.problems[0].what().ends_with(reason));
    }
}

#[cfg(unix)]
#[test]
fn value_that_is_not_utf8_is_named_and_counts_as_unset() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use spanwise::config::{Env, Sources};

    for variable in honoured() {
        let mut env: Vec<(OsString, OsString)> = setting_for(variable)
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        env.push((variable.name.into(), OsString::from_vec(vec![b'1', 0xff])));
        let resolved = config::resolve(&Sources {
            env: Env::from_os_pairs(env),
            ..Sources::default()
        });
        let problems = warnings(&resolved);
        assert!(
            problems
                .iter()
                .any(|problem| problem.starts_with(variable.name) && problem.contains("UTF-8")),
            "{}: {problems:?}",
            variable.name
        );
    }
}
