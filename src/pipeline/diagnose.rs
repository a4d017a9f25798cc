//! Who exports, with what is counted and said of it.

use std::sync::Arc;
use std::time::Duration;

use super::self_metrics::{Component, Durations};
use super::worker::Receipt;
use crate::config::Signal;
use crate::delivery::{Counters, Failure, Status};
use crate::diagnostics::{Diagnostics, Level};

/// One exporter of one signal.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) signal: Signal,
    /// The exporter and where it sends; holds no secret.
    pub(crate) exporter: String,
    /// The same for machines.
    pub(super) component: Component,
    pub(crate) counters: Arc<Counters>,
    durations: Durations,
    diagnostics: Diagnostics,
}

impl Subject {
    pub(super) fn new(
        signal: Signal,
        exporter: impl Into<String>,
        component: Component,
        durations: &Durations,
        diagnostics: &Diagnostics,
    ) -> Self {
        Self {
            signal,
            exporter: exporter.into(),
            component,
            counters: Arc::default(),
            durations: durations.clone(),
            diagnostics: diagnostics.clone(),
        }
    }

    /// The metric reader in front of the exporter has collected.
    pub(crate) fn collected(&self, took: Duration) {
        self.durations.collected(took, &self.component);
    }

    fn time(&self, took: Option<Duration>, error: Option<&'static str>) {
        if let Some(took) = took {
            self.durations.exported(took, &self.component, error);
        }
    }

    /// Counts the end of an export of `count` items and says what has to be said.
    pub(crate) fn exported(&self, count: u64, result: Result<Receipt, Failure>) {
        let name = self.name();
        match result {
            Ok(receipt) => {
                let rejected = receipt.rejected.min(count);
                let took = self.counters.delivered(count - rejected, rejected);
                self.time(took, None);
                self.say_receipt(&name, count, rejected, receipt.message);
            }
            Err(failure) => {
                let took = self.counters.failed(count, &failure);
                self.time(took, Some(failure.kind));
                let message = format_args!("{count} lost: {failure}");
                self.diagnostics
                    .fail(Level::Error, &name, failure.kind, message);
            }
        }
    }

    /// Says that an export of `count` items failed and is tried again later.
    pub(crate) fn kept(&self, count: u64, why: &Failure) {
        self.time(self.counters.kept(why), Some(why.kind));
        let message = format_args!("{count} wait to be sent again: {why}");
        self.diagnostics
            .fail(Level::Error, &self.name(), why.kind, message);
    }

    /// Says something of the batches on disk.
    #[cfg(feature = "spool")]
    pub(crate) fn say_spool(&self, level: Level, message: impl std::fmt::Display) {
        match level {
            Level::Error => self.diagnostics.fail(level, &self.name(), "spool", message),
            _ => self
                .diagnostics
                .say(level, format_args!("{}: {message}", self.name())),
        }
    }

    /// Says that nothing is exported any more, through a fault of ours.
    pub(crate) fn broke_down(&self, words: &str) {
        let message = format_args!(
            "{}: nothing is exported any more, through a fault of spanwise: {words}",
            self.name()
        );
        self.diagnostics.say(Level::Error, message);
    }

    /// Counts an item that nobody waits for any more; the first is said.
    #[cold]
    pub(crate) fn came_after_shutdown(&self) {
        if self.counters.after_shutdown() {
            let name = self.name();
            let message = format_args!(
                "{name}: the guard of telemetry is gone or was shut down; what ends from now on is lost"
            );
            self.diagnostics.say(Level::Warn, message);
        }
    }

    fn say_receipt(&self, name: &str, count: u64, rejected: u64, said: Option<String>) {
        let said = said.filter(|said| !said.is_empty());
        match (rejected, said) {
            (0, None) => self.diagnostics.recover(name),
            (0, Some(said)) => {
                let message = format_args!("the receiver took the request and said: {said}");
                self.diagnostics.fail(Level::Warn, name, "said", message);
            }
            (_, said) => {
                let why = said.map(|said| format!(": {said}")).unwrap_or_default();
                let message = format_args!(
                    "the receiver took the request but refused {rejected} of {count} items{why}"
                );
                self.diagnostics
                    .fail(Level::Error, name, "rejected", message);
            }
        }
    }

    pub(crate) fn status(&self) -> Status {
        self.counters.status(self.signal.as_str(), &self.exporter)
    }

    fn name(&self) -> String {
        format!("{} to {}", self.signal, self.exporter)
    }

    /// Says what the full queue has dropped since the last time.
    pub(crate) fn say_overload(&self) {
        let dropped = self.counters.take_unsaid_drops();
        if dropped > 0 {
            let prefix = match self.signal {
                Signal::Logs => "BLRP",
                Signal::Traces | Signal::Metrics => "BSP",
            };
            let message = format_args!(
                "{dropped} dropped because the queue was full; raise OTEL_{prefix}_MAX_QUEUE_SIZE or OTEL_RUST_QUEUE_BYTES, or sample"
            );
            self.diagnostics
                .fail(Level::Warn, &self.name(), "queue full", message);
        }
    }
}
