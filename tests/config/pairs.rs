//! Values that are fine alone and wrong together.

use spanwise::config::{Severity, SpanExporter};

use crate::{resolve, warnings};

fn only_problem(pairs: &[(&str, &str)]) -> String {
    let resolved = resolve(pairs);
    assert_eq!(resolved.problems.len(), 1, "{:#?}", resolved.problems);
    resolved.problems[0].to_string()
}

#[test]
fn http_at_the_port_of_grpc_is_noticed() {
    let problem = only_problem(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:4317")]);
    assert!(problem.contains("port of OTLP over gRPC"), "{problem}");
}

#[cfg(feature = "grpc")]
#[test]
fn grpc_at_the_port_of_http_is_noticed() {
    let problem = only_problem(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ]);
    assert!(problem.contains("port of OTLP over HTTP"), "{problem}");
}

#[test]
fn general_endpoint_with_the_path_of_a_signal_is_noticed() {
    let problem = only_problem(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h/v1/traces")]);
    assert!(
        problem.contains("path of each signal is added"),
        "{problem}"
    );
    assert_eq!(
        resolve(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://h/v1/traces")]).problems,
        []
    );
}

#[test]
fn wrong_pair_is_no_matter_when_the_signal_is_off() {
    let resolved = resolve(&[
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://h:4317"),
    ]);
    assert_eq!(resolved.problems, []);
}

#[test]
fn sampler_argument_without_a_sampler_is_noticed() {
    let problem = only_problem(&[("OTEL_TRACES_SAMPLER_ARG", "0.1")]);
    assert!(
        problem.contains("no effect without OTEL_TRACES_SAMPLER"),
        "{problem}"
    );
}

#[test]
fn sampler_argument_that_is_not_taken_is_noticed() {
    let resolved = resolve(&[
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
    ]);
    assert_eq!(resolved.problems[0].severity(), Severity::Notice);
}

#[test]
fn half_a_client_certificate_is_refused() {
    let resolved = resolve(&[("OTEL_EXPORTER_OTLP_CLIENT_KEY", "key.pem")]);
    let problems = warnings(&resolved);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"));
    let SpanExporter::Otlp(otlp) = &resolved.config.traces.exporters[0] else {
        panic!("{:?}", resolved.config.traces.exporters);
    };
    assert_eq!(otlp.tls.client_key, None);
}

#[test]
fn batch_above_the_queue_is_cut_and_said() {
    let resolved = resolve(&[
        ("OTEL_BSP_MAX_QUEUE_SIZE", "10"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "20"),
    ]);
    assert_eq!(resolved.config.traces.batch.max_export_batch_size, 10);
    assert_eq!(
        warnings(&resolved),
        [
            r#"OTEL_BSP_MAX_EXPORT_BATCH_SIZE="20" (environment) is more than OTEL_BSP_MAX_QUEUE_SIZE holds; using 10"#
        ]
    );
}

#[test]
fn small_queue_cuts_the_default_batch_without_a_word() {
    let resolved = resolve(&[("OTEL_BSP_MAX_QUEUE_SIZE", "10")]);
    assert_eq!(resolved.config.traces.batch.max_export_batch_size, 10);
    assert_eq!(
        resolved
            .effective
            .get("OTEL_BSP_MAX_EXPORT_BATCH_SIZE")
            .unwrap()
            .value(),
        "10"
    );
    assert_eq!(resolved.problems, []);
}
