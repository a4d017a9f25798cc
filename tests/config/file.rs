//! Configuration files, read from disk by the name in `OTEL_CONFIG_FILE`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use spanwise::config::{
    self, Buckets, Config, Detector, DiagnosticsLevel, Dimension, Env, Filter, LogExporter,
    LogLines, MetricExporter, Otlp, Propagator, Protocol, Resolved, Sampler, Severity, Sources,
    SpanDescription, SpanExporter, SpanMetrics, Strictness, Temporality,
};

use crate::cases;

/// What a file with `text` means, with `env` beside it.
fn read_with(name: &str, text: impl AsRef<[u8]>, env: &[(&str, &str)]) -> Resolved {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.yaml"));
    fs::write(&path, text).expect("the file can be written");
    read_path(&path, env)
}

fn read(name: &str, text: impl AsRef<[u8]>) -> Resolved {
    read_with(name, text, &[])
}

fn read_path(path: &Path, env: &[(&str, &str)]) -> Resolved {
    let mut env = Env::from_pairs(env.iter().copied());
    env.insert(
        "OTEL_CONFIG_FILE",
        path.to_str().expect("the path is UTF-8"),
    );
    config::resolve(&Sources {
        env,
        ..Sources::default()
    })
}

fn lines(resolved: &Resolved, severity: Severity) -> Vec<String> {
    let problems = resolved
        .problems
        .iter()
        .filter(|problem| problem.severity() == severity);
    let line = |problem: &config::Problem| {
        let config::Origin::File { line, column, .. } = problem.origin() else {
            return problem.to_string();
        };
        let (key, what) = (problem.key(), problem.what());
        match problem.instead() {
            "" => format!("{line}:{column} {key} {what}"),
            instead => format!("{line}:{column} {key} {what}; {instead}"),
        }
    };
    problems.map(line).collect()
}

/// The only error of `text`.
fn error(name: &str, text: impl AsRef<[u8]>) -> String {
    let resolved = read(name, text);
    let mut errors = lines(&resolved, Severity::Error);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(resolved.config.disabled, "nothing is sent");
    assert!(resolved.check().is_err());
    errors.remove(0)
}

const FULL: &str = r#"
file_format: "1.1"
log_level: warn2
resource:
  detection/development: {detectors: [{host: }, {k8s: }, {host: }]}
  attributes_list: team=a%20b,service.name=from-list
  attributes:
    - {name: service.name, value: shop}
    - {name: tier, value: 1, type: int}
propagator:
  composite: [{tracecontext: }, {b3: }]
  composite_list: b3,baggage
attribute_limits:
  attribute_count_limit: 7
tracer_provider:
  processors:
    - batch:
        schedule_delay: 100
        max_queue_size: 0x10
        exporter:
          otlp_http:
            endpoint: http://collector:4318/x
            headers:
              - {name: authorization, value: "Bearer ${TOKEN}"}
            headers_list: a=b,authorization=weaker
            timeout: 0
  limits:
    event_count_limit: 3
  sampler:
    parent_based:
      root:
        trace_id_ratio_based: {ratio: 0.25}
meter_provider:
  readers:
    - pull: {exporter: {prometheus/development: {host: 0.0.0.0, port: 0}}}
    - periodic:
        interval: 1000
        exporter:
          otlp_http: {temporality_preference: low_memory}
  exemplar_filter: always_off
logger_provider:
  processors:
    - batch: {exporter: {console: }}
instrumentation/development:
  rust:
    spanwise:
      log_filter: warn,shop=debug
      log_lines: json
      span_metrics_filter: trace
      banner: false
"#;

