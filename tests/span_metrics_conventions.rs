//! Metrics of the semantic conventions from spans, held against the vectors of the conventions.
//!
//! The vectors are found through `SPANWISE_VECTORS`; without it the check against them is not made, which is said, and
//! fails in CI.

use std::collections::BTreeSet;
use std::io::Write;

use serde_json::Value;
use spanwise::Telemetry;
use spanwise::config::Env;
use spanwise::exposition::{Format, Labels};
use tracing::{Span, info_span};

fn telemetry() -> Telemetry {
    let vars = [
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_RUST_LOG_LINES", "off"),
    ];
    Telemetry::builder()
        .with_env(Env::from_pairs(vars))
        .strict()
        .build()
        .expect("a valid configuration")
}

/// The page after one span.
fn page_of(span: impl FnOnce() -> Span) -> String {
    let telemetry = telemetry();
    telemetry.scope(|| span().in_scope(|| ()));
    telemetry.render_as(Format::OpenMetrics)
}

/// The labels behind a name, as pairs.
fn labels(page: &str, name: &str) -> Option<Vec<(String, String)>> {
    let count = format!("{name}_count{{");
    let line = page.lines().find_map(|line| line.strip_prefix(&count))?;
    let (labels, _) = line.rsplit_once('}')?;
    let pairs = labels
        .split("\",")
        .filter_map(|pair| pair.split_once("=\""));
    Some(
        pairs
            .map(|(key, value)| (key.to_owned(), value.trim_end_matches('"').to_owned()))
            .collect(),
    )
}

fn label(page: &str, name: &str, key: &str) -> Option<String> {
    let labels = labels(page, name).unwrap_or_else(|| panic!("no {name} in\n{page}"));
    labels
        .into_iter()
        .find_map(|(k, value)| (k == key).then_some(value))
}

const HTTP_SERVER: &str = "http_server_request_duration_seconds";
const HTTP_CLIENT: &str = "http_client_request_duration_seconds";

fn server(method: &str, status: i64) -> Span {
    info_span!(
        "request",
        otel.kind = "server",
        http.request.method = method,
        url.scheme = "https",
        url.path = "/users/42",
        http.route = "/users/{id}",
        http.response.status_code = status,
        network.protocol.name = "http",
        network.protocol.version = "1.1",
        server.address = "example.com",
        server.port = 443,
        error.type = tracing::field::Empty,
        otel.status_code = tracing::field::Empty,
    )
}

fn client(status: i64) -> Span {
    info_span!(
        "call",
        otel.kind = "client",
        http.request.method = "GET",
        server.address = "example.com",
        server.port = 443,
        http.response.status_code = status,
        network.protocol.name = "spdy",
        network.protocol.version = "3",
        error.type = tracing::field::Empty,
    )
}

type MakeSpan = Box<dyn FnOnce() -> Span>;

/// A span of each metric with every attribute that the conventions name.
fn examples() -> Vec<(&'static str, MakeSpan)> {
    vec![
        (
            "http.server.request.duration",
            Box::new(|| server("GET", 503)),
        ),
        ("http.client.request.duration", Box::new(|| client(404))),
        (
            "rpc.server.call.duration",
            Box::new(|| {
                info_span!("rpc", otel.kind = "server", rpc.system.name = "grpc", rpc.method = "shop.Cart/Add",
                    rpc.status_code = "UNAVAILABLE", server.address = "h", server.port = 1, error.type = "UNAVAILABLE")
            }),
        ),
        (
            "rpc.client.call.duration",
            Box::new(|| {
                info_span!("rpc", otel.kind = "client", rpc.system.name = "grpc", rpc.method = "shop.Cart/Add",
                    rpc.status_code = "UNAVAILABLE", server.address = "h", server.port = 1, error.type = "UNAVAILABLE")
            }),
        ),
        (
            "db.client.operation.duration",
            Box::new(|| {
                info_span!("query", otel.kind = "client", db.system.name = "postgresql", db.collection.name = "users",
                    db.namespace = "shop", db.operation.name = "SELECT", db.response.status_code = "08P01",
                    server.port = 5432, db.query.summary = "SELECT users", db.stored_procedure.name = "p",
                    network.peer.address = "10.0.0.1", network.peer.port = 5432, server.address = "db",
                    db.query.text = "SELECT * FROM users", error.type = "08P01")
            }),
        ),
        (
            "messaging.process.duration",
            Box::new(|| {
                info_span!("process", otel.kind = "consumer", messaging.operation.name = "process",
                    messaging.operation.type = "process", messaging.system = "kafka",
                    messaging.consumer.group.name = "g", messaging.destination.name = "orders",
                    messaging.destination.subscription.name = "s", messaging.destination.template = "t",
                    server.address = "h", messaging.destination.partition.id = "3", server.port = 9092,
                    error.type = "timeout")
            }),
        ),
    ]
}

