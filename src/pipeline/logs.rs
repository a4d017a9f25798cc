//! The log processor: log records, within their limits, into the queues.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::LogRecord as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord};

use super::queue::Queue;

/// A log record with the scope that made it.
pub(crate) type Record = (SdkLogRecord, InstrumentationScope);

/// Hands log records to every exporter's queue.
#[derive(Debug)]
pub(crate) struct LogSink {
    queues: Vec<Arc<Queue<Record>>>,
}

impl LogSink {
    pub(crate) fn new(queues: Vec<Arc<Queue<Record>>>) -> Self {
        Self { queues }
    }
}

impl LogProcessor for LogSink {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        // The bridge sets the time of observation only; a backend that reads the other one would show 1970.
        if let (None, Some(observed)) = (record.timestamp(), record.observed_timestamp()) {
            record.set_timestamp(observed);
        }
        for queue in &self.queues {
            queue.push((record.clone(), scope.clone()));
        }
    }

    // As for spans, flush and shutdown go past the SDK.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
