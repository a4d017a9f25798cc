//! Reads what `/metrics` says; only as much of the format as the assertions need.

use std::collections::BTreeMap;

use crate::Outcome;

/// A set of labels with its value.
pub(crate) type Sample = (BTreeMap<String, String>, f64);

/// What one series of span metrics is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) status: String,
}

/// The calls of each span in an exposition.
pub(crate) fn calls(text: &str) -> Outcome<BTreeMap<Span, u64>> {
    whole_numbers(text, "traces_span_metrics_calls_total")
}

/// The measured durations of each span in an exposition.
pub(crate) fn durations(text: &str) -> Outcome<BTreeMap<Span, u64>> {
    whole_numbers(text, "traces_span_metrics_duration_milliseconds_count")
}

/// A series of span metrics: service, name, kind and status.
pub(crate) type Series = [String; 4];

/// The cumulative counts of the buckets of each series in an exposition, in the order of their bounds.
pub(crate) fn buckets(text: &str) -> Outcome<BTreeMap<Series, Vec<(f64, u64)>>> {
    let metric = "traces_span_metrics_duration_milliseconds_bucket";
    let mut series = BTreeMap::<Series, Vec<(f64, u64)>>::new();
    for (labels, value) in samples(text, metric)? {
        let label = |name: &str| {
            labels
                .get(name)
                .cloned()
                .ok_or_else(|| format!("{metric} has no label {name}: {labels:?}"))
        };
        let of = [
            label("service_name")?,
            label("span_name")?,
            label("span_kind")?,
            label("status_code")?,
        ];
        let bucket = (label("le")?.parse()?, value as u64);
        series.entry(of).or_default().push(bucket);
    }
    for buckets in series.values_mut() {
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    }
    Ok(series)
}

fn whole_numbers(text: &str, metric: &str) -> Outcome<BTreeMap<Span, u64>> {
    let mut spans = BTreeMap::new();
    for (mut labels, value) in samples(text, metric)? {
        let mut label = |name: &str| {
            labels
                .remove(name)
                .ok_or_else(|| format!("{metric} has no label {name}"))
        };
        let span = Span {
            name: label("span_name")?,
            kind: label("span_kind")?,
            status: label("status_code")?,
        };
        // Counts of a test are far below 2^53, where f64 stops being exact.
        *spans.entry(span).or_default() += value as u64;
    }
    Ok(spans)
}

/// The samples of one metric.
pub(crate) fn samples(text: &str, metric: &str) -> Outcome<Vec<Sample>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(metric));
    lines
        .filter(|rest| rest.starts_with(['{', ' ']))
        .map(sample)
        .collect()
}

/// `{name="value",…} 1` after the name of the metric.
fn sample(line: &str) -> Outcome<Sample> {
    let mut labels = BTreeMap::new();
    let mut rest = line.strip_prefix('{').unwrap_or(line);
    while let Some((name, after)) = rest
        .split_once("=\"")
        .filter(|(name, _)| !name.contains('}'))
    {
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters
                .next()
                .ok_or_else(|| format!("no end of a label in {line}"))?
            {
                (at, '"') => break at,
                (_, '\\') => match characters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, other)) => value.push(other),
                    None => {}
                },
                (_, other) => value.push(other),
            }
        };
        labels.insert(name.trim_start_matches(',').to_owned(), value);
        rest = &after[end + 1..];
    }
    let value = rest.trim_start_matches('}').split_whitespace().next();
    let value = value
        .ok_or_else(|| format!("no value in {line}"))?
        .parse()?;
    Ok((labels, value))
}
