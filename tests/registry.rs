//! The registry as an application and the pipeline use it: definitions, handles, callbacks, and what arrives at SDK readers.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{
        InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Temporality,
        data::{AggregatedMetrics, MetricData, ResourceMetrics},
        reader::MetricReader,
    },
};
use spanwise::metrics::{
    Bound, Counter, Definition, Error, Gauge, Histogram, MAX_VALUE, OVERFLOW, Options, Problem,
    Registry, Summary, UpDownCounter, above, snapshot::Value,
};

const ORDERS: Definition<Counter> = Counter::define("shop.orders")
    .unit("{order}")
    .labels(&["status", "region"]);
const REVENUE: Definition<Counter<f64>> = Counter::define("shop.revenue").unit("{EUR}");
const OPEN: Definition<UpDownCounter> = UpDownCounter::define("shop.open");
const DEPTH: Definition<Gauge> = Gauge::define("queue.depth").labels(&["queue"]);
const LATENCY: Definition<Histogram> = Histogram::define("shop.latency")
    .unit("s")
    .labels(&["route"]);
const SIZE: Definition<Summary> = Summary::define("shop.size").unit("By");
const SMALL: Definition<Counter> = Counter::define("small")
    .labels(&["user.id", "kind"])
    .limit(3);

// --- what arrives at SDK readers ---

/// A reader that collects when asked.
#[derive(Debug, Clone)]
struct Reader(Arc<ManualReader>);

impl Reader {
    fn new() -> Self {
        Self(Arc::new(ManualReader::builder().build()))
    }

    /// Sums, gauges and histogram counts by name and sorted labels.
    fn points(&self) -> BTreeMap<String, f64> {
        let mut metrics = ResourceMetrics::default();
        self.0
            .collect(&mut metrics)
            .expect("the provider lives as long as the test");
        let mut points = BTreeMap::new();
        for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
            let mut point = |attributes: Vec<String>, value: f64| {
                points.insert(
                    format!("{}{{{}}}", metric.name(), attributes.join(",")),
                    value,
                );
            };
            macro_rules! each {
                ($data:expr) => {
                    match $data {
                        MetricData::Sum(sum) => sum
                            .data_points()
                            .for_each(|p| point(shown(p.attributes()), p.value() as f64)),
                        MetricData::Gauge(gauge) => gauge
                            .data_points()
                            .for_each(|p| point(shown(p.attributes()), p.value() as f64)),
                        MetricData::Histogram(histogram) => histogram
                            .data_points()
                            .for_each(|p| point(shown(p.attributes()), p.count() as f64)),
                        _ => {}
                    }
                };
            }
            match metric.data() {
                AggregatedMetrics::U64(data) => each!(data),
                AggregatedMetrics::I64(data) => each!(data),
                AggregatedMetrics::F64(data) => each!(data),
            }
        }
        points
    }
}

fn shown<'a>(attributes: impl Iterator<Item = &'a opentelemetry::KeyValue>) -> Vec<String> {
    let mut shown: Vec<_> = attributes
        .map(|kv| format!("{}={}", kv.key, kv.value))
        .collect();
    shown.sort();
    shown
}

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

fn bound(registry: &Registry) -> (SdkMeterProvider, Reader) {
    let reader = Reader::new();
    let provider = SdkMeterProvider::builder()
        .with_reader(reader.clone())
        .build();
    registry.bind(provider.meter("spanwise"));
    (provider, reader)
}

#[test]
fn records_made_before_bind_arrive() {
    let registry = Registry::default();
    let orders = registry.register(&ORDERS).unwrap();
    for _ in 0..100_000 {
        orders.add(1, [("status", "ok")]);
    }
    let (_provider, reader) = bound(&registry);
    orders.add(1, [("status", "ok")]);
    assert_eq!(reader.points()["shop.orders{status=ok}"], 100_001.0);
}

#[test]
fn every_kind_arrives_once() {
    let registry = Registry::default();
    let (_provider, reader) = bound(&registry);
    registry.register(&REVENUE).unwrap().add(1.5, []);
    let open = registry.register(&OPEN).unwrap();
    registry
        .register(&DEPTH)
        .unwrap()
        .set(7.0, [("queue", "mail")]);
    let latency = registry.register(&LATENCY).unwrap();
    registry.register(&SIZE).unwrap().record(512.0, []);
    for round in 1..=3 {
        open.add(-1, []);
        latency.record(0.2, [("route", "/")]);
        let points = reader.points();
        assert_eq!(points["shop.revenue{}"], 1.5);
        assert_eq!(points["shop.open{}"], -f64::from(round));
        assert_eq!(points["queue.depth{queue=mail}"], 7.0);
        assert_eq!(points["shop.latency{route=/}"], f64::from(round));
        assert_eq!(
            (points["shop.size.count{}"], points["shop.size.sum{}"]),
            (1.0, 512.0)
        );
        assert!((points["shop.size{quantile=0.99}"] - 512.0).abs() < 6.0);
    }
}

