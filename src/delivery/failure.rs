//! Why an export failed.

use std::time::Duration;

/// Why an export failed, in words that name the cause and the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// Tells one kind of failure from another, so that each is said once.
    pub(crate) kind: &'static str,
    /// The cause and the fix.
    pub(crate) message: String,
    /// Whether the same request can succeed later: nobody has taken it, and nobody has refused it for good.
    pub(crate) again: bool,
    /// How long the receiver asks to be left alone.
    pub(crate) pause: Option<Duration>,
}

impl Failure {
    /// One that another attempt would not change.
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            again: false,
            pause: None,
        }
    }

    /// One that may be over later.
    #[cfg(any(feature = "otlp-http", test))]
    pub(crate) fn passing(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            again: true,
            ..Self::new(kind, message)
        }
    }

    /// The wait had an end, and it came first; `attempt` is why the latest attempt failed, if one did.
    pub(crate) fn deadline(attempt: Option<Self>) -> Self {
        match attempt {
            Some(attempt) => Self {
                again: false,
                ..attempt
            },
            None => Self::new(
                "deadline",
                "not exported in time; the receiver is slow or does not answer",
            ),
        }
    }
}
