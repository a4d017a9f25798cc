//! What became of telemetry: counts while it runs, a report at the end.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Why an export failed, in words that name the cause and the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// Tells one kind of failure from another, so that each is said once.
    pub(crate) kind: &'static str,
    /// The cause and the fix.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The wait had an end, and it came first.
    pub(crate) fn deadline() -> Self {
        Self::new(
            "deadline",
            "not exported in time; the receiver is slow or does not answer",
        )
    }
}

/// Counts of one exporter; `created = delivered + lost + queued` at every moment.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    created: AtomicU64,
    delivered: AtomicU64,
    queue_full: AtomicU64,
    failed: AtomicU64,
    rejected: AtomicU64,
    after_shutdown: AtomicU64,
    failing: AtomicBool,
    /// Part of `queue_full` that nothing has been said about.
    unsaid_drops: AtomicU64,
    last: Mutex<Last>,
}

#[derive(Debug, Default, Clone)]
struct Last {
    success: Option<SystemTime>,
    error: Option<String>,
}

impl Counters {
    pub(crate) fn created(&self) {
        self.created.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn queue_full(&self) {
        self.queue_full.fetch_add(1, Ordering::Relaxed);
        self.unsaid_drops.fetch_add(1, Ordering::Relaxed);
    }

    /// Items that the full queue dropped since this was asked last.
    pub(crate) fn take_unsaid_drops(&self) -> u64 {
        self.unsaid_drops.swap(0, Ordering::Relaxed)
    }

    pub(crate) fn after_shutdown(&self) {
        self.after_shutdown.fetch_add(1, Ordering::Relaxed);
    }

    /// The receiver took `items` and refused `rejected` more of the same request.
    pub(crate) fn delivered(&self, items: u64, rejected: u64) {
        self.delivered.fetch_add(items, Ordering::Relaxed);
        self.rejected.fetch_add(rejected, Ordering::Relaxed);
        self.failing.store(false, Ordering::Relaxed);
        self.last().success = Some(SystemTime::now());
    }

    pub(crate) fn failed(&self, items: u64, why: &Failure) {
        self.failed.fetch_add(items, Ordering::Relaxed);
        self.failing.store(true, Ordering::Relaxed);
        self.last().error = Some(why.message.clone());
    }

    /// Whether the last export failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    pub(crate) fn status(&self, signal: &'static str, exporter: &str) -> Status {
        let last = self.last().clone();
        // Created is read last: items counted meanwhile show as queued, never as a negative number.
        let delivered = self.delivered.load(Ordering::Relaxed);
        let lost = Lost {
            queue_full: self.queue_full.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            after_shutdown: self.after_shutdown.load(Ordering::Relaxed),
        };
        let created = self.created.load(Ordering::Relaxed);
        Status {
            signal,
            exporter: exporter.to_owned(),
            created,
            delivered,
            queued: created.saturating_sub(delivered + lost.total()),
            lost,
            last_success: last.success,
            last_error: last.error,
        }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of the items of one exporter, from the start until now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// `traces`, `metrics` or `logs`.
    pub signal: &'static str,
    /// The exporter and where it sends, such as `otlp http://localhost:4318/v1/traces`.
    pub exporter: String,
    /// Items that were handed to the exporter: spans, log records, or metric exports.
    pub created: u64,
    /// Items that the receiver took.
    pub delivered: u64,
    /// Items that wait or are on their way.
    pub queued: u64,
    /// Items that never arrived.
    pub lost: Lost,
    /// When an export last succeeded.
    pub last_success: Option<SystemTime>,
    /// Why an export last failed.
    pub last_error: Option<String>,
}

/// Items that never arrived, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Lost {
    /// The queue was full.
    pub queue_full: u64,
    /// The export failed, or did not end in time.
    pub failed: u64,
    /// The receiver took the request but refused these items of it.
    pub rejected: u64,
    /// They came after shutdown.
    pub after_shutdown: u64,
}

impl Lost {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.queue_full + self.failed + self.rejected + self.after_shutdown
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons = [
            (self.queue_full, "queue full"),
            (self.failed, "export failed"),
            (self.rejected, "refused by the receiver"),
            (self.after_shutdown, "after shutdown"),
        ];
        let mut first = true;
        for (count, reason) in reasons.into_iter().filter(|(count, _)| *count > 0) {
            if !std::mem::take(&mut first) {
                f.write_str(", ")?;
            }
            write!(f, "{count} {reason}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            signal,
            exporter,
            created,
            delivered,
            queued,
            lost,
            ..
        } = self;
        write!(
            f,
            "{signal}: {delivered} of {created} delivered to {exporter}"
        )?;
        if *queued > 0 {
            write!(f, ", {queued} waiting")?;
        }
        if lost.total() > 0 {
            write!(f, ", {} lost ({lost})", lost.total())?;
            if let Some(error) = &self.last_error {
                write!(f, ": {error}")?;
            }
        }
        Ok(())
    }
}

/// What a flush or a shutdown delivered and lost, an entry an exporter.
///
/// Its `Display` is a line an exporter:
///
/// ```text
/// traces: 10 of 10 delivered to otlp http://localhost:4318/v1/traces
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    exporters: Vec<Status>,
}

impl Report {
    pub(crate) fn new(exporters: Vec<Status>) -> Self {
        Self { exporters }
    }

    /// One entry an exporter, in the order traces, metrics, logs.
    pub fn exporters(&self) -> &[Status] {
        &self.exporters
    }

    /// Items that never arrived, or had not when the time was over, over all exporters.
    pub fn lost(&self) -> u64 {
        self.exporters
            .iter()
            .map(|exporter| exporter.lost.total() + exporter.queued)
            .sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.exporters.is_empty() {
            return f.write_str("nothing is exported");
        }
        for (index, exporter) in self.exporters.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            exporter.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_delivered_nor_lost_is_queued() {
        let counters = Counters::default();
        for _ in 0..10 {
            counters.created();
        }
        counters.queue_full();
        counters.delivered(4, 1);
        counters.failed(2, &Failure::deadline());
        let status = counters.status("traces", "otlp");
        assert_eq!(
            (status.delivered, status.lost.total(), status.queued),
            (4, 4, 2)
        );
        assert_eq!(Report::new(vec![status]).lost(), 6);
    }

    #[test]
    fn a_report_names_every_reason_and_the_last_error() {
        let counters = Counters::default();
        (0..3).for_each(|_| counters.created());
        counters.delivered(1, 0);
        counters.failed(2, &Failure::new("refused", "connection refused"));
        assert_eq!(
            counters
                .status("traces", "otlp http://localhost:4318/v1/traces")
                .to_string(),
            "traces: 1 of 3 delivered to otlp http://localhost:4318/v1/traces, 2 lost (2 export failed): connection refused"
        );
    }
}
