//! Jaeger's Monitor tab shows the service from its own series.

use libtest_mimic::Trial;

use crate::deadline::until;
use crate::jaeger::{self, Jaeger};
use crate::process::free_port;
use crate::prometheus::Prometheus;
use crate::quickstart::Quickstart;
use crate::{Outcome, test};

/// What Jaeger's own acceptance test of this tab asks for.
const POINTS: usize = 4;

pub(crate) fn tests() -> Vec<Trial> {
    vec![test(
        "monitor::tab_needs_no_span_metrics_connector",
        tab_needs_no_span_metrics_connector,
    )]
}

fn tab_needs_no_span_metrics_connector() -> Outcome {
    // The application is told of Jaeger, Jaeger of Prometheus, Prometheus of
    // the application: one of the ports has to be chosen before.
    let metrics = free_port()?;
    let prometheus = Prometheus::start(metrics)?;
    let jaeger = Jaeger::start(jaeger::Options {
        prometheus: Some(prometheus.port()),
        ..Default::default()
    })?;
    let mut quickstart = Quickstart::start(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            &jaeger.endpoint("http/protobuf"),
        ),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", &metrics.to_string()),
        // Its own load, so that the series grow for as long as it takes.
        ("QUICKSTART_REQUESTS", ""),
        ("QUICKSTART_RATE", "50"),
    ])?;
    let routes = [
        "GET /users/{id}",
        "POST /orders",
        "POST /payments/{id}",
        "GET /reports",
    ];
    for (chart, operations) in [
        ("calls", &routes[..]),
        ("latencies", &routes[..]),
        ("errors", &routes[2..3]),
    ] {
        until(&format!("{POINTS} non-zero points of {chart}"), || {
            let found = jaeger.monitor(chart, "quickstart")?;
            let names: Vec<_> = found.keys().map(String::as_str).collect();
            let foreign = names.iter().find(|name| !routes.contains(name));
            assert!(
                foreign.is_none(),
                "{foreign:?} is not a route of the quickstart"
            );
            for operation in operations {
                let points = found.get(*operation).into_iter().flatten();
                let points = points
                    .filter(|point| point.is_finite() && **point > 0.0)
                    .count();
                if points < POINTS {
                    return Err(format!("{operation} has {points} in {found:?}").into());
                }
            }
            Ok(())
        })?;
    }
    quickstart.stop()?;
    Ok(())
}
