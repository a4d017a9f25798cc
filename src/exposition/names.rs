//! OpenTelemetry names and units as Prometheus names: underscores for what is not allowed, and suffixes.
//!
//! This is the `UnderscoreEscapingWithSuffixes` strategy of the [specification], with the choices of Prometheus's own
//! translation where the specification leaves one, so that a series has the same name here, behind the Collector and
//! behind Prometheus's OTLP receiver.
//!
//! [specification]: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/

use std::borrow::Cow;

use super::problem::Kind;

const TOTAL: &str = "total";
const RATIO: &str = "ratio";

/// UCUM units and the words that Prometheus has for them.
const UNITS: [(&str, &str); 25] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tebibytes"),
    ("kBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("%", "percent"),
];

/// The same after a slash, where the singular is used and `m` is a minute.
const UNITS_AFTER_SLASH: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

/// A metric name on its way to a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// The name of the samples of a counter or gauge, the prefix of those of a histogram or summary.
    pub(crate) full: String,
    /// The words that end the name, `_total` aside, and say the unit.
    pub(crate) unit: Option<String>,
}

impl Name {
    /// Translates the name of an instrument.
    pub(crate) fn translate(name: &str, unit: &str, kind: Kind) -> Self {
        let mut words: Vec<&str> = name
            .split(not_in_names)
            .filter(|word| !word.is_empty())
            .collect();
        if kind == Kind::Counter {
            remove(&mut words, TOTAL);
        }
        let (main, per) = unit_words(unit);
        let ratio = unit == "1" && kind == Kind::Gauge;
        if ratio {
            remove(&mut words, RATIO);
            words.push(RATIO);
        }
        for suffix in [&main, &per].into_iter().flatten() {
            if !contains(&words, suffix) {
                words.push(suffix);
            }
        }
        let mut full = words.join("_");
        let unit = match (main, per) {
            (Some(main), Some(per)) => Some(format!("{main}_{per}")),
            (None, None) if ratio => Some(RATIO.to_owned()),
            (main, per) => main.or(per).map(Cow::into_owned),
        };
        if full.starts_with(|first: char| first.is_ascii_digit()) || full.is_empty() {
            full.insert(0, '_');
        }
        let unit = unit.filter(|unit| {
            full.strip_suffix(unit.as_str())
                .is_some_and(|rest| rest.ends_with('_'))
        });
        if kind == Kind::Counter {
            full.push('_');
            full.push_str(TOTAL);
        }
        Self { full, unit }
    }

    /// The name of the family in OpenMetrics, where a counter is called by its name without `_total`.
    pub(crate) fn without_total(&self) -> &str {
        self.full.strip_suffix("_total").unwrap_or(&self.full)
    }
}

/// The label name for an attribute key: letters, digits and single underscores, no digit first.
///
/// `le` and `quantile` belong to the formats themselves, so attributes of these names become `exported_le` and
/// `exported_quantile`, in families of every type: one rendered label set must fit them all.
pub(crate) fn label_name(key: &str) -> Cow<'_, str> {
    match key {
        "le" => return Cow::Borrowed("exported_le"),
        "quantile" => return Cow::Borrowed("exported_quantile"),
        _ => {}
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let starts_well = key
        .as_bytes()
        .first()
        .is_some_and(|first| !first.is_ascii_digit());
    if starts_well && key.bytes().all(plain) && !key.contains("__") {
        return Cow::Borrowed(key);
    }
    let mut name = String::with_capacity(key.len() + 1);
    if !starts_well {
        name.push('_');
    }
    for character in key.chars() {
        if character.is_ascii_alphanumeric() {
            name.push(character);
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    Cow::Owned(name)
}

fn not_in_names(character: char) -> bool {
    !character.is_ascii_alphanumeric() && character != ':'
}

/// Takes a suffix out of the words, wherever it stands, unless nothing else would be left.
fn remove(words: &mut Vec<&str>, suffix: &str) {
    if words.iter().any(|word| *word != suffix) {
        words.retain(|word| *word != suffix);
    }
}

/// Whether the words of a suffix stand in the name already, side by side.
fn contains(words: &[&str], suffix: &str) -> bool {
    let suffix: Vec<&str> = suffix.split('_').collect();
    words.windows(suffix.len()).any(|window| window == suffix)
}

/// The words for a unit and for what follows its slash, `per_` included.
fn unit_words(unit: &str) -> (Option<Cow<'static, str>>, Option<Cow<'static, str>>) {
    let unit = without_annotations(unit);
    let (main, per) = unit.split_once('/').unwrap_or((&unit, ""));
    let main = main.trim();
    let main = if main == "1" {
        None
    } else {
        word(&UNITS, main)
    };
    let per = word(&UNITS_AFTER_SLASH, per.trim()).map(|word| Cow::Owned(format!("per_{word}")));
    (main, per)
}

/// The unit without its parts in braces, which count things instead of naming a unit.
fn without_annotations(unit: &str) -> String {
    let mut kept = String::with_capacity(unit.len());
    let mut depth = 0_usize;
    for character in unit.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(character),
            _ => {}
        }
    }
    kept
}