#[test]
fn two_readers_get_the_same() {
    let registry = Registry::default();
    let (first, second) = (Reader::new(), Reader::new());
    let provider = SdkMeterProvider::builder()
        .with_reader(first.clone())
        .with_reader(second.clone())
        .build();
    registry.bind(provider.meter("spanwise"));
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let _callback = registry
        .observe(&DEPTH, move |observer| {
            observer.observe(
                seen.fetch_add(1, Ordering::Relaxed) as f64,
                [("queue", "mail")],
            );
        })
        .unwrap();
    let orders = registry.register(&ORDERS).unwrap();
    orders.add(2, []);
    let (a, b) = (first.points(), second.points());
    assert_eq!((a["shop.orders{}"], b["shop.orders{}"]), (2.0, 2.0));
    assert_eq!(
        (a["queue.depth{queue=mail}"], b["queue.depth{queue=mail}"]),
        (0.0, 1.0)
    );
    assert_eq!(a.len(), 2, "{a:?}");
}

#[test]
fn pipelines_of_their_own_share_nothing() {
    let labelled = |pipeline: &str| {
        let constant_labels = vec![("pipeline".to_owned(), pipeline.to_owned())];
        Registry::new(Options {
            constant_labels,
            ..Options::default()
        })
    };
    let (one, two) = (labelled("one"), labelled("two"));
    let ((_p, one_reader), (_q, two_reader)) = (bound(&one), bound(&two));
    one.register(&ORDERS).unwrap().add(1, []);
    two.register(&ORDERS).unwrap().add(2, []);
    assert_eq!(
        one_reader.points(),
        BTreeMap::from([("shop.orders{pipeline=one}".into(), 1.0)])
    );
    assert_eq!(
        two_reader.points(),
        BTreeMap::from([("shop.orders{pipeline=two}".into(), 2.0)])
    );
}

#[test]
fn provider_that_was_replaced_is_told_nothing_more() {
    let registry = Registry::default();
    let orders = registry.register(&ORDERS).unwrap();
    let (_p, old) = bound(&registry);
    orders.add(1, []);
    assert_eq!(old.points()["shop.orders{}"], 1.0);
    let (_q, new) = bound(&registry);
    orders.add(2, []);
    assert_eq!(
        (old.points()["shop.orders{}"], new.points()["shop.orders{}"]),
        (1.0, 2.0)
    );
}

#[test]
fn records_made_while_unbound_arrive_at_the_next_provider() {
    let registry = Registry::default();
    let orders = registry.register(&ORDERS).unwrap();
    let (provider, _) = bound(&registry);
    registry.unbind();
    provider.shutdown().unwrap();
    orders.add(5, []);
    let (_p, reader) = bound(&registry);
    assert_eq!(reader.points()["shop.orders{}"], 5.0);
}

// --- definitions ---

#[test]
fn same_definition_is_the_same_metric() {
    let registry = Registry::default();
    registry.register(&ORDERS).unwrap().add(1, []);
    registry.register(&ORDERS).unwrap().add(1, []);
    assert_eq!(registry.register(&ORDERS).unwrap().get([]), Some(2));
}

#[test]
fn conflict_names_both_places() {
    let registry = Registry::default();
    registry.register(&ORDERS).unwrap();
    let other: Definition<Counter> = Counter::define("shop.orders")
        .unit("{order}")
        .labels(&["region"]);
    let error = registry.register(&other).unwrap_err().to_string();
    assert_eq!(error.matches("tests/registry.rs:").count(), 2, "{error}");
    assert!(
        error.contains(r#"label keys ["region"] instead of ["status", "region"]"#),
        "{error}"
    );
}

#[test]
fn another_kind_or_number_is_a_conflict() {
    let registry = Registry::default();
    registry.register(&REVENUE).unwrap();
    let kind = registry
        .register(&Gauge::define("shop.revenue").unit("{EUR}"))
        .unwrap_err();
    let number = registry
        .register(&Counter::<u64>::define("shop.revenue").unit("{EUR}"))
        .unwrap_err();
    assert!(
        matches!(&kind, Error::Conflict { difference, .. } if difference.contains("kind")),
        "{kind}"
    );
    assert!(
        matches!(&number, Error::Conflict { difference, .. } if difference.contains("numbers")),
        "{number}"
    );
}

#[test]
fn names_that_prometheus_makes_equal_collide() {
    let taken = |first: &str, second: &'static str| {
        let registry = Registry::default();
        match first {
            "shop.latency" => drop(registry.register(&LATENCY).unwrap()),
            _ => drop(registry.register(&ORDERS).unwrap()),
        }
        matches!(
            registry.register(&Gauge::define(second)),
            Err(Error::Collision { .. })
        )
    };
    assert!(taken("shop.orders", "shop_orders"));
    assert!(taken("shop.orders", "shop.orders.total"));
    assert!(taken("shop.latency", "shop/latency/seconds/sum"));
    assert!(!taken("shop.latency", "shop.latency.sum"));
}

