//! The metrics that the application records: on the page, and what went wrong with them on stderr.

use crate::diagnostics::{Diagnostics, Level};
use crate::exposition::{Encoder, Labels};
use crate::metrics::Kind;
use crate::metrics::Registry;
use crate::metrics::snapshot::{Family, Series, Value};

/// Writes every metric; calls back into the application for observed ones.
pub(super) fn write(encoder: &mut Encoder, registry: &Registry) {
    for family in registry.snapshot().families {
        if !family.series.is_empty() {
            write_family(encoder, &family);
        }
    }
}

fn write_family(encoder: &mut Encoder, family: &Family) {
    let Family {
        name, unit, help, ..
    } = family;
    match family.kind {
        Kind::Counter => encoder.counter(name, unit, help, |out| {
            for series in &family.series {
                match series.value {
                    Value::Count(count) => out.sample(&labels(series), count, None),
                    ref other => out.sample(&labels(series), other.as_f64(), None),
                }
            }
        }),
        Kind::Gauge | Kind::UpDownCounter => encoder.gauge(name, unit, help, |out| {
            for series in &family.series {
                match series.value {
                    Value::UpDown(value) => out.sample(&labels(series), value),
                    ref other => out.sample(&labels(series), other.as_f64()),
                }
            }
        }),
        Kind::Histogram => {
            // The series of a metric share their bounds.
            let bounds = family.series.iter().find_map(|series| match &series.value {
                Value::Distribution(distribution) => Some(distribution.bounds.clone()),
                _ => None,
            });
            encoder.histogram(name, unit, help, &bounds.unwrap_or_default(), |out| {
                for series in &family.series {
                    if let Value::Distribution(values) = &series.value {
                        out.sample(&labels(series), &values.buckets, values.sum, |_| None);
                    }
                }
            });
        }
        Kind::Summary => encoder.summary(name, unit, help, |out| {
            for series in &family.series {
                if let Value::Quantiles(quantiles) = &series.value {
                    out.sample(
                        &labels(series),
                        &quantiles.values,
                        quantiles.sum,
                        quantiles.count,
                    );
                }
            }
        }),
    }
}

fn labels(series: &Series) -> Labels {
    Labels::render(series.labels.iter().map(|(key, value)| (key, value)))
}

/// Says what went wrong since this was asked last.
pub(super) fn report(diagnostics: &Diagnostics, registry: &Registry) {
    for report in registry.take_reports() {
        diagnostics.fail(Level::Warn, "metrics", &report.metric, &report);
    }
}
