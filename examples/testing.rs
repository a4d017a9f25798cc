//! A test of instrumented code: what it recorded is plain data, and no other test is in it.
//!
//! Run with `cargo run --example testing`. Look at the end: what a failing test shows.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use spanwise::metrics::{Counter, Definition, Error, Registry};
use spanwise::testing::Telemetry;
use tracing::{error, info, info_span};

const ORDERS: Definition<Counter> = Counter::define("orders").labels(&["status"]);

/// The code under test.
fn brew(registry: &Registry, cups: u32, wait: impl Fn(Duration)) -> Result<(), Error> {
    let orders = registry.register(&ORDERS)?;
    let _order = info_span!("order", cups).entered();
    for cup in 1..=cups {
        let _cup = info_span!("pour", cup).entered();
        wait(Duration::from_secs(20));
        if cup == 4 {
            error!("the pot is empty");
            orders.add(1, [("status", "failed")]);
        } else {
            info!("poured");
            orders.add(1, [("status", "ok")]);
        }
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    // Ids count from one and time stands still until it is moved: the same on each run.
    let t = Telemetry::builder()
        .with_sequential_ids()
        .with_manual_clock()
        .build();
    t.scope(|| brew(t.metrics(), 4, |time| t.advance(time)))?;

    assert!(t.counter("orders_total", [("status", "ok")]) == 3);

    let order = t.spans().named("order").one();
    assert_eq!(order.attribute("cups").as_deref(), Some("4"));
    assert_eq!(order.duration, Duration::from_secs(80));
    println!("pours: {}", t.spans().children_of(&order).len());

    let failed = t.spans().failed().one();
    println!(
        "failed: cup {}",
        failed.attribute("cup").unwrap_or_default()
    );
    println!("said: {}", t.logs().in_span(&failed).one().body);

    println!("\nWhat a failing test would show:\n\n{t}");
    Ok(())
}
