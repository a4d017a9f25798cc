//! Why telemetry could not start, or did not deliver everything.

use std::fmt;

use crate::config;
use crate::delivery::Report;
use crate::pipeline;

/// Telemetry could not start. Nothing that was built for it is left, and no global was touched.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// Telemetry is installed already, and goes on working; a process has one.
    #[error(
        "telemetry is already installed in this process; keep the first guard, or use `build` for a second pipeline"
    )]
    AlreadyInstalled,
    /// The layer of this telemetry is in use: installed, handed out before, or by [`scope`](crate::Telemetry::scope).
    #[error(
        "the layer of this telemetry is in use already, and a second one would count every span twice; build another pipeline"
    )]
    LayerTaken,
    /// Another global `tracing` subscriber was installed first.
    #[error(
        "another global tracing subscriber is installed already; remove its `init()` or `set_global_default`, \
         or add `Telemetry::builder().build()?.layer()?` to it"
    )]
    SubscriberInstalled,
    /// The configuration has problems, and the start is strict.
    #[error(transparent)]
    Config(#[from] config::Invalid),
    /// An exporter or the private runtime could not be made.
    #[error(transparent)]
    Pipeline(PipelineError),
    /// The `/metrics` listener could not take its port.
    #[cfg(feature = "prometheus")]
    #[error(transparent)]
    Listener(#[from] crate::server::Error),
}

/// The same words: a `main` that returns the error prints this.
impl fmt::Debug for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An exporter or the private runtime could not be made.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct PipelineError(pub(crate) pipeline::Error);

impl From<pipeline::Error> for InitError {
    fn from(error: pipeline::Error) -> Self {
        Self::Pipeline(PipelineError(error))
    }
}

/// Not everything was delivered when the time was over.
///
/// The report tells for every exporter what arrived, what did not, and why.
#[derive(Clone, PartialEq, Eq)]
pub struct ShutdownError {
    pub(crate) report: Report,
}

impl ShutdownError {
    /// What was delivered and lost.
    pub fn report(&self) -> &Report {
        &self.report
    }

    pub(crate) fn check(report: Report) -> Result<Report, Self> {
        if report.lost() > 0 {
            Err(Self { report })
        } else {
            Ok(report)
        }
    }
}

impl fmt::Display for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} items of telemetry were lost", self.report.lost())?;
        for exporter in self.report.exporters() {
            write!(f, "\n  {exporter}")?;
        }
        Ok(())
    }
}

/// The same words: a `main` that returns the error prints this.
impl fmt::Debug for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ShutdownError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_print_the_same_words_from_main_as_in_a_log() {
        let error = ShutdownError {
            report: Report::default(),
        };
        assert_eq!(format!("{error:?}"), error.to_string());
        assert_eq!(
            format!("{:?}", InitError::AlreadyInstalled),
            InitError::AlreadyInstalled.to_string()
        );
    }
}
