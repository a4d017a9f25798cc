//! The metrics that an application records, from the handle to the page.

use spanwise::Telemetry;
use spanwise::config::Env;
use spanwise::metrics::{Counter, Definition, Histogram};

const ORDERS: Definition<Counter> = Counter::define("shop.orders")
    .unit("{order}")
    .help("Orders taken")
    .labels(&["status"]);
const DURATION: Definition<Histogram> = Histogram::define("shop.checkout")
    .unit("s")
    .help("Time to check out");

fn telemetry() -> Telemetry {
    let none = [
        "OTEL_TRACES_EXPORTER",
        "OTEL_METRICS_EXPORTER",
        "OTEL_LOGS_EXPORTER",
    ]
    .map(|name| (name, "none"));
    Telemetry::builder()
        .with_env(Env::from_pairs(none))
        .strict()
        .build()
        .expect("a valid configuration")
}

#[test]
fn what_is_recorded_is_on_the_page() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = telemetry();
    telemetry
        .metrics()
        .register(&ORDERS)?
        .add(3, [("status", "ok")]);
    telemetry.metrics().register(&DURATION)?.record(0.3, []);
    let page = telemetry.render();
    for line in [
        "# HELP shop_orders_total Orders taken",
        "# TYPE shop_orders_total counter",
        "shop_orders_total{status=\"ok\"} 3",
        "shop_checkout_seconds_bucket{le=\"0.5\"} 1",
        "shop_checkout_seconds_count 1",
    ] {
        assert!(page.contains(line), "{line} is missing in\n{page}");
    }
    Ok(())
}

#[test]
fn two_pipelines_share_nothing() -> Result<(), Box<dyn std::error::Error>> {
    let (one, other) = (telemetry(), telemetry());
    one.metrics().register(&ORDERS)?.add(1, [("status", "ok")]);
    assert!(one.render().contains("shop_orders_total"));
    assert!(!other.render().contains("shop_orders_total"));
    assert!(other.snapshot().family("shop.orders").is_none());
    Ok(())
}

#[test]
fn a_handle_made_before_telemetry_loses_nothing() -> Result<(), Box<dyn std::error::Error>> {
    let registry = spanwise::metrics::Registry::default();
    let orders = registry.register(&ORDERS)?;
    (0..10_000).for_each(|_| orders.add(1, [("status", "early")]));
    let telemetry = Telemetry::builder()
        .with_env(Env::from_pairs([
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_METRICS_EXPORTER", "none"),
        ]))
        .with_registry(registry)
        .build()?;
    assert!(
        telemetry
            .render()
            .contains("shop_orders_total{status=\"early\"} 10000")
    );
    Ok(())
}
