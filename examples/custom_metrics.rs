//! Metrics of your own: definitions, handles, reading back, and what happens to mistakes.
//!
//! Run with `cargo run --example custom_metrics`. Look at the label that overflows, and at the two places in the refused definition.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use spanwise::metrics::{
    Counter, Definition, Error, Gauge, Histogram, Options, Registry, Summary, buckets,
    snapshot::Series,
};

const ORDERS: Definition<Counter> = Counter::define("shop.orders")
    .unit("{order}")
    .help("Orders taken")
    .labels(&["status", "region"]);
const REVENUE: Definition<Counter<f64>> = Counter::<f64>::define("shop.revenue")
    .unit("{EUR}")
    .help("Money taken");
const STOCK: Definition<Gauge> = Gauge::define("shop.stock")
    .unit("{item}")
    .labels(&["item"])
    .limit(2);
const LATENCY: Definition<Histogram> = Histogram::define("shop.checkout.duration").unit("s");
const BASKET: Definition<Histogram> = Histogram::define("shop.basket.size")
    .unit("{item}")
    .buckets(buckets::COUNTS);
const RESPONSE: Definition<Summary> = Summary::define("shop.response.size")
    .unit("By")
    .window(Duration::from_secs(300));

fn main() -> Result<(), Error> {
    let constant_labels = vec![("shop".to_owned(), "berlin".to_owned())];
    let registry = Registry::new(Options {
        namespace: "acme".into(),
        constant_labels,
        ..Options::default()
    });

    // Handles work right away; an exporter that comes later gets what was recorded before.
    let orders = registry.register(&ORDERS)?;
    orders.add(1, [("status", "ok"), ("region", "eu")]);
    orders.add(1, [("region", "eu"), ("status", "ok")]);
    let failed = orders.bind([("status", "failed")]);
    failed.add(1);
    println!(
        "ok: {:?}, failed: {:?}",
        orders.get([("status", "ok"), ("region", "eu")]),
        failed.value()
    );

    registry.register(&REVENUE)?.add(19.99, []);
    let (latency, basket) = (registry.register(&LATENCY)?, registry.register(&BASKET)?);
    let response = registry.register(&RESPONSE)?;
    for n in 1..=100 {
        latency.record_duration(Duration::from_millis(n * 5), []);
        basket.record((n % 7) as f64, []);
        response.record(n as f64 * 100.0, []);
    }
    if let Some(seconds) = latency.get([]) {
        println!(
            "checkout: {} values, median {:.2} s",
            seconds.count(),
            seconds.quantile(0.5).unwrap_or(0.0)
        );
    }

    // By name, for code that has no handle.
    registry.increment_counter("shop.orders", 5.0, [("status", "ok")])?;
    if let Err(error) = registry.increment_counter("shop.order", 1.0, []) {
        println!("refused: {error}");
    }

    // Another definition of the same name is an error that names both places.
    if let Err(error) = registry.register(&Gauge::define("shop.orders")) {
        println!("refused: {error}");
    }

    // Mistakes while recording never fail; they are counted, and reported once.
    let stock = registry.register(&STOCK)?;
    for item in ["apples", "pears", "plums", "figs"] {
        stock.set(3.0, [("item", item)]);
    }
    stock.set(f64::NAN, []);
    orders.add(1, [("customer", "ada")]);
    for report in registry.take_reports() {
        println!("report: {report}");
    }

    println!("\ncatalogue:");
    for entry in registry.catalogue() {
        println!(
            "  {} ({}, unit {:?}): {} series of {}",
            entry.name, entry.kind, entry.unit, entry.series, entry.limit
        );
    }
    println!("\nsnapshot:");
    for family in registry.snapshot().families {
        let line = |series: &Series| {
            let labels = series.labels.iter();
            let labels: Vec<_> = labels
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            let value = series.value.as_f64();
            format!("  {}{{{}}} {value}", family.name, labels.join(","))
        };
        let mut lines: Vec<_> = family.series.iter().map(line).collect();
        lines.sort();
        lines.iter().for_each(|line| println!("{line}"));
    }
    Ok(())
}
