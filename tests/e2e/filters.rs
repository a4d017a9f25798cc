//! `RUST_LOG` moves logs only, the span filter moves exported spans only.

use std::collections::BTreeMap;

use libtest_mimic::Trial;

use crate::exposition::Span;
use crate::jaeger::{self, Jaeger};
use crate::quickstart::{Quickstart, SERVER_SPANS_OF_TEN, SPANS_OF_TEN};
use crate::{Outcome, ensure, test};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test(
            "filters::rust_log_moves_neither_spans_nor_counts",
            rust_log_moves_neither_spans_nor_counts,
        ),
        test(
            "filters::span_filter_off_exports_nothing_and_counts_all",
            span_filter_off_exports_nothing_and_counts_all,
        ),
    ]
}

fn rust_log_moves_neither_spans_nor_counts() -> Outcome {
    let jaeger = Jaeger::start(jaeger::Options::default())?;
    let mut counts = Vec::new();
    for (service, level) in [
        ("unset", None),
        ("off", Some("off")),
        ("warn", Some("warn")),
        ("info", Some("info")),
    ] {
        let variable = level.map(|level| ("RUST_LOG", level));
        counts.push(run(&jaeger, service, variable)?);
        jaeger.wait_for_spans(service, SPANS_OF_TEN)?;
    }
    let first = &counts[0];
    let server: u64 = first
        .iter()
        .filter(|(span, _)| span.kind == "SPAN_KIND_SERVER")
        .map(|(_, calls)| calls)
        .sum();
    ensure!(
        server == SERVER_SPANS_OF_TEN,
        "{server} server spans counted, not {SERVER_SPANS_OF_TEN}"
    );
    ensure!(
        first.values().sum::<u64>() == SPANS_OF_TEN as u64,
        "not {SPANS_OF_TEN} calls: {first:?}"
    );
    for other in &counts[1..] {
        ensure!(other == first, "{other:?}\nis not\n{first:?}");
    }
    Ok(())
}

fn span_filter_off_exports_nothing_and_counts_all() -> Outcome {
    let jaeger = Jaeger::start(jaeger::Options::default())?;
    let off = run(&jaeger, "spans-off", Some(("OTEL_RUST_SPAN_FILTER", "off")))?;
    // What comes later is there, so what came before would be.
    let on = run(&jaeger, "spans-on", None)?;
    jaeger.wait_for_spans("spans-on", SPANS_OF_TEN)?;
    let services = jaeger.services()?;
    ensure!(
        !services.contains("spans-off"),
        "spans of a filtered service in Jaeger: {services:?}"
    );
    ensure!(
        off == on,
        "counted with the filter off:\n{off:?}\nand on:\n{on:?}"
    );
    Ok(())
}

/// The counts of ten requests to a quickstart with one variable set.
fn run(
    jaeger: &Jaeger,
    service: &str,
    variable: Option<(&str, &str)>,
) -> Outcome<BTreeMap<Span, u64>> {
    let endpoint = jaeger.endpoint("http/protobuf");
    let mut variables = vec![
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_SERVICE_NAME", service),
    ];
    variables.extend(variable);
    let mut quickstart = Quickstart::start(&variables)?;
    quickstart.load(10)?;
    let calls = quickstart.calls()?;
    quickstart.stop()?;
    Ok(calls)
}
