//! From cells to the instruments of an OpenTelemetry meter: how push exporters get what handles recorded.
//!
//! A drain tells the SDK what came since the drain before. Sums are added as one number; a histogram is replayed value by value, because the API has
//! no other way in: counts for each bucket and the sum are exact (the sum up to rounding), the values in between are made up.

use opentelemetry::{
    KeyValue, StringValue, Value as AttributeValue,
    metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter},
};

use super::{
    core::OVERFLOW,
    definition::{Kind, Spec},
    snapshot::{Distribution, Labels, Quantiles, Value},
};

/// The SDK instrument that one metric is drained into.
#[derive(Debug)]
pub(super) enum Sink {
    Count(Counter<u64>),
    Sum(Counter<f64>),
    UpDown(UpDownCounter<i64>),
    Gauge(Gauge<f64>),
    Histogram(Histogram<f64>),
    /// OTLP has no summaries that an SDK may make, so: a gauge for each quantile, and two counters.
    Summary {
        quantiles: Gauge<f64>,
        count: Counter<u64>,
        sum: Counter<f64>,
    },
}

impl Sink {
    pub(super) fn new(meter: &Meter, spec: &Spec) -> Self {
        let name = || spec.name.to_string();
        let (unit, help) = (|| spec.unit.to_string(), || spec.help.to_string());
        match spec.kind {
            Kind::Counter if spec.number == "u64" => Self::Count(
                meter
                    .u64_counter(name())
                    .with_unit(unit())
                    .with_description(help())
                    .build(),
            ),
            Kind::Counter => Self::Sum(
                meter
                    .f64_counter(name())
                    .with_unit(unit())
                    .with_description(help())
                    .build(),
            ),
            Kind::UpDownCounter => Self::UpDown(
                meter
                    .i64_up_down_counter(name())
                    .with_unit(unit())
                    .with_description(help())
                    .build(),
            ),
            Kind::Gauge => Self::Gauge(
                meter
                    .f64_gauge(name())
                    .with_unit(unit())
                    .with_description(help())
                    .build(),
            ),
            Kind::Histogram => {
                let histogram = meter
                    .f64_histogram(name())
                    .with_unit(unit())
                    .with_description(help());
                Self::Histogram(histogram.with_boundaries(spec.bounds.to_vec()).build())
            }
            Kind::Summary => Self::Summary {
                quantiles: meter
                    .f64_gauge(name())
                    .with_unit(unit())
                    .with_description(help())
                    .build(),
                count: meter
                    .u64_counter(name() + ".count")
                    .with_description(help())
                    .build(),
                sum: meter
                    .f64_counter(name() + ".sum")
                    .with_unit(unit())
                    .with_description(help())
                    .build(),
            },
        }
    }

    /// Tells the SDK what came between `before` and `now`. A value of another kind than the instrument cannot come: both are made from one spec.
    pub(super) fn push(&self, labels: &Labels, now: &Value, before: Option<&Value>) {
        let attributes = attributes(labels);
        match (self, now) {
            (Self::Count(counter), Value::Count(now)) => {
                counter.add(grown(*now, before), &attributes)
            }
            (Self::Sum(counter), Value::Sum(now)) => {
                counter.add(grown_sum(*now, before), &attributes)
            }
            (Self::UpDown(counter), Value::UpDown(now)) => {
                let before = if let Some(Value::UpDown(before)) = before {
                    *before
                } else {
                    0
                };
                counter.add(now.wrapping_sub(before), &attributes);
            }
            (Self::Gauge(gauge), Value::Gauge(now)) => gauge.record(*now, &attributes),
            (Self::Histogram(histogram), Value::Distribution(now)) => {
                let before = if let Some(Value::Distribution(before)) = before {
                    Some(before)
                } else {
                    None
                };
                replay(now, before, |value| histogram.record(value, &attributes));
            }
            (
                Self::Summary {
                    quantiles,
                    count,
                    sum,
                },
                Value::Quantiles(now),
            ) => {
                let (seen, total) = match before {
                    Some(Value::Quantiles(Quantiles { count, sum, .. })) => (*count, *sum),
                    _ => (0, 0.0),
                };
                count.add(now.count.saturating_sub(seen), &attributes);
                sum.add((now.sum - total).max(0.0), &attributes);
                record_quantiles(quantiles, now, attributes);
            }
            _ => {}
        }
    }
}

/// What a counter grew by; one that fell was started anew by whoever is observed.
fn grown(now: u64, before: Option<&Value>) -> u64 {
    match before {
        Some(Value::Count(before)) => now.checked_sub(*before).unwrap_or(now),
        _ => now,
    }
}

fn grown_sum(now: f64, before: Option<&Value>) -> f64 {
    match before {
        Some(Value::Sum(before)) if *before <= now => now - before,
        _ => now,
    }
}

