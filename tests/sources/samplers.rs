//! Samplers, through `tracing` spans and the counts of what reaches the exporter.

use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use serde_json::Value;
use spanwise::Telemetry;
use tracing::info_span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::jaeger::Jaeger;
#[cfg(feature = "grpc")]
use crate::real_jaeger::RealJaeger;
use crate::receiver::Receiver;
use crate::{PLENTY, telemetry};

/// Spans that reached the exporter.
fn kept(telemetry: &Telemetry) -> u64 {
    telemetry.status().iter().map(|status| status.created).sum()
}

/// Tries until `holds`, and not for ever.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PLENTY;
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// How many of a hundred traces are kept from now on.
fn kept_of_hundred(telemetry: &Telemetry) -> u64 {
    let before = kept(telemetry);
    telemetry.scope(|| {
        for _ in 0..100 {
            info_span!("operation").in_scope(|| ());
        }
    });
    kept(telemetry) - before
}

fn sampled_by(sampler: &str, argument: &str) -> u64 {
    let receiver = Receiver::start();
    let pairs = [
        ("OTEL_TRACES_SAMPLER", sampler),
        ("OTEL_TRACES_SAMPLER_ARG", argument),
    ];
    let telemetry = telemetry(&receiver, &pairs);
    kept_of_hundred(&telemetry)
}

#[test]
fn rate_limiting_keeps_no_more_than_its_rate() {
    // A hundred spans take far less than the minute that brings another one.
    assert_eq!(sampled_by("ratelimiting", "0.016"), 1);
    assert_eq!(sampled_by("parentbased_ratelimiting", "0.016"), 1);
    assert_eq!(sampled_by("ParentBased_RateLimiting", "0"), 0);
}

#[test]
fn children_follow_the_rate_limited_root() {
    let receiver = Receiver::start();
    let pairs = [
        ("OTEL_TRACES_SAMPLER", "parentbased_ratelimiting"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.016"),
    ];
    let telemetry = telemetry(&receiver, &pairs);
    telemetry.scope(|| {
        for _ in 0..10 {
            info_span!("root").in_scope(|| info_span!("child").in_scope(|| ()));
        }
    });
    assert_eq!(kept(&telemetry), 2);
}

#[test]
fn rules_see_name_kind_and_attributes_of_tracing_spans() {
    let receiver = Receiver::start();
    let rules = "span.name=GET /health*=>always_off;span.kind=consumer=>always_off;tenant=free,retry=true=>always_off";
    let pairs = [("OTEL_RUST_TRACES_SAMPLER_RULES", rules)];
    let telemetry = telemetry(&receiver, &pairs);
    telemetry.scope(|| {
        info_span!("GET /healthz").in_scope(|| info_span!("inside").in_scope(|| ()));
        info_span!("renamed", otel.name = "GET /health").in_scope(|| ());
        info_span!("receive", otel.kind = "consumer").in_scope(|| ());
        info_span!("order", tenant = "free", retry = true).in_scope(|| ());
        info_span!("order", tenant = "paid", retry = true).in_scope(|| ());
    });
    telemetry.shutdown_within(PLENTY).expect("all arrives");
    let names: Vec<_> = receiver
        .spans()
        .iter()
        .map(|span| span["name"].clone())
        .collect();
    assert_eq!(names, ["order"]);
}

fn follows_the_collector(sampler: &str, endpoint: &str, jaeger: &Jaeger) {
    let receiver = Receiver::start();
    let argument = format!("endpoint={endpoint},pollingIntervalMs=5,initialSamplingRate=1");
    let pairs = [
        ("OTEL_TRACES_SAMPLER", sampler),
        ("OTEL_TRACES_SAMPLER_ARG", argument.as_str()),
        ("OTEL_LOG_LEVEL", "none"),
    ];
    let telemetry = telemetry(&receiver, &pairs);
    assert_eq!(kept_of_hundred(&telemetry), 100, "before the first answer");
    jaeger.answer_ratio(0.0);
    eventually("no trace is kept", || kept_of_hundred(&telemetry) == 0);
    assert_eq!(jaeger.services(), ["shop"]);
    jaeger.answer_rate(1);
    eventually("one trace a second", || kept_of_hundred(&telemetry) == 1);
    jaeger.answer_ratio(0.0);
    eventually("no trace is kept", || kept_of_hundred(&telemetry) == 0);
    jaeger.answer_operation("operation");
    eventually("the operation is kept", || {
        kept_of_hundred(&telemetry) == 100
    });
    // Each question that fails after this would have had the time to change something.
    jaeger.fail();
    let asked = jaeger.asked();
    eventually("two more questions", || jaeger.asked() > asked + 1);
    assert_eq!(kept_of_hundred(&telemetry), 100, "the last good answer");
}

#[test]
fn jaeger_remote_follows_the_http_endpoint() {
    let jaeger = Jaeger::start();
    let endpoint = format!("{}/api/sampling", jaeger.url());
    follows_the_collector("jaeger_remote", &endpoint, &jaeger);
    let jaeger = Jaeger::start();
    let endpoint = format!("{}/api/sampling", jaeger.url());
    follows_the_collector("parentbased_jaeger_remote", &endpoint, &jaeger);
}

#[cfg(feature = "grpc")]
#[test]
fn jaeger_remote_follows_the_grpc_service() {
    let jaeger = Jaeger::start();
    follows_the_collector("jaeger_remote", &jaeger.url(), &jaeger);
}

/// `parent_based` of `samplers.json`: who is asked, seen from roots that decide against every parent.
#[test]
fn parents_are_followed_as_the_vectors_say() {
    let Some(folder) = std::env::var_os("SPANWISE_VECTORS") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "SPANWISE_VECTORS must name the folder of the test vectors"
        );
        crate::say("NOT RUN: set SPANWISE_VECTORS to the folder of the test vectors");
        return;
    };
    let path = std::path::Path::new(&folder).join("samplers.json");
    let text = std::fs::read_to_string(path).expect("the vectors can be read");
    let vectors: Value = serde_json::from_str(&text).expect("the vectors are JSON");
    let cases = vectors["parent_based"].as_array().expect("a list of cases");
    assert_eq!(cases.len(), 5);
    for case in cases {
        let asked = case["invoke"].as_str().expect("who is asked");
        for (sampler, root) in [("always_on", true), ("always_off", false)] {
            let expected = match asked {
                "root" => root,
                parent => !parent.contains("Not"),
            };
            let kept = kept_with_parent(&format!("parentbased_{sampler}"), &case["parent"]);
            assert_eq!(kept, expected, "{sampler}: {case}");
        }
    }
}

