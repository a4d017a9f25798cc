//! Metrics about ourselves: `otel.sdk.*` of the semantic conventions, out of the counters of every exporter.
//!
//! They are instruments of the application's meter provider like any other: a scrape and a push exporter read the same
//! numbers, each through a reader of its own, and nothing is counted twice. All but the durations are observed when
//! somebody reads, from counters that are kept anyway.
//!
//! Not here: spans that are started or alive, which the span metrics tell by name.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};

use super::diagnose::Subject;
use super::exporters::Exporter;
use crate::config::Signal;
use crate::delivery::Flow;
use crate::semconv;

/// The instruments that are recorded into.
#[derive(Debug, Clone)]
pub(super) struct Durations {
    export: Histogram<f64>,
    collection: Histogram<f64>,
}

impl Durations {
    pub(super) fn new(meter: &Meter) -> Self {
        let histogram = |name, description| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(description)
                // The conventions ask for count and sum only.
                .with_boundaries(Vec::new())
                .build()
        };
        Self {
            export: histogram(semconv::SDK_EXPORT_DURATION, "Duration of exports."),
            collection: histogram(
                semconv::SDK_COLLECTION_DURATION,
                "Duration of the collections of metric readers.",
            ),
        }
    }

    /// An export ended; `error` is its kind of failure.
    pub(super) fn exported(
        &self,
        took: Duration,
        component: &Component,
        error: Option<&'static str>,
    ) {
        let attributes = with_error(&component.exporter, error);
        self.export.record(took.as_secs_f64(), &attributes);
    }

    /// The reader of a push exporter collected.
    pub(super) fn collected(&self, took: Duration, component: &Component) {
        self.collection
            .record(took.as_secs_f64(), &component.processor);
    }
}

/// How the conventions name an exporter, and the processor or reader in front of it.
#[derive(Debug, Clone)]
pub(super) struct Component {
    exporter: Arc<[KeyValue]>,
    processor: Arc<[KeyValue]>,
}

impl Component {
    /// `transport` is the first part of the exporter's type, `index` tells components of one type apart.
    pub(super) fn new(
        signal: Signal,
        transport: &str,
        server: Option<(&str, u16)>,
        index: usize,
    ) -> Self {
        let (what, processor) = match signal {
            Signal::Traces => ("span", "batching_span_processor"),
            Signal::Logs => ("log", "batching_log_processor"),
            Signal::Metrics => ("metric", "periodic_metric_reader"),
        };
        let mut exporter = named(&format!("{transport}_{what}_exporter"), index);
        if let Some((host, port)) = server {
            exporter.push(KeyValue::new(semconv::SERVER_ADDRESS, host.to_owned()));
            exporter.push(KeyValue::new(semconv::SERVER_PORT, i64::from(port)));
        }
        Self {
            exporter: exporter.into(),
            processor: named(processor, index).into(),
        }
    }
}

fn named(kind: &str, index: usize) -> Vec<KeyValue> {
    vec![
        KeyValue::new(semconv::COMPONENT_TYPE, kind.to_owned()),
        KeyValue::new(semconv::COMPONENT_NAME, format!("{kind}/{index}")),
    ]
}

fn with_error(attributes: &[KeyValue], error: Option<&'static str>) -> Vec<KeyValue> {
    let error = error.map(|kind| KeyValue::new(semconv::ERROR_TYPE, kind));
    attributes.iter().cloned().chain(error).collect()
}

/// One exporter to whoever reads.
#[derive(Debug, Clone)]
struct Observed {
    subject: Subject,
    /// Items that its queue holds at most, where that is bounded.
    capacity: Option<u64>,
}

