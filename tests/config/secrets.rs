//! No output shows a credential.

use spanwise::config::{self, Env, Sources};

const SECRET: &str = "s3cret";

/// Environments with a credential in them, at its place and at wrong ones.
fn environments() -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let values = [
        format!("authorization=Bearer%20{SECRET}"),
        format!("authorization=Bearer {SECRET}"),
        format!("x-api-key={SECRET}%zz"),
        format!("https://user:{SECRET}@collector.example/v1/traces"),
        format!("user:{SECRET}@collector.example:4317"),
        format!("https://collector.example/?token={SECRET}"),
        format!("ftp://user:{SECRET}@collector.example"),
        format!("endpoint=http://user:{SECRET}@h:14250"),
        format!("client-secret={SECRET},ok=1"),
    ];
    let names = config::variables().map(|variable| variable.name);
    for name in names.chain(["OTEL_EXPORTER_OTLP_HEADER", "OTEL_EXPORTER_HEADERS"]) {
        // The path of the file is shown, so that it can be found.
        let is_path = name == "OTEL_CONFIG_FILE";
        for value in values.iter().filter(|_| !is_path) {
            pairs.push((name.to_owned(), value.clone()));
        }
    }
    pairs.push(("OTEL_EXPORTER_OTLP_HEADERS".into(), SECRET.into()));
    pairs
}

#[test]
fn no_output_shows_a_credential() {
    for (name, value) in environments() {
        let sources = Sources {
            env: Env::from_pairs([(name.as_str(), value.as_str())]),
            defaults: Env::from_pairs([("OTEL_TRACES_SAMPLER", "jaeger_remote")]),
            ..Sources::default()
        };
        let resolved = config::resolve(&sources);
        let mut outputs = vec![
            format!("{sources:?}"),
            resolved.effective.to_string(),
            format!("{:?}", resolved.effective),
            format!("{:?}", resolved.problems),
        ];
        outputs.extend(resolved.problems.iter().map(ToString::to_string));
        // Paths and host names are shown as they are.
        let is_data = ["CERTIFICATE", "CLIENT_KEY", "HOST", "DIRECTORY"];
        if !is_data.iter().any(|part| name.contains(part)) {
            outputs.push(format!("{:?}", resolved.config));
        }
        for output in outputs {
            assert!(!output.contains(SECRET), "{name}={value}:\n{output}");
        }
    }
}

#[test]
fn header_values_are_kept_for_the_exporter() {
    let resolved = crate::resolve(&[(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "authorization=Bearer%20s3cret",
    )]);
    let config::SpanExporter::Otlp(otlp) = &resolved.config.traces.exporters[0] else {
        panic!("{:?}", resolved.config.traces.exporters);
    };
    assert_eq!(
        otlp.headers.0,
        [("authorization".to_owned(), "Bearer s3cret".to_owned())]
    );
    let shown = resolved
        .effective
        .get("OTEL_EXPORTER_OTLP_TRACES_HEADERS")
        .unwrap();
    assert_eq!(shown.value(), "authorization=***");
}
