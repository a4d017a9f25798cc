//! Which events make their span an error.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata};

use crate::semconv;

/// Whether an event makes its span an error, decided once per callsite as far as that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorRule {
    /// It never does.
    Never,
    /// It always does: the level is ERROR.
    Always,
    /// It does when its `error` field comes without a message.
    WithoutMessage,
}

impl ErrorRule {
    /// What can be said of all events of a callsite.
    pub(crate) fn of(metadata: &Metadata<'_>) -> Self {
        if *metadata.level() == Level::ERROR {
            Self::Always
        } else if metadata.fields().field(semconv::FIELD_ERROR).is_some() {
            Self::WithoutMessage
        } else {
            Self::Never
        }
    }

    /// Whether this event makes its span an error.
    pub(crate) fn is_error(self, event: &Event<'_>) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::WithoutMessage => {
                let mut visitor = ErrorVisitor::default();
                event.record(&mut visitor);
                visitor.error
            }
        }
    }
}

/// Follows `tracing-opentelemetry`: `error` counts while no message has been seen, in the order of the fields.
#[derive(Default)]
struct ErrorVisitor {
    message: bool,
    error: bool,
}

impl Visit for ErrorVisitor {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            semconv::FIELD_MESSAGE => self.message |= !is_empty(value),
            semconv::FIELD_ERROR => self.error |= !self.message,
            _ => {}
        }
    }

    fn record_error(&mut self, _: &Field, _: &(dyn std::error::Error + 'static)) {}

    fn record_bool(&mut self, _: &Field, _: bool) {}

    fn record_i64(&mut self, _: &Field, _: i64) {}

    fn record_u64(&mut self, _: &Field, _: u64) {}

    fn record_f64(&mut self, _: &Field, _: f64) {}
}

/// Whether a value shows as nothing; stops at its first character.
fn is_empty(value: &dyn fmt::Debug) -> bool {
    struct Nothing;

    impl Write for Nothing {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            if text.is_empty() {
                Ok(())
            } else {
                Err(fmt::Error)
            }
        }
    }

    write!(Nothing, "{value:?}").is_ok()
}
