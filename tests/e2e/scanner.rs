//! Somebody asks for paths that do not exist.

use std::collections::BTreeMap;

use libtest_mimic::Trial;

use crate::exposition::{self, samples};
use crate::quickstart::Quickstart;
use crate::{Outcome, ensure, test};

/// Paths between two looks at the memory.
const ROUND: u64 = 20_000;

/// Rounds after which the allocator has its size.
const WARM_UP: u64 = 2;

/// Rounds that count: 100,000 paths.
const ROUNDS: u64 = 5;

/// What memory may differ by, in bytes.
const FLAT: u64 = 1 << 20;

pub(crate) fn tests() -> Vec<Trial> {
    vec![test(
        "scanner::unknown_paths_make_one_series_and_cost_no_memory",
        unknown_paths_make_one_series_and_cost_no_memory,
    )]
}

fn unknown_paths_make_one_series_and_cost_no_memory() -> Outcome {
    let mut quickstart = Quickstart::start(&[("RUST_LOG", "warn")])?;
    quickstart.load(100)?;
    let before = quickstart.metrics()?;

    let mut memory = Vec::new();
    for round in 0..WARM_UP + ROUNDS {
        quickstart.pour(ROUND, 404, |number| path(round * ROUND + number))?;
        memory.push(quickstart.memory()?);
    }
    let text = quickstart.metrics()?;

    let known = exposition::calls(&before)?;
    let (now, new): (BTreeMap<_, _>, BTreeMap<_, _>) = exposition::calls(&text)?
        .into_iter()
        .partition(|(span, _)| known.contains_key(span));
    ensure!(
        matches!(Vec::from_iter(&new).as_slice(), [(span, calls)] if span.name == "GET" && **calls == (WARM_UP + ROUNDS) * ROUND),
        "new series: {new:?}"
    );
    ensure!(now == known, "routes have {now:?}, had {known:?}");
    for metric in [
        "traces_span_metrics_calls_total",
        "traces_span_metrics_duration_milliseconds_count",
        "traces_span_metrics_active",
        "http_server_request_duration_seconds_count",
    ] {
        let (had, has) = (
            samples(&before, metric)?.len(),
            samples(&text, metric)?.len(),
        );
        ensure!(
            had > 0 && has == had + 1,
            "{metric} had {had} series and has {has}"
        );
    }
    quickstart.load(100)?;
    let mut again = exposition::calls(&quickstart.metrics()?)?;
    again.retain(|span, _| known.contains_key(span));
    let doubled = known.iter().all(|(span, calls)| again[span] == 2 * calls);
    ensure!(doubled, "after the same load again: {again:?}");

    // Buffers of connections come and go, so the least of some rounds is what stays: before the paths
    // that count, and at the end of them.
    let least = |rounds: &[u64]| rounds.iter().copied().min().ok_or("no rounds");
    let (warm_up, rounds) = memory.split_at(WARM_UP as usize);
    let (warm, after) = (least(warm_up)?, least(&rounds[rounds.len() / 2..])?);
    println!(
        "{} unknown paths: 1 new series, memory {} kB before and {} kB after, in between {:?}",
        ROUNDS * ROUND,
        warm / 1024,
        after / 1024,
        Vec::from_iter(memory.iter().map(|bytes| bytes / 1024))
    );
    ensure!(
        warm.abs_diff(after) <= FLAT,
        "memory was {warm} bytes and is {after}"
    );
    quickstart.stop()?;
    Ok(())
}

/// A path that looks random and comes only once.
fn path(number: u64) -> String {
    // An odd factor gives every number another product.
    format!("/{:016x}", (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