#[test]
fn file_says_what_is_built() {
    let resolved = read_with("full", FULL, &[("TOKEN", "s3cret")]);
    assert_eq!(lines(&resolved, Severity::Error), [""; 0]);
    assert_eq!(lines(&resolved, Severity::Warning), [""; 0]);
    let config = &resolved.config;
    assert_eq!(config.resource.service_name.as_deref(), Some("shop"));
    assert_eq!(
        config.resource.detectors,
        [Detector::Host, Detector::Kubernetes]
    );
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(
        config.resource.attributes,
        [pair("team", "a b"), pair("tier", "1")]
    );
    assert_eq!(
        config.propagators,
        [
            Propagator::TraceContext,
            Propagator::B3,
            Propagator::Baggage
        ]
    );
    let [SpanExporter::Otlp(otlp)] = config.traces.exporters.as_slice() else {
        panic!("{:?}", config.traces.exporters);
    };
    assert_eq!(otlp.endpoint, "http://collector:4318/x");
    assert_eq!(otlp.timeout, Duration::ZERO);
    assert_eq!(
        otlp.headers.0,
        [pair("a", "b"), pair("authorization", "Bearer s3cret")]
    );
    assert_eq!(config.traces.batch.max_queue_size, 16);
    assert_eq!(config.traces.batch.max_export_batch_size, 16);
    assert_eq!(config.traces.limits.attribute_count, 7);
    assert_eq!(config.traces.limits.event_count, 3);
    assert_eq!(
        config.traces.sampler,
        Sampler::parent_based(Sampler::TraceIdRatio(0.25))
    );
    let [
        MetricExporter::Prometheus(prometheus),
        MetricExporter::Otlp(metrics),
    ] = config.metrics.exporters.as_slice()
    else {
        panic!("{:?}", config.metrics.exporters);
    };
    assert_eq!((prometheus.host.as_str(), prometheus.port), ("0.0.0.0", 0));
    assert_eq!(metrics.temporality, Temporality::LowMemory);
    assert_eq!(metrics.otlp.endpoint, "http://localhost:4318/v1/metrics");
    assert_eq!(config.metrics.interval, Duration::from_secs(1));
    assert_eq!(config.logs.exporters, [LogExporter::Console]);
    assert_eq!(config.logs.limits.attribute_count, 7);
    assert_eq!(config.logs.lines, LogLines::Json);
    assert_eq!(
        config.logs.filter,
        Filter {
            directives: "warn,shop=debug".into()
        }
    );
    assert!(!config.diagnostics.banner);
}

#[test]
fn listing_names_line_and_column_and_no_secret() {
    let resolved = read_with("listing", FULL, &[("TOKEN", "s3cret")]);
    let queue = resolved
        .effective
        .get("OTEL_BSP_MAX_QUEUE_SIZE")
        .expect("it is in effect");
    assert_eq!(queue.value(), "16");
    let config::Origin::File { line, column, .. } = queue.origin() else {
        panic!("{:?}", queue.origin());
    };
    assert_eq!((*line, *column), (19, 25));
    let listing = resolved.effective.to_string();
    assert!(listing.contains("listing.yaml:19:25"), "{listing}");
    for output in [listing, format!("{resolved:?}")] {
        assert!(!output.contains("s3cret"), "{output}");
    }
}

#[test]
fn every_mistake_is_named_at_once_with_its_place() {
    let resolved = read(
        "mistakes",
        r#"file_format: "1.1"
disabled: "true"
tracer_provider:
  procesors: []
  sampler: {trace_id_ratio_based: {ratio: 1.5}}
  limits: {event_count_limit: -1}
logger_provider:
  processors: []
propagator:
  composite: [{b3: {x: 1}}]
meter_provider:
  exemplar_filter: sometimes
  readers:
    - {periodic: {exporter: {console: }}, pull: {exporter: {console: }}}
resource:
instrumentation/development:
  java: {agent: {anything: 1}}
  rust: {spanwise: {log_lines: loud}}
"#,
    );
    assert_eq!(
        lines(&resolved, Severity::Error),
        [
            "2:11 disabled is a text, not true or false",
            "4:3 tracer_provider.procesors is not a known property; did you mean processors?",
            "4:3 tracer_provider has no processors, which is required",
            "5:43 tracer_provider.sampler.trace_id_ratio_based.ratio is 1.5, not a number from 0 to 1",
            "6:31 tracer_provider.limits.event_count_limit is -1, not a whole number from 0",
            "8:15 logger_provider.processors is an empty list",
            "10:21 propagator.composite[0].b3.x is not a known property; none is accepted here",
            "12:20 meter_provider.exemplar_filter is \"sometimes\", not one of always_on, always_off, trace_based",
            "14:7 meter_provider.readers[0] has 2 properties, not exactly one of periodic, pull",
            "15:9 resource is null, not an object",
        ]
    );
}