fn kept_with_parent(sampler: &str, parent: &Value) -> bool {
    let receiver = Receiver::start();
    let telemetry = telemetry(&receiver, &[("OTEL_TRACES_SAMPLER", sampler)]);
    telemetry.scope(|| {
        let span = info_span!("span");
        if !parent.is_null() {
            let is = |key: &str| parent[key].as_bool().expect("true or false");
            let context = SpanContext::new(
                TraceId::from(1),
                SpanId::from(1),
                TraceFlags::default().with_sampled(is("sampled")),
                is("remote"),
                TraceState::default(),
            );
            let parent = Context::new().with_remote_span_context(context);
            span.set_parent(parent).expect("the span has not started");
        }
        span.in_scope(|| ());
    });
    kept(&telemetry) == 1
}

#[cfg(feature = "grpc")]
#[test]
fn jaeger_remote_follows_a_real_jaeger() {
    const BY_OPERATION: &str = r#"{"service_strategies":[{"service":"shop","type":"probabilistic","param":0,
        "operation_strategies":[{"operation":"operation","type":"probabilistic","param":1}]}]}"#;
    const BY_RATE: &str =
        r#"{"service_strategies":[{"service":"shop","type":"ratelimiting","param":1}]}"#;
    const NOTHING: &str = r#"{"default_strategy":{"type":"probabilistic","param":0}}"#;

    let Some(jaeger) = RealJaeger::start(BY_OPERATION) else {
        return;
    };
    let receiver = Receiver::start();
    let followers = jaeger.endpoints().map(|endpoint| {
        let argument = format!("endpoint={endpoint},pollingIntervalMs=20,initialSamplingRate=0");
        let pairs = [
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_TRACES_SAMPLER_ARG", argument.as_str()),
            ("OTEL_LOG_LEVEL", "none"),
        ];
        telemetry(&receiver, &pairs)
    });
    let all_keep = |count| followers.iter().all(|one| kept_of_hundred(one) == count);
    eventually("the operation is kept", || all_keep(100));
    jaeger.answer(NOTHING);
    eventually("nothing is kept", || all_keep(0));
    jaeger.answer(BY_RATE);
    for follower in &followers {
        eventually("one trace a second", || kept_of_hundred(follower) == 1);
    }
}
