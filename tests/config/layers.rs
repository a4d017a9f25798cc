//! Which source wins, and what is said about it.

use spanwise::config::{self, Env, Origin, Sampler, Sources, SpanExporter, Strictness};

use crate::{resolve, warnings};

const QUEUE: &str = "OTEL_BSP_MAX_QUEUE_SIZE";

fn layered(overrides: &str, env: &str, defaults: &str) -> config::Resolved {
    config::resolve(&Sources {
        overrides: Env::from_pairs([(QUEUE, overrides)]),
        env: Env::from_pairs([(QUEUE, env)]),
        defaults: Env::from_pairs([(QUEUE, defaults)]),
        ..Sources::default()
    })
}

#[test]
fn code_is_above_the_environment_and_code_defaults_below_it() {
    for (overrides, env, defaults, queue, origin) in [
        ("600", "700", "800", 600, Origin::Code(QUEUE.into())),
        ("", "700", "800", 700, Origin::Environment(QUEUE.into())),
        ("", "", "800", 800, Origin::CodeDefault(QUEUE.into())),
        ("", "", "", 2048, Origin::Default),
    ] {
        let resolved = layered(overrides, env, defaults);
        assert_eq!(resolved.config.traces.batch.max_queue_size, queue);
        assert_eq!(resolved.effective.get(QUEUE).unwrap().origin(), &origin);
    }
}