/// The vectors, or `None` after saying so.
fn vectors() -> Option<Vec<Value>> {
    let Some(path) = std::env::var_os("SPANWISE_VECTORS") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI needs SPANWISE_VECTORS"
        );
        let _ = writeln!(
            std::io::stderr(),
            "NOT CHECKED: SPANWISE_VECTORS is not set"
        );
        return None;
    };
    let path = std::path::Path::new(&path).join("semantic-conventions/metrics_extracted.json");
    let text = std::fs::read_to_string(path).expect("readable vectors");
    Some(serde_json::from_str(&text).expect("valid vectors"))
}

/// An attribute as Prometheus shows it.
fn as_label(key: &str) -> String {
    let label = Labels::render([(key, "x")]);
    label.as_str().trim_end_matches("=\"x\"").to_owned()
}

#[test]
fn every_metric_has_name_unit_buckets_and_attributes_of_the_conventions() {
    let Some(vectors) = vectors() else {
        return;
    };
    for (name, span) in examples() {
        let metric = vectors.iter().find(|metric| metric["name"] == name);
        let metric = metric.unwrap_or_else(|| panic!("no vector of {name}"));
        let page = page_of(span);
        let shown = format!("{}_seconds", name.replace('.', "_"));
        assert_eq!(metric["unit"], "s", "{name}");

        let bounds = page.lines().filter_map(|line| {
            let line = line.strip_prefix(&format!("{shown}_bucket"))?;
            line.split("le=\"").nth(1)?.split('"').next()?.parse().ok()
        });
        let bounds: Vec<f64> = bounds.filter(|bound: &f64| bound.is_finite()).collect();
        let expected = metric["buckets"].as_array().expect("buckets").iter();
        let expected: Vec<f64> = expected.filter_map(Value::as_f64).collect();
        assert_eq!(bounds, expected, "{name}");

        let got = labels(&page, &shown).unwrap_or_else(|| panic!("no {name} in\n{page}"));
        let got: BTreeSet<String> = got.into_iter().map(|(key, _)| key).collect();
        let attributes = metric["attributes"].as_array().expect("attributes").iter();
        let expected: BTreeSet<String> = attributes
            .filter(|attribute| attribute["requirement"] != "Opt-In")
            .map(|attribute| attribute["key"].as_str().expect("a key"))
            // Left out where it is the protocol that the metric is named after.
            .filter(|key| {
                !(name == "http.server.request.duration" && *key == "network.protocol.name")
            })
            .map(as_label)
            .collect();
        assert_eq!(got, expected, "{name}");
    }
}