#[test]
fn own_settings_are_as_strict_as_the_rest() {
    let text = "file_format: \"1.1\"\ninstrumentation/development: {rust: {spanwise: {log_line: json}, other: {x: 1}}}\n";
    assert_eq!(
        error("own", text),
        "2:49 instrumentation/development.rust.spanwise.log_line is not a known property; did you mean log_lines?"
    );
}

#[test]
fn version_rule_is_that_of_the_schema() {
    for (version, accepted) in [
        ("\"1.0\"", true),
        ("\"1.1\"", true),
        ("\"1.1-rc.1\"", true),
        ("\"0.4\"", false),
        ("\"2.0\"", false),
        ("\"x\"", false),
        ("1.1", false),
    ] {
        let resolved = read("version", format!("file_format: {version}\n"));
        assert_eq!(resolved.check().is_ok(), accepted, "{version}");
    }
    let newer = read("newer", "file_format: \"1.7\"\nresource: {brand_new: 1}\n");
    assert_eq!(
        lines(&newer, Severity::Warning),
        [
            "1:14 file_format is 1.7, newer than the 1.1 that is known here; reading it as far as it is known",
            "2:12 resource.brand_new is not a known property; accepted are attributes, detection/development, schema_url, attributes_list; ignoring it",
        ]
    );
    assert!(newer.check().is_ok());
}

#[test]
fn missing_version_is_an_error() {
    assert_eq!(
        error("no-version", "disabled: false\n"),
        "1:1 the configuration file has no file_format, which is required"
    );
}

#[test]
fn signal_without_a_provider_goes_nowhere() {
    let resolved = read("bare", "file_format: \"1.1\"\n");
    assert_eq!(resolved.problems, []);
    let Config {
        traces,
        metrics,
        logs,
        propagators,
        resource,
        ..
    } = resolved.config;
    assert_eq!(traces.exporters, []);
    assert_eq!(metrics.exporters, []);
    assert_eq!(logs.exporters, []);
    assert_eq!(propagators, []);
    assert_eq!(resource.detectors, []);
}

#[test]
fn null_component_is_there_and_missing_one_is_not() {
    let sampler = |text: &str| {
        let text = format!(
            "file_format: \"1.1\"\ntracer_provider: {{processors: [{{simple: {{exporter: {{console: }}}}}}], {text}}}\n"
        );
        let resolved = read("null", text);
        assert_eq!(lines(&resolved, Severity::Error), [""; 0]);
        resolved.config.traces.sampler
    };
    assert_eq!(sampler("sampler: {always_off: }"), Sampler::AlwaysOff);
    assert_eq!(
        sampler("sampler: {trace_id_ratio_based: }"),
        Sampler::TraceIdRatio(1.0)
    );
    assert_eq!(
        sampler("limits: {}"),
        Sampler::parent_based(Sampler::AlwaysOn)
    );
}

