//! What can be asked of running telemetry.

use std::net::SocketAddr;

use super::Telemetry;
use crate::config::{Config, Effective, Problem, Resolved};
use crate::delivery::Status;
use crate::diagnosis::{self, Diagnosis};
use crate::exposition::Format;
use crate::metrics;
use crate::pipeline::Propagators;
#[cfg(feature = "prometheus")]
use crate::server;

impl Telemetry {
    /// The effective configuration as plain data.
    pub fn config(&self) -> &Config {
        &self.resolved.config
    }

    /// Every effective value and its source; the display masks secrets.
    pub fn effective(&self) -> &Effective {
        &self.resolved.effective
    }

    /// What was wrong with the configuration, and what is used instead.
    pub fn problems(&self) -> &[Problem] {
        &self.resolved.problems
    }

    /// The metrics that the application records: definitions, handles, values.
    ///
    /// ```
    /// use spanwise::metrics::{Counter, Definition};
    ///
    /// const ORDERS: Definition<Counter> = Counter::define("shop.orders").labels(&["status"]);
    ///
    /// let telemetry = spanwise::Telemetry::builder()
    ///     .override_var("OTEL_TRACES_EXPORTER", "none")
    ///     .override_var("OTEL_METRICS_EXPORTER", "none")
    ///     .override_var("OTEL_LOGS_EXPORTER", "none")
    ///     .build()?;
    /// telemetry.metrics().register(&ORDERS)?.add(1, [("status", "ok")]);
    /// assert!(telemetry.render().contains(r#"shop_orders_total{status="ok"} 1"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn metrics(&self) -> &metrics::Registry {
        self.pipeline.registry()
    }

    /// Every metric that the application records as plain data, callbacks included.
    pub fn snapshot(&self) -> metrics::snapshot::Snapshot {
        self.metrics().snapshot()
    }

    /// Asks every OTLP receiver whether it takes an export, and puts the answers beside the configuration.
    ///
    /// Sends an export without items for each signal, side by side, and blocks for ten seconds at most. Counts nothing,
    /// and works whatever became of the exports so far.
    ///
    /// ```no_run
    /// # let telemetry = spanwise::Telemetry::builder().build()?;
    /// eprint!("{}", telemetry.diagnose());
    /// # Ok::<(), spanwise::InitError>(())
    /// ```
    pub fn diagnose(&self) -> Diagnosis {
        let Resolved {
            config,
            effective,
            problems,
            ..
        } = &self.resolved;
        Diagnosis {
            effective: effective.clone(),
            problems: problems.clone(),
            probes: diagnosis::probes(&self.pipeline, config),
        }
    }

    /// What became of everything so far, an entry an exporter.
    pub fn status(&self) -> Vec<Status> {
        self.pipeline.status()
    }

    /// The page that Prometheus scrapes, in text format 0.0.4, for an application with a server of its own.
    ///
    /// Holds the span metrics always, and the application's own instruments unless everything is pushed: with
    /// `OTEL_METRICS_EXPORTER=otlp` nothing keeps them for a scrape, with `otlp,prometheus` or `none` they are there. Send it as
    /// `text/plain; version=0.0.4`. Calls back into the application where it has observable instruments.
    pub fn render(&self) -> String {
        self.render_as(Format::Text)
    }

    /// The same page in a format of choice; [`Format::negotiate`] reads it from an `Accept` header. Only OpenMetrics has
    /// exemplars.
    pub fn render_as(&self, format: Format) -> String {
        self.pipeline.scrape().render(format)
    }

    /// Where the `/metrics` listener is, if there is one.
    pub fn metrics_url(&self) -> Option<String> {
        self.metrics_address()
            .map(|address| format!("http://{address}/metrics"))
    }

    /// The address of the `/metrics` listener, if there is one.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        #[cfg(feature = "prometheus")]
        return self.listener.as_ref().map(server::Running::local_addr);
        #[cfg(not(feature = "prometheus"))]
        None
    }

    /// The propagators that `OTEL_PROPAGATORS` names, in one; `init` has made it the global one.
    pub fn propagator(&self) -> Propagators {
        self.pipeline.propagators().clone()
    }

    /// What instruments are made from; `init` has made it the global one.
    pub fn meter_provider(&self) -> opentelemetry_sdk::metrics::SdkMeterProvider {
        self.pipeline.meter_provider().clone()
    }

    /// What spans are made from without `tracing`; `init` has made it the global one.
    pub fn tracer_provider(&self) -> opentelemetry_sdk::trace::SdkTracerProvider {
        self.pipeline.tracer_provider().clone()
    }
}