#[test]
fn bad_definitions_are_refused_with_words() {
    const MANY: [&str; 1000] = ["key"; 1000];
    let registry = Registry::default();
    let refused = |definition: Definition<Histogram>, words: &str| {
        let error = registry.register(&definition).unwrap_err().to_string();
        assert!(
            error.contains(words) && error.contains("tests/registry.rs"),
            "{error}"
        );
    };
    let define = Histogram::define;
    refused(define(""), "is empty");
    refused(define("9lives"), "does not start with a letter");
    refused(define("späße"), "not accepted");
    refused(define("a").unit("süß"), "unit");
    refused(define("a").labels(&["x", "x"]), "is there already");
    refused(define("a").labels(&["x.y", "x_y"]), "is there already");
    refused(define("a").labels(&["le"]), "Prometheus itself");
    refused(define("a").labels(&["\n"]), "not accepted");
    refused(
        define("a").labels(&MANY),
        "has 1000 label keys; 32 are accepted",
    );
    refused(define("a").buckets(&[1.0, 1.0]), "are not ascending");
    refused(define("a").buckets(&[1.0, f64::NAN]), "not finite");
    assert!(registry.catalogue().is_empty());
}

#[test]
fn registry_is_bounded() {
    let registry = Registry::new(Options {
        max_metrics: 1,
        ..Options::default()
    });
    registry.register(&ORDERS).unwrap();
    assert!(matches!(
        registry.register(&DEPTH),
        Err(Error::TooManyMetrics { max: 1, .. })
    ));
}

#[test]
fn constant_labels_are_checked_too() {
    let refused = |key: &str, value: &str| {
        let constant_labels = vec![(key.to_owned(), value.to_owned())];
        let registry = Registry::new(Options {
            constant_labels,
            ..Options::default()
        });
        matches!(registry.register(&ORDERS), Err(Error::Label { .. }))
    };
    assert!(refused("status", "ok"));
    assert!(refused("host", "a\nb"));
    assert!(refused("host", &"x".repeat(10_000_000)));
    assert!(!refused("host", "a"));
}

#[test]
fn namespace_and_subsystem_stand_before_the_name() {
    let options = Options {
        namespace: "acme".into(),
        subsystem: "web".into(),
        ..Options::default()
    };
    let registry = Registry::new(options);
    registry.register(&ORDERS).unwrap().add(1, []);
    assert_eq!(&*registry.catalogue()[0].name, "acme.web.shop.orders");
    registry.increment_counter("shop.orders", 1.0, []).unwrap();
    assert_eq!(
        registry.snapshot().get("acme.web.shop.orders", []),
        Some(&Value::Count(2))
    );
}

#[test]
fn boundaries_follow_the_unit() {
    let registry = Registry::default();
    let first = |definition: Definition<Histogram>| {
        let histogram = registry.register(&definition).unwrap();
        histogram.record(1.0, []);
        histogram.get([]).unwrap().bounds[0]
    };
    assert_eq!(first(Histogram::define("a").unit("s")), 0.005);
    assert_eq!(first(Histogram::define("b").unit("By")), 64.0);
    assert_eq!(first(Histogram::define("c").unit("ms")), 0.0);
    assert_eq!(first(Histogram::define("d").unit("s").buckets(&[3.0])), 3.0);
}

// --- recording ---

#[test]
fn order_of_labels_does_not_matter() {
    let orders = Registry::default().register(&ORDERS).unwrap();
    orders.add(1, [("status", "ok"), ("region", "eu")]);
    orders.add(1, [("region", "eu"), ("status", "ok")]);
    orders.add(1, [("status", "eu"), ("region", "ok")]);
    assert_eq!(orders.get([("region", "eu"), ("status", "ok")]), Some(2));
}

#[test]
fn label_left_out_is_the_empty_one() {
    let registry = Registry::default();
    let orders = registry.register(&ORDERS).unwrap();
    orders.add(1, [("status", "ok")]);
    orders.add(1, [("status", "ok"), ("region", "")]);
    assert_eq!(
        registry.snapshot().get("shop.orders", [("status", "ok")]),
        Some(&Value::Count(2))
    );
}

#[test]
fn last_of_equal_keys_counts() {
    let orders = Registry::default().register(&ORDERS).unwrap();
    orders.add(1, [("status", "ok"), ("status", "failed")]);
    assert_eq!(orders.get([("status", "failed")]), Some(1));
}

