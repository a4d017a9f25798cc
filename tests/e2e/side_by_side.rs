//! Our series and those of the connector that they replace say the same.

use std::collections::BTreeMap;

use libtest_mimic::Trial;

use crate::deadline::until;
use crate::exposition::{self, Span};
use crate::jaeger::{self, Jaeger};
use crate::quickstart::Quickstart;
use crate::{Outcome, ensure, test};

const REQUESTS: u64 = 300;

pub(crate) fn tests() -> Vec<Trial> {
    vec![test(
        "side_by_side::counts_equal_those_of_the_connector",
        counts_equal_those_of_the_connector,
    )]
}

fn counts_equal_those_of_the_connector() -> Outcome {
    let jaeger = Jaeger::start(jaeger::Options {
        counts_spans: true,
        ..Default::default()
    })?;
    let mut quickstart = Quickstart::start(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            &jaeger.endpoint("http/protobuf"),
        ),
    ])?;
    quickstart.load(REQUESTS)?;
    let text = quickstart.metrics()?;
    quickstart.stop()?;
    let ours = exposition::calls(&text)?;
    let measured = exposition::durations(&text)?;
    ensure!(
        ours == measured,
        "calls:\n{ours:?}\nand durations:\n{measured:?}"
    );

    let theirs = until("the connector to have counted everything", || {
        let theirs = exposition::calls(&jaeger.span_metrics()?)?;
        let (their_sum, our_sum) = (theirs.values().sum::<u64>(), ours.values().sum::<u64>());
        if their_sum < our_sum {
            Err(format!("{their_sum} of {our_sum}").into())
        } else {
            Ok(theirs)
        }
    });
    // Shown also when they differ.
    let theirs = theirs.or_else(|_| exposition::calls(&jaeger.span_metrics()?))?;
    print(&ours, &theirs);
    ensure!(
        ours == theirs,
        "ours:\n{ours:?}\ntheirs:\n{theirs:?}\n{}",
        jaeger.log()?
    );
    Ok(())
}

fn print(ours: &BTreeMap<Span, u64>, theirs: &BTreeMap<Span, u64>) {
    println!(
        "{:<24} {:<20} {:<20} {:>6} {:>9}",
        "span", "kind", "status", "ours", "connector"
    );
    let mut spans: Vec<_> = ours.keys().chain(theirs.keys()).collect();
    spans.sort();
    spans.dedup();
    for span in spans {
        let count =
            |counts: &BTreeMap<Span, u64>| counts.get(span).map_or("-".to_owned(), u64::to_string);
        println!(
            "{:<24} {:<20} {:<20} {:>6} {:>9}",
            span.name,
            span.kind,
            span.status,
            count(ours),
            count(theirs)
        );
    }
}
