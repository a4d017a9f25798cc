//! Helpers: an operation, a cache, a pool, a queue and a circuit breaker, each with the metrics one wants of it.
//!
//! Run with `cargo run --example helpers`. Look at the outcomes of the operation: one failed, one panicked, one was cancelled.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{collections::HashMap, panic, sync::mpsc};

use spanwise::metrics::{
    Cache, CircuitBreaker, Error, Operation, Pool, Queue, Registry, circuit_breaker::State,
};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let registry = Registry::default();

    let import = Operation::new(&registry, "import")?;
    let mut run = import.start();
    run.records(500);
    run.bytes(12_000);
    run.retry("timeout");
    drop(run);
    let parsed = import.try_run(|| "twelve".parse::<u32>());
    println!("parsed: {parsed:?}");
    panic::set_hook(Box::new(|_| {}));
    let panicked = panic::catch_unwind(|| import.run(|| panic!("no more paper")));
    println!("panicked: {}", panicked.is_err());
    tokio::select! {
        biased;
        () = import.future(std::future::pending()) => {}
        () = std::future::ready(()) => println!("cancelled: true"),
    }

    let sessions = Cache::new(&registry, "sessions")?;
    let entries = HashMap::from([("ada", 1)]);
    for name in ["ada", "bob", "ada"] {
        sessions.lookup(entries.get(name));
    }
    sessions.evict("expired");
    sessions.size(entries.len());

    let connections = Pool::new(&registry, "orders-db", 10)?;
    let using = connections.wait().acquired();
    let waiting = connections.wait();

    let mails = Queue::new(&registry, "mails")?;
    let (send, receive) = mpsc::channel();
    for mail in ["hello", "goodbye"] {
        let _ = send.send((mails.enter(), mail));
    }
    if let Ok((place, _mail)) = receive.recv() {
        place.take();
    }

    let payments = CircuitBreaker::new(&registry, "payments")?;
    payments.enter(State::Open);
    payments.reject();
    payments.enter(State::HalfOpen);

    for family in registry.snapshot().families {
        let mut lines: Vec<_> = family
            .series
            .iter()
            .map(|series| {
                let labels: Vec<_> = series.labels.iter().map(|(_, value)| &**value).collect();
                format!(
                    "{} [{}] {}",
                    family.name,
                    labels.join(" "),
                    series.value.as_f64()
                )
            })
            .collect();
        lines.sort();
        lines.iter().for_each(|line| println!("{line}"));
    }
    drop((using, waiting));
    Ok(())
}
