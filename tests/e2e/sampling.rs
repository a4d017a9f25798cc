//! Sampling moves traces and nothing else.

use std::collections::BTreeSet;

use libtest_mimic::Trial;

use crate::jaeger::{self, Jaeger};
use crate::quickstart::Quickstart;
use crate::{Outcome, ensure, test};

const REQUESTS: u64 = 10_000;

pub(crate) fn tests() -> Vec<Trial> {
    vec![test(
        "sampling::one_percent_of_traces_and_all_calls",
        one_percent_of_traces_and_all_calls,
    )]
}

fn one_percent_of_traces_and_all_calls() -> Outcome {
    let jaeger = Jaeger::start(jaeger::Options::default())?;
    let mut quickstart = Quickstart::start(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            &jaeger.endpoint("http/protobuf"),
        ),
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.01"),
        // Ten thousand lines are not what this is about.
        ("RUST_LOG", "warn"),
    ])?;
    quickstart.send(REQUESTS, |number| ("GET", format!("/users/{number}")))?;
    let calls = quickstart.calls()?;
    quickstart.stop()?;

    let server = calls
        .iter()
        .filter(|(span, _)| span.kind == "SPAN_KIND_SERVER");
    let server: u64 = server.map(|(_, calls)| calls).sum();
    ensure!(
        server == REQUESTS,
        "{server} calls counted of {REQUESTS}: {calls:?}"
    );

    // Everything was flushed when the process ended; Jaeger's own batch is
    // awaited by waiting for the smallest acceptable number.
    let spans = crate::deadline::until("sampled traces in Jaeger", || {
        let spans = jaeger.spans("quickstart")?;
        if spans.len() < 2 * 60 {
            Err(format!("{} spans", spans.len()).into())
        } else {
            Ok(spans)
        }
    })?;
    let traces: BTreeSet<_> = spans.iter().map(|span| &span.trace).collect();
    println!(
        "{REQUESTS} requests at 1 %: {} traces in Jaeger, {server} calls on /metrics",
        traces.len()
    );
    // 100 expected; the odds of being outside of this by chance are below one in ten thousand.
    ensure!(
        (60..=150).contains(&traces.len()),
        "{} traces of {REQUESTS} at 1 %",
        traces.len()
    );
    Ok(())
}
