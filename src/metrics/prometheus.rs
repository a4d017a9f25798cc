//! An application's own `prometheus::Registry`, both ways.
//!
//! ```
//! use prometheus::IntCounter;
//! use spanwise::metrics::{Counter, Definition, Registry, prometheus::{Collector, include}};
//!
//! const ORDERS: Definition<Counter> = Counter::define("shop.orders");
//!
//! // Theirs beside ours.
//! let registry = Registry::default();
//! let theirs = prometheus::Registry::new();
//! let visits = IntCounter::new("visits", "Visits")?;
//! theirs.register(Box::new(visits.clone()))?;
//! let _included = include(&registry, theirs);
//! visits.inc();
//! assert_eq!(registry.snapshot().get("visits", []).unwrap().as_f64(), 1.0);
//!
//! // Ours in theirs.
//! let page = prometheus::Registry::new();
//! page.register(Box::new(Collector::new(&registry)))?;
//! registry.register(&ORDERS)?.add(3, []);
//! let text = prometheus::TextEncoder::new().encode_to_string(&page.gather())?;
//! assert!(text.contains("shop_orders_total 3"));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

use std::{sync::Arc, time::SystemTime};

use ::prometheus::{
    core::Desc,
    proto::{self, MetricFamily, MetricType},
};

use super::{
    Callback, Kind, Registry, name,
    snapshot::{Distribution, Family, Labels, Quantiles, Series, Value},
};

/// Shows the metrics of a Prometheus registry beside those of ours, on a scrape and in a push, until the guard is dropped.
///
/// Counters arrive as sums of fractions. The extremes of a histogram are not known there, so for a push they are taken from its outermost buckets.
#[track_caller]
pub fn include(registry: &Registry, theirs: ::prometheus::Registry) -> Callback {
    // Nothing is said of when a series of theirs began: no later than now.
    let started = SystemTime::now();
    registry.include("a Prometheus registry", move || {
        theirs
            .gather()
            .iter()
            .filter_map(|family| taken(family, started))
            .collect()
    })
}

/// Shows the metrics of our registry in a Prometheus registry: pass it to `prometheus::Registry::register`.
///
/// One registry takes one of these. Names and units are translated as on our own page.
#[derive(Debug, Clone)]
pub struct Collector(Registry);

impl Collector {
    /// A collector of everything in the registry, now and later.
    pub fn new(registry: &Registry) -> Self {
        Self(registry.clone())
    }
}

impl ::prometheus::core::Collector for Collector {
    /// Nothing: what there will be is not known when the collector is registered.
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let families = self.0.snapshot().families;
        families
            .iter()
            .filter(|family| !family.series.is_empty())
            .map(given)
            .collect()
    }
}

// --- theirs to ours ---

fn taken(family: &MetricFamily, started: SystemTime) -> Option<Family> {
    let (kind, read): (_, fn(&proto::Metric) -> Value) = match family.get_field_type() {
        MetricType::COUNTER => (Kind::Counter, |metric| {
            Value::Sum(metric.get_counter().value())
        }),
        MetricType::GAUGE => (Kind::Gauge, |metric| {
            Value::Gauge(metric.get_gauge().value())
        }),
        MetricType::HISTOGRAM => (Kind::Histogram, |metric| {
            taken_histogram(metric.get_histogram())
        }),
        MetricType::SUMMARY => (Kind::Summary, |metric| taken_summary(metric.get_summary())),
        _ => return None,
    };
    let series = |metric: &proto::Metric| Series {
        labels: taken_labels(metric),
        value: read(metric),
        overflow: false,
        started,
    };
    Some(Family {
        name: family.name().into(),
        kind,
        unit: "".into(),
        help: family.help().into(),
        series: family.get_metric().iter().map(series).collect(),
    })
}

fn taken_labels(metric: &proto::Metric) -> Labels {
    let pairs = metric.get_label().iter();
    let mut labels: Vec<(Arc<str>, Arc<str>)> = pairs
        .map(|pair| (pair.name().into(), pair.value().into()))
        .collect();
    labels.retain(|(_, value)| !value.is_empty());
    labels.sort();
    labels.into()
}