#[test]
fn part_that_cannot_be_built_is_named() {
    let resolved = read(
        "unsupported",
        r#"file_format: "1.1"
resource:
  schema_url: https://x
  detection/development: {attributes: {included: [x]}, detectors: [{host: }]}
tracer_provider:
  processors:
    - simple: {exporter: {otlp_file/development: {output_stream: file:///x}}}
  sampler: {composite/development: {always_on: }}
  tracer_configurator/development: {default_config: {enabled: false}}
meter_provider:
  readers:
    - periodic: {exporter: {console: {temporality_preference: delta}}, cardinality_limits: {default: 1}}
  views: [{selector: {}, stream: {name: x}}]
instrumentation/development: {general: {stability_opt_in_list: http}}
distribution: {other: {}}
vendor: 1
"#,
    );
    assert_eq!(lines(&resolved, Severity::Error), [""; 0]);
    let warnings = lines(&resolved, Severity::Warning);
    for path in [
        "resource.schema_url",
        "resource.detection/development.attributes",
        "tracer_provider.processors[0].simple.exporter.otlp_file/development.output_stream",
        "tracer_provider.sampler.composite/development",
        "tracer_provider.tracer_configurator/development",
        "meter_provider.readers[0].periodic.exporter.console.temporality_preference",
        "meter_provider.readers[0].periodic.cardinality_limits",
        "meter_provider.views",
        "instrumentation/development.general",
    ] {
        let named = warnings
            .iter()
            .any(|line| line.contains(&format!(" {path} ")));
        assert!(named, "{path}: {warnings:#?}");
    }
    assert_eq!(warnings.len(), 9, "{warnings:#?}");
    let notices = lines(&resolved, Severity::Notice);
    assert_eq!(notices.len(), 3, "{notices:#?}");
}

#[test]
fn component_that_nobody_registered_is_an_error() {
    for (part, path) in [
        (
            "propagator: {composite: [{mine: }]}",
            "propagator.composite[0].mine",
        ),
        (
            "meter_provider: {readers: [{periodic: {exporter: {mine: {x: 1}}}}]}",
            "meter_provider.readers[0].periodic.exporter.mine",
        ),
        (
            "meter_provider: {readers: [{pull: {exporter: {mine: }}}]}",
            "meter_provider.readers[0].pull.exporter.mine",
        ),
        (
            "resource: {detection/development: {detectors: [{mine: }]}}",
            "resource.detection/development.detectors[0].mine",
        ),
        (
            "logger_provider: {processors: [{mine: }]}",
            "logger_provider.processors[0].mine",
        ),
    ] {
        let line = error("component", format!("file_format: \"1.1\"\n{part}\n"));
        assert!(
            line.contains(&format!(" {path} no ")) && line.ends_with("is registered"),
            "{line}"
        );
    }
}

#[test]
fn other_variables_are_ignored_and_named() {
    let text =
        "file_format: \"1.1\"\ntracer_provider: {processors: [{batch: {exporter: {console: }}}]}\n";
    let resolved = read_with(
        "ignores",
        text,
        &[
            ("OTEL_TRACES_SAMPLER", "always_off"),
            ("RUST_LOG", "trace"),
            ("HOME", "x"),
        ],
    );
    assert_eq!(
        resolved.config.traces.sampler,
        Sampler::parent_based(Sampler::AlwaysOn)
    );
    assert_eq!(resolved.config.logs.filter, Filter::default());
    let notices = lines(&resolved, Severity::Notice);
    assert_eq!(notices.len(), 2, "{notices:#?}");
    assert!(
        notices
            .iter()
            .all(|line| line.contains("has no effect beside OTEL_CONFIG_FILE")),
        "{notices:#?}"
    );
}

#[test]
fn variable_that_the_file_refers_to_is_not_ignored() {
    let text = "file_format: \"1.1\"\nresource: {attributes: [{name: service.name, value: \"${OTEL_SERVICE_NAME:-x}\"}]}\n";
    let resolved = read_with("refers", text, &[("OTEL_SERVICE_NAME", "shop")]);
    assert_eq!(
        resolved.config.resource.service_name.as_deref(),
        Some("shop")
    );
    assert_eq!(resolved.problems, []);
}

#[test]
fn strictness_can_be_asked_for_in_the_file() {
    let text = "file_format: \"1.1\"\nresource: {schema_url: x}\ninstrumentation/development: {rust: {spanwise: {config: strict}}}\n";
    let resolved = read("strict", text);
    assert_eq!(resolved.strictness, Strictness::Strict);
    assert!(resolved.check().is_err());
}

#[test]
fn file_that_cannot_be_read_is_named() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let missing = read_path(&folder.join("missing.yaml"), &[]);
    assert!(lines(&missing, Severity::Error)[0].contains("cannot be opened"));
    let directory = read_path(&folder, &[]);
    assert!(lines(&directory, Severity::Error)[0].contains("is not a file"));
    assert!(error("binary", [0xff, 0xfe, 0x00]).contains("is not valid UTF-8"));
    assert!(error("large", vec![b'#'; 100 * 1024 * 1024]).contains("is larger than 1048576 bytes"));
    fs::remove_file(folder.join("large.yaml")).expect("it was written");
}

#[test]
fn shown_text_of_a_mistake_has_no_credential() {
    let text = r#"file_format: "1.1"
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_http:
            endpoint: "ftp://me:${SECRET}@h"
            headers: [{name: authorization, value: "${SECRET}\n"}]
            headers_list: "${SECRET}"
            compression: "Bearer ${SECRET}"
            timeout: ${SECRET}
"#;
    let resolved = read_with("secret", text, &[("SECRET", "s3cret")]);
    assert!(!lines(&resolved, Severity::Error).is_empty());
    let text = text.replace("            timeout: ${SECRET}\n", "");
    let typed_well = read_with("secret2", text, &[("SECRET", "s3cret")]);
    assert_eq!(lines(&typed_well, Severity::Error).len(), 3);
    for resolved in [resolved, typed_well] {
        let output = format!("{resolved:?} {}", resolved.effective);
        assert!(!output.contains("s3cret"), "{output}");
    }
}

#[test]
fn official_files_keep_to_the_schema() {
    let Some(folder) = cases::folder() else {
        return;
    };
    let mut count = 0;
    for part in ["examples", "snippets"] {
        for entry in
            fs::read_dir(folder.join("configuration").join(part)).expect("the folder is there")
        {
            let path = entry.expect("it can be listed").path();
            let resolved = read_path(&path, &[]);
            let errors = lines(&resolved, Severity::Error);
            // Made-up components are right in the schema, and nobody registers them here.
            let unexpected: Vec<_> = errors
                .iter()
                .filter(|line| !line.ends_with("is registered"))
                .collect();
            assert!(unexpected.is_empty(), "{}: {unexpected:#?}", path.display());
            count += 1;
        }
    }
    assert_eq!(count, 37);
}

/// What the schema has no word for: the settings of what goes nowhere, and relative paths.
fn without_words(mut config: Config) -> Config {
    let defaults = Config::default();
    if config.traces.exporters.is_empty() {
        config.traces.sampler = defaults.traces.sampler;
        config.traces.limits = defaults.traces.limits;
        config.traces.batch = defaults.traces.batch;
    }
    if config.logs.exporters.is_empty() {
        config.logs.limits = defaults.logs.limits;
        config.logs.batch = defaults.logs.batch;
    }
    let mut exporters = config.metrics.exporters.iter();
    if exporters.all(|exporter| matches!(exporter, MetricExporter::Prometheus(_))) {
        config.metrics.interval = defaults.metrics.interval;
        config.metrics.timeout = defaults.metrics.timeout;
    }
    if config.metrics.exporters.is_empty() {
        config.metrics.exemplar_filter = defaults.metrics.exemplar_filter;
    }
    if config.diagnostics.level == DiagnosticsLevel::None {
        config.diagnostics.level = DiagnosticsLevel::Error;
    }
    let traces = config.traces.exporters.iter_mut().filter_map(|e| match e {
        SpanExporter::Otlp(otlp) => Some(otlp),
        _ => None,
    });
    let metrics = config.metrics.exporters.iter_mut().filter_map(|e| match e {
        MetricExporter::Otlp(metrics) => Some(&mut metrics.otlp),
        _ => None,
    });
    let logs = config.logs.exporters.iter_mut().filter_map(|e| match e {
        LogExporter::Otlp(otlp) => Some(otlp),
        _ => None,
    });
    for otlp in traces.chain(metrics).chain(logs) {
        let tls = &mut otlp.tls;
        for file in [
            &mut tls.certificate,
            &mut tls.client_key,
            &mut tls.client_certificate,
        ] {
            *file = file
                .take()
                .map(|path| std::path::absolute(path).expect("there is a current folder"));
        }
    }
    config
}

/// The same after a journey through a file, with what stays out of it in the environment.
fn assert_environment_comes_back(name: &str, pairs: &[(&str, &str)]) {
    let config = without_words(crate::resolve(pairs).config);
    let yaml = config::to_yaml(&config);
    let mut env = Vec::new();
    for (signal, otlp) in connections(&config) {
        env.push((format!("{signal}_ENDPOINT"), otlp.endpoint.clone()));
        for (header, value) in &otlp.headers.0 {
            let header: String = header
                .chars()
                .map(|c| {
                    if c.is_ascii_alphanumeric() {
                        c.to_ascii_uppercase()
                    } else {
                        '_'
                    }
                })
                .collect();
            env.push((format!("{signal}_HEADER_{header}"), value.clone()));
        }
    }
    let env: Vec<_> = env.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let back = read_with(name, &yaml, &env);
    assert_eq!(lines(&back, Severity::Error), [""; 0], "{pairs:?}\n{yaml}");
    assert_eq!(without_words(back.config), config, "{pairs:?}\n{yaml}");
}

fn connections(config: &Config) -> Vec<(&'static str, &Otlp)> {
    let traces = config.traces.exporters.iter().filter_map(|e| match e {
        SpanExporter::Otlp(otlp) => Some(("TRACES", otlp)),
        _ => None,
    });
    let metrics = config.metrics.exporters.iter().filter_map(|e| match e {
        MetricExporter::Otlp(metrics) => Some(("METRICS", &metrics.otlp)),
        _ => None,
    });
    let logs = config.logs.exporters.iter().filter_map(|e| match e {
        LogExporter::Otlp(otlp) => Some(("LOGS", otlp)),
        _ => None,
    });
    traces.chain(metrics).chain(logs).collect()
}

#[test]
fn every_environment_of_the_vectors_comes_back_from_a_file() {
    let Some(folder) = cases::folder() else {
        return;
    };
    for case in cases::load(&folder) {
        let env = cases::environment(&case);
        let pairs: Vec<_> = env.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        if env.iter().all(|(name, _)| name != "OTEL_CONFIG_FILE") {
            assert_environment_comes_back("vectors-journey", &pairs);
        }
    }
}

/// Settings of every part that has its own words in the file.
const SETTINGS: &[(&str, &[&str])] = &[
    ("OTEL_TRACES_EXPORTER", &["otlp", "none", "console,otlp"]),
    (
        "OTEL_METRICS_EXPORTER",
        &["prometheus", "none", "otlp,console"],
    ),
    ("OTEL_LOGS_EXPORTER", &["none", "otlp/stdout"]),
    ("OTEL_PROPAGATORS", &["none", "b3,jaeger", "xray,b3multi"]),
    ("OTEL_LOG_LEVEL", &["none", "error", "warn", "debug"]),
    ("OTEL_BSP_MAX_QUEUE_SIZE", &["1", "100", "1000"]),
    ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", &["1", "4000"]),
    ("OTEL_RUST_QUEUE_BYTES", &["1", "33554432", "100000000"]),
    ("OTEL_RUST_SPOOL_DIRECTORY", &["/var/spool/otel", "a: b"]),
    ("OTEL_RUST_SPOOL_BYTES", &["1", "1000000"]),
    ("OTEL_RUST_SPOOL_AGE", &["0", "60000"]),
    (
        "OTEL_TRACES_SAMPLER",
        &["ratelimiting", "parentbased_ratelimiting", "traceidratio"],
    ),
    ("OTEL_TRACES_SAMPLER_ARG", &["0.25", "1"]),
    (
        "OTEL_RUST_TRACES_SAMPLER_RULES",
        &["span.kind=server=>traceidratio:0.1;a=%3D=>always_on"],
    ),
    (
        "OTEL_RUST_RESOURCE_DETECTORS",
        &["none", "host,k8s,process_args"],
    ),
    ("OTEL_RUST_SPAN_METRICS_FILTER", &["off", "info,a=trace"]),
    (
        "OTEL_RUST_SPAN_METRICS_DIMENSIONS",
        &["tenant,a.b=c,$x=$${y}:\"q\",-status.code", "-span.kind"],
    ),
    (
        "OTEL_RUST_SPAN_METRICS_BUCKETS",
        &["fast", "batch", "requests", "0.001,2.5,86400000"],
    ),
    ("OTEL_RUST_SPAN_METRICS_UNIT", &["s", "ms"]),
    ("OTEL_RUST_SPAN_METRICS_LIMIT", &["1", "50000"]),
    ("OTEL_RUST_SPAN_METRICS_EXPIRATION", &["0", "60000"]),
    (
        "OTEL_RUST_SPAN_METRICS_FAMILIES",
        &["none", "http,active", "gen_ai"],
    ),
    ("OTEL_RUST_SPAN_METRICS_API_SPANS", &["on"]),
    ("OTEL_RUST_SKIP_UNSAMPLED", &["off"]),
    ("OTEL_RUST_BANNER", &["off"]),
];

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config {
        cases: 100,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn any_mixture_of_settings_comes_back_from_a_file(
        chosen in proptest::collection::vec(0..4_usize, SETTINGS.len()),
    ) {
        let pairs: Vec<_> = SETTINGS
            .iter()
            .zip(chosen)
            .filter_map(|((name, values), index)| Some((*name, *values.get(index)?)))
            .collect();
        assert_environment_comes_back("mixture-journey", &pairs);
    }
}

#[test]
fn what_only_code_can_say_of_span_metrics_comes_back_from_a_file() {
    let span_metrics = SpanMetrics::default()
        .add_dimension(Dimension::new("a").for_target("b::c").with_default(""))
        .add_span(
            SpanDescription::new("import: all")
                .with_help("a \"help\"\nof two lines")
                .add_dimension(Dimension::new("x").with_label("y"))
                .with_buckets(Buckets::Millis(vec![0.5, 1.0]))
                .add_dropped_label("span.kind"),
        )
        .add_reserved("http.route", ["/users/{id}", "${HOME}"]);
    let config = Config {
        span_metrics,
        ..Config::default()
    };
    let back = read("code-journey", config::to_yaml(&config));
    assert_eq!(back.config.span_metrics, config.span_metrics);
}

#[test]
fn dimension_that_would_replace_a_label_is_an_error_in_a_file() {
    let text = "file_format: \"1.1\"\ninstrumentation/development: {rust: {spanwise: {span_metrics: {dimensions: [{field: span.name}]}}}}\n";
    assert_eq!(
        error("dimension", text),
        "2:77 instrumentation/development.rust.spanwise.span_metrics.dimensions[0] would replace the label span.name, which every span has"
    );
}

#[test]
fn file_chosen_in_code_wins_over_the_environment() -> Result<(), spanwise::InitError> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chosen.yaml");
    fs::write(&path, "file_format: \"1.1\"\ndisabled: true\n").expect("the file can be written");
    let telemetry = spanwise::Telemetry::builder()
        .with_env(Env::from_pairs([("OTEL_CONFIG_FILE", "/no/such/file")]))
        .config_file(&path)
        .build()?;
    let file = telemetry.effective().get("OTEL_CONFIG_FILE");
    let file = file.expect("the file is listed");
    assert_eq!(file.origin().source(), "code");
    assert_eq!(Some(file.value()), path.to_str());
    Ok(())
}

/// The same after a journey through a file.
fn assert_journey(pairs: &[(&str, &str)]) {
    let config = crate::resolve(pairs).config;
    let yaml = config::to_yaml(&config);
    let back = read_with(
        "journey",
        &yaml,
        &[
            ("TRACES_HEADER_X_KEY", "v$1"),
            ("LOGS_HEADER_X_KEY", "v$1"),
            ("METRICS_HEADER_X_KEY", "v$1"),
            ("LOGS_ENDPOINT", "http://h/x?token=v$1"),
        ],
    );
    assert_eq!(lines(&back, Severity::Error), [""; 0], "{yaml}");
    assert_eq!(lines(&back, Severity::Warning), [""; 0], "{yaml}");
    assert_eq!(back.config, config, "{yaml}");
    assert!(!yaml.contains("v$1"), "{yaml}");
}

#[test]
fn written_file_means_the_same() {
    assert_journey(&[]);
    assert_journey(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ]);
    assert_journey(&[
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_SERVICE_NAME", "a \"quoted\" ${NAME}: \u{1}é"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=%0A%23,b=,c=true"),
        ("OTEL_PROPAGATORS", "none"),
        ("OTEL_LOG_LEVEL", "debug"),
        ("OTEL_TRACES_EXPORTER", "otlp,console,otlp/stdout"),
        (
            "OTEL_METRICS_EXPORTER",
            "otlp,prometheus,console,otlp/stdout",
        ),
        ("OTEL_LOGS_EXPORTER", "otlp,console,otlp/stdout"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://h/base"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=v$1"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://h/x?token=v$1"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/etc/key.pem"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/etc/chain.pem"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
        (
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            "base2_exponential_bucket_histogram",
        ),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "always_on"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "5"),
        ("OTEL_TRACES_SAMPLER", "parentbased_jaeger_remote"),
        (
            "OTEL_TRACES_SAMPLER_ARG",
            "endpoint=http://j:14250,pollingIntervalMs=5,initialSamplingRate=0.5",
        ),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "9"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "4"),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "5"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
        ("RUST_LOG", "warn,a::b=debug"),
        ("OTEL_RUST_SPAN_FILTER", "off"),
        (
            "OTEL_RUST_TRACES_SAMPLER_RULES",
            "span.name=GET /$x*,span.kind=server=>always_off;a=%2C%20=>ratelimiting:2.5",
        ),
        ("OTEL_RUST_RESOURCE_DETECTORS", "process_args,host"),
        ("OTEL_RUST_LOG_LINES", "off"),
        ("OTEL_RUST_BANNER", "off"),
    ]);
    for sampler in [
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_off",
        "ratelimiting",
        "jaeger_remote",
    ] {
        assert_journey(&[("OTEL_TRACES_SAMPLER", sampler)]);
    }
}

