//! Who exports, with what is counted and said of it.

use std::sync::Arc;

use super::queue::Receipt;
use crate::config::Signal;
use crate::delivery::{Counters, Failure, Status};
use crate::diagnostics::{Diagnostics, Level};

/// One exporter of one signal.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) signal: Signal,
    /// The exporter and where it sends; holds no secret.
    pub(crate) exporter: String,
    pub(crate) counters: Arc<Counters>,
    pub(crate) diagnostics: Diagnostics,
}

impl Subject {
    pub(crate) fn new(
        signal: Signal,
        exporter: impl Into<String>,
        diagnostics: &Diagnostics,
    ) -> Self {
        Self {
            signal,
            exporter: exporter.into(),
            counters: Arc::default(),
            diagnostics: diagnostics.clone(),
        }
    }

    /// Counts the end of an export of `count` items and says what has to be said.
    pub(crate) fn exported(&self, count: u64, result: Result<Receipt, Failure>) {
        let name = self.name();
        match result {
            Ok(receipt) => {
                let rejected = receipt.rejected.min(count);
                self.counters.delivered(count - rejected, rejected);
                if rejected > 0 {
                    let message = format_args!(
                        "the receiver took the request but refused {rejected} of {count} items"
                    );
                    self.diagnostics
                        .fail(Level::Error, &name, "rejected", message);
                } else {
                    self.diagnostics.recover(&name);
                }
            }
            Err(failure) => {
                self.counters.failed(count, &failure);
                let message = format_args!("{count} lost: {failure}");
                self.diagnostics
                    .fail(Level::Error, &name, failure.kind, message);
            }
        }
        self.say_overload(&name);
    }

    pub(crate) fn status(&self) -> Status {
        self.counters.status(self.signal.as_str(), &self.exporter)
    }

    fn name(&self) -> String {
        format!("{} to {}", self.signal, self.exporter)
    }

    fn say_overload(&self, name: &str) {
        let dropped = self.counters.take_unsaid_drops();
        if dropped > 0 {
            let prefix = match self.signal {
                Signal::Logs => "BLRP",
                Signal::Traces | Signal::Metrics => "BSP",
            };
            let message = format_args!(
                "{dropped} dropped because the queue was full; raise OTEL_{prefix}_MAX_QUEUE_SIZE or sample"
            );
            self.diagnostics
                .fail(Level::Warn, name, "queue full", message);
        }
    }
}
