//! RED metrics from spans.

use super::filter::filter;
use crate::config::lookup::Candidate;
use crate::config::parsed::{Fault, Parsed, WhenRefused};
use crate::config::reader::Reader;
use crate::config::{Buckets, Dimension, DurationUnit, SpanFamily, SpanMetrics, mask, table};
use crate::semconv;

/// Dimensions at most; a span has room for some more fields, which the semantic conventions name.
const MOST_DIMENSIONS: usize = 16;

/// Labels that spans have by themselves.
const OWN_LABELS: [&str; 5] = [
    semconv::SERVICE_NAME,
    semconv::SPAN_NAME,
    semconv::SPAN_KIND,
    semconv::STATUS_CODE,
    semconv::OVERFLOW,
];

pub(in crate::config) fn span_metrics(reader: &mut Reader<'_>) -> SpanMetrics {
    let filter = filter(reader, &table::SPAN_METRICS_FILTER);
    let labels = reader.optional(
        &[&table::SPAN_METRICS_DIMENSIONS],
        |candidate: Candidate<'_>| labels(candidate.text),
        Labels::show,
        "none",
    );
    let labels = labels.map(|labels| labels.value).unwrap_or_default();
    let buckets = reader.required(
        &[&table::SPAN_METRICS_BUCKETS],
        |candidate: Candidate<'_>| buckets(candidate.text, &candidate.variable.kind.accepted()),
        show_buckets,
    );
    let families = reader.list(&table::SPAN_METRICS_FAMILIES, WhenRefused::Unset);
    let families = families.value.into_iter();
    let api_spans = reader.choice(&[&table::SPAN_METRICS_API_SPANS]).value;
    SpanMetrics {
        filter,
        dimensions: labels.dimensions,
        dropped_labels: labels.dropped,
        buckets: buckets.value,
        unit: match reader.choice(&[&table::SPAN_METRICS_UNIT]).value {
            "s" => DurationUnit::Seconds,
            _ => DurationUnit::Milliseconds,
        },
        limit: reader.size(&[&table::SPAN_METRICS_LIMIT]).value,
        expiration: reader.duration(&[&table::SPAN_METRICS_EXPIRATION]).value,
        families: families
            .filter_map(|name| SpanFamily::ALL.into_iter().find(|f| f.name() == name))
            .collect(),
        api_spans: api_spans == "on",
        ..SpanMetrics::default()
    }
}

/// Labels that are declared and labels that are left out.
#[derive(Debug, Default, PartialEq)]
pub(in crate::config) struct Labels {
    pub(in crate::config) dimensions: Vec<Dimension>,
    pub(in crate::config) dropped: Vec<String>,
}

impl Labels {
    pub(in crate::config) fn show(&self) -> String {
        let dimensions = self.dimensions.iter().map(|dimension| {
            let label = dimension.label.as_ref().map(|label| format!("={label}"));
            let default = dimension.default.as_ref().map(|value| format!(":{value}"));
            let (label, default) = (label.unwrap_or_default(), default.unwrap_or_default());
            format!("{}{label}{default}", dimension.field)
        });
        let dropped = self.dropped.iter().map(|label| format!("-{label}"));
        mask::text(&dimensions.chain(dropped).collect::<Vec<_>>().join(","))
    }

    /// Adds one entry; what is wrong with it otherwise.
    fn add(&mut self, entry: &str) -> Result<(), String> {
        if mask::text(entry) != entry {
            return Err("looks like a credential".to_owned());
        }
        if let Some(label) = entry.strip_prefix('-') {
            if label.is_empty() {
                return Err("names no label behind -".to_owned());
            }
            self.dropped.push(label.to_owned());
            return Ok(());
        }
        let (name, default) = match entry.split_once(':') {
            Some((name, default)) => (name, Some(default.trim())),
            None => (entry, None),
        };
        let (field, label) = match name.split_once('=') {
            Some((field, label)) => (field.trim(), Some(label.trim())),
            None => (name.trim(), None),
        };
        if field.is_empty() || label == Some("") || default == Some("") {
            return Err(
                "is not field, field=label, field:default, field=label:default or -label".into(),
            );
        }
        self.declare(Dimension {
            label: label.map(str::to_owned),
            default: default.map(str::to_owned),
            ..Dimension::new(field)
        })
    }

    /// Adds one dimension; what is wrong with it otherwise.
    pub(in crate::config) fn declare(&mut self, dimension: Dimension) -> Result<(), String> {
        let shown = dimension.label.as_ref().unwrap_or(&dimension.field);
        if shown.is_empty() || dimension.field.is_empty() {
            return Err("has no name".to_owned());
        }
        if OWN_LABELS.contains(&shown.as_str()) {
            return Err(format!(
                "would replace the label {shown}, which every span has"
            ));
        }
        if self.dimensions.len() == MOST_DIMENSIONS {
            return Err(format!("is one more than {MOST_DIMENSIONS} dimensions"));
        }
        self.dimensions.push(dimension);
        Ok(())
    }
}

