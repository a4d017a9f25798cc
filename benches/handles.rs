//! What one recording costs, side by side with the peers.
//!
//! Run with `cargo bench --bench handles`. Look at ratios within one run; "bound" means that the series was looked up before.

use std::{
    hint::black_box,
    sync::{Arc, atomic::AtomicU64},
    time::Instant,
};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use opentelemetry::{KeyValue, metrics::MeterProvider};
use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};
use prometheus_client::metrics::{
    counter::Counter as ClientCounter, family::Family, histogram::Histogram as ClientHistogram,
};
use spanwise::metrics::{Counter, Definition, Histogram, Options, Registry, buckets};

const REQUESTS: Definition<Counter> =
    Counter::define("requests").labels(&["method", "route", "status"]);
const LATENCY: Definition<Histogram> = Histogram::define("latency")
    .unit("s")
    .labels(&["method", "route", "status"]);
const LABELS: [(&str, &str); 3] = [
    ("method", "GET"),
    ("route", "/api/orders/{id}"),
    ("status", "200"),
];
const SWAPPED: [(&str, &str); 3] = [LABELS[1], LABELS[2], LABELS[0]];

fn attributes() -> [KeyValue; 3] {
    LABELS.map(|(key, value)| KeyValue::new(key, value))
}

fn client_labels() -> Vec<(String, String)> {
    LABELS
        .map(|(key, value)| (key.into(), value.into()))
        .to_vec()
}

fn counters(c: &mut Criterion) {
    let counter = Registry::default()
        .register(&REQUESTS)
        .expect("the definition is right");
    let bound = counter.bind(LABELS);
    let options = Options {
        enabled: false,
        ..Options::default()
    };
    let off = Registry::new(options)
        .register(&REQUESTS)
        .expect("the definition is right");
    let off_bound = off.bind(LABELS);
    let provider = SdkMeterProvider::builder()
        .with_reader(ManualReader::builder().build())
        .build();
    let raw = provider.meter("bench").u64_counter("requests").build();
    let vector = prometheus::IntCounterVec::new(
        prometheus::Opts::new("requests", "r"),
        &LABELS.map(|(key, _)| key),
    )
    .expect("the options are right");
    let child = vector.with_label_values(&LABELS.map(|(_, value)| value));
    let family = Family::<Vec<(String, String)>, ClientCounter>::default();
    let cached = family.get_or_create(&client_labels()).clone();
    let facade = metrics::Counter::from_arc(Arc::new(AtomicU64::new(0)));

    let mut group = c.benchmark_group("counter bound");
    group.bench_function("spanwise", |b| b.iter(|| black_box(&bound).add(1)));
    group.bench_function("prometheus", |b| b.iter(|| black_box(&child).inc_by(1)));
    group.bench_function("prometheus-client", |b| {
        b.iter(|| black_box(&cached).inc_by(1))
    });
    group.bench_function("metrics", |b| b.iter(|| black_box(&facade).increment(1)));
    group.bench_function("spanwise disabled", |b| {
        b.iter(|| black_box(&off_bound).add(1))
    });
    group.finish();

    let mut group = c.benchmark_group("counter with 3 labels");
    group.bench_function("spanwise", |b| {
        b.iter(|| counter.add(1, black_box(&LABELS)))
    });
    group.bench_function("spanwise, another order", |b| {
        b.iter(|| counter.add(1, black_box(&SWAPPED)))
    });
    let attributes = attributes();
    group.bench_function("opentelemetry_sdk", |b| {
        b.iter(|| raw.add(1, black_box(&attributes)))
    });
    group.bench_function("prometheus", |b| {
        b.iter(|| {
            vector
                .with_label_values(&black_box(LABELS).map(|(_, value)| value))
                .inc_by(1)
        });
    });
    group.bench_function("spanwise disabled", |b| {
        b.iter(|| off.add(1, black_box(&LABELS)))
    });
    group.finish();
}

fn histograms(c: &mut Criterion) {
    let histogram = Registry::default()
        .register(&LATENCY)
        .expect("the definition is right");
    let bound = histogram.bind(LABELS);
    let provider = SdkMeterProvider::builder()
        .with_reader(ManualReader::builder().build())
        .build();
    let raw = provider
        .meter("bench")
        .f64_histogram("latency")
        .with_boundaries(buckets::SECONDS.to_vec())
        .build();
    let options = prometheus::HistogramOpts::new("latency", "l").buckets(buckets::SECONDS.to_vec());
    let vector = prometheus::HistogramVec::new(options, &LABELS.map(|(key, _)| key))
        .expect("the options are right");
    let child = vector.with_label_values(&LABELS.map(|(_, value)| value));
    let client = ClientHistogram::new(buckets::SECONDS.iter().copied());

    let mut group = c.benchmark_group("histogram bound");
    group.bench_function("spanwise", |b| b.iter(|| bound.record(black_box(0.042))));
    group.bench_function("prometheus", |b| b.iter(|| child.observe(black_box(0.042))));
    group.bench_function("prometheus-client", |b| {
        b.iter(|| client.observe(black_box(0.042)))
    });
    group.finish();

    let mut group = c.benchmark_group("histogram with 3 labels");
    group.bench_function("spanwise", |b| {
        b.iter(|| histogram.record(0.042, black_box(&LABELS)))
    });
    let attributes = attributes();
    group.bench_function("opentelemetry_sdk", |b| {
        b.iter(|| raw.record(0.042, black_box(&attributes)))
    });
    group.finish();
}

/// The same series from two threads: nanoseconds for one recording of one thread.
fn contended(c: &mut Criterion) {
    let bound_counter = Registry::default()
        .register(&REQUESTS)
        .expect("the definition is right")
        .bind(LABELS);
    let bound_histogram = Registry::default()
        .register(&LATENCY)
        .expect("the definition is right")
        .bind(LABELS);
    let shared = prometheus::IntCounter::new("requests", "r").expect("the options are right");
    let client = ClientHistogram::new(buckets::SECONDS.iter().copied());
    let mut group = c.benchmark_group("two threads, one series");
    let mut both = |name: &str, record: &(dyn Fn() + Sync)| {
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter_custom(|times| {
                let start = Instant::now();
                std::thread::scope(|scope| {
                    for _ in 0..2 {
                        scope.spawn(|| (0..times).for_each(|_| record()));
                    }
                });
                start.elapsed()
            });
        });
    };
    both("spanwise counter", &|| bound_counter.add(1));
    both("prometheus counter", &|| shared.inc());
    both("spanwise histogram", &|| {
        bound_histogram.record(black_box(0.042))
    });
    both("prometheus-client histogram", &|| {
        client.observe(black_box(0.042))
    });
    group.finish();
}

criterion_group!(benches, counters, histograms, contended);
criterion_main!(benches);
