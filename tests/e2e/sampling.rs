//! Sampling moves traces and nothing else, and exemplars lead to the traces that are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use libtest_mimic::Trial;

use crate::deadline::until;
use crate::exposition::{self, Span};
use crate::jaeger::{self, Jaeger};
use crate::process::free_port;
use crate::prometheus::Prometheus;
use crate::quickstart::Quickstart;
use crate::{Outcome, ensure, test};

const REQUESTS: u64 = 100_000;

const FAMILIES: [&str; 2] = [
    "traces_span_metrics_duration_milliseconds_bucket",
    "http_server_request_duration_seconds_bucket",
];

/// `{__name__=~".+"}` in a URL.
const EVERY_SERIES: &str = "%7B__name__%3D~%22.%2B%22%7D";

pub(crate) fn tests() -> Vec<Trial> {
    vec![test(
        "sampling::at_one_percent_counts_are_exact_and_exemplars_lead_to_traces",
        at_one_percent_counts_are_exact_and_exemplars_lead_to_traces,
    )]
}

fn at_one_percent_counts_are_exact_and_exemplars_lead_to_traces() -> Outcome {
    let metrics = free_port()?;
    let prometheus = Prometheus::start(metrics)?;
    let jaeger = Jaeger::start(jaeger::Options::default())?;
    let mut quickstart = Quickstart::start(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            &jaeger.endpoint("http/protobuf"),
        ),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", &metrics.to_string()),
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.01"),
        // A line for every request is not what this is about.
        ("RUST_LOG", "warn"),
    ])?;
    let start = Instant::now();
    quickstart.pour(REQUESTS, 200, |number| format!("/users/{number}"))?;
    let took = start.elapsed();

    let text = quickstart.metrics()?;
    let span = |name: &str, kind: &str| Span {
        name: name.to_owned(),
        kind: kind.to_owned(),
        status: "STATUS_CODE_UNSET".to_owned(),
    };
    let expected = BTreeMap::from([
        (span("GET /users/{id}", "SPAN_KIND_SERVER"), REQUESTS),
        (span("SELECT users", "SPAN_KIND_CLIENT"), REQUESTS),
    ]);
    for (what, counted) in [
        ("calls", exposition::calls(&text)?),
        ("durations", exposition::durations(&text)?),
    ] {
        ensure!(
            counted == expected,
            "{what}: {counted:?}\nare not\n{expected:?}"
        );
    }
    for expression in [
        "sum(traces_span_metrics_calls_total{span_kind=\"SPAN_KIND_SERVER\"})",
        "sum(http_server_request_duration_seconds_count)",
    ] {
        until(&format!("{REQUESTS} as {expression}"), || {
            match prometheus.query(expression)?.as_slice() {
                // Far below 2^53, where f64 stops being exact.
                [(_, value)] if *value as u64 == REQUESTS => Ok(()),
                other => Err(format!("{other:?}").into()),
            }
        })?;
    }
    for family in FAMILIES {
        until(&format!("exemplars of {family}"), || {
            match prometheus.exemplars(family)? {
                none if none.is_empty() => Err("there are none".into()),
                _ => Ok(()),
            }
        })?;
    }
    let exemplars = prometheus.exemplars(EVERY_SERIES)?;
    quickstart.stop()?;

    // Everything was flushed when the process ended; Jaeger's own batch is awaited.
    for (trace, id) in &exemplars {
        let spans = until(
            &format!("the trace {trace} of an exemplar in Jaeger"),
            || jaeger.trace(trace),
        )?;
        ensure!(
            spans.iter().any(|span| span.id == *id),
            "no span {id} in {spans:?}"
        );
    }
    let spans = jaeger.spans("quickstart")?;
    let traces: BTreeSet<_> = spans.iter().map(|span| &span.trace).collect();
    println!(
        "{REQUESTS} requests at 1 % in {:.1} s: {} traces in Jaeger, {} exemplars in Prometheus, all of them there",
        took.as_secs_f64(),
        traces.len(),
        exemplars.len()
    );
    // 1000 expected, with a standard deviation of 31.
    ensure!(
        (850..=1150).contains(&traces.len()),
        "{} traces of {REQUESTS} at 1 %",
        traces.len()
    );
    Ok(())
}
