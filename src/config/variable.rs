//! One row of the variable table, and how its value is read.

use std::borrow::Cow;

use super::Signal;

/// One variable: what it is called, what it accepts, what it means when unset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// The name.
    pub name: &'static str,
    /// What is accepted.
    pub kind: Kind,
    /// What an unset variable means, in the syntax of the variable; empty when there is no such value.
    pub default: &'static str,
    /// What it does, as one sentence without a full stop.
    pub doc: &'static str,
    /// When it has an effect.
    pub applies: Applies,
    /// Whether it is honoured.
    pub support: Support,
}

/// The syntax of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// Milliseconds.
    Duration,
    /// Milliseconds; zero means no limit.
    Timeout,
    /// A whole number above zero.
    Size,
    /// A whole number, zero included.
    Limit,
    /// A TCP port.
    Port,
    /// One of these words, in any case.
    Choice(&'static [&'static str]),
    /// Some of these words, in any case, comma-separated, or `none`.
    List(&'static [&'static str]),
    /// Any text.
    Text,
    /// A file.
    Path,
    /// A URL.
    Url,
    /// `name=value,..`, percent-encoded; values are never shown.
    Headers,
    /// `key=value,..`, percent-encoded.
    Attributes,
    /// `target=level,..`.
    Directives,
    /// What the chosen sampler asks for.
    SamplerArgument,
    /// `field`, `field=label`, `field:default`, `field=label:default` or `-label`, comma-separated.
    Dimensions,
    /// `connector`, `requests`, `fast`, `batch`, or milliseconds, comma-separated and rising.
    Buckets,
    /// `key=pattern,..=>sampler:argument;..`, percent-encoded.
    SamplerRules,
}

impl Kind {
    /// What is accepted, as the end of "is not ..".
    pub fn accepted(self) -> Cow<'static, str> {
        match self {
            Self::Flag => "true or false".into(),
            Self::Duration | Self::Timeout => "a whole number of milliseconds, 0 or more".into(),
            Self::Size => "a whole number above 0".into(),
            Self::Limit => "a whole number, 0 or more".into(),
            Self::Port => "a port from 1 to 65535".into(),
            Self::Choice(words) => format!("one of {}", words.join(", ")).into(),
            Self::List(words) => {
                format!("a comma-separated list of {} or none", words.join(", ")).into()
            }
            Self::Text => "a text".into(),
            Self::Path => "a path".into(),
            Self::Url => "a URL such as http://localhost:4318".into(),
            Self::Headers => "a list name=value,.. with percent-encoded values".into(),
            Self::Attributes => "a list key=value,.. with percent-encoded values".into(),
            Self::Directives => "a list of directives such as info,my_service::db=debug".into(),
            Self::SamplerArgument => "an argument of the sampler".into(),
            Self::Dimensions => {
                "a list such as tenant,http.route=route,region:unknown,-status.code".into()
            }
            Self::Buckets => {
                "connector, requests, fast, batch or a rising list of milliseconds such as 1,10,100"
                    .into()
            }
            Self::SamplerRules => {
                "a list of rules such as span.name=GET /health*=>always_off".into()
            }
        }
    }
}

/// When a variable has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applies {
    /// Always.
    Always,
    /// While the signal has an exporter that batches.
    Exported(Signal),
    /// While the signal goes out over OTLP.
    Otlp(Signal),
    /// While metrics are scraped by Prometheus.
    Prometheus,
    /// While the sampler takes an argument.
    SamplerArgument,
}

/// Whether a variable is honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Support {
    /// It is.
    Honoured,
    /// It is not, for this reason; to set it is a problem.
    Refused(&'static str),
    /// It is not needed, for this reason; to set it is worth a notice.
    Unneeded(&'static str),
}

/// A general variable with one variant a signal, such as `OTEL_EXPORTER_OTLP_TIMEOUT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Family {
    /// For all signals.
    pub(super) general: Variable,
    /// For traces, metrics and logs, each above the general one.
    pub(super) signals: [Variable; 3],
}

impl Family {
    /// The variables that `signal` looks at, the strongest first.
    pub(super) fn chain(&'static self, signal: Signal) -> [&'static Variable; 2] {
        [&self.signals[signal as usize], &self.general]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_starts_with_the_signal() {
        for signal in Signal::ALL {
            let [first, second] = super::super::table::OTLP_TIMEOUT.chain(signal);
            let expected = format!(
                "OTEL_EXPORTER_OTLP_{}_TIMEOUT",
                signal.as_str().to_uppercase()
            );
            assert_eq!(first.name, expected);
            assert_eq!(second.name, "OTEL_EXPORTER_OTLP_TIMEOUT");
        }
    }
}
