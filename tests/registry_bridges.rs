//! Metrics that other libraries keep, beside ours.

#![cfg(all(feature = "metrics", feature = "prometheus-registry"))]

use metrics::{counter, describe_histogram, gauge, histogram, with_local_recorder};
use spanwise::metrics::{
    Counter, Definition, Histogram, Problem, Registry, Summary, UpDownCounter,
    facade::Recorder,
    prometheus::{Collector, include},
    snapshot::{Snapshot, Value},
};

const JOBS: Definition<Counter> = Counter::define("jobs");
const LATENCY: Definition<Histogram> = Histogram::define("latency")
    .unit("s")
    .labels(&["http.route"]);
const OPEN: Definition<UpDownCounter> = UpDownCounter::define("open");
const SIZE: Definition<Summary> = Summary::define("size").unit("By");

fn value(snapshot: &Snapshot, name: &str) -> Option<f64> {
    Some(snapshot.family(name)?.series.first()?.value.as_f64())
}

#[test]
fn macros_are_recorded() {
    let registry = Registry::default();
    let recorder = Recorder::new(&registry);
    with_local_recorder(&recorder, || {
        counter!("a", "x" => "1", "y" => "2").increment(1);
        counter!("a", "y" => "2", "x" => "1").increment(1);
        gauge!("b").set(2.5);
        describe_histogram!("c", metrics::Unit::Bytes, "sizes");
        histogram!("c").record(100.0);
        histogram!("d_seconds").record(0.2);
        histogram!("d_seconds").record(f64::NAN);
    });
    let snapshot = registry.snapshot();
    assert_eq!(value(&snapshot, "b"), Some(2.5));
    let bounds = |name: &str| match &snapshot.family(name).unwrap().series[0].value {
        Value::Distribution(distribution) => (distribution.bounds[0], distribution.count()),
        other => panic!("{other:?}"),
    };
    assert_eq!((bounds("c"), bounds("d_seconds")), ((64.0, 1), (0.005, 1)));
    assert_eq!(&*snapshot.family("c").unwrap().help, "sizes");
}

#[test]
fn dropped_recorder_is_no_longer_shown() {
    let registry = Registry::default();
    let recorder = Recorder::new(&registry);
    with_local_recorder(&recorder, || counter!("a").increment(1));
    assert_eq!(value(&registry.snapshot(), "a"), Some(1.0));
    drop(recorder);
    assert_eq!(value(&registry.snapshot(), "a"), None);
}

#[test]
fn name_that_is_taken_is_left_out_and_reported_once() {
    let registry = Registry::default();
    registry.register(&JOBS).unwrap().add(7, []);
    let recorder = Recorder::new(&registry);
    with_local_recorder(&recorder, || counter!("jobs_total").increment(1));
    for _ in 0..2 {
        let snapshot = registry.snapshot();
        assert_eq!(
            (value(&snapshot, "jobs"), value(&snapshot, "jobs_total")),
            (Some(7.0), None)
        );
    }
    let reports = registry.take_reports();
    assert_eq!(
        (reports.len(), reports[0].problem),
        (1, Problem::NotIncluded),
        "{reports:?}"
    );
}

#[test]
fn name_that_opentelemetry_refuses_is_left_out_and_reported() {
    let registry = Registry::default();
    let recorder = Recorder::new(&registry);
    with_local_recorder(&recorder, || counter!("späße").increment(1));
    assert!(registry.snapshot().families.is_empty());
    assert_eq!(registry.take_reports()[0].problem, Problem::NotIncluded);
}

#[test]
fn panicking_source_is_not_asked_again() {
    let registry = Registry::default();
    let _included = registry.include("a broken thing", || panic!("on purpose"));
    registry.register(&JOBS).unwrap().add(1, []);
    assert_eq!(value(&registry.snapshot(), "jobs"), Some(1.0));
    assert!(
        registry.take_reports()[0]
            .to_string()
            .contains("a broken thing panicked")
    );
    registry.snapshot();
    assert!(registry.take_reports().is_empty());
}

#[test]
fn prometheus_metrics_are_shown() {
    let registry = Registry::default();
    let theirs = prometheus::Registry::new();
    let latency = prometheus::Histogram::with_opts(
        prometheus::HistogramOpts::new("their_latency", "L").buckets(vec![1.0, 2.0]),
    )
    .unwrap();
    theirs.register(Box::new(latency.clone())).unwrap();
    let _included = include(&registry, theirs);
    [0.5, 1.5, 1.5, 9.0]
        .into_iter()
        .for_each(|value| latency.observe(value));
    let snapshot = registry.snapshot();
    let Some(Value::Distribution(distribution)) = snapshot.get("their_latency", []) else {
        panic!("{snapshot:?}");
    };
    assert_eq!(
        (&*distribution.buckets, distribution.sum),
        (&[1, 2, 1][..], 12.5)
    );
    assert_eq!(distribution.range, Some((0.0, 12.5)));
}

#[test]
fn our_metrics_are_gathered() {
    let registry = Registry::default();
    let theirs = prometheus::Registry::new();
    theirs
        .register(Box::new(Collector::new(&registry)))
        .unwrap();
    registry.register(&JOBS).unwrap().add(2, []);
    registry.register(&OPEN).unwrap().add(-1, []);
    registry
        .register(&LATENCY)
        .unwrap()
        .record(0.03, [("http.route", "/a\"b")]);
    registry.register(&SIZE).unwrap().record(10.0, []);
    let text = prometheus::TextEncoder::new()
        .encode_to_string(&theirs.gather())
        .unwrap();
    for line in [
        "jobs_total 2",
        "open -1",
        r#"latency_seconds_bucket{http_route="/a\"b",le="0.025"} 0"#,
        r#"latency_seconds_bucket{http_route="/a\"b",le="0.05"} 1"#,
        r#"latency_seconds_bucket{http_route="/a\"b",le="+Inf"} 1"#,
        r#"latency_seconds_sum{http_route="/a\"b"} 0.03"#,
        "size_bytes_count 1",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "no line {line} in\n{text}"
        );
    }
}

#[test]
fn registries_that_include_each_other_come_to_an_end() {
    let registry = Registry::default();
    let theirs = prometheus::Registry::new();
    theirs
        .register(Box::new(Collector::new(&registry)))
        .unwrap();
    let _included = include(&registry, theirs.clone());
    registry.register(&JOBS).unwrap().add(2, []);
    registry.snapshot();
    assert_eq!(registry.snapshot().families.len(), 1);
    assert_eq!(theirs.gather().len(), 1);
}
