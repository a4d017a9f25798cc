//! Both ends of a record stream: what was sent and received, how far behind the reader is, how checkpoints went.
//!
//! Run with `cargo run --example stream_metrics`. Look at the lag, and at the batch that failed.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use spanwise::metrics::{
    Error, Registry,
    stream::{Checkpoint, Consumer, Producer},
};

fn main() -> Result<(), Error> {
    let registry = Registry::default();

    let producer = Producer::new(&registry, "kafka", "orders")?;
    for (records, error) in [(100, None), (40, Some("timeout")), (60, None)] {
        producer.queued(records);
        let mut flush = producer.flush();
        flush.records(records as u64);
        flush.bytes(records as u64 * 640);
        if let Some(error) = error {
            flush.fail(error);
        }
    }
    producer.throttled();
    producer.queued(0);

    let consumer = Consumer::new(&registry, "kafka", "orders")?;
    consumer.shards(4);
    for partition in ["0", "1"] {
        consumer.lag(partition, 250);
        consumer.iterator_age(partition, Duration::from_secs(3));
        let mut batch = consumer.process();
        batch.records(50);
        batch.bytes(32_000);
        if partition == "1" {
            batch.fail("parse");
            consumer.checkpoint(Checkpoint::Failed);
        } else {
            consumer.checkpoint(Checkpoint::Ok);
        }
    }
    consumer.shards(3);

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
    Ok(())
}
