//! Our series and those of the connector that they replace say the same.

use std::collections::BTreeMap;
use std::thread;

use libtest_mimic::Trial;

use crate::deadline::until;
use crate::exposition::{Series, buckets, samples};
use crate::jaeger::{self, Jaeger};
use crate::quickstart::Quickstart;
use crate::{Outcome, ensure, test};

const SERVICES: [&str; 4] = ["shop", "stock", "billing", "support"];

/// Requests to each service: 178 times ten, five users and an order, so that the spans are a round number.
const REQUESTS: u64 = 1786;
const SPANS: u64 = 20_000;

/// Observations of a thousand that the connector may find in a neighbouring bucket. It has the times of
/// the exported span, which are read from another clock a little later than ours: about ten microseconds
/// in a debug build, which moves three to five of a thousand over a bound.
const MOVED_OF_THOUSAND: u64 = 10;

type Buckets = BTreeMap<Series, Vec<(f64, u64)>>;

pub(crate) fn tests() -> Vec<Trial> {
    vec![test(
        "side_by_side::counts_and_buckets_equal_those_of_the_connector",
        counts_and_buckets_equal_those_of_the_connector,
    )]
}

fn counts_and_buckets_equal_those_of_the_connector() -> Outcome {
    let jaeger = Jaeger::start(jaeger::Options {
        counts_spans: true,
        ..Default::default()
    })?;
    let endpoint = jaeger.endpoint("http/protobuf");
    let pages = thread::scope(|scope| {
        let running = SERVICES.map(|service| scope.spawn(|| run(service, &endpoint)));
        running
            .into_iter()
            .map(|page| page.join().map_err(|_| "a service panicked")?)
            .collect::<Outcome<Vec<_>>>()
    })?;
    let mut ours = Buckets::new();
    let mut our_time = 0.0;
    for page in pages {
        ours.append(&mut buckets(&page)?);
        our_time += milliseconds(&page)?;
    }
    ensure!(total(&ours) == SPANS, "{} spans, not {SPANS}", total(&ours));

    let theirs = until("the connector to have counted everything", || {
        let theirs = buckets(&jaeger.span_metrics()?)?;
        match total(&theirs) {
            SPANS.. => Ok(theirs),
            fewer => Err(format!("{fewer} of {SPANS}").into()),
        }
    });
    // Shown also when they differ.
    let theirs = theirs.or_else(|_| buckets(&jaeger.span_metrics()?))?;
    let moved = print(&ours, &theirs);
    let their_time = milliseconds(&jaeger.span_metrics()?)?;
    println!(
        "a span takes {:.1} µs longer with us, of {:.1} ms",
        (our_time - their_time) * 1000.0 / SPANS as f64,
        their_time / SPANS as f64
    );
    let counts = |of: &Buckets| -> BTreeMap<_, _> {
        of.iter()
            .map(|(series, buckets)| (series.clone(), count(buckets)))
            .collect()
    };
    ensure!(
        counts(&ours) == counts(&theirs),
        "ours:\n{ours:?}\ntheirs:\n{theirs:?}\n{}",
        jaeger.log()?
    );
    let bounds = |of: &Buckets| -> Vec<Vec<f64>> {
        of.values()
            .map(|buckets| buckets.iter().map(|(bound, _)| *bound).collect())
            .collect()
    };
    ensure!(
        bounds(&ours) == bounds(&theirs),
        "our bounds:\n{ours:?}\ntheirs:\n{theirs:?}"
    );
    ensure!(
        moved * 1000 <= SPANS * MOVED_OF_THOUSAND,
        "{moved} of {SPANS} observations are in another bucket"
    );
    Ok(())
}

/// What `/metrics` of one service says after its load.
fn run(service: &str, endpoint: &str) -> Outcome<String> {
    let mut quickstart = Quickstart::start(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_SERVICE_NAME", service),
        ("RUST_LOG", "off"),
    ])?;
    quickstart.load(REQUESTS)?;
    let text = quickstart.metrics()?;
    quickstart.stop()?;
    Ok(text)
}

/// The durations of all spans together.
fn milliseconds(text: &str) -> Outcome<f64> {
    let sums = samples(text, "traces_span_metrics_duration_milliseconds_sum")?;
    Ok(sums.iter().map(|(_, sum)| sum).sum())
}

fn count(buckets: &[(f64, u64)]) -> u64 {
    buckets.last().map_or(0, |(_, count)| *count)
}

fn total(of: &Buckets) -> u64 {
    of.values().map(|buckets| count(buckets)).sum()
}

/// By how many buckets our observations of a series are shorter and longer than theirs, which is the
/// area between the cumulative counts.
fn distance(ours: &[(f64, u64)], theirs: &[(f64, u64)]) -> (u64, u64) {
    let pairs = || ours.iter().zip(theirs);
    (
        pairs()
            .map(|(our, their)| our.1.saturating_sub(their.1))
            .sum(),
        pairs()
            .map(|(our, their)| their.1.saturating_sub(our.1))
            .sum(),
    )
}

/// Prints both, and gives back by how many buckets the observations differ altogether.
fn print(ours: &Buckets, theirs: &Buckets) -> u64 {
    println!(
        "{:<8} {:<20} {:<18} {:<18} {:>6} {:>9} {:>6}",
        "service", "span", "kind", "status", "ours", "connector", "moved"
    );
    let mut all: Vec<_> = ours.keys().chain(theirs.keys()).collect();
    all.sort();
    all.dedup();
    let mut together = (0, 0);
    for series in all {
        let of = |buckets: &Buckets| buckets.get(series).cloned().unwrap_or_default();
        let (ours, theirs) = (of(ours), of(theirs));
        let (shorter, longer) = distance(&ours, &theirs);
        together = (together.0 + shorter, together.1 + longer);
        let [service, span, kind, status] = series;
        println!(
            "{service:<8} {span:<20} {kind:<18} {status:<18} {:>6} {:>9} {:>6}",
            count(&ours),
            count(&theirs),
            shorter + longer
        );
    }
    let (shorter, longer) = together;
    println!(
        "{} of {SPANS} observations are in a neighbouring bucket: {shorter} shorter with us, {longer} longer",
        shorter + longer
    );
    shorter + longer
}