#[test]
fn unknown_label_is_left_out_and_reported() {
    let registry = Registry::default();
    let orders = registry.register(&ORDERS).unwrap();
    let keys: Vec<String> = (0..1000).map(|key| format!("key{key}")).collect();
    let many: Vec<(&str, &str)> = keys.iter().map(|key| (&**key, "x")).collect();
    orders.add(1, many);
    orders.add(1, [("stat", "ok")]);
    assert_eq!(orders.get([]), Some(2));
    assert_eq!(registry.catalogue()[0].unknown_labels, 1001);
    let reports = registry.take_reports();
    assert_eq!(reports.len(), 1);
    assert!(
        reports[0].to_string().contains(r#"no label "key0""#),
        "{}",
        reports[0]
    );
}

#[test]
fn huge_label_is_cut() {
    let registry = Registry::default();
    let orders = registry.register(&ORDERS).unwrap();
    let huge = "ä".repeat(5_000_000);
    orders.add(1, [("status", &*huge)]);
    orders.add(1, [("status", &*huge)]);
    let snapshot = registry.snapshot();
    let series = &snapshot.family("shop.orders").unwrap().series;
    assert_eq!((series.len(), &series[0].value), (1, &Value::Count(2)));
    assert!(series[0].labels[0].1.len() <= MAX_VALUE && series[0].labels[0].1.ends_with("ä…"));
    assert_eq!(registry.take_reports()[0].problem, Problem::ChangedLabel);
}

#[test]
fn control_characters_are_replaced() {
    let orders = Registry::default().register(&ORDERS).unwrap();
    orders.add(1, [("status", "a\n\0b")]);
    assert_eq!(orders.get([("status", "a\u{FFFD}\u{FFFD}b")]), Some(1));
}

#[test]
fn bad_values_are_counted_and_not_recorded() {
    let registry = Registry::default();
    let revenue = registry.register(&REVENUE).unwrap();
    let depth = registry.register(&DEPTH).unwrap();
    let latency = registry.register(&LATENCY).unwrap();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0] {
        revenue.add(bad, []);
        latency.record(bad, []);
        if bad != -1.0 {
            depth.set(bad, []);
            depth.add(bad, []);
        }
    }
    depth.set(f64::MAX, [("queue", "full")]);
    depth.add(f64::MAX, [("queue", "full")]);
    let refused: Vec<_> = registry
        .catalogue()
        .iter()
        .map(|entry| entry.refused)
        .collect();
    assert_eq!(refused, [7, 4, 4]);
    assert_eq!(
        (
            revenue.get([]),
            depth.get([]),
            latency.get([]).unwrap().count()
        ),
        (Some(0.0), None, 0)
    );
    assert_eq!(registry.take_reports().len(), 3);
}

#[test]
fn negative_zero_is_zero() {
    let latency = Registry::default().register(&LATENCY).unwrap();
    latency.record(-0.0, []);
    assert_eq!(latency.get([]).unwrap().range, Some((0.0, 0.0)));
}

#[test]
fn series_beyond_the_limit_overflow_and_the_key_is_named() {
    let registry = Registry::default();
    let (_provider, reader) = bound(&registry);
    let small = registry.register(&SMALL).unwrap();
    for user in 0..100 {
        small.add(1, [("user.id", &*user.to_string()), ("kind", "a")]);
    }
    small.add(1, [("user.id", "0"), ("kind", "a")]);
    assert_eq!(small.get([("user.id", "0"), ("kind", "a")]), Some(2));
    assert_eq!(small.get([(OVERFLOW, "true")]), Some(97));
    assert_eq!(registry.catalogue()[0].overflowed, 97);
    let reports = registry.take_reports();
    assert_eq!(reports.len(), 1);
    assert!(
        reports[0]
            .to_string()
            .contains("reached 3 series, of which label `user.id` alone has 3 values"),
        "{}",
        reports[0]
    );
    assert_eq!(reader.points()["small{otel.metric.overflow=true}"], 97.0);
}

#[test]
fn labels_that_were_cleaned_overflow_too() {
    let registry = Registry::default();
    let small = registry.register(&SMALL).unwrap();
    (0..5).for_each(|n| small.add(1, [("kind", &*format!("{n}\n")), ("unknown", "x")]));
    assert_eq!(
        (
            registry.catalogue()[0].series,
            small.get([(OVERFLOW, "true")])
        ),
        (3, Some(2))
    );
}

#[test]
fn many_series_are_all_found_again() {
    let registry = Registry::new(Options {
        series_limit: 20_000,
        ..Options::default()
    });
    let orders = registry.register(&ORDERS).unwrap();
    for _ in 0..2 {
        (0..10_000).for_each(|n| orders.add(1, [("status", &*n.to_string())]));
    }
    let snapshot = registry.snapshot();
    let series = &snapshot.family("shop.orders").unwrap().series;
    assert_eq!(series.len(), 10_000);
    assert!(series.iter().all(|series| series.value == Value::Count(2)));
}