#[test]
fn calls_of_models_have_the_metric_of_their_conventions() {
    let page = page_of(|| {
        info_span!(
            "chat",
            otel.kind = "client",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = "m",
            gen_ai.response.model = "m-1",
            server.address = "h",
            server.port = 443
        )
    });
    let labels = labels(&page, "gen_ai_client_operation_duration_seconds").expect("the metric");
    let keys: Vec<&str> = labels.iter().map(|(key, _)| key.as_str()).collect();
    let expected = [
        "gen_ai_operation_name",
        "gen_ai_provider_name",
        "gen_ai_request_model",
        "gen_ai_response_model",
        "server_address",
        "server_port",
    ];
    assert_eq!(keys, expected);
    assert!(page.contains(r#"server_port="443",le="81.92""#), "{page}");
}

#[test]
fn error_type_is_there_only_after_a_failure() {
    let error = |make: &dyn Fn() -> Span| label(&page_of(make), HTTP_SERVER, "error_type");
    let with = |span: Span, field: &str, value: &str| {
        span.record(field, value);
        span
    };
    assert_eq!(error(&|| server("GET", 200)), None);
    // A client asked for what is not there: the server has done its work.
    assert_eq!(error(&|| server("GET", 404)), None);
    assert_eq!(error(&|| server("GET", 500)).as_deref(), Some("500"));
    let failed = || with(server("GET", 200), "otel.status_code", "error");
    assert_eq!(error(&failed).as_deref(), Some("_OTHER"));
    let named = || with(server("GET", 500), "error.type", "timeout");
    assert_eq!(error(&named).as_deref(), Some("timeout"));
    let overruled = || with(server("GET", 500), "otel.status_code", "ok");
    assert_eq!(error(&overruled), None);
}

#[test]
fn a_client_has_failed_where_the_server_refused() {
    let page = page_of(|| client(404));
    assert_eq!(
        label(&page, HTTP_CLIENT, "error_type").as_deref(),
        Some("404")
    );
}

#[test]
fn unknown_methods_and_statuses_make_no_series() {
    let telemetry = telemetry();
    telemetry.scope(|| {
        for n in 0..1000 {
            server(&format!("M{n}"), 600 + n).in_scope(|| ());
        }
    });
    let page = telemetry.render_as(Format::OpenMetrics);
    let series = page
        .lines()
        .filter(|line| line.starts_with(&format!("{HTTP_SERVER}_count")));
    assert_eq!(series.count(), 1);
    assert_eq!(
        label(&page, HTTP_SERVER, "http_request_method").as_deref(),
        Some("_OTHER")
    );
    assert_eq!(label(&page, HTTP_SERVER, "http_response_status_code"), None);
}

#[test]
fn a_raw_path_is_never_a_route() {
    let page = page_of(|| {
        info_span!(
            "request",
            otel.kind = "server",
            http.request.method = "GET",
            url.scheme = "http",
            url.path = "/users/42",
            http.target = "/users/42"
        )
    });
    assert_eq!(label(&page, HTTP_SERVER, "http_route"), None);
    assert!(!page.contains("/users/42"), "{page}");
}

#[test]
fn a_span_without_a_required_attribute_or_of_another_kind_does_not_count() {
    let without = page_of(|| info_span!("a", otel.kind = "server", http.request.method = "GET"));
    assert!(!without.contains(HTTP_SERVER), "{without}");
    let internal = page_of(|| info_span!("a", http.request.method = "GET", url.scheme = "http"));
    assert!(!internal.contains(HTTP_SERVER), "{internal}");
    let receive = page_of(|| {
        info_span!(
            "a",
            otel.kind = "consumer",
            messaging.system = "kafka",
            messaging.operation.name = "poll",
            messaging.operation.type = "receive"
        )
    });
    assert!(!receive.contains("messaging_process"), "{receive}");
}

#[test]
fn an_empty_value_and_none_are_one_series() {
    let telemetry = telemetry();
    telemetry.scope(|| {
        let request = |route: Option<&str>| {
            info_span!(
                "request",
                otel.kind = "server",
                http.request.method = "GET",
                url.scheme = "http",
                http.route = route
            )
            .in_scope(|| ());
        };
        request(None);
        request(Some(""));
    });
    let page = telemetry.render_as(Format::OpenMetrics);
    let count = format!("{HTTP_SERVER}_count");
    let series: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with(&count))
        .collect();
    assert_eq!(series.len(), 1, "{series:?}");
    assert!(series[0].ends_with(" 2"), "{series:?}");
}
