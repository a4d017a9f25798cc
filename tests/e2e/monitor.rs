//! Jaeger's Monitor tab shows the service from its own series.

use std::fs;

use libtest_mimic::Trial;

use crate::browser::{artefact, present, rendered};
use crate::deadline::until;
use crate::jaeger::{self, Jaeger};
use crate::process::free_port;
use crate::prometheus::Prometheus;
use crate::quickstart::Quickstart;
use crate::{Outcome, ensure, test};

/// What Jaeger's own acceptance test of this tab asks for.
const POINTS: usize = 4;

const ROUTES: [&str; 4] = [
    "GET /users/{id}",
    "POST /orders",
    "POST /payments/{id}",
    "GET /reports",
];

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test(
            "monitor::tab_needs_no_span_metrics_connector",
            tab_needs_no_span_metrics_connector,
        ),
        test(
            "monitor::browser_shows_every_operation",
            browser_shows_every_operation,
        ),
    ]
}

/// A quickstart under load, with the servers that watch it.
struct Watched {
    jaeger: Jaeger,
    quickstart: Quickstart,
    #[expect(dead_code, reason = "ends with this value")]
    prometheus: Prometheus,
}

impl Watched {
    fn start() -> Outcome<Self> {
        // The application is told of Jaeger, Jaeger of Prometheus, Prometheus of
        // the application: one of the ports has to be chosen before.
        let metrics = free_port()?;
        let prometheus = Prometheus::start(metrics)?;
        let jaeger = Jaeger::start(jaeger::Options {
            prometheus: Some(prometheus.port()),
            ..Default::default()
        })?;
        let quickstart = Quickstart::start(&[
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
        Ok(Self {
            jaeger,
            quickstart,
            prometheus,
        })
    }

    /// Waits until a chart has points for these operations, and none for what is no route.
    fn wait_for(&self, chart: &str, operations: &[&str]) -> Outcome {
        until(&format!("{POINTS} non-zero points of {chart}"), || {
            let found = self.jaeger.monitor(chart, "quickstart")?;
            let names: Vec<_> = found.keys().map(String::as_str).collect();
            let foreign = names.iter().find(|name| !ROUTES.contains(name));
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
        })
    }
}

fn tab_needs_no_span_metrics_connector() -> Outcome {
    let mut watched = Watched::start()?;
    for (chart, operations) in [
        ("calls", &ROUTES[..]),
        ("latencies", &ROUTES[..]),
        ("errors", &ROUTES[2..3]),
    ] {
        watched.wait_for(chart, operations)?;
    }
    watched.quickstart.stop()?;
    Ok(())
}

fn browser_shows_every_operation() -> Outcome {
    if !present()? {
        return Ok(());
    }
    let mut watched = Watched::start()?;
    watched.wait_for("latencies", &ROUTES)?;
    let picture = artefact("monitor.png")?;
    let page = rendered(&watched.jaeger.page("/monitor"), &picture)?;
    // Beside the picture, for when it does not show what it should.
    fs::write(artefact("monitor.html")?, &page)?;
    for route in ROUTES {
        ensure!(
            page.contains(route),
            "{route} is not on the page; see {}",
            picture.display()
        );
    }
    println!("Jaeger's Monitor tab: {}", picture.display());
    watched.quickstart.stop()?;
    Ok(())
}