#[test]
fn threads_lose_nothing() {
    let registry = Registry::default();
    let orders = registry.register(&ORDERS).unwrap();
    let latency = registry.register(&LATENCY).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (orders, latency) = (&orders, &latency);
            scope.spawn(move || {
                let (ok, fast) = (orders.bind([("status", "ok")]), latency.bind([]));
                for n in 0..50_000 {
                    ok.add(1);
                    fast.record(f64::from(thread) / 8.0);
                    orders.add(1, [("status", &*(n % 100).to_string())]);
                }
            });
        }
    });
    assert_eq!(orders.get([("status", "ok")]), Some(200_000));
    assert_eq!(orders.get([("status", "99")]), Some(2_000));
    let distribution = latency.get([]).unwrap();
    assert_eq!(
        (distribution.count(), distribution.sum),
        (200_000, 50_000.0 * 0.75)
    );
    assert_eq!(distribution.range, Some((0.0, 0.375)));
}

#[test]
fn disabled_registry_takes_nothing() {
    let registry = Registry::new(Options {
        enabled: false,
        ..Options::default()
    });
    let orders = registry.register(&ORDERS).unwrap();
    let ok = orders.bind([("status", "ok")]);
    orders.add(1, []);
    ok.add(1);
    assert_eq!(
        (orders.get([]), orders.get([("status", "ok")])),
        (None, Some(0))
    );
    registry.enable();
    ok.add(1);
    assert_eq!(orders.get([("status", "ok")]), Some(1));
    registry.disable();
    ok.add(1);
    assert_eq!(orders.get([("status", "ok")]), Some(1));
}

#[test]
fn handle_in_a_thread_local_destructor_records() {
    struct Last(Bound<Counter>);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.add(1);
        }
    }
    thread_local!(static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) });
    let orders = Registry::default().register(&ORDERS).unwrap();
    let last = orders.bind([]);
    std::thread::spawn(move || LAST.with(|slot| *slot.borrow_mut() = Some(Last(last))))
        .join()
        .unwrap();
    assert_eq!(orders.get([]), Some(1));
}

#[test]
fn by_name_finds_metrics_and_refuses_the_rest() {
    let registry = Registry::default();
    registry.register(&ORDERS).unwrap();
    registry.register(&DEPTH).unwrap();
    registry.register(&LATENCY).unwrap();
    registry
        .increment_counter("shop.orders", 2.0, [("status", "ok")])
        .unwrap();
    registry.record_histogram("shop.latency", 0.1, []).unwrap();
    registry.set_gauge("queue.depth", 5.0, []).unwrap();
    registry.increment_gauge("queue.depth", 3.0, []).unwrap();
    registry.decrement_gauge("queue.depth", 1.0, []).unwrap();
    let snapshot = registry.snapshot();
    assert_eq!(
        snapshot.get("shop.orders", [("status", "ok")]),
        Some(&Value::Count(2))
    );
    assert_eq!(snapshot.get("queue.depth", []), Some(&Value::Gauge(7.0)));
    let kind = registry.set_gauge("shop.orders", 1.0, []).unwrap_err();
    assert!(matches!(kind, Error::WrongKind { .. }), "{kind}");
    let fraction = registry
        .increment_counter("shop.orders", 0.5, [])
        .unwrap_err();
    assert!(matches!(fraction, Error::Value { .. }), "{fraction}");
    let unknown = registry.set_gauge("queue.dept", 1.0, []).unwrap_err();
    assert!(
        matches!(&unknown, Error::Unknown { nearest: Some(nearest), .. } if nearest == "queue.depth"),
        "{unknown}"
    );
}

#[test]
fn quantiles_of_a_histogram_are_interpolated() {
    let latency = Registry::default().register(&LATENCY).unwrap();
    (1..=1000).for_each(|n| latency.record(f64::from(n) / 1000.0, []));
    let distribution = latency.get([]).unwrap();
    for (quantile, truth) in [
        (0.5, 0.5),
        (0.95, 0.95),
        (0.99, 0.99),
        (0.0, 0.001),
        (1.0, 1.0),
    ] {
        let got = distribution.quantile(quantile).unwrap();
        assert!((got - truth).abs() < 0.01, "p{quantile}: {got}");
    }
    assert_eq!(distribution.quantile(1.1), None);
}

#[test]
fn histogram_with_useless_boundaries_is_reported_once() {
    let registry = Registry::default();
    let latency = registry
        .register(&Histogram::define("latency").buckets(&[5.0, 10.0, 25.0]))
        .unwrap();
    (0..1000).for_each(|_| latency.record(0.1, []));
    registry.snapshot();
    registry.snapshot();
    let reports = registry.take_reports();
    assert_eq!(
        reports
            .iter()
            .filter(|report| report.problem == Problem::OneBucket)
            .count(),
        1,
        "{reports:?}"
    );
}

// --- callbacks ---

