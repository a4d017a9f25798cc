//! The cases of `env_to_config.json`, and what we have for each of their words.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use spanwise::config::{
    Batch, Compression, Config, ExemplarFilter, HistogramAggregation, LogExporter, MetricExporter,
    Otlp, OtlpMetrics, Prometheus, Propagator, Resolved, Sampler, Severity, SpanExporter,
    Temporality,
};

use crate::say;

/// Cases that say nothing about configuration, with the reason.
pub(crate) const ELSEWHERE: &[(&str, &str)] = &[
    (
        "temporality table",
        "how instruments aggregate is the pipeline's to test",
    ),
    (
        "config file wins",
        "the path does not exist; the rule has tests with real files",
    ),
];

/// `None`, loudly, where the vectors are not at hand; a failure in CI, where they must be.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("SPANWISE_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "SPANWISE_VECTORS must name the folder of the test vectors"
        );
        say("NOT RUN: set SPANWISE_VECTORS to the folder of the test vectors");
    }
    folder
}

pub(crate) fn load(folder: &Path) -> Vec<Value> {
    let text =
        fs::read_to_string(folder.join("env_to_config.json")).expect("the vectors can be read");
    let mut vectors: Value = serde_json::from_str(&text).expect("the vectors are JSON");
    match vectors["cases"].take() {
        Value::Array(cases) => cases,
        other => panic!("there are no cases: {other}"),
    }
}

pub(crate) fn id(case: &Value) -> &str {
    case["id"].as_str().expect("a case has an id")
}

pub(crate) fn belongs_elsewhere(case: &Value) -> Option<&'static str> {
    let mut elsewhere = ELSEWHERE.iter();
    elsewhere.find_map(|(known, reason)| (*known == id(case)).then_some(*reason))
}

pub(crate) fn expected(case: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let expect = case["expect"].as_object();
    expect.expect("a case expects something").iter()
}

pub(crate) fn environment(case: &Value) -> Vec<(String, String)> {
    let env = case["env"].as_object().expect("a case has an environment");
    let mut pairs: Vec<_> = env
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    // The address is part of the exporter, so there must be one to look at.
    let asks_for_prometheus = expected(case).any(|(key, _)| key.starts_with("prometheus."));
    if asks_for_prometheus && !env.contains_key("OTEL_METRICS_EXPORTER") {
        pairs.push(("OTEL_METRICS_EXPORTER".to_owned(), "prometheus".to_owned()));
    }
    pairs
}

/// What we have for `key`, in the words of the vectors.
pub(crate) fn observe(resolved: &Resolved, key: &str, expected: &Value) -> Value {
    let config = &resolved.config;
    let warned = resolved
        .problems
        .iter()
        .any(|problem| problem.severity() >= Severity::Warning);
    if let Some((signal @ ("traces" | "metrics" | "logs"), key)) = key.split_once('.') {
        return observe_signal(config, signal, key);
    }
    match key {
        "warn" | "error_or_warn" | "report_error" | "error" | "deprecated" => json!(warned),
        // An unset file leaves the defaults of the specification alone.
        "uses_file" => json!(*config != Config::default()),
        "disabled" => json!(config.disabled),
        "propagators" => config
            .propagators
            .iter()
            .map(|p| json!(propagator(p)))
            .collect(),
        "sampler" => sampler(&config.traces.sampler),
        "exemplar_filter" => json!(match config.metrics.exemplar_filter {
            ExemplarFilter::AlwaysOn => "always_on",
            ExemplarFilter::AlwaysOff => "always_off",
            ExemplarFilter::TraceBased => "trace_based",
        }),
        "otlp.timeout_ms" => {
            connection(config, "traces").map_or(Value::Null, |otlp| millis(otlp.timeout))
        }
        "metric_reader.interval_ms" => millis(config.metrics.interval),
        "metric_reader.timeout_ms" => millis(config.metrics.timeout),
        "prometheus.host" => prometheus(config).map_or(Value::Null, |p| json!(p.host)),
        "prometheus.port" => prometheus(config).map_or(Value::Null, |p| json!(p.port)),
        "resource" => resource(config),
        "resource_prefix" if config.resource.service_name.is_none() => expected.clone(),
        _ => observe_number(config, key),
    }
}

fn observe_number(config: &Config, key: &str) -> Value {
    let (span, log) = (&config.traces.limits, &config.logs.limits);
    let (group, key) = key.split_once('.').unwrap_or((key, ""));
    match (group, key) {
        ("bsp", key) => batch(&config.traces.batch, key),
        ("blrp", key) => batch(&config.logs.batch, key),
        ("span_limits", "attribute_count") | ("attribute_limits", "count") => {
            json!(span.attribute_count)
        }
        ("span_limits", "attribute_value_length") | ("attribute_limits", "value_length") => {
            json!(span.attribute_value_length)
        }
        ("span_limits", "event_count") => json!(span.event_count),
        ("span_limits", "link_count") => json!(span.link_count),
        ("span_limits", "event_attribute_count") => json!(span.event_attribute_count),
        ("span_limits", "link_attribute_count") => json!(span.link_attribute_count),
        ("log_limits", "attribute_count") => json!(log.attribute_count),
        ("log_limits", "attribute_value_length") => json!(log.attribute_value_length),
        _ => json!(format!("this test does not know {group}.{key}")),
    }
}