#[test]
fn bad_value_gives_way_to_the_next_layer() {
    let resolved = layered("", "-5", "800");
    assert_eq!(resolved.config.traces.batch.max_queue_size, 800);
    assert_eq!(
        warnings(&resolved),
        [r#"OTEL_BSP_MAX_QUEUE_SIZE="-5" (environment) is not a whole number above 0; using 800"#]
    );
}

#[test]
fn signal_variable_wins_over_the_general_one_within_a_layer() {
    let general = ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000");
    let signal = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2000");
    let resolved = resolve(&[general, signal]);
    let [SpanExporter::Otlp(traces)] = resolved.config.traces.exporters.as_slice() else {
        panic!("{:?}", resolved.config.traces.exporters);
    };
    assert_eq!(traces.timeout.as_millis(), 2000);
    let origin = |key: &str| resolved.effective.get(key).unwrap().origin().clone();
    assert_eq!(origin(signal.0), Origin::Environment(signal.0.into()));
    assert_eq!(
        origin("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT"),
        Origin::Environment(general.0.into())
    );

    let resolved = config::resolve(&Sources {
        overrides: Env::from_pairs([general]),
        env: Env::from_pairs([signal]),
        ..Sources::default()
    });
    let [SpanExporter::Otlp(traces)] = resolved.config.traces.exporters.as_slice() else {
        panic!("{:?}", resolved.config.traces.exporters);
    };
    assert_eq!(
        traces.timeout.as_millis(),
        1000,
        "code is above the environment"
    );
}

#[test]
fn resource_attributes_merge_over_the_layers() {
    let list = |list: &str| Env::from_pairs([("OTEL_RESOURCE_ATTRIBUTES", list)]);
    let resolved = config::resolve(&Sources {
        overrides: list("a=code"),
        env: list("a=env,b=env"),
        defaults: list("a=default,b=default,c=default"),
        ..Sources::default()
    });
    let attributes = resolved.config.resource.attributes;
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(
        attributes,
        [pair("a", "code"), pair("b", "env"), pair("c", "default")]
    );
}

#[test]
fn service_name_of_the_strongest_layer_wins_and_the_variable_before_the_list() {
    let name = |name: &str| Env::from_pairs([("OTEL_SERVICE_NAME", name)]);
    let list = |name: &str| {
        Env::from_pairs([("OTEL_RESOURCE_ATTRIBUTES", format!("service.name={name}"))])
    };
    let both = |name: &str, list: &str| {
        Env::from_pairs([
            ("OTEL_SERVICE_NAME", name.to_owned()),
            ("OTEL_RESOURCE_ATTRIBUTES", format!("service.name={list}")),
        ])
    };
    for (overrides, env, defaults, expected) in [
        (list("code"), name("env"), name("default"), "code"),
        (Env::default(), list("env"), name("default"), "env"),
        (name("code"), list("env"), list("default"), "code"),
        (Env::default(), name("env"), list("default"), "env"),
        (Env::default(), both("name", "list"), Env::default(), "name"),
    ] {
        let resolved = config::resolve(&Sources {
            overrides,
            env,
            defaults,
            ..Sources::default()
        });
        assert_eq!(
            resolved.config.resource.service_name.as_deref(),
            Some(expected)
        );
        let shown = resolved.effective.get("OTEL_SERVICE_NAME").unwrap();
        assert_eq!(shown.value(), expected);
        assert_eq!(resolved.config.resource.attributes, []);
    }
}

#[test]
fn free_port_can_be_asked_for_in_code_only() {
    let port = Env::from_pairs([
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
        ("OTEL_METRICS_EXPORTER", "prometheus"),
    ]);
    let resolved = config::resolve(&Sources {
        overrides: port.clone(),
        ..Sources::default()
    });
    assert_eq!(warnings(&resolved), [""; 0]);
    let resolved = config::resolve(&Sources {
        env: port,
        ..Sources::default()
    });
    assert_eq!(warnings(&resolved).len(), 1);
}

#[test]
fn misspelt_name_in_code_is_reported_like_one_in_the_environment() {
    let resolved = config::resolve(&Sources {
        overrides: Env::from_pairs([("RUST_LOGS", "info")]),
        ..Sources::default()
    });
    assert_eq!(
        warnings(&resolved),
        ["RUST_LOGS (code) is not a known variable; did you mean RUST_LOG?; ignoring it"]
    );
}

#[test]
fn variables_of_others_are_none_of_our_business() {
    assert_eq!(resolve(&[("PATH", "x"), ("HOTEL_X", "y")]).problems, []);
}

#[test]
fn strict_start_fails_with_every_problem() {
    let resolved = resolve(&[
        ("OTEL_RUST_CONFIG", "strict"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_BSP_SCHEDULE_DELAY", "5s"),
    ]);
    assert_eq!(resolved.strictness, Strictness::Strict);
    let invalid = resolved.check().unwrap_err();
    assert_eq!(invalid.problems().len(), 2);
    let text = invalid.to_string();
    assert!(text.contains("OTEL_TRACES_SAMPLER") && text.contains("OTEL_BSP_SCHEDULE_DELAY"));
    assert_eq!(
        text,
        format!("{invalid:?}"),
        "what a main that returns it prints"
    );
}

#[test]
fn strict_start_does_not_fail_on_a_notice() {
    let resolved = resolve(&[("OTEL_TRACES_SAMPLER_ARG", "0.1")]);
    assert_eq!(resolved.problems.len(), 1);
    assert_eq!(
        resolved.config.traces.sampler,
        Sampler::parent_based(Sampler::AlwaysOn)
    );
    assert!(resolved.into_strict().is_ok());
}

#[test]
fn lenient_start_goes_on() {
    let resolved = resolve(&[("OTEL_TRACES_SAMPLER", "sometimes")]);
    assert_eq!(resolved.strictness, Strictness::Lenient);
    assert!(resolved.check().is_ok());
}

#[test]
fn listing_is_aligned_and_names_the_source() {
    let resolved = resolve(&[
        ("OTEL_SERVICE_NAME", "shop"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
    ]);
    let listing = resolved.effective.to_string();
    let line = |key: &str| {
        let line = listing.lines().find(|line| line.starts_with(key));
        let words: Vec<_> = line.unwrap().split_whitespace().skip(1).collect();
        words.join(" ")
    };
    assert_eq!(line("OTEL_SERVICE_NAME "), "shop environment");
    assert_eq!(
        line("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT "),
        "http://collector:4318/v1/logs environment OTEL_EXPORTER_OTLP_ENDPOINT"
    );
    assert_eq!(line("OTEL_BLRP_SCHEDULE_DELAY "), "1000 default");
    assert!(
        !listing.contains("OTEL_BSP_"),
        "no spans are exported:\n{listing}"
    );
}

#[test]
fn what_holds_for_several_signals_is_listed_once() {
    let resolved = config::resolve(&Sources::default());
    let mut keys: Vec<&str> = resolved
        .effective
        .iter()
        .map(|setting| setting.key())
        .collect();
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), all);
}
