//! The log processor: log records, within their limits, into the queues.
//!
//! The SDK has no limits for log records, and no way to change an attribute of one: a record that is over them is
//! written anew. Counting and measuring is all that any other record costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord, SdkLogger, SdkLoggerProvider};

use super::capture::Capture;
use super::queue::Queue;
use super::traces::cut;
use crate::config::LogLimits;
use crate::diagnostics::{Diagnostics, Level};

/// A log record with the scope that made it.
pub(crate) type Record = (SdkLogRecord, InstrumentationScope);

/// Hands log records to every exporter's queue.
#[derive(Debug)]
pub(crate) struct LogSink {
    queues: Vec<Arc<Queue<Record>>>,
    limiter: Limiter,
    capture: Option<Capture>,
}

impl LogSink {
    pub(crate) fn new(
        queues: Vec<Arc<Queue<Record>>>,
        limits: LogLimits,
        diagnostics: &Diagnostics,
        capture: Option<Capture>,
    ) -> Self {
        Self {
            queues,
            limiter: Limiter::new(limits, diagnostics.clone()),
            capture,
        }
    }
}

impl LogProcessor for LogSink {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        // The bridge sets the time of observation only; a backend that reads the other one would show 1970.
        if let (None, Some(observed)) = (record.timestamp(), record.observed_timestamp()) {
            record.set_timestamp(observed);
        }
        if let Some(limited) = self.limiter.limited(record) {
            *record = limited;
        }
        if let Some(capture) = &self.capture {
            capture.log(&(record.clone(), scope.clone()));
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

/// Keeps records within their limits.
#[derive(Debug)]
struct Limiter {
    count: usize,
    value_length: Option<usize>,
    /// The only way to an empty record.
    blank: SdkLogger,
    diagnostics: Diagnostics,
    /// Whether it was said that attributes are left out; once is enough to find the limit.
    said: AtomicBool,
}

impl Limiter {
    fn new(limits: LogLimits, diagnostics: Diagnostics) -> Self {
        Self {
            count: usize::try_from(limits.attribute_count).unwrap_or(usize::MAX),
            value_length: limits.attribute_value_length,
            blank: SdkLoggerProvider::builder().build().logger(""),
            diagnostics,
            said: AtomicBool::new(false),
        }
    }

    /// `record` within the limits, or `None` when it is already.
    fn limited(&self, record: &SdkLogRecord) -> Option<SdkLogRecord> {
        let count = record.attributes_iter().count();
        let is_long = |limit: usize| {
            let mut values = record.attributes_iter().map(|(_, value)| value);
            values.any(|value| is_longer(value, limit))
        };
        if count <= self.count && !self.value_length.is_some_and(is_long) {
            return None;
        }
        if count > self.count {
            self.say_dropped(count);
        }
        Some(self.rewrite(record))
    }

    #[cold]
    fn rewrite(&self, record: &SdkLogRecord) -> SdkLogRecord {
        let mut limited = self.blank.create_log_record();
        if let Some(name) = record.event_name() {
            limited.set_event_name(name);
        }
        if let Some(target) = record.target() {
            limited.set_target(target.clone());
        }
        if let Some(timestamp) = record.timestamp() {
            limited.set_timestamp(timestamp);
        }
        if let Some(timestamp) = record.observed_timestamp() {
            limited.set_observed_timestamp(timestamp);
        }
        if let Some(context) = record.trace_context() {
            limited.set_trace_context(context.trace_id, context.span_id, context.trace_flags);
        }
        if let Some(text) = record.severity_text() {
            limited.set_severity_text(text);
        }
        if let Some(number) = record.severity_number() {
            limited.set_severity_number(number);
        }
        if let Some(body) = record.body() {
            limited.set_body(body.clone());
        }
        for (key, value) in record.attributes_iter().take(self.count) {
            let mut value = value.clone();
            if let Some(limit) = self.value_length {
                cut_value(&mut value, limit);
            }
            limited.add_attribute(key.clone(), value);
        }
        limited
    }

    #[cold]
    fn say_dropped(&self, count: usize) {
        // Two threads at once find one of them first, which is all that is asked of it.
        if self.said.swap(true, Ordering::Relaxed) {
            return;
        }
        let message = format_args!(
            "logs: a record has {count} attributes, only the first {} of each are kept; raise OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
            self.count
        );
        self.diagnostics.say(Level::Warn, message);
    }
}

/// Whether [`cut_value`] would change `value`, or nearly so: bytes stand for characters, which are never more.
fn is_longer(value: &AnyValue, limit: usize) -> bool {
    match value {
        AnyValue::String(text) => text.as_str().len() > limit,
        AnyValue::Bytes(bytes) => bytes.len() > limit,
        AnyValue::ListAny(values) => values.iter().any(|value| is_longer(value, limit)),
        AnyValue::Map(values) => values.values().any(|value| is_longer(value, limit)),
        _ => false,
    }
}

/// Keeps the first `limit` characters of texts and bytes of byte strings, at any depth.
fn cut_value(value: &mut AnyValue, limit: usize) {
    match value {
        AnyValue::String(text) => cut(text, limit),
        AnyValue::Bytes(bytes) => bytes.truncate(limit),
        AnyValue::ListAny(values) => values.iter_mut().for_each(|value| cut_value(value, limit)),
        AnyValue::Map(values) => values
            .values_mut()
            .for_each(|value| cut_value(value, limit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::logs::Severity;
    use opentelemetry::{SpanId, TraceId};

    use super::*;
    use crate::clock::Clock;

    fn limiter(attribute_count: u32, attribute_value_length: Option<usize>) -> Limiter {
        let limits = LogLimits {
            attribute_count,
            attribute_value_length,
        };
        Limiter::new(limits, Diagnostics::memory(None, Clock::system()).0)
    }

    /// A record with everything set and three attributes.
    fn record(limiter: &Limiter) -> SdkLogRecord {
        let mut record = limiter.blank.create_log_record();
        record.set_event_name("event");
        record.set_target("shop");
        record.set_timestamp(std::time::UNIX_EPOCH);
        record.set_observed_timestamp(std::time::UNIX_EPOCH);
        record.set_trace_context(TraceId::from(1), SpanId::from(2), None);
        record.set_severity_text("INFO");
        record.set_severity_number(Severity::Info);
        record.set_body("a long body".into());
        record.add_attribute("text", "äöüß");
        record.add_attribute("number", 12345);
        record.add_attribute(
            "list",
            AnyValue::ListAny(Box::new(vec![
                "abcd".into(),
                AnyValue::Bytes(Box::new(vec![1, 2, 3, 4])),
            ])),
        );
        record
    }

    #[test]
    fn a_record_within_its_limits_is_left_alone() {
        let limiter = limiter(3, Some(8));
        assert_eq!(limiter.limited(&record(&limiter)), None);
    }

    #[test]
    fn a_rewritten_record_differs_in_its_attributes_only() {
        let wide = limiter(3, None);
        let record = record(&wide);
        assert_eq!(wide.rewrite(&record), record);
    }

    #[test]
    fn the_first_attributes_are_kept_and_the_loss_is_said_once() {
        let (diagnostics, said) = Diagnostics::memory(Some(Level::Warn), Clock::system());
        let limits = LogLimits {
            attribute_count: 2,
            attribute_value_length: None,
        };
        let limiter = Limiter::new(limits, diagnostics);
        for _ in 0..2 {
            let limited = limiter.limited(&record(&limiter)).expect("too many");
            let keys: Vec<_> = limited
                .attributes_iter()
                .map(|(key, _)| key.as_str())
                .collect();
            assert_eq!(keys, ["text", "number"]);
        }
        assert_eq!(
            *said.lock().unwrap(),
            "spanwise: logs: a record has 3 attributes, only the first 2 of each are kept; \
             raise OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT\n"
        );
    }

    #[test]
    fn values_are_cut_at_any_depth_and_the_body_is_not() {
        let limiter = limiter(128, Some(3));
        let limited = limiter.limited(&record(&limiter)).expect("too long");
        let values: Vec<_> = limited
            .attributes_iter()
            .map(|(_, value)| value.clone())
            .collect();
        let list = vec!["abc".into(), AnyValue::Bytes(Box::new(vec![1, 2, 3]))];
        assert_eq!(
            values,
            [
                "äöü".into(),
                12345.into(),
                AnyValue::ListAny(Box::new(list))
            ]
        );
        assert_eq!(limited.body(), Some(&"a long body".into()));
    }

    #[test]
    fn a_limit_of_zero_leaves_no_attribute() {
        let limiter = limiter(0, None);
        let limited = limiter.limited(&record(&limiter)).expect("too many");
        assert_eq!(limited.attributes_iter().count(), 0);
    }
}