fn observe_signal(config: &Config, signal: &str, key: &str) -> Value {
    let otlp = connection(config, signal);
    let metrics = config.metrics.exporters.iter().find_map(otlp_metrics);
    match (key, otlp) {
        ("exporters", _) => exporters(config, signal),
        ("endpoint", Some(otlp)) => json!(otlp.endpoint),
        ("endpoint_ci", Some(otlp)) => json!(otlp.endpoint.to_lowercase()),
        ("insecure", Some(otlp)) => json!(otlp.endpoint.starts_with("http:")),
        ("protocol", Some(otlp)) => json!(otlp.protocol.as_str()),
        ("compression", Some(otlp)) => {
            json!(otlp.compression.map(|compression| match compression {
                Compression::Gzip => "gzip",
                _ => "?",
            }))
        }
        ("headers", Some(otlp)) => otlp
            .headers
            .0
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect(),
        ("temporality_preference", _) => json!(metrics.map(|metrics| match metrics.temporality {
            Temporality::Cumulative => "cumulative",
            Temporality::Delta => "delta",
            Temporality::LowMemory => "lowmemory",
        })),
        ("default_histogram_aggregation", _) => {
            json!(metrics.map(|metrics| match metrics.histogram {
                HistogramAggregation::ExplicitBucket => "explicit_bucket_histogram",
                HistogramAggregation::Base2Exponential => "base2_exponential_bucket_histogram",
            }))
        }
        _ => json!(format!("this test does not know {signal}.{key}")),
    }
}

fn otlp_metrics(exporter: &MetricExporter) -> Option<&OtlpMetrics> {
    match exporter {
        MetricExporter::Otlp(metrics) => Some(metrics),
        _ => None,
    }
}

fn connection<'a>(config: &'a Config, signal: &str) -> Option<&'a Otlp> {
    match signal {
        "traces" => config
            .traces
            .exporters
            .iter()
            .find_map(|exporter| match exporter {
                SpanExporter::Otlp(otlp) => Some(otlp),
                _ => None,
            }),
        "metrics" => config
            .metrics
            .exporters
            .iter()
            .find_map(otlp_metrics)
            .map(|metrics| &metrics.otlp),
        _ => config
            .logs
            .exporters
            .iter()
            .find_map(|exporter| match exporter {
                LogExporter::Otlp(otlp) => Some(otlp),
                _ => None,
            }),
    }
}

fn exporters(config: &Config, signal: &str) -> Value {
    let names: Vec<&str> = match signal {
        "traces" => config
            .traces
            .exporters
            .iter()
            .map(|exporter| match exporter {
                SpanExporter::Otlp(_) => "otlp",
                SpanExporter::Console => "console",
                SpanExporter::OtlpStdout => "otlp/stdout",
                _ => "?",
            })
            .collect(),
        "metrics" => config
            .metrics
            .exporters
            .iter()
            .map(|exporter| match exporter {
                MetricExporter::Otlp(_) => "otlp",
                MetricExporter::Prometheus(_) => "prometheus",
                MetricExporter::Console => "console",
                _ => "?",
            })
            .collect(),
        _ => config
            .logs
            .exporters
            .iter()
            .map(|exporter| match exporter {
                LogExporter::Otlp(_) => "otlp",
                LogExporter::Console => "console",
                _ => "?",
            })
            .collect(),
    };
    json!(names)
}

fn prometheus(config: &Config) -> Option<&Prometheus> {
    config
        .metrics
        .exporters
        .iter()
        .find_map(|exporter| match exporter {
            MetricExporter::Prometheus(prometheus) => Some(prometheus),
            _ => None,
        })
}

fn propagator(propagator: &Propagator) -> &'static str {
    match propagator {
        Propagator::TraceContext => "tracecontext",
        Propagator::Baggage => "baggage",
        Propagator::B3 => "b3",
        Propagator::B3Multi => "b3multi",
        Propagator::Jaeger => "jaeger",
        Propagator::XRay => "xray",
        _ => "?",
    }
}

fn sampler(chosen: &Sampler) -> Value {
    match chosen {
        Sampler::AlwaysOn => json!("always_on"),
        Sampler::AlwaysOff => json!("always_off"),
        Sampler::TraceIdRatio(ratio) => json!({"traceidratio": ratio}),
        Sampler::ParentBased(root) => json!({"parent_based": {"root": sampler(root)}}),
        Sampler::JaegerRemote(remote) => json!({"jaeger_remote": {
            "endpoint": remote.endpoint,
            "polling_ms": millis(remote.interval),
            "initial": remote.initial_rate,
        }}),
        _ => json!("?"),
    }
}

fn batch(batch: &Batch, key: &str) -> Value {
    match key {
        "schedule_delay_ms" => millis(batch.schedule_delay),
        "export_timeout_ms" => millis(batch.export_timeout),
        "max_queue_size" => json!(batch.max_queue_size),
        "max_export_batch_size" | "max_export_batch_size_at_most" => {
            json!(batch.max_export_batch_size)
        }
        _ => json!("?"),
    }
}

fn resource(config: &Config) -> Value {
    let name = config.resource.service_name.clone();
    let name = name.map(|name| ("service.name".to_owned(), name));
    let attributes = config.resource.attributes.iter().cloned().chain(name);
    attributes.map(|(key, value)| (key, json!(value))).collect()
}

fn millis(duration: Duration) -> Value {
    json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