#[test]
fn written_protocol_is_the_one_that_was_chosen() {
    let yaml = config::to_yaml(
        &crate::resolve(&[("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json")]).config,
    );
    let SpanExporter::Otlp(otlp) = &read("protocol", yaml).config.traces.exporters[0] else {
        panic!("it was OTLP");
    };
    assert_eq!(otlp.protocol, Protocol::HttpJson);
}

#[test]
fn parent_that_is_not_followed_is_named() {
    let sampler = |delegate: &str| {
        let text = format!(
            "file_format: \"1.1\"\ntracer_provider:\n  processors: [{{batch: {{exporter: {{console: }}}}}}]\n  sampler: {{parent_based: {{root: {{always_off: }}, remote_parent_sampled: {{{delegate}: }}}}}}\n"
        );
        let resolved = read("delegate", text);
        assert_eq!(
            resolved.config.traces.sampler,
            Sampler::parent_based(Sampler::AlwaysOff)
        );
        lines(&resolved, Severity::Warning)
    };
    assert_eq!(sampler("always_on"), [""; 0]);
    assert_eq!(
        sampler("always_off"),
        [
            "4:73 tracer_provider.sampler.parent_based.remote_parent_sampled is not supported: a span always follows its parent; using always_on"
        ]
    );
}

#[test]
fn port_of_the_other_protocol_is_noticed() {
    let text = "file_format: \"1.1\"\ntracer_provider: {processors: [{batch: {exporter: {otlp_http: {endpoint: http://h:4317}}}}]}\n";
    let warnings = lines(&read("port", text), Severity::Warning);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("port of OTLP over gRPC"),
        "{warnings:?}"
    );
}

