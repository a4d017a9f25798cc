//! Calls to generative models: tokens, time, streamed chunks, cost by your own price table.
//!
//! Run with `cargo run --example genai`. Look at the call whose model has no price: the cost is known to be too low.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use spanwise::metrics::{
    Error, GenAi, Registry,
    gen_ai::{Price, Prices},
    snapshot::Value,
};

fn main() -> Result<(), Error> {
    let registry = Registry::default();
    let prices = Prices::default()
        .model(
            "large-2",
            Price {
                input: 3.0,
                output: 15.0,
            },
        )
        .model(
            "small-1",
            Price {
                input: 0.5,
                output: 2.0,
            },
        );
    let gen_ai = GenAi::new(&registry, prices)?;

    // A streamed answer.
    let mut call = gen_ai.call("chat", "acme", "large-2");
    for _chunk in ["Once", " upon", " a time"] {
        call.chunk();
    }
    call.response_model("large-2-2026-10");
    call.tokens(2_000, 500);
    drop(call);

    // One that failed, and one that nobody gave a price for.
    gen_ai.call("chat", "acme", "small-1").fail("rate_limit");
    gen_ai
        .call("embeddings", "other", "vectors-9")
        .tokens(8_000, 0);

    for family in registry.snapshot().families {
        println!("{} ({})", family.name, family.unit);
        let mut lines: Vec<_> = family
            .series
            .iter()
            .map(|series| {
                let labels: Vec<_> = series
                    .labels
                    .iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect();
                let value = match &series.value {
                    Value::Distribution(values) if &*family.unit == "{token}" => {
                        format!("{} in {} calls", values.sum, values.count())
                    }
                    Value::Distribution(values) => format!("{} times", values.count()),
                    other => format!("{}", other.as_f64()),
                };
                format!("  {}: {value}", labels.join(" "))
            })
            .collect();
        lines.sort();
        lines.iter().for_each(|line| println!("{line}"));
    }
    Ok(())
}