#[test]
fn panicking_callback_is_disabled_and_the_others_go_on() {
    let registry = Registry::default();
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let _bad = registry.observe(&OPEN, move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
        panic!("on purpose");
    });
    let _good = registry.observe(&DEPTH, |observer| {
        observer.observe(1.0, [("queue", "mail")])
    });
    for _ in 0..2 {
        assert_eq!(
            registry.snapshot().get("queue.depth", [("queue", "mail")]),
            Some(&Value::Gauge(1.0))
        );
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    let reports = registry.take_reports();
    assert_eq!(reports.len(), 1);
    assert!(
        reports[0]
            .to_string()
            .contains("callback of metric `shop.open` panicked"),
        "{}",
        reports[0]
    );
}

#[test]
fn stuck_callback_is_disabled_and_the_others_go_on() {
    let registry = Registry::new(Options {
        callback_budget: Duration::from_millis(200),
        ..Options::default()
    });
    let (release, released) = mpsc::channel::<()>();
    let _stuck = registry.observe(&OPEN, move |observer| {
        let _ = released.recv();
        observer.observe(1.0, []);
    });
    let _good = registry.observe(&DEPTH, |observer| observer.observe(1.0, []));
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.get("queue.depth", []), Some(&Value::Gauge(1.0)));
    assert_eq!(snapshot.get("shop.open", []), None);
    assert_eq!(registry.take_reports()[0].problem, Problem::CallbackSlow);
    drop(release);
    assert_eq!(registry.snapshot().get("shop.open", []), None);
}

#[test]
fn callback_may_register_metrics_and_callbacks() {
    let registry = Registry::default();
    let (_provider, reader) = bound(&registry);
    let inner = registry.clone();
    let mut kept = Vec::new();
    let _callback = registry.observe(&DEPTH, move |observer| {
        inner.register(&ORDERS).unwrap().add(1, []);
        if kept.is_empty() {
            kept.push(
                inner
                    .observe(&OPEN, |observer| observer.observe(4.0, []))
                    .unwrap(),
            );
        }
        inner.snapshot();
        observer.observe(1.0, []);
    });
    assert_eq!(reader.points()["queue.depth{}"], 1.0);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !["shop.open{}", "shop.orders{}"]
        .iter()
        .all(|name| reader.points().contains_key(*name))
    {
        assert!(
            std::time::Instant::now() < deadline,
            "{:?}",
            registry.take_reports()
        );
        std::thread::yield_now();
    }
    assert!(registry.take_reports().is_empty());
}

#[test]
fn dropped_callbacks_leave_nothing_behind() {
    // A limit of two: what a dropped callback left behind would soon refuse the next.
    let few: Definition<Gauge> = Gauge::define("few").labels(&["n"]).limit(2);
    let registry = Registry::default();
    let alive = Arc::new(());
    for n in 0..1_000 {
        let held = Arc::clone(&alive);
        let callback = registry.observe(&few, move |observer| {
            observer.observe(Arc::strong_count(&held) as f64, [("n", &*n.to_string())]);
        });
        if n % 50 == 0 {
            assert_eq!(registry.snapshot().family("few").unwrap().series.len(), 1);
        }
        drop(callback);
    }
    assert_eq!(registry.snapshot().family("few").unwrap().series.len(), 0);
    assert!(registry.take_reports().is_empty());
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while Arc::strong_count(&alive) > 1 {
        assert!(std::time::Instant::now() < deadline, "closures are kept");
        std::thread::yield_now();
    }
}

#[test]
fn observed_counter_is_told_as_its_total() {
    const SEEN: Definition<Counter> = Counter::define("seen");
    let registry = Registry::default();
    let (_provider, reader) = bound(&registry);
    for total in [10.0, 10.0, 25.0] {
        let _callback = registry.observe(&SEEN, move |observer| observer.observe(total, []));
        assert_eq!(reader.points()["seen{}"], total);
    }
}

#[test]
fn callback_cannot_exceed_the_limit() {
    let registry = Registry::default();
    let few: Definition<Gauge> = Gauge::define("few").labels(&["n"]).limit(2);
    let _callback = registry.observe(&few, |observer| {
        (0..5).for_each(|n| observer.observe(1.0, [("n", &*n.to_string())]))
    });
    assert_eq!(registry.snapshot().family("few").unwrap().series.len(), 2);
    assert_eq!(
        registry.take_reports()[0].problem,
        Problem::CallbackOverflow
    );
}

// --- watches ---

#[test]
fn watch_may_record_and_drop_itself() {
    let registry = Registry::default();
    let depth = registry.register(&DEPTH).unwrap();
    let orders = registry.register(&ORDERS).unwrap();
    let slot = Arc::new(std::sync::Mutex::new(None));
    let (own, again, counted) = (Arc::clone(&slot), depth.clone(), orders.clone());
    let watch = registry.on_record("queue.depth", above(10.0), move |measurement| {
        counted.add(1, []);
        again.set(measurement.value + 1.0, []);
        let dropped = own.lock().unwrap().take();
        drop::<Option<spanwise::metrics::Watch>>(dropped);
    });
    *slot.lock().unwrap() = Some(watch.unwrap());
    depth.set(11.0, []);
    assert_eq!((orders.get([]), depth.get([])), (Some(1), Some(12.0)));
    depth.set(1.0, []);
    depth.set(11.0, []);
    assert_eq!(orders.get([]), Some(1));
}

