//! Callbacks: values asked for when somebody looks, and functions called when a value crosses a line.
//!
//! Run with `cargo run --example callbacks`. Look at the callback that panics: the other one goes on.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use spanwise::metrics::{Counter, Definition, Error, Gauge, Options, Registry, above};

const DEPTH: Definition<Gauge> = Gauge::define("queue.depth")
    .unit("{message}")
    .labels(&["queue"]);
const SEEN: Definition<Counter> = Counter::define("messages.seen").unit("{message}");
const BROKEN: Definition<Gauge> = Gauge::define("broken.gauge");
const LOAD: Definition<Gauge> = Gauge::define("load");

fn main() -> Result<(), Error> {
    let registry = Registry::new(Options {
        callback_budget: Duration::from_secs(2),
        ..Options::default()
    });

    // Asked once for each look, on a thread of its own.
    let seen = Arc::new(AtomicU64::new(0));
    let total = Arc::clone(&seen);
    let _seen = registry.observe(&SEEN, move |observer| {
        observer.observe(total.load(Ordering::Relaxed) as f64, []);
    })?;
    let depth = registry.observe(&DEPTH, |observer| {
        observer.observe(3.0, [("queue", "mail")]);
        observer.observe(0.0, [("queue", "push")]);
    })?;
    let _broken = registry.observe(&BROKEN, |_| panic!("the sensor is gone"))?;
    std::panic::set_hook(Box::new(|_| {}));

    seen.fetch_add(42, Ordering::Relaxed);
    show(&registry, "with all callbacks");
    for report in registry.take_reports() {
        println!("report: {report}");
    }
    drop(depth);
    show(&registry, "after the depth callback was dropped");

    // Called when the value goes above 10; again only after it has been down to 5.
    let load = registry.register(&LOAD)?;
    let watch = registry.on_record("load", above(10.0).until(5.0), |measurement| {
        println!("{} is {}", measurement.metric, measurement.value);
    })?;
    for value in [8.0, 12.0, 9.0, 13.0, 4.0, 11.0] {
        println!("load becomes {value}");
        load.set(value, []);
    }
    drop(watch);
    load.set(99.0, []);
    Ok(())
}

fn show(registry: &Registry, when: &str) {
    println!("{when}:");
    for family in registry.snapshot().families {
        let mut lines: Vec<_> = family
            .series
            .iter()
            .map(|series| {
                format!(
                    "  {} {:?} {}",
                    family.name,
                    series.labels,
                    series.value.as_f64()
                )
            })
            .collect();
        lines.sort();
        lines.iter().for_each(|line| println!("{line}"));
    }
}
