//! What names, units and label keys may look like, and what Prometheus makes of them.
//!
//! Everything is checked when a metric is defined, because the SDK answers a bad name with an instrument that does nothing, and a bad label
//! name makes Prometheus refuse the whole scrape.

use super::definition::Kind;

/// The longest metric name that OpenTelemetry accepts.
const MAX_NAME: usize = 255;

/// The longest unit that OpenTelemetry accepts.
const MAX_UNIT: usize = 63;

/// What is wrong with a metric name, if anything is.
pub(super) fn problem(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("is empty")
    } else if name.len() > MAX_NAME {
        Some("is too long")
    } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        Some("does not start with a letter")
    } else if name
        .contains(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-' | '/'))
    {
        Some("has a character that is not accepted")
    } else {
        None
    }
}

/// What is wrong with a label key, if anything is.
pub(super) fn key_problem(key: &str) -> Option<&'static str> {
    if key.is_empty() {
        Some("is empty")
    } else if key.len() > MAX_NAME {
        Some("is too long")
    } else if key.contains(|c: char| !c.is_ascii_graphic()) {
        Some("has a character that is not accepted")
    } else if matches!(key, "le" | "quantile") {
        Some("is what Prometheus itself writes on histograms and summaries")
    } else {
        None
    }
}

/// Whether the unit is one that OpenTelemetry accepts.
pub(super) fn is_unit(unit: &str) -> bool {
    unit.len() <= MAX_UNIT && unit.chars().all(|c| c.is_ascii_graphic())
}

/// The key as a Prometheus label name, by which two keys are the same label.
pub(super) fn prometheus_key(key: &str) -> String {
    escaped(key)
}

/// Every sample and family name that the metric claims on a Prometheus page.
///
/// A histogram `x` writes `x_bucket`, `x_sum` and `x_count`, so a gauge `x.sum` beside it would break the scrape: each of the names is claimed.
pub(super) fn prometheus_claims(name: &str, unit: &str, kind: Kind) -> Vec<String> {
    let mut family = escaped(name);
    if let Some(suffix) = unit_suffix(unit, kind)
        && !family.split('_').any(|part| part == suffix)
    {
        family.push('_');
        family.push_str(suffix);
    }
    let with = |suffix: &str| format!("{family}{suffix}");
    match kind {
        Kind::Counter => {
            let family = family.strip_suffix("_total").unwrap_or(&family);
            vec![family.to_owned(), format!("{family}_total")]
        }
        Kind::UpDownCounter | Kind::Gauge => vec![family],
        Kind::Histogram => vec![with(""), with("_bucket"), with("_sum"), with("_count")],
        Kind::Summary => vec![with(""), with("_sum"), with("_count")],
    }
}

/// The known name with the fewest edits between it and `wanted`.
pub(super) fn nearest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known.min_by_key(|name| distance(wanted, name))
}

fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 1);
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    out.extend(
        name.chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }),
    );
    out
}

fn unit_suffix(unit: &str, kind: Kind) -> Option<&str> {
    Some(match unit {
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "min" => "minutes",
        "h" => "hours",
        "d" => "days",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "1" if kind == Kind::Gauge => "ratio",
        "%" => "percent",
        _ => return None,
    })
}

/// Levenshtein distance over bytes: names are ASCII, and one row is enough.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let edit = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = edit.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
