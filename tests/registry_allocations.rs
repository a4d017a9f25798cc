//! What recording allocates. A binary of its own, because the counting allocator is one for the whole process.

use allocation_counter::measure;
use spanwise::metrics::{Counter, Definition, Gauge, Histogram, Options, Registry, above};

const ORDERS: Definition<Counter> = Counter::define("orders")
    .labels(&["status", "region"])
    .limit(2);
const DEPTH: Definition<Gauge> = Gauge::define("depth").labels(&["queue"]);
const LENGTH: Definition<Gauge> = Gauge::define("length");
const LATENCY: Definition<Histogram> = Histogram::define("latency").unit("s").labels(&["route"]);

fn assert_none(what: &str, work: impl FnMut()) {
    let mut work = work;
    work();
    let count = measure(|| (0..100).for_each(|_| work())).count_total;
    assert_eq!(count, 0, "{what} allocated");
}

#[test]
fn known_series_allocates_nothing() {
    let registry = Registry::default();
    let orders = registry.register(&ORDERS).unwrap();
    let depth = registry.register(&DEPTH).unwrap();
    let latency = registry.register(&LATENCY).unwrap();
    let bound = latency.bind([("route", "/")]);
    assert_none("a bound histogram", || bound.record(0.1));
    assert_none("a counter with labels", || {
        orders.add(1, [("status", "ok"), ("region", "eu")])
    });
    assert_none("labels in another order", || {
        orders.add(1, [("region", "eu"), ("status", "ok")])
    });
    assert_none("a gauge with labels", || {
        depth.set(1.0, [("queue", "mail")])
    });
    assert_none("a histogram with labels", || {
        latency.record(0.1, [("route", "/")])
    });
}

#[test]
fn overflow_allocates_nothing() {
    let registry = Registry::default();
    let orders = registry.register(&ORDERS).unwrap();
    orders.add(1, [("status", "1")]);
    orders.add(1, [("status", "2")]);
    assert_none("a series beyond the limit", || {
        orders.add(1, [("status", "3")])
    });
}

#[test]
fn disabled_registry_allocates_nothing() {
    let registry = Registry::new(Options {
        enabled: false,
        ..Options::default()
    });
    let orders = registry.register(&ORDERS).unwrap();
    assert_none("a disabled counter", || orders.add(1, [("status", "ok")]));
}

#[test]
fn callbacks_that_come_and_go_leave_no_memory_behind() {
    let registry = Registry::default();
    let depth = registry.register(&DEPTH).unwrap();
    let cycles = || {
        for _ in 0..1_000 {
            let observed = registry.observe(&LENGTH, |observer| observer.observe(1.0, []));
            let watched = registry.on_record("depth", above(1.0), |_| {});
            depth.set(2.0, [("queue", "mail")]);
            drop((observed.unwrap(), watched.unwrap()));
        }
    };
    // Lists grow once, to the length that they need.
    cycles();
    let left = measure(cycles).bytes_current;
    assert!(left.abs() < 1_000, "{left} bytes after 1,000 cycles");
}

/// The figure that the docs of the module state.
#[test]
fn live_series_stays_small() {
    let registry = Registry::default();
    let wide: Definition<Histogram> = Histogram::define("wide")
        .unit("s")
        .labels(&["method", "route", "status"]);
    let narrow: Definition<Counter> =
        Counter::define("narrow").labels(&["method", "route", "status"]);
    let (wide, narrow) = (
        registry.register(&wide).unwrap(),
        registry.register(&narrow).unwrap(),
    );
    let bytes = |record: &dyn Fn(&str)| {
        let routes: Vec<String> = (0..1000).map(|n| format!("/api/orders/{n:04}")).collect();
        measure(|| routes.iter().for_each(|route| record(route))).bytes_current / 1000
    };
    let counter =
        bytes(&|route| narrow.add(1, [("method", "GET"), ("route", route), ("status", "200")]));
    let histogram = bytes(&|route| {
        wide.record(
            0.1,
            [("method", "GET"), ("route", route), ("status", "200")],
        )
    });
    eprintln!(
        "bytes for a series with 3 labels: counter {counter}, histogram of 15 buckets {histogram}"
    );
    assert!(counter < 600, "{counter} bytes for a counter");
    assert!(histogram < 850, "{histogram} bytes for a histogram");
}
