//! What a start costs: reading the configuration, finding out about the process, and all of it.
//!
//! `cargo bench --bench init --features full`. The configuration has two milliseconds at most, and so has the rest.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use spanwise::Telemetry;
use spanwise::config::{self, Env, Sources};
use spanwise::detect::{Detector, Environment};

/// What a service in Kubernetes has, and one mistake.
const TYPICAL: &[(&str, &str)] = &[
    ("OTEL_SERVICE_NAME", "checkout"),
    (
        "OTEL_RESOURCE_ATTRIBUTES",
        "service.namespace=shop,deployment.environment.name=prod,k8s.pod.name=checkout-7f9",
    ),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20token"),
    ("OTEL_METRICS_EXPORTER", "otlp,prometheus"),
    ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
    ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "4096"),
    ("OTEL_TRACE_SAMPLER", "always_on"),
    ("RUST_LOG", "info,hyper=warn,checkout::db=debug"),
];

fn configuration(c: &mut Criterion) {
    let mut group = c.benchmark_group("configuration");
    for (name, pairs) in [("empty", &[][..]), ("typical", TYPICAL)] {
        let sources = Sources {
            env: Env::from_pairs(pairs.iter().copied()),
            ..Sources::default()
        };
        group.bench_function(name, |b| b.iter(|| config::resolve(black_box(&sources))));
    }
    group.finish();
}

fn detectors(c: &mut Criterion) {
    let limit = Duration::from_secs(1);
    c.bench_function("detectors", |b| {
        b.iter(|| {
            let environment = Environment::of_this_process();
            spanwise::detect::run(&Detector::DEFAULT, &environment, limit)
        })
    });
}

fn telemetry(c: &mut Criterion) {
    let mut group = c.benchmark_group("telemetry");
    for (name, endpoint) in [
        ("http", "http://127.0.0.1:1"),
        ("https", "https://127.0.0.1:1"),
    ] {
        let pairs = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_LOG_LEVEL", "none"),
            ("OTEL_RUST_LOG_LINES", "off"),
        ];
        let env = Env::from_pairs(pairs);
        let build = || {
            let builder = Telemetry::builder().with_env(env.clone());
            builder.build().expect("the configuration is good")
        };
        // The end belongs to another bench: what is built is dropped outside of the time.
        group.bench_function(name, |b| {
            b.iter_with_large_drop(build);
        });
    }
    group.finish();
}

criterion_group! {
    name = init;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    targets = configuration, detectors, telemetry
}
criterion_main!(init);
