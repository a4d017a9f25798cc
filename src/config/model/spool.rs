//! Batches on disk during an outage.

use std::path::PathBuf;
use std::time::Duration;

/// Where batches of spans and log records wait on disk while their receiver is away (feature `spool`).
///
/// Bounds hold for each OTLP exporter of each process that uses the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spool {
    /// The directory; `None` keeps everything in memory. Defaults to `None`.
    pub directory: Option<PathBuf>,
    /// Bytes on disk at most. Defaults to 256 MiB.
    pub bytes: usize,
    /// How long a batch is worth keeping. Defaults to a day.
    pub age: Duration,
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            directory: None,
            bytes: 256 << 20,
            age: Duration::from_secs(24 * 60 * 60),
        }
    }
}