fn taken_histogram(histogram: &proto::Histogram) -> Value {
    let (mut bounds, mut buckets, mut below) = (Vec::new(), Vec::new(), 0);
    for bucket in histogram
        .get_bucket()
        .iter()
        .filter(|bucket| bucket.upper_bound().is_finite())
    {
        bounds.push(bucket.upper_bound());
        buckets.push(bucket.cumulative_count().saturating_sub(below));
        below = bucket.cumulative_count();
    }
    buckets.push(histogram.get_sample_count().saturating_sub(below));
    let sum = histogram.get_sample_sum();
    let range = outermost(&bounds, &buckets, sum);
    Value::Distribution(Distribution {
        bounds: bounds.into(),
        buckets,
        sum,
        range,
    })
}

/// The edges of the outermost buckets that have values; where there is no edge, zero below and the sum above, which no value that is not negative
/// exceeds.
fn outermost(bounds: &[f64], buckets: &[u64], sum: f64) -> Option<(f64, f64)> {
    let first = buckets.iter().position(|count| *count > 0)?;
    let last = buckets.iter().rposition(|count| *count > 0)?;
    let lower = first.checked_sub(1).map_or(0.0, |below| bounds[below]);
    let upper = bounds
        .get(last)
        .copied()
        .unwrap_or_else(|| bounds.last().map_or(sum, |bound| bound.max(sum)));
    Some((lower.min(upper), upper))
}

fn taken_summary(summary: &proto::Summary) -> Value {
    let quantiles = summary.get_quantile().iter();
    let known = quantiles.filter(|quantile| !quantile.value().is_nan());
    Value::Quantiles(Quantiles {
        values: known
            .map(|quantile| (quantile.quantile(), quantile.value()))
            .collect(),
        count: summary.sample_count(),
        sum: summary.sample_sum(),
    })
}

// --- ours to theirs ---

fn given(family: &Family) -> MetricFamily {
    // The first claim is the name of the family, the second that of a counter's samples.
    let mut claims = name::prometheus_claims(&family.name, &family.unit, family.kind).into_iter();
    let (kind, name) = match family.kind {
        Kind::Counter => (MetricType::COUNTER, claims.nth(1)),
        Kind::UpDownCounter | Kind::Gauge => (MetricType::GAUGE, claims.next()),
        Kind::Histogram => (MetricType::HISTOGRAM, claims.next()),
        Kind::Summary => (MetricType::SUMMARY, claims.next()),
    };
    let mut given = MetricFamily::default();
    given.set_name(name.unwrap_or_default());
    given.set_help(family.help.to_string());
    given.set_field_type(kind);
    given.set_metric(family.series.iter().map(given_series).collect());
    given
}

fn given_series(series: &Series) -> proto::Metric {
    let label = |(key, value): &(Arc<str>, Arc<str>)| {
        let mut pair = proto::LabelPair::default();
        pair.set_name(name::prometheus_key(key));
        pair.set_value(value.to_string());
        pair
    };
    let mut metric = proto::Metric::from_label(series.labels.iter().map(label).collect());
    match &series.value {
        Value::Count(_) | Value::Sum(_) => {
            let mut counter = proto::Counter::default();
            counter.set_value(series.value.as_f64());
            metric.set_counter(counter);
        }
        Value::UpDown(_) | Value::Gauge(_) => {
            let mut gauge = proto::Gauge::default();
            gauge.set_value(series.value.as_f64());
            metric.set_gauge(gauge);
        }
        Value::Distribution(distribution) => metric.set_histogram(given_histogram(distribution)),
        Value::Quantiles(quantiles) => metric.set_summary(given_summary(quantiles)),
    }
    metric
}

fn given_histogram(distribution: &Distribution) -> proto::Histogram {
    let mut below = 0;
    let bucket = |(bound, count): (&f64, &u64)| {
        below += count;
        let mut bucket = proto::Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(below);
        bucket
    };
    let mut histogram = proto::Histogram::default();
    histogram.set_bucket(
        distribution
            .bounds
            .iter()
            .zip(&distribution.buckets)
            .map(bucket)
            .collect(),
    );
    histogram.set_sample_count(distribution.count());
    histogram.set_sample_sum(distribution.sum);
    histogram
}

fn given_summary(quantiles: &Quantiles) -> proto::Summary {
    let quantile = |(quantile, value): &(f64, f64)| {
        let mut given = proto::Quantile::default();
        given.set_quantile(*quantile);
        given.set_value(*value);
        given
    };
    let mut summary = proto::Summary::default();
    summary.set_quantile(quantiles.values.iter().map(quantile).collect());
    summary.set_sample_count(quantiles.count);
    summary.set_sample_sum(quantiles.sum);
    summary
}
