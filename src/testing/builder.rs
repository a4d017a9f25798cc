//! How a harness is to be.

use std::fmt;

use super::telemetry::{Report, Telemetry};
use super::timeline::Timeline;
use crate::clock::Clock;
use crate::config::Env;
use crate::pipeline::{Capture, Ids};

/// Configures a [`Telemetry`] for tests.
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder {
    variables: Vec<(String, String)>,
    ids: Ids,
    manual: bool,
    configure: Vec<Box<Configure>>,
    report: Report,
}

type Configure = dyn FnOnce(crate::Builder) -> crate::Builder;

/// Nothing is sent, written or looked up, and every level is seen.
const QUIET: [(&str, &str); 10] = [
    ("OTEL_SERVICE_NAME", "test"),
    ("OTEL_TRACES_EXPORTER", "none"),
    ("OTEL_METRICS_EXPORTER", "none"),
    ("OTEL_LOGS_EXPORTER", "none"),
    ("OTEL_LOG_LEVEL", "warn"),
    ("OTEL_RUST_LOG_LINES", "off"),
    ("OTEL_RUST_RESOURCE_DETECTORS", "service"),
    ("OTEL_RUST_SPAN_FILTER", "trace"),
    ("OTEL_RUST_SPAN_METRICS_FILTER", "trace"),
    ("RUST_LOG", "trace"),
];

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            variables: Vec::new(),
            ids: Ids::Random,
            manual: false,
            configure: Vec::new(),
            report: Report::default(),
        }
    }

    /// Counts trace ids and span ids from one, in the order in which spans start. Defaults to random ids.
    pub fn with_sequential_ids(mut self) -> Self {
        self.ids = Ids::Sequential;
        self
    }

    /// Makes time stand still until [`Telemetry::advance`]. Defaults to the clock of the system.
    pub fn with_manual_clock(mut self) -> Self {
        self.manual = true;
        self
    }

    /// Sets a variable. Defaults to every exporter `none` and every filter `trace`; the environment of the process is not read.
    pub fn with_var(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Changes the builder of the pipeline under the harness. Defaults to no change.
    pub fn configure(
        mut self,
        change: impl FnOnce(crate::Builder) -> crate::Builder + 'static,
    ) -> Self {
        self.configure.push(Box::new(change));
        self
    }

    /// Called with the whole capture when a panic drops the harness, on the thread that panics. Defaults to writing it to stderr.
    pub fn on_failure(mut self, report: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.report = Report(Box::new(report));
        self
    }

    /// Builds it.
    ///
    /// # Panics
    ///
    /// When a variable has a bad value, with the words of [`InitError`](crate::InitError).
    #[track_caller]
    pub fn build(self) -> Telemetry {
        let capture = Capture::new(self.ids);
        let (clock, timeline) = if self.manual {
            let (clock, hand) = Clock::manual();
            (clock, Timeline::manual(hand))
        } else {
            (Clock::system(), Timeline::system())
        };
        let mut builder = crate::Builder::new()
            .with_env(Env::from_pairs(QUIET))
            .with_capture(capture.clone(), clock)
            .strict();
        for (name, value) in self.variables {
            builder = builder.override_var(name, value);
        }
        for change in self.configure {
            builder = change(builder);
        }
        match builder.build() {
            Ok(inner) => Telemetry::new_with(inner, capture, timeline, self.report),
            Err(error) => panic!("the harness cannot start: {error}"),
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("variables", &self.variables)
            .field("ids", &self.ids)
            .field("manual", &self.manual)
            .finish_non_exhaustive()
    }
}