#[test]
fn watch_of_a_counter_sees_the_sum() {
    let registry = Registry::default();
    let orders = registry.register(&ORDERS).unwrap();
    let fired = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&fired);
    let _watch = registry.on_record("shop.orders", above(2.0), move |measurement| {
        seen.fetch_add(measurement.value as usize, Ordering::Relaxed);
    });
    (0..5).for_each(|_| orders.add(1, []));
    assert_eq!(fired.load(Ordering::Relaxed), 3);
}

#[test]
fn panicking_watch_is_not_called_again() {
    let registry = Registry::default();
    let depth = registry.register(&DEPTH).unwrap();
    let _watch = registry.on_record("queue.depth", above(1.0), |_| panic!("on purpose"));
    for value in [2.0, 0.0, 2.0] {
        depth.set(value, []);
    }
    assert_eq!(depth.get([]), Some(2.0));
    let reports = registry.take_reports();
    assert_eq!(
        (reports.len(), reports[0].problem),
        (1, Problem::WatchPanicked)
    );
}

// --- helpers ---

fn calls(registry: &Registry, outcome: &str, error: &str) -> Option<f64> {
    let labels = [
        ("operation.name", "job"),
        ("operation.outcome", outcome),
        ("error.type", error),
    ];
    let given = labels
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect::<Vec<_>>();
    registry
        .snapshot()
        .get("operation.calls", given)
        .map(Value::as_f64)
}

fn active(registry: &Registry) -> f64 {
    registry
        .snapshot()
        .get("operation.active", [("operation.name", "job")])
        .expect("the tracker made the series")
        .as_f64()
}

#[tokio::test]
async fn future_that_is_dropped_is_cancelled() {
    let registry = Registry::default();
    let job = registry.track("job").unwrap();
    let mut pending = Box::pin(job.future(std::future::pending::<()>()));
    tokio::select! {
        biased;
        () = &mut pending => {}
        () = std::future::ready(()) => {}
    }
    assert_eq!(active(&registry), 1.0);
    drop(pending);
    assert_eq!(
        (calls(&registry, "cancelled", ""), active(&registry)),
        (Some(1.0), 0.0)
    );
}

#[tokio::test]
async fn future_counts_by_its_result() {
    let registry = Registry::default();
    let job = registry.track("job").unwrap();
    let _ = job.try_future(async { Ok::<_, std::fmt::Error>(()) }).await;
    let _ = job
        .try_future(async { Err::<(), _>(std::fmt::Error) })
        .await;
    job.future(async {}).await;
    assert_eq!(calls(&registry, "ok", ""), Some(2.0));
    assert_eq!(calls(&registry, "error", "core::fmt::Error"), Some(1.0));
    assert_eq!(calls(&registry, "cancelled", ""), None);
}

#[test]
fn future_that_was_never_polled_did_not_happen() {
    let registry = Registry::default();
    let job = registry.track("job").unwrap();
    drop(job.future(std::future::pending::<()>()));
    assert_eq!(
        (calls(&registry, "cancelled", ""), active(&registry)),
        (None, 0.0)
    );
}

#[test]
fn panic_is_an_error() {
    let registry = Registry::default();
    let job = registry.track("job").unwrap();
    let run = std::panic::AssertUnwindSafe(|| job.run(|| panic!("on purpose")));
    assert!(std::panic::catch_unwind(run).is_err());
    assert_eq!(
        (calls(&registry, "error", "panic"), active(&registry)),
        (Some(1.0), 0.0)
    );
}

#[tokio::test]
async fn items_of_a_stream_are_records() {
    use tokio_stream::StreamExt;
    let registry = Registry::default();
    let job = registry.track("job").unwrap();
    let items: Vec<i32> = job.stream(tokio_stream::iter([1, 2, 3])).collect().await;
    assert_eq!(items, [1, 2, 3]);
    let snapshot = registry.snapshot();
    let records = snapshot.get("operation.records", [("operation.name", "job")]);
    assert_eq!(
        (records, calls(&registry, "ok", "")),
        (Some(&Value::Count(3)), Some(1.0))
    );
}

#[test]
fn helpers_of_one_name_share_series() {
    use spanwise::metrics::Cache;
    let registry = Registry::default();
    Cache::new(&registry, "sessions").unwrap().hit();
    Cache::new(&registry, "sessions").unwrap().hit();
    let hits = [("cache.name", "sessions"), ("cache.result", "hit")];
    assert_eq!(
        registry.snapshot().get("cache.requests", hits),
        Some(&Value::Count(2))
    );
}

