//! What an SDK reader collected, as families.
//!
//! Metrics of all scopes that have the same Prometheus name become one family. Their series are gathered, sorted by
//! label text, and written: so a page has a stable order, and series that became equal stand side by side and can be
//! merged.
//!
//! Exemplars of SDK instruments are not written: the SDK does not collect any.

use std::borrow::Cow;
use std::collections::HashMap;

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics};

use super::encoder::Encoder;
use super::labels::Pairs;
use super::names::{Name, label_name};
use super::number::Number;
use super::problem::{Kind, Problem};
use super::series::{Family, Merged};

const SCOPE_PREFIX: &str = "otel_scope_";

/// Whether series say which instrumentation scope they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scopes {
    /// Every series has `otel_scope_name`, and `otel_scope_version`, `otel_scope_schema_url` and the scope's
    /// attributes where it has them.
    #[default]
    Labelled,
    /// No series has. Two scopes with the same instrument then share its series.
    Hidden,
}

/// The metrics that share a Prometheus name.
#[derive(Debug)]
struct Group<'a> {
    name: Name,
    kind: Kind,
    help: &'a str,
    metrics: Vec<(usize, &'a Metric)>,
}

/// The labels of one scope.
#[derive(Debug, Default)]
struct ScopeLabels {
    text: String,
    names: Vec<String>,
}

impl Encoder {
    /// Writes `target_info` from the resource, then everything the reader collected.
    ///
    /// Values are taken as they are: the reader must be cumulative.
    ///
    /// - An exponential histogram becomes a classic one with its own bucket boundaries, from the lowest to the
    ///   highest bucket in use. The lower end of a negative bucket counts as inside it.
    /// - Of two metrics of one name and different types the one that comes first, in the order of scope names and
    ///   of creation, is written; of two descriptions the first.
    /// - Counters, sums and histograms of equal labels are added up; of gauges, and of histograms with different
    ///   boundaries, one is kept.
    pub fn resource_metrics(&mut self, metrics: &ResourceMetrics, scopes: Scopes) {
        // The SDK keeps scopes in a hash map; without an order of our own a different metric would win each time.
        let mut sorted: Vec<_> = metrics.scope_metrics().collect();
        sorted.sort_by(|a, b| {
            let key = |scope: &InstrumentationScope| {
                (scope.name().to_owned(), scope.version().map(str::to_owned))
            };
            key(a.scope()).cmp(&key(b.scope()))
        });
        let labels: Vec<ScopeLabels> = sorted
            .iter()
            .map(|scope| match scopes {
                Scopes::Labelled => ScopeLabels::of(scope.scope()),
                Scopes::Hidden => ScopeLabels::default(),
            })
            .collect();
        let every = sorted
            .iter()
            .enumerate()
            .flat_map(|(at, scope)| scope.metrics().map(move |metric| (at, metric)));
        let groups = self.groups(every);
        self.announced = groups
            .iter()
            .filter(|group| group.kind != Kind::Counter)
            .map(|group| group.name.full.clone())
            .collect();
        self.target_info(&resource_labels(metrics.resource()));
        let mut family = Family::default();
        let mut pairs = Pairs::default();
        for group in &groups {
            for (scope, metric) in &group.metrics {
                gather(metric, &labels[*scope], &mut pairs, &mut family);
            }
            self.group(group, &mut family);
        }
        self.announced.clear();
    }

    /// Brings together the metrics of each name, in the order in which the names come first.
    fn groups<'a>(&mut self, metrics: impl Iterator<Item = (usize, &'a Metric)>) -> Vec<Group<'a>> {
        let mut groups: Vec<Group<'a>> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        for (scope, metric) in metrics {
            let kind = kind(metric.data());
            let name = Name::translate(metric.name(), metric.unit(), kind);
            let Some(group) = known.get(&name.full).map(|at| &mut groups[*at]) else {
                known.insert(name.full.clone(), groups.len());
                groups.push(Group {
                    name,
                    kind,
                    help: metric.description(),
                    metrics: vec![(scope, metric)],
                });
                continue;
            };
            if group.kind.type_word() != kind.type_word() {
                self.problems.push(Problem::NameTaken {
                    name: name.full,
                    kind,
                });
                continue;
            }
            if group.help != metric.description() {
                self.problems.push(Problem::HelpDiffers {
                    name: name.full,
                    kept: group.help.to_owned(),
                    ignored: metric.description().to_owned(),
                });
            }
            group.metrics.push((scope, metric));
        }
        groups
    }

    /// Writes what was gathered for one name.
    fn group(&mut self, group: &Group<'_>, family: &mut Family) {
        let merged = family.sort_and_merge(group.kind);
        let name = group.name.full.clone();
        match merged {
            Merged::Nothing => {}
            Merged::Added { labels } => self.problems.push(Problem::SeriesMerged { name, labels }),
            Merged::Dropped { labels } => {
                self.problems.push(Problem::SeriesDropped { name, labels })
            }
        }
        let format = self.format();
        self.family(&group.name, group.kind, group.help, |out, bounds| {
            family.write(out, bounds, format)
        });
        family.clear();
    }
}