fn record_quantiles(gauge: &Gauge<f64>, now: &Quantiles, mut attributes: Vec<KeyValue>) {
    for (quantile, value) in &now.values {
        attributes.push(KeyValue::new("quantile", quantile.to_string()));
        gauge.record(*value, &attributes);
        attributes.pop();
    }
}

/// Records as many values in each bucket as came since `before`, with the sum that came since then.
///
/// A new extreme is replayed as it is. All other values of a bucket are one number, which lies the same share `t` into every bucket; `t` is chosen so
/// that the sum is right. It exists, between 0 and 1, because the true values lie between the same edges.
fn replay(now: &Distribution, before: Option<&Distribution>, mut record: impl FnMut(f64)) {
    let Some((min, max)) = now.range else { return };
    let mut counts: Vec<u64> = match before {
        Some(before) => now
            .buckets
            .iter()
            .zip(&before.buckets)
            .map(|(now, before)| now.saturating_sub(*before))
            .collect(),
        None => now.buckets.clone(),
    };
    let mut sum = now.sum - before.map_or(0.0, |before| before.sum);
    let old = before.and_then(|before| before.range);
    let extremes = [(old.map(|old| old.0), min), (old.map(|old| old.1), max)];
    for (_, value) in extremes
        .into_iter()
        .filter(|(old, value)| *old != Some(*value))
    {
        let bucket = now.bounds.partition_point(|bound| *bound < value);
        if counts[bucket] > 0 {
            counts[bucket] -= 1;
            sum -= value;
            record(value);
        }
    }
    let edges = |bucket: usize| {
        let (lower, upper) = now.edges(bucket);
        // Strictly above the lower edge, which belongs to the bucket below.
        (lower.next_up().max(min), upper.min(max))
    };
    let (mut least, mut most) = (0.0, 0.0);
    for (bucket, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (lower, upper) = edges(bucket);
        least += lower * *count as f64;
        most += upper * *count as f64;
    }
    let share = if most > least {
        ((sum - least) / (most - least)).clamp(0.0, 1.0)
    } else {
        0.0
    };
    for (bucket, count) in counts
        .into_iter()
        .enumerate()
        .filter(|(_, count)| *count > 0)
    {
        let (lower, upper) = edges(bucket);
        let value = (lower + (upper - lower) * share).clamp(lower.min(upper), upper);
        (0..count).for_each(|_| record(value));
    }
}

fn attributes(labels: &Labels) -> Vec<KeyValue> {
    let attribute = |(key, value): &(std::sync::Arc<str>, std::sync::Arc<str>)| {
        let value = match &**key {
            OVERFLOW => AttributeValue::Bool(true),
            _ => AttributeValue::String(StringValue::from(value.clone())),
        };
        KeyValue::new(key.clone(), value)
    };
    labels.iter().map(attribute).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(bounds: &[f64], values: &[f64]) -> Distribution {
        let mut buckets = vec![0; bounds.len() + 1];
        for value in values {
            buckets[bounds.partition_point(|bound| bound < value)] += 1;
        }
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Distribution {
            bounds: bounds.into(),
            buckets,
            sum: values.iter().sum(),
            range: Some((min, max)),
        }
    }

    fn assert_replayed(values: &[f64], first: usize) {
        let bounds = [1.0, 10.0, 100.0];
        let before = (first > 0).then(|| distribution(&bounds, &values[..first]));
        let mut replayed = values[..first].to_vec();
        replay(&distribution(&bounds, values), before.as_ref(), |value| {
            replayed.push(value)
        });
        let (truth, got) = (
            distribution(&bounds, values),
            distribution(&bounds, &replayed),
        );
        assert_eq!(got.buckets, truth.buckets, "{replayed:?}");
        assert_eq!(got.range, truth.range, "{replayed:?}");
        assert!(
            (got.sum - truth.sum).abs() < 1e-9 * truth.sum.max(1.0),
            "{replayed:?}"
        );
    }

    #[test]
    fn replay_keeps_buckets_sum_and_range() {
        assert_replayed(&[0.2, 0.3, 5.0, 5.5, 9.0, 50.0, 400.0, 1000.0], 0);
    }

    #[test]
    fn replay_of_one_value_is_that_value() {
        assert_replayed(&[7.0], 0);
    }

    #[test]
    fn replay_tells_only_what_is_new() {
        assert_replayed(&[5.0, 6.0, 7.0, 0.5, 80.0, 20.0], 3);
    }

    #[test]
    fn replay_of_values_on_a_boundary_stays_in_their_bucket() {
        assert_replayed(&[1.0, 1.0, 10.0, 10.0, 10.0, 100.0], 0);
    }
}
