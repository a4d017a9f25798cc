//! The harness itself.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tracing::Dispatch;
use tracing::dispatcher::{self, DefaultGuard};
use tracing::instrument::{WithDispatch, WithSubscriber};

use super::timeline::Timeline;
use super::{Builder, Log, Logs, Reading, Span, Spans, witness};
use crate::metrics::Registry;
use crate::metrics::snapshot::{Distribution, Family, Snapshot, Value};
use crate::pipeline::Capture;

/// Telemetry for one test, kept in memory; see the [module](super).
#[derive(Debug)]
pub struct Telemetry {
    inner: crate::Telemetry,
    dispatch: Dispatch,
    capture: Capture,
    timeline: Timeline,
    report: Report,
}

/// Who gets the capture of a test that fails.
pub(super) struct Report(pub(super) Box<dyn Fn(&str) + Send + Sync>);

impl Default for Report {
    #[expect(
        clippy::print_stderr,
        reason = "the test runner keeps only what the macros print beside its test"
    )]
    fn default() -> Self {
        Self(Box::new(|capture| eprint!("{capture}")))
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Report")
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

impl Telemetry {
    /// A harness with random ids and the clock of the system.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A harness with settings.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(super) fn new_with(
        inner: crate::Telemetry,
        capture: Capture,
        timeline: Timeline,
        report: Report,
    ) -> Self {
        // First, so that the next subscriber is never the only one.
        witness::call();
        let dispatch = inner.dispatch().cloned();
        Self {
            dispatch: dispatch.expect("nobody else has asked a new pipeline for its layer"),
            inner,
            capture,
            timeline,
            report,
        }
    }

    /// Runs `f` with this harness as the subscriber of the thread.
    pub fn scope<R>(&self, f: impl FnOnce() -> R) -> R {
        dispatcher::with_default(&self.dispatch, f)
    }

    /// Makes this harness the subscriber of the thread while the guard lives: for tests that are async on one thread.
    #[must_use = "the harness is left when the guard is dropped"]
    pub fn enter(&self) -> DefaultGuard {
        dispatcher::set_default(&self.dispatch)
    }

    /// The future with this harness as its subscriber, on whatever thread it runs.
    pub fn instrument<F: Future>(&self, future: F) -> WithDispatch<F> {
        future.with_subscriber(self.dispatch.clone())
    }

    /// The subscriber, for everything else that has to be told.
    pub fn dispatch(&self) -> Dispatch {
        self.dispatch.clone()
    }

    /// The pipeline below: span metrics, the `/metrics` page, the propagator.
    pub fn inner(&self) -> &crate::Telemetry {
        &self.inner
    }

    /// The registry of this harness.
    pub fn metrics(&self) -> &Registry {
        self.inner.metrics()
    }

    /// Moves the manual clock forward.
    ///
    /// # Panics
    ///
    /// When the harness was not built [with one](Builder::with_manual_clock).
    #[track_caller]
    pub fn advance(&self, by: Duration) {
        let moved = self.timeline.advance(by);
        assert!(
            moved,
            "the clock of the system cannot be moved: build the harness with `with_manual_clock`"
        );
    }

    /// The sampled spans that have ended, in the order in which they did.
    pub fn spans(&self) -> Spans {
        let spans = self.capture.spans().into_iter();
        Spans(spans.map(|span| Span::new(span, &self.timeline)).collect())
    }

    /// The log records, in order.
    pub fn logs(&self) -> Logs {
        let logs = self.capture.logs().into_iter();
        Logs(logs.map(|log| Log::new(log, &self.timeline)).collect())
    }

    /// Every metric of the registry.
    pub fn snapshot(&self) -> Snapshot {
        self.inner.snapshot()
    }

    /// Forgets spans and log records; metrics go on.
    pub fn clear(&self) {
        self.capture.clear();
    }

    /// The sum of a counter or up-down counter, which is 0 for labels that were never seen. Names are those of the definition or of the Prometheus
    /// page.
    ///
    /// # Panics
    ///
    /// When there is no such metric, or it is of another kind.
    #[track_caller]
    pub fn counter<const N: usize>(&self, name: &str, labels: [(&str, &str); N]) -> Reading {
        let family = self.family(name);
        match family.get(labels) {
            None => Reading::new(0.0),
            Some(value @ (Value::Count(_) | Value::Sum(_) | Value::UpDown(_))) => {
                Reading::new(value.as_f64())
            }
            Some(_) => wrong_kind(&family, "counter"),
        }
    }

    /// The value of a gauge.
    ///
    /// # Panics
    ///
    /// When there is no such metric or series, or it is of another kind.
    #[track_caller]
    pub fn gauge<const N: usize>(&self, name: &str, labels: [(&str, &str); N]) -> Reading {
        let family = self.family(name);
        match family.get(labels) {
            Some(Value::Gauge(value)) => Reading::new(*value),
            Some(_) => wrong_kind(&family, "gauge"),
            None => no_series(&family, &labels),
        }
    }

    /// The values of a histogram.
    ///
    /// # Panics
    ///
    /// When there is no such metric or series, or it is of another kind.
    #[track_caller]
    pub fn histogram<const N: usize>(&self, name: &str, labels: [(&str, &str); N]) -> Distribution {
        let family = self.family(name);
        match family.get(labels) {
            Some(Value::Distribution(values)) => values.clone(),
            Some(_) => wrong_kind(&family, "histogram"),
            None => no_series(&family, &labels),
        }
    }

    #[track_caller]
    fn family(&self, name: &str) -> Family {
        let mut families = self.snapshot().families;
        let exact = families.iter().position(|family| *family.name == *name);
        let place = exact.or_else(|| families.iter().position(|family| family.is_called(name)));
        match place {
            Some(place) => families.swap_remove(place),
            None => {
                let known: Vec<&str> = families.iter().map(|family| &*family.name).collect();
                panic!("no metric is called {name:?}; there are {known:?}")
            }
        }
    }
}

#[track_caller]
fn wrong_kind(family: &Family, asked: &str) -> ! {
    panic!("{} is no {asked} but a {:?}", family.name, family.kind)
}

#[track_caller]
fn no_series(family: &Family, labels: &[(&str, &str)]) -> ! {
    let known: Vec<_> = family.series.iter().map(|series| &series.labels).collect();
    panic!("{} has no series {labels:?}; it has {known:?}", family.name)
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let report = || (self.report.0)(&format!("--- telemetry of the test\n{self}"));
            // A second panic on its way out would end the process, and with it the other tests.
            let _ = catch_unwind(AssertUnwindSafe(report));
        }
    }
}