impl ScopeLabels {
    fn of(scope: &InstrumentationScope) -> Self {
        let mut pairs = Pairs::default();
        let mut names = Vec::new();
        let fixed = [
            ("name", Some(scope.name())),
            ("version", scope.version()),
            ("schema_url", scope.schema_url()),
        ];
        for (key, value) in fixed {
            if let Some(value) = value {
                pairs.add_as(
                    Cow::Owned(format!("{SCOPE_PREFIX}{key}")),
                    key,
                    Cow::Borrowed(value),
                );
            }
            names.push(format!("{SCOPE_PREFIX}{key}"));
        }
        for attribute in scope.attributes() {
            let label = format!(
                "{SCOPE_PREFIX}{}",
                label_name(attribute.key.as_str()).trim_start_matches('_')
            );
            // An attribute called `name` would hide the name of the scope.
            if !names[..fixed.len()].contains(&label) {
                names.push(label.clone());
                pairs.add_as(
                    Cow::Owned(label),
                    attribute.key.as_str(),
                    attribute.value.as_str(),
                );
            }
        }
        let mut text = String::new();
        pairs.write(&mut text);
        Self { text, names }
    }

    /// Appends the labels of a point. Those that the scope has too are set aside as `exported_…`.
    fn write<'a>(
        &self,
        attributes: impl Iterator<Item = &'a KeyValue>,
        pairs: &mut Pairs<'a>,
        out: &mut String,
    ) {
        for attribute in attributes {
            let key = attribute.key.as_str();
            let mut label = label_name(key);
            if label.starts_with(SCOPE_PREFIX) && self.names.iter().any(|name| *name == label) {
                label = Cow::Owned(format!("exported_{label}"));
            }
            pairs.add_as(label, key, attribute.value.as_str());
        }
        let start = out.len();
        pairs.write(out);
        if out.len() > start && !self.text.is_empty() {
            out.push(',');
        }
        out.push_str(&self.text);
    }
}

fn resource_labels(resource: &Resource) -> String {
    let mut pairs = Pairs::default();
    for (key, value) in resource.iter() {
        pairs.add(key.as_str(), value.as_str());
    }
    let mut text = String::new();
    pairs.write(&mut text);
    text
}

fn kind(data: &AggregatedMetrics) -> Kind {
    fn of<T>(data: &MetricData<T>) -> Kind {
        match data {
            MetricData::Gauge(_) => Kind::Gauge,
            MetricData::Sum(sum) if sum.is_monotonic() => Kind::Counter,
            MetricData::Sum(_) => Kind::UpDownCounter,
            MetricData::Histogram(_) | MetricData::ExponentialHistogram(_) => Kind::Histogram,
        }
    }
    match data {
        AggregatedMetrics::F64(data) => of(data),
        AggregatedMetrics::U64(data) => of(data),
        AggregatedMetrics::I64(data) => of(data),
    }
}

/// Adds the series of one metric to the family.
fn gather<'a>(metric: &'a Metric, scope: &ScopeLabels, pairs: &mut Pairs<'a>, family: &mut Family) {
    match metric.data() {
        AggregatedMetrics::F64(data) => gather_points(data, scope, pairs, family),
        AggregatedMetrics::U64(data) => gather_points(data, scope, pairs, family),
        AggregatedMetrics::I64(data) => gather_points(data, scope, pairs, family),
    }
}

fn gather_points<'a, T: Copy + Into<Number>>(
    data: &'a MetricData<T>,
    scope: &ScopeLabels,
    pairs: &mut Pairs<'a>,
    family: &mut Family,
) {
    match data {
        MetricData::Gauge(gauge) => {
            for point in gauge.data_points() {
                let labels = family.labels(|out| scope.write(point.attributes(), pairs, out));
                family.add_value(labels, point.value().into());
            }
        }
        MetricData::Sum(sum) => {
            for point in sum.data_points() {
                let labels = family.labels(|out| scope.write(point.attributes(), pairs, out));
                family.add_value(labels, point.value().into());
            }
        }
        MetricData::Histogram(histogram) => {
            for point in histogram.data_points() {
                let labels = family.labels(|out| scope.write(point.attributes(), pairs, out));
                let sum = point.sum().into().as_f64();
                family.add_histogram(
                    labels,
                    point.bounds(),
                    point.bucket_counts(),
                    point.count(),
                    sum,
                );
            }
        }
        MetricData::ExponentialHistogram(histogram) => {
            for point in histogram.data_points() {
                let labels = family.labels(|out| scope.write(point.attributes(), pairs, out));
                family.add_exponential(labels, point, point.sum().into().as_f64());
            }
        }
    }
}