/// `field`, `field=label`, `field:default`, `field=label:default` or `-label`, comma-separated.
fn labels(text: &str) -> Parsed<Labels> {
    let mut labels = Labels::default();
    let mut faults = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
        if let Err(what) = labels.add(entry) {
            let shown = mask::text(entry);
            faults.push(Fault {
                part: Some(shown),
                ..Fault::partial(what, "ignoring it")
            });
        }
    }
    if labels == Labels::default() {
        if faults.is_empty() {
            faults.push(Fault::whole("has no entry"));
        }
        return Parsed {
            value: None,
            faults,
        };
    }
    Parsed {
        value: Some(labels),
        faults,
    }
}

/// A preset, or bounds in milliseconds.
pub(in crate::config) fn buckets(text: &str, accepted: &str) -> Parsed<Buckets> {
    let preset = match text.trim().to_ascii_lowercase().as_str() {
        "connector" => Some(Buckets::Connector),
        "requests" => Some(Buckets::Requests),
        "fast" => Some(Buckets::Fast),
        "batch" => Some(Buckets::Batch),
        _ => None,
    };
    if let Some(preset) = preset {
        return Parsed::good(preset);
    }
    let bounds: Option<Vec<f64>> = text
        .split(',')
        .map(|bound| bound.trim().parse().ok())
        .collect();
    // A day is more than anybody waits; what is below a nanosecond is not measured.
    let good = |bounds: &Vec<f64>| {
        let rise = bounds.windows(2).all(|pair| pair[0] < pair[1]);
        rise && bounds.len() <= 63
            && bounds
                .iter()
                .all(|bound| (1e-6..=86_400_000.0).contains(bound))
    };
    match bounds.filter(good) {
        Some(bounds) => Parsed::good(Buckets::Millis(bounds)),
        None => Parsed::bad(format!("is not {accepted}")),
    }
}

pub(in crate::config) fn show_buckets(buckets: &Buckets) -> String {
    match buckets {
        Buckets::Connector => "connector".to_owned(),
        Buckets::Requests => "requests".to_owned(),
        Buckets::Fast => "fast".to_owned(),
        Buckets::Batch => "batch".to_owned(),
        Buckets::Millis(millis) => {
            let millis: Vec<String> = millis.iter().map(f64::to_string).collect();
            millis.join(",")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_dimension_is_read() {
        let read = labels("tenant, a.b=c ,region:eu,plan=tier:free,-status.code");
        let expected = Labels {
            dimensions: vec![
                Dimension::new("tenant"),
                Dimension::new("a.b").with_label("c"),
                Dimension::new("region").with_default("eu"),
                Dimension::new("plan")
                    .with_label("tier")
                    .with_default("free"),
            ],
            dropped: vec!["status.code".to_owned()],
        };
        assert_eq!(read, Parsed::good(expected));
    }

    #[test]
    fn what_is_shown_reads_back_the_same() {
        let text = "tenant,a.b=c,region:eu,plan=tier:free,-status.code";
        assert_eq!(labels(text).value.map(|l| l.show()).as_deref(), Some(text));
    }

    #[test]
    fn bad_entries_are_named_and_the_rest_kept() {
        let read = labels("a,=x,b=,-,c:,x=span.name,status.code");
        assert_eq!(
            read.value.map(|l| l.dimensions),
            Some(vec![Dimension::new("a")])
        );
        let parts: Vec<_> = read.faults.into_iter().filter_map(|f| f.part).collect();
        assert_eq!(parts, ["=x", "b=", "-", "c:", "x=span.name", "status.code"]);
    }

    #[test]
    fn dimensions_beyond_the_bound_are_named() {
        let text: Vec<String> = (0..=MOST_DIMENSIONS).map(|n| format!("f{n}")).collect();
        assert_eq!(labels(&text.join(",")).faults.len(), 1);
    }

    #[test]
    fn buckets_are_a_preset_or_rising_bounds() {
        assert_eq!(buckets("FAST", "").value, Some(Buckets::Fast));
        let millis = Buckets::Millis(vec![0.5, 1.0, 20.0]);
        assert_eq!(buckets("0.5, 1,20", "").value, Some(millis));
        for bad in ["", "2,1", "1,1", "0,1", "-1", "NaN", "inf", "slow", "1,,2"] {
            assert_eq!(buckets(bad, "").value, None, "{bad}");
        }
    }
}