#[test]
fn waiter_that_gives_up_is_no_longer_counted() {
    use spanwise::metrics::Pool;
    let registry = Registry::default();
    let pool = Pool::new(&registry, "db", 2).unwrap();
    drop(pool.wait());
    let value = |name| {
        registry
            .snapshot()
            .get(name, [("pool.name", "db")])
            .map(Value::as_f64)
    };
    assert_eq!(
        (
            value("pool.waiters"),
            value("pool.used"),
            value("pool.wait.duration")
        ),
        (Some(0.0), Some(0.0), Some(0.0))
    );
}

#[test]
fn breaker_is_in_one_state() {
    use spanwise::metrics::{CircuitBreaker, circuit_breaker::State};
    let registry = Registry::default();
    let breaker = CircuitBreaker::new(&registry, "payments").unwrap();
    for state in [State::Open, State::Open, State::HalfOpen] {
        breaker.enter(state);
    }
    let value = |metric, state| {
        let labels = [
            ("circuit_breaker.name", "payments"),
            ("circuit_breaker.state", state),
        ];
        registry.snapshot().get(metric, labels).map(Value::as_f64)
    };
    let states = ["closed", "half_open", "open"].map(|state| value("circuit_breaker.state", state));
    assert_eq!(states, [Some(0.0), Some(1.0), Some(0.0)]);
    assert_eq!(value("circuit_breaker.transitions", "open"), Some(1.0));
}

#[test]
fn model_without_a_price_is_counted() {
    use spanwise::metrics::{
        GenAi,
        gen_ai::{Price, Prices},
    };
    let registry = Registry::default();
    let gen_ai = GenAi::new(
        &registry,
        Prices::default().model(
            "known",
            Price {
                input: 1.0,
                output: 1.0,
            },
        ),
    )
    .unwrap();
    gen_ai.call("chat", "acme", "unknown").tokens(10, 10);
    gen_ai.call("chat", "acme", "known").tokens(10, 10);
    let unpriced = [
        ("gen_ai.provider.name", "acme"),
        ("gen_ai.request.model", "unknown"),
    ];
    assert_eq!(
        registry
            .snapshot()
            .get("gen_ai.client.operation.unpriced", unpriced),
        Some(&Value::Count(1))
    );
}

#[test]
fn failed_call_of_a_model_has_its_error_type() {
    use spanwise::metrics::{GenAi, gen_ai::Prices};
    let registry = Registry::default();
    let gen_ai = GenAi::new(&registry, Prices::default()).unwrap();
    gen_ai.call("chat", "acme", "m").fail("timeout");
    let snapshot = registry.snapshot();
    let series = &snapshot
        .family("gen_ai.client.operation.duration")
        .unwrap()
        .series;
    assert!(
        series[0]
            .labels
            .iter()
            .any(|(key, value)| &**key == "error.type" && &**value == "timeout")
    );
}

#[test]
fn lost_shards_are_counted_apart() {
    use spanwise::metrics::stream::Consumer;
    let registry = Registry::default();
    let consumer = Consumer::new(&registry, "kinesis", "orders").unwrap();
    [4, 6, 3]
        .into_iter()
        .for_each(|shards| consumer.shards(shards));
    let value = |change| {
        let labels = [
            ("messaging.system", "kinesis"),
            ("messaging.destination.name", "orders"),
            ("stream.shard.change", change),
        ];
        registry
            .snapshot()
            .get("stream.consumer.reshardings", labels)
            .map(Value::as_f64)
    };
    assert_eq!((value("gained"), value("lost")), (Some(6.0), Some(3.0)));
}

// --- metrics kept elsewhere ---

fn elsewhere(total: u64) -> Vec<spanwise::metrics::snapshot::Family> {
    use spanwise::metrics::{Kind, snapshot};
    let series = snapshot::Series {
        labels: [("a".into(), "b".into())].into(),
        value: Value::Count(total),
        overflow: false,
        started: std::time::SystemTime::now(),
    };
    let family = snapshot::Family {
        name: "elsewhere".into(),
        kind: Kind::Counter,
        unit: "".into(),
        help: "".into(),
        series: vec![series],
    };
    vec![family]
}

#[test]
fn included_metrics_are_pushed_as_they_grow() {
    let registry = Registry::default();
    let (_provider, reader) = bound(&registry);
    let total = Arc::new(AtomicUsize::new(5));
    let read = Arc::clone(&total);
    let _included = registry.include("elsewhere", move || {
        elsewhere(read.load(Ordering::Relaxed) as u64)
    });
    // The instrument is made after the first round has met the metric.
    wait_for(&reader, "elsewhere{a=b}");
    assert_eq!(reader.points()["elsewhere{a=b}"], 5.0);
    total.store(12, Ordering::Relaxed);
    assert_eq!(reader.points()["elsewhere{a=b}"], 12.0);
}

fn wait_for(reader: &Reader, point: &str) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !reader.points().contains_key(point) {
        assert!(
            std::time::Instant::now() < deadline,
            "{point} does not come"
        );
        std::thread::yield_now();
    }
}