#[test]
fn attribute_that_is_not_of_its_type_is_an_error() {
    let text = "file_format: \"1.1\"\nresource: {attributes: [{name: a, value: x, type: int}]}\n";
    assert_eq!(
        error("type", text),
        "2:42 resource.attributes[0].value is of type string, and its type says int"
    );
}

#[test]
fn file_named_in_code_wins_and_other_code_is_named() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("code.yaml");
    fs::write(&path, "file_format: \"1.1\"\ndisabled: true\n").expect("the file can be written");
    let path = path.to_str().expect("the path is UTF-8");
    let resolved = config::resolve(&Sources {
        overrides: Env::from_pairs([("OTEL_CONFIG_FILE", path), ("OTEL_SERVICE_NAME", "shop")]),
        env: Env::from_pairs([("OTEL_CONFIG_FILE", "/no/such/file")]),
        defaults: Env::from_pairs([("RUST_LOG", "warn")]),
        ..Sources::default()
    });
    assert!(resolved.config.disabled);
    assert_eq!(
        lines(&resolved, Severity::Warning),
        ["OTEL_SERVICE_NAME (code) has no effect beside OTEL_CONFIG_FILE; ignoring it"]
    );
    assert_eq!(
        resolved.problems.len(),
        1,
        "a default in code gives way without a word"
    );
}
