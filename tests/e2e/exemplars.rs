//! From a bucket in Prometheus to the trace in Jaeger.

use std::collections::BTreeSet;

use libtest_mimic::Trial;

use crate::deadline::until;
use crate::jaeger::{self, Jaeger};
use crate::process::free_port;
use crate::prometheus::Prometheus;
use crate::quickstart::Quickstart;
use crate::{Outcome, ensure, test};

const REQUESTS: u64 = 2_000;
const DURATIONS: [&str; 2] = [
    "traces_span_metrics_duration_milliseconds_bucket",
    "http_server_request_duration_seconds_bucket",
];

pub(crate) fn tests() -> Vec<Trial> {
    vec![test(
        "exemplars::every_exemplar_in_prometheus_is_a_trace_in_jaeger",
        every_exemplar_in_prometheus_is_a_trace_in_jaeger,
    )]
}

fn every_exemplar_in_prometheus_is_a_trace_in_jaeger() -> Outcome {
    let metrics = free_port()?;
    let prometheus = Prometheus::start(metrics)?;
    let jaeger = Jaeger::start(jaeger::Options::default())?;
    let mut quickstart = Quickstart::start(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            &jaeger.endpoint("http/protobuf"),
        ),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", &metrics.to_string()),
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.05"),
        ("RUST_LOG", "off"),
    ])?;
    quickstart.load(REQUESTS)?;
    let mut exemplars = BTreeSet::new();
    for duration in DURATIONS {
        let found = until(&format!("exemplars of {duration}"), || {
            let found = prometheus.exemplars(duration)?;
            if found.is_empty() {
                Err("there are none".into())
            } else {
                Ok(found)
            }
        })?;
        exemplars.extend(found);
    }
    let page = quickstart.metrics()?;
    quickstart.stop()?;

    let server = "http_server_request_duration_seconds_count{http_request_method=\"GET\",\
                  http_response_status_code=\"200\",http_route=\"/users/{id}\",url_scheme=\"http\"}";
    ensure!(page.contains(server), "no {server} in\n{page}");
    // The end of the process has sent everything.
    let missing = until("every exemplar to be in Jaeger", || {
        let spans = jaeger.spans("quickstart")?;
        let known = |(trace, id): &&(String, String)| {
            spans
                .iter()
                .any(|span| span.trace == *trace && span.id == *id)
        };
        match exemplars.iter().find(|exemplar| !known(exemplar)) {
            Some(missing) => Err(format!("{missing:?} is not").into()),
            None => Ok(()),
        }
    });
    println!("{} exemplars in Prometheus", exemplars.len());
    missing
}
