//! What the test harness sees and decides: every ended span and every log record as it is made, and the ids.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, SpanData};

use super::logs::Record;

/// Keeps ended spans and log records in memory, beside every exporter and before any queue; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Capture {
    pub(crate) ids: Ids,
    kept: Arc<Kept>,
}

/// Where the ids of spans come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Ids {
    #[default]
    Random,
    /// 1, 2, 3 and so on, in the order in which spans start.
    Sequential,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Mutex<Vec<SpanData>>,
    logs: Mutex<Vec<Record>>,
}

// Each lock is held for a push or a copy, and no code of the application runs meanwhile.
impl Capture {
    pub(crate) fn new(ids: Ids) -> Self {
        Self {
            ids,
            kept: Arc::default(),
        }
    }

    pub(super) fn span(&self, span: &SpanData) {
        lock(&self.kept.spans).push(span.clone());
    }

    pub(super) fn log(&self, record: &Record) {
        lock(&self.kept.logs).push(record.clone());
    }

    /// The spans so far, in the order in which they ended.
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        lock(&self.kept.spans).clone()
    }

    /// The log records so far, in order.
    pub(crate) fn logs(&self) -> Vec<Record> {
        lock(&self.kept.logs).clone()
    }

    /// Forgets what there is.
    pub(crate) fn clear(&self) {
        lock(&self.kept.spans).clear();
        lock(&self.kept.logs).clear();
    }
}

fn lock<T>(items: &Mutex<Vec<T>>) -> std::sync::MutexGuard<'_, Vec<T>> {
    items.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ids that count from one.
#[derive(Debug, Default)]
pub(super) struct Counting {
    traces: AtomicU64,
    spans: AtomicU64,
}

// Relaxed: each number is given once, and nothing is read behind it.
impl IdGenerator for Counting {
    fn new_trace_id(&self) -> TraceId {
        u128::from(self.traces.fetch_add(1, Ordering::Relaxed) + 1).into()
    }

    fn new_span_id(&self) -> SpanId {
        (self.spans.fetch_add(1, Ordering::Relaxed) + 1).into()
    }
}
