//! Span metrics for push exporters: the cells emptied into instruments of the SDK.
//!
//! The SDK aggregates what is recorded and nothing else, so what was added to each bucket since the last time is
//! recorded again: as many values as spans, each the mean of its bucket. Counts, buckets and sums come out exact; the
//! smallest and the greatest value do not, and are switched off where the instruments are made.
//!
//! Not here: exemplars, which the SDK has no place for. They are where [`Point::exemplars`] leads, and whoever gives the
//! SDK that place adds them in [`Sink::record`].
//!
//! A series that expired stays in a cumulative export as it was last: the SDK cannot forget one.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::metrics::{Counter, Histogram, MeterProvider as _, UpDownCounter};
use opentelemetry::{InstrumentationScope, Key, KeyValue, Value};
use opentelemetry_sdk::metrics::{Aggregation, Instrument, SdkMeterProvider, Stream};

use super::SCOPE;
use crate::semconv;
use crate::span_metrics::{Bucket, Label, Metric, Point, SpanMetrics, Unit};

/// Moves what the cells gained into instruments.
#[derive(Debug)]
pub(crate) struct Drain {
    source: Arc<SpanMetrics>,
    sink: Option<Sink>,
}

#[derive(Debug)]
struct Sink {
    provider: SdkMeterProvider,
    calls: Counter<u64>,
    active: UpDownCounter<i64>,
    drained: Mutex<Drained>,
}

