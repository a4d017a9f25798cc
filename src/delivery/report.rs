//! What users read: the state of an exporter, and the report at the end.

use std::fmt;
use std::time::SystemTime;

/// What became of the items of one exporter, from the start until now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// `traces`, `metrics` or `logs`.
    pub signal: &'static str,
    /// The exporter and where it sends, such as `otlp http://localhost:4318/v1/traces`; holds no secret.
    pub exporter: String,
    /// Items that were handed to the exporter: spans, log records, or data points.
    pub created: u64,
    /// Items that the receiver took.
    pub delivered: u64,
    /// Items that wait or are on their way.
    pub queued: u64,
    /// Those among them that are on disk (`OTEL_RUST_SPOOL_DIRECTORY`) and outlive the process.
    pub spooled: u64,
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
            spooled,
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
        if *spooled > 0 {
            write!(f, ", {spooled} of them on disk")?;
        }
        if lost.total() > 0 {
            write!(f, ", {} lost ({lost})", lost.total())?;
        }
        if let Some(error) = &self.last_error
            && lost.total() + queued > 0
        {
            write!(f, ": {error}")?;
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

    /// Items that never arrive, without those that wait.
    pub(crate) fn lost_for_good(&self) -> u64 {
        self.exporters
            .iter()
            .map(|exporter| exporter.lost.total())
            .sum()
    }

    /// Items that never arrived, or had not when the time was over, over all exporters; without those that are on disk.
    pub fn lost(&self) -> u64 {
        self.exporters
            .iter()
            .map(|exporter| exporter.lost.total() + exporter.queued - exporter.spooled)
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
