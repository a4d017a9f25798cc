//! A callback of the application that panics takes nothing else along.

use std::env;
use std::process::{Command, ExitCode};
use std::thread;

use libtest_mimic::Trial;
use spanwise::Telemetry;
use spanwise::metrics::{Counter, Definition, Gauge};

use crate::deadline::until;
use crate::process::{Process, directory, free_port};
use crate::prometheus::Prometheus;
use crate::{Outcome, ensure, test};

/// Set in a process that is to be the application.
pub(crate) const APPLICATION: &str = "SPANWISE_E2E_CALLBACKS";

const BROKEN: Definition<Gauge> = Gauge::define("shop.broken").help("Never has a value");
const SCRAPES: Definition<Gauge> = Gauge::define("shop.scrapes").help("How often it was asked");
const ORDERS: Definition<Counter> = Counter::define("shop.orders").help("Orders taken");

/// Scrapes that have to work after the panic.
const ENOUGH: f64 = 4.0;

pub(crate) fn tests() -> Vec<Trial> {
    vec![test(
        "callbacks::one_that_panics_stops_no_other_metric",
        one_that_panics_stops_no_other_metric,
    )]
}

fn one_that_panics_stops_no_other_metric() -> Outcome {
    let metrics = free_port()?;
    let prometheus = Prometheus::start(metrics)?;
    let mut command = Command::new(env::current_exe()?);
    command
        .env(APPLICATION, "1")
        .env("OTEL_TRACES_EXPORTER", "none")
        .env("OTEL_LOGS_EXPORTER", "none")
        .env("OTEL_METRICS_EXPORTER", "prometheus")
        .env("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1")
        .env("OTEL_EXPORTER_PROMETHEUS_PORT", metrics.to_string());
    let mut application = Process::start(command, directory("callbacks")?)?;

    for (expression, least) in [
        ("shop_scrapes", ENOUGH),
        ("shop_orders_total", 3.0),
        ("traces_span_metrics_calls_total{span_name=\"order\"}", 1.0),
        ("up{job=\"quickstart\"}", 1.0),
    ] {
        until(&format!("{expression} to be at least {least}"), || {
            application.alive()?;
            match prometheus.query(expression)?.as_slice() {
                [(_, value)] if *value >= least => Ok(()),
                other => Err(format!("{other:?}").into()),
            }
        })?;
    }
    let broken = prometheus.query("shop_broken")?;
    ensure!(broken.is_empty(), "{broken:?}");
    let said = application.stderr()?;
    let named = said
        .lines()
        .filter(|line| line.contains("shop.broken") && line.contains("panicked"));
    ensure!(
        named.count() == 1,
        "the callback is not named once:\n{said}"
    );
    Ok(())
}

/// The application under test: runs until it is killed.
pub(crate) fn application() -> ExitCode {
    let telemetry = Telemetry::builder().init().expect("telemetry");
    let metrics = telemetry.metrics();
    let _broken = metrics
        .observe(&BROKEN, |_| panic!("the panic that was asked for"))
        .expect("a valid definition");
    let mut scrapes = 0.0;
    let _scrapes = metrics
        .observe(&SCRAPES, move |observer| {
            scrapes += 1.0;
            observer.observe(scrapes, []);
        })
        .expect("a valid definition");
    let orders = metrics.register(&ORDERS).expect("a valid definition");
    tracing::info_span!("order").in_scope(|| orders.add(3, []));
    loop {
        thread::park();
    }
}