#[derive(Debug, Default)]
struct Drained {
    /// By name, and by the number of the bounds.
    durations: HashMap<(&'static str, usize), Histogram<f64>>,
    /// By metric and index.
    series: HashMap<(&'static str, u64), Series>,
    /// By number.
    active: HashMap<usize, i64>,
}

/// What a series had when it was drained last.
#[derive(Debug)]
struct Series {
    attributes: Vec<KeyValue>,
    buckets: Vec<Bucket>,
    duration: Histogram<f64>,
}

impl Drain {
    /// Without a provider nothing is drained: no push exporter asks. The provider has our [`view`].
    pub(crate) fn new(source: Arc<SpanMetrics>, provider: Option<&SdkMeterProvider>) -> Self {
        let sink = provider.map(|provider| {
            let meter = provider.meter(SCOPE);
            Sink {
                calls: meter.u64_counter(semconv::SPAN_METRICS_CALLS).build(),
                active: meter
                    .i64_up_down_counter(semconv::SPAN_METRICS_ACTIVE)
                    .build(),
                provider: provider.clone(),
                drained: Mutex::default(),
            }
        });
        Self { source, sink }
    }

    /// Records what was added since the last time.
    pub(crate) fn run(&self) {
        let Some(sink) = &self.sink else {
            return;
        };
        let mut drained = sink.drained.lock().unwrap_or_else(PoisonError::into_inner);
        let drained = &mut *drained;
        let mut seen = HashSet::new();
        for metric in Metric::all() {
            let unit = self.source.unit(metric);
            self.source.visit(metric, |point| {
                seen.insert((metric.duration_name(), point.index));
                let number = self.source.number_of_bounds(metric, point.bounds);
                let duration = || sink.duration(metric, unit, number);
                let durations = &mut drained.durations;
                let duration = durations
                    .entry((metric.duration_name(), number))
                    .or_insert_with(duration)
                    .clone();
                sink.record(&mut drained.series, duration, metric, unit, &point);
            });
        }
        drained.series.retain(|key, _| seen.contains(key));
        self.source.visit_active(|number, labels, count| {
            let before = drained.active.entry(number).or_default();
            let change = count as i64 - *before;
            if change != 0 {
                sink.active.add(change, &attributes(labels));
                *before = count as i64;
            }
        });
    }
}

impl Sink {
    fn duration(&self, metric: Metric, unit: Unit, number: usize) -> Histogram<f64> {
        let scope = InstrumentationScope::builder(SCOPE);
        let scope = match number {
            0 => scope,
            number => scope.with_attributes([KeyValue::new(BOUNDS, number as i64)]),
        };
        self.provider
            .meter_with_scope(scope.build())
            .f64_histogram(metric.duration_name())
            .with_description(metric.duration_help())
            .with_unit(unit.symbol())
            .build()
    }

    fn record(
        &self,
        series: &mut HashMap<(&'static str, u64), Series>,
        duration: Histogram<f64>,
        metric: Metric,
        unit: Unit,
        point: &Point<'_>,
    ) {
        let key = (metric.duration_name(), point.index);
        let series = series.entry(key).or_insert_with(|| Series {
            attributes: attributes(point.labels),
            buckets: vec![Bucket::default(); point.buckets.len()],
            duration,
        });
        let mut calls = 0;
        for (bucket, before) in point.buckets.iter().zip(&mut series.buckets) {
            let count = bucket.count.saturating_sub(before.count);
            if count == 0 {
                continue;
            }
            let sum = bucket.sum.wrapping_sub(before.sum);
            let mean = unit.of_nanos(sum) / count as f64;
            for _ in 0..count {
                series.duration.record(mean, &series.attributes);
            }
            calls += count;
            *before = *bucket;
        }
        if calls > 0 && metric == Metric::Spans {
            self.calls.add(calls, &series.attributes);
        }
    }
}

/// How the drained instruments aggregate, each with bounds of its own and room for every series.
///
/// Histograms hold means of buckets: their smallest and greatest value would be wrong, so they are left out.
pub(crate) fn view(
    source: Arc<SpanMetrics>,
    exponential: Option<Aggregation>,
) -> impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static {
    // As many as there are reserved ones may come on top, and the overflow series.
    let limit = source.options().limit.saturating_mul(2).saturating_add(1);
    // The SDK takes the memory for its limit at once, 70 bytes a series.
    let limit = limit.min(1 << 20);
    move |instrument| {
        let stream = Stream::builder().with_cardinality_limit(limit);
        let metric = Metric::all().find(|metric| metric.duration_name() == instrument.name());
        let Some(metric) = metric else {
            return stream.build().ok();
        };
        let number = instrument.scope().attributes().find(|a| a.key == BOUNDS);
        let number = match number.map(|attribute| &attribute.value) {
            Some(Value::I64(number)) => *number as usize,
            _ => 0,
        };
        let bounds = source.bounds(metric, number)?;
        let explicit = || Aggregation::ExplicitBucketHistogram {
            boundaries: bounds.in_unit(source.unit(metric)).collect(),
            record_min_max: false,
        };
        let aggregation = exponential.clone().unwrap_or_else(explicit);
        stream.with_aggregation(aggregation).build().ok()
    }
}

/// The attribute of a scope that says which bounds its instruments have, other than the first.
///
/// In one scope the SDK would take a second instrument of the same name for the first.
const BOUNDS: Key = Key::from_static_str("bounds");

/// Labels as attributes, numbers as numbers.
fn attributes(labels: &[Label]) -> Vec<KeyValue> {
    let attribute = |(key, value): &Label| {
        let number = semconv::INTEGERS.contains(&&**key).then(|| value.parse());
        match number {
            Some(Ok(number)) => KeyValue::new::<_, i64>(key.to_string(), number),
            _ => KeyValue::new(key.to_string(), value.to_string()),
        }
    };
    labels.iter().map(attribute).collect()
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::metrics::Temporality;
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric as Exported, MetricData};
    use tracing_subscriber::layer::SubscriberExt;

    use super::super::metrics::Reader;
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::diagnostics::Diagnostics;

    /// Spans in, what a push exporter gets out.
    struct Pushed {
        drain: Drain,
        reader: Reader,
        source: Arc<SpanMetrics>,
        _provider: SdkMeterProvider,
    }

    impl Pushed {
        fn new(change: impl FnOnce(&mut Config), exponential: Option<Aggregation>) -> Self {
            let mut config = Config::default();
            change(&mut config);
            let options = super::super::span_metrics::options(&config, false);
            let clock = Clock::system();
            let (diagnostics, _) = Diagnostics::memory(None, clock.clone());
            let source = Arc::new(SpanMetrics::new(options, clock, diagnostics));
            let reader = Reader::new(Temporality::Delta);
            let provider = SdkMeterProvider::builder()
                .with_view(view(source.clone(), exponential))
                .with_reader(reader.clone())
                .build();
            Self {
                drain: Drain::new(source.clone(), Some(&provider)),
                reader,
                source,
                _provider: provider,
            }
        }

        fn trace(&self, spans: impl FnOnce()) {
            let layer = Counting(self.source.clone());
            let subscriber = tracing_subscriber::registry().with(layer);
            tracing::subscriber::with_default(subscriber, spans);
        }

        /// Every histogram point since the last time: name, bounds, counts, sum and attributes.
        fn durations(&self) -> Vec<Duration> {
            self.drain.run();
            let metrics = self.reader.read().expect("a collection");
            let metrics = metrics.scope_metrics().flat_map(|scope| scope.metrics());
            metrics.flat_map(points).collect()
        }
    }

    #[derive(Debug)]
    struct Duration {
        name: String,
        unit: String,
        bounds: Vec<f64>,
        count: u64,
        attributes: Vec<KeyValue>,
    }

    fn points(metric: &Exported) -> Vec<Duration> {
        let AggregatedMetrics::F64(MetricData::Histogram(histogram)) = metric.data() else {
            return Vec::new();
        };
        let point = |point: &opentelemetry_sdk::metrics::data::HistogramDataPoint<f64>| Duration {
            name: metric.name().to_owned(),
            unit: metric.unit().to_owned(),
            bounds: point.bounds().collect(),
            count: point.count(),
            attributes: point.attributes().cloned().collect(),
        };
        histogram.data_points().map(point).collect()
    }

    /// The least that a layer has to do.
    struct Counting(Arc<SpanMetrics>);

    impl<S> tracing_subscriber::Layer<S> for Counting
    where
        S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    {
        fn on_new_span(
            &self,
            attributes: &tracing::span::Attributes<'_>,
            id: &tracing::Id,
            _: tracing_subscriber::layer::Context<'_, S>,
        ) {
            let plan = self.0.plan(attributes.metadata());
            self.0.on_new_span(id.into_u64(), &plan, attributes);
        }

        fn on_close(&self, id: tracing::Id, _: tracing_subscriber::layer::Context<'_, S>) {
            self.0.on_close(id.into_u64(), || None);
        }
    }

    fn request() {
        drop(tracing::info_span!(
            "request",
            otel.kind = "server",
            http.request.method = "GET",
            url.scheme = "http",
            http.response.status_code = 503
        ));
    }

    #[test]
    fn every_span_is_pushed_once() {
        let pushed = Pushed::new(|_| (), None);
        pushed.trace(|| (0..5).for_each(|_| request()));
        let counts = |points: &[Duration]| points.iter().map(|p| p.count).collect::<Vec<_>>();
        assert_eq!(counts(&pushed.durations()), [5, 5]);
        pushed.trace(request);
        assert_eq!(counts(&pushed.durations()), [1, 1]);
        assert_eq!(counts(&pushed.durations()), [0; 0]);
    }

    #[test]
    fn conventions_are_pushed_with_their_unit_buckets_and_whole_numbers() {
        let pushed = Pushed::new(|_| (), None);
        pushed.trace(request);
        let durations = pushed.durations();
        let http = durations
            .iter()
            .find(|point| point.name == "http.server.request.duration");
        let http = http.expect("the metric of the conventions");
        assert_eq!(http.unit, "s");
        assert_eq!(http.bounds[..3], [0.005, 0.01, 0.025]);
        let status = KeyValue::new("http.response.status_code", 503_i64);
        assert!(http.attributes.contains(&status), "{http:?}");
    }

    #[test]
    fn spans_with_buckets_of_their_own_keep_them() {
        use crate::config::{Buckets, SpanDescription};

        let pushed = Pushed::new(
            |config| {
                let import = SpanDescription::new("import");
                let import = import.with_buckets(Buckets::Millis(vec![7.0]));
                config.span_metrics.spans.push(import);
            },
            None,
        );
        pushed.trace(|| {
            drop(tracing::info_span!("import"));
            drop(tracing::info_span!("other"));
        });
        let mut bounds: Vec<usize> = pushed.durations().iter().map(|p| p.bounds.len()).collect();
        bounds.sort_unstable();
        assert_eq!(bounds, [1, 16]);
    }

    #[test]
    fn exponential_histograms_have_no_fixed_buckets() {
        let base2 = Aggregation::Base2ExponentialHistogram {
            max_size: 160,
            max_scale: 20,
            record_min_max: false,
        };
        let pushed = Pushed::new(|_| (), Some(base2));
        pushed.trace(request);
        assert!(pushed.durations().is_empty());
    }

    #[test]
    fn spans_beyond_the_limit_of_the_sdk_keep_their_labels() {
        let pushed = Pushed::new(|_| (), None);
        pushed.trace(|| {
            for n in 0..2000 {
                drop(tracing::info_span!("a", otel.name = format!("name {n}")));
            }
        });
        let durations = pushed.durations();
        assert_eq!(durations.len(), 2000);
        let overflow = Key::from_static_str(semconv::OVERFLOW);
        let mut attributes = durations.iter().flat_map(|point| &point.attributes);
        assert!(attributes.all(|attribute| attribute.key != overflow));
    }
}