/// The word for a unit; one that no table knows is its own word, as far as a name can hold it.
fn word(table: &[(&'static str, &'static str)], unit: &str) -> Option<Cow<'static, str>> {
    if let Some((_, word)) = table.iter().find(|(known, _)| *known == unit) {
        return Some(Cow::Borrowed(word));
    }
    let parts: Vec<&str> = unit
        .split(not_in_names)
        .filter(|part| !part.is_empty())
        .collect();
    (!parts.is_empty()).then(|| Cow::Owned(parts.join("_")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full(name: &str, unit: &str, kind: Kind) -> String {
        Name::translate(name, unit, kind).full
    }

    #[test]
    fn invalid_characters_become_single_underscores() {
        assert_eq!(
            full("http.server..active-requests", "", Kind::UpDownCounter),
            "http_server_active_requests"
        );
        assert_eq!(
            full("nam€.with/slash", "", Kind::Histogram),
            "nam_with_slash"
        );
        assert_eq!(full("a:b", "", Kind::Histogram), "a:b");
    }

    #[test]
    fn counters_end_in_total_once() {
        assert_eq!(full("requests", "", Kind::Counter), "requests_total");
        assert_eq!(full("requests_total", "", Kind::Counter), "requests_total");
        assert_eq!(
            full("requests.total", "s", Kind::Counter),
            "requests_seconds_total"
        );
        assert_eq!(full("total", "", Kind::Counter), "total_total");
    }

    #[test]
    fn sums_that_fall_have_no_total() {
        assert_eq!(full("jobs", "", Kind::UpDownCounter), "jobs");
    }

    #[test]
    fn units_are_spelled_out_once() {
        assert_eq!(full("latency", "s", Kind::Histogram), "latency_seconds");
        assert_eq!(
            full("latency_seconds", "s", Kind::Histogram),
            "latency_seconds"
        );
        assert_eq!(
            full("latency.seconds.server", "s", Kind::Histogram),
            "latency_seconds_server"
        );
        assert_eq!(
            full("bandwidth", "By/s", Kind::Gauge),
            "bandwidth_bytes_per_second"
        );
        assert_eq!(
            full("bytes.per.second", "By/s", Kind::Gauge),
            "bytes_per_second"
        );
        assert_eq!(full("flow", "m/m", Kind::Gauge), "flow_meters_per_minute");
    }

    #[test]
    fn annotations_are_not_units() {
        assert_eq!(full("calls", "{call}", Kind::Counter), "calls_total");
        assert_eq!(full("calls", "{call}/s", Kind::Gauge), "calls_per_second");
        assert_eq!(
            full("sent", "By{payload}", Kind::Counter),
            "sent_bytes_total"
        );
    }

    #[test]
    fn unknown_units_stand_for_themselves() {
        assert_eq!(full("pressure", "mm[Hg]", Kind::Gauge), "pressure_mm_Hg");
    }

    #[test]
    fn only_gauges_of_unit_one_are_ratios() {
        assert_eq!(
            full("cpu.utilization", "1", Kind::Gauge),
            "cpu_utilization_ratio"
        );
        assert_eq!(full("hit.ratio", "1", Kind::Gauge), "hit_ratio");
        assert_eq!(full("calls", "1", Kind::Counter), "calls_total");
        assert_eq!(full("active", "1", Kind::UpDownCounter), "active");
    }

    #[test]
    fn leading_digits_get_an_underscore() {
        assert_eq!(full("5xx", "", Kind::Counter), "_5xx_total");
    }

    #[test]
    fn unit_is_known_only_where_it_ends_the_name() {
        assert_eq!(
            Name::translate("latency", "s", Kind::Counter)
                .unit
                .as_deref(),
            Some("seconds")
        );
        assert_eq!(
            Name::translate("seconds.spent", "s", Kind::Gauge).unit,
            None
        );
        assert_eq!(Name::translate("seconds", "s", Kind::Gauge).unit, None);
    }

    #[test]
    fn reserved_labels_are_set_aside() {
        assert_eq!(label_name("le"), "exported_le");
        assert_eq!(label_name("quantile"), "exported_quantile");
    }

    #[test]
    fn label_names_follow_the_prometheus_grammar() {
        assert_eq!(label_name("http.route"), "http_route");
        assert_eq!(label_name("1bad"), "_1bad");
        assert_eq!(label_name("a:b"), "a_b");
        assert_eq!(label_name("__name__"), "_name_");
        assert_eq!(label_name(""), "_");
        assert_eq!(label_name("ключ"), "_");
    }

    #[test]
    fn vectors_of_the_specification_hold() {
        let Some(vectors) =
            crate::exposition::golden::vectors("specification/prometheus_translation.json")
        else {
            return;
        };
        let words = vectors["unit_words"].as_object().unwrap();
        assert_eq!(words.len(), UNITS.len());
        for (unit, word) in words {
            let expected = format!("x_{}", word.as_str().unwrap());
            assert_eq!(full("x", unit, Kind::Histogram), expected);
        }
        let negotiated =
            &vectors["negotiation_for_counter_foo.bar_unit_By"]["UnderscoreEscapingWithSuffixes"];
        assert_eq!(
            full("foo.bar", "By", Kind::Counter),
            negotiated["none_or_underscores"].as_str().unwrap()
        );
    }

    fn valid(name: &str, also: &[char]) -> bool {
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || also.contains(&c))
    }

    proptest! {
        #[test]
        fn any_metric_name_becomes_a_valid_one(name in any::<String>(), unit in any::<String>()) {
            for kind in [Kind::Counter, Kind::Gauge, Kind::Histogram, Kind::UpDownCounter] {
                let translated = Name::translate(&name, &unit, kind);
                prop_assert!(valid(&translated.full, &[':']), "{translated:?}");
                prop_assert!(!translated.without_total().is_empty());
            }
        }

        #[test]
        fn any_attribute_key_becomes_a_valid_label(key in any::<String>()) {
            prop_assert!(valid(&label_name(&key), &[]));
        }

        #[test]
        fn label_names_are_stable_under_a_second_translation(key in any::<String>()) {
            let once = label_name(&key).into_owned();
            prop_assert_eq!(label_name(&once), once.as_str());
        }
    }
}