/// What is read of one exporter: a value, and the error that it counts.
type Read = fn(&Flow, &Observed, &mut dyn FnMut(u64, Option<&'static str>));

/// Makes the numbers of `exporters` instruments of `meter`.
pub(super) fn observe(meter: &Meter, exporters: &[Exporter]) {
    for (signal, names) in [
        (Signal::Traces, &semconv::SDK_SPANS),
        (Signal::Logs, &semconv::SDK_LOGS),
        (Signal::Metrics, &semconv::SDK_METRICS),
    ] {
        let observed: Vec<Observed> = exporters
            .iter()
            .filter(|exporter| exporter.subject.signal == signal)
            .map(|exporter| Observed {
                subject: exporter.subject.clone(),
                capacity: exporter
                    .capacity
                    .and_then(|capacity| capacity.try_into().ok()),
            })
            .collect();
        if observed.is_empty() {
            continue;
        }
        let of_signal = OfSignal {
            meter,
            unit: names.unit,
            observed: observed.into(),
        };
        of_signal.exporter(names.exported, names.inflight);
        if let Some([size, capacity, processed]) = names.queue {
            of_signal.processor(size, capacity, processed);
        }
    }
}

struct OfSignal<'m> {
    meter: &'m Meter,
    unit: &'static str,
    observed: Arc<[Observed]>,
}

/// Which of the components a value belongs to.
type Attributes = fn(&Component) -> &Arc<[KeyValue]>;

impl OfSignal<'_> {
    fn exporter(&self, exported: &'static str, inflight: &'static str) {
        let component: Attributes = |component| &component.exporter;
        self.counter(
            exported,
            "Items whose export ended.",
            component,
            |flow, _, see| {
                see(flow.delivered, None);
                for (kind, count) in &flow.failed {
                    see(*count, Some(kind));
                }
                if flow.rejected > 0 {
                    see(flow.rejected, Some("rejected"));
                }
            },
        );
        self.gauge(
            inflight,
            "Items on their way.",
            component,
            |flow, _, see| {
                see(flow.inflight, None);
            },
        );
    }

    fn processor(&self, size: &'static str, capacity: &'static str, processed: &'static str) {
        let component: Attributes = |component| &component.processor;
        self.gauge(size, "Items that wait.", component, |flow, _, see| {
            see(flow.queued.saturating_sub(flow.inflight), None);
        });
        self.gauge(
            capacity,
            "Items that can wait.",
            component,
            |_, observed, see| {
                if let Some(capacity) = observed.capacity {
                    see(capacity, None);
                }
            },
        );
        self.counter(
            processed,
            "Items that wait no longer.",
            component,
            |flow, _, see| {
                let failed: u64 = flow.failed.iter().map(|(_, count)| count).sum();
                see(flow.delivered + failed + flow.rejected, None);
                if flow.queue_full > 0 {
                    see(flow.queue_full, Some("queue_full"));
                }
                if flow.after_shutdown > 0 {
                    see(flow.after_shutdown, Some("already_shutdown"));
                }
            },
        );
    }

    fn counter(
        &self,
        name: &'static str,
        description: &'static str,
        attributes: Attributes,
        read: Read,
    ) {
        let observed = self.observed.clone();
        self.meter
            .u64_observable_counter(name)
            .with_unit(self.unit)
            .with_description(description)
            .with_callback(move |observer| {
                each(&observed, attributes, read, |value, attributes| {
                    observer.observe(value, attributes);
                });
            })
            .build();
    }

    fn gauge(
        &self,
        name: &'static str,
        description: &'static str,
        attributes: Attributes,
        read: Read,
    ) {
        let observed = self.observed.clone();
        self.meter
            .i64_observable_up_down_counter(name)
            .with_unit(self.unit)
            .with_description(description)
            .with_callback(move |observer| {
                each(&observed, attributes, read, |value, attributes| {
                    observer.observe(value.try_into().unwrap_or(i64::MAX), attributes);
                });
            })
            .build();
    }
}

/// Runs inside the SDK's collection, under its lock: reads counters and nothing else.
fn each(
    observed: &[Observed],
    attributes: Attributes,
    read: Read,
    mut observe: impl FnMut(u64, &[KeyValue]),
) {
    for one in observed {
        let attributes = attributes(&one.subject.component);
        read(&one.subject.counters.flow(), one, &mut |value, error| {
            observe(value, &with_error(attributes, error));
        });
    }
}
