//! Why a metric was refused when it was defined, or asked for by name.

use std::panic::Location;

use super::definition::Kind;

/// A place in the user's source, as `file:line:column`.
pub type Place = &'static Location<'static>;

/// A metric that cannot be had.
///
/// Every variant names the metric, the place that asked, and what would be accepted. Recording never returns an error: see
/// [`Report`](super::Report) for what happens there.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name is not one that OpenTelemetry accepts.
    #[error(
        "metric name {name} at {at} {problem}; a name is a letter followed by up to 254 letters, digits, `_`, `.`, `-` or `/`"
    )]
    Name {
        /// The name, quoted, cut when long.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
        /// Where it was defined.
        at: Place,
    },
    /// The unit is too long or not ASCII.
    #[error(
        "unit {unit} of metric `{name}` at {at} is not accepted; a unit has up to 63 printable ASCII characters, such as `s`, `By` or `{{request}}`"
    )]
    Unit {
        /// The metric.
        name: String,
        /// The unit, quoted, cut when long.
        unit: String,
        /// Where it was defined.
        at: Place,
    },
    /// A label key cannot be used.
    #[error(
        "label key {key} of metric `{name}` at {at} {problem}; a key has up to 255 printable ASCII characters, each key once"
    )]
    Label {
        /// The metric.
        name: String,
        /// The key, quoted, cut when long.
        key: String,
        /// What is wrong with it.
        problem: &'static str,
        /// Where it was defined.
        at: Place,
    },
    /// More label keys than a metric can have.
    #[error(
        "metric `{name}` at {at} has {count} label keys; {max} are accepted, constant labels included"
    )]
    TooManyLabels {
        /// The metric.
        name: String,
        /// How many were given.
        count: usize,
        /// How many are accepted.
        max: usize,
        /// Where it was defined.
        at: Place,
    },
    /// The bucket boundaries cannot be used.
    #[error(
        "bucket boundaries of metric `{name}` at {at} {problem}; up to 200 finite numbers are accepted, each larger than the one before"
    )]
    Buckets {
        /// The metric.
        name: String,
        /// What is wrong with them.
        problem: &'static str,
        /// Where it was defined.
        at: Place,
    },
    /// The name exists with another definition.
    #[error(
        "metric `{name}` at {here} has {difference}, first defined at {there}; give one of them another name"
    )]
    Conflict {
        /// The metric.
        name: String,
        /// What differs: new value, then the one that stands.
        difference: String,
        /// The refused definition.
        here: Place,
        /// The definition that stands.
        there: Place,
    },
    /// Another name ends up as the same Prometheus series.
    #[error(
        "metric `{name}` at {here} is `{prometheus}` in Prometheus, and so is `{other}` of {there}; give one of them another name"
    )]
    Collision {
        /// The refused metric.
        name: String,
        /// The metric that stands.
        other: String,
        /// The name that both have.
        prometheus: String,
        /// The refused definition.
        here: Place,
        /// The definition that stands.
        there: Place,
    },
    /// The registry is full.
    #[error(
        "metric `{name}` at {at} is one too many: the registry holds {max} metrics, see `Options::max_metrics`"
    )]
    TooManyMetrics {
        /// The refused metric.
        name: String,
        /// How many are accepted.
        max: usize,
        /// Where it was defined.
        at: Place,
    },
    /// No metric has this name.
    #[error("no metric is called {name}{}", hint(.nearest))]
    Unknown {
        /// The name asked for, quoted, cut when long.
        name: String,
        /// The known name closest to it.
        nearest: Option<String>,
    },
    /// The metric exists and is of another kind.
    #[error("metric `{name}` is a {actual} (defined at {there}), and was used as a {wanted}")]
    WrongKind {
        /// The metric.
        name: String,
        /// What it is.
        actual: Kind,
        /// What it was used as.
        wanted: Kind,
        /// Where it was defined.
        there: Place,
    },
    /// The value cannot be recorded in a metric of this kind.
    #[error("value {value} for metric `{name}` {problem}; it is not recorded")]
    Value {
        /// The metric.
        name: String,
        /// The value.
        value: f64,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// How much of a refused text is shown.
const SHOWN: usize = 60;

/// The text in quotes, control characters escaped, cut when long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], text.len()),
    }
}

fn hint(nearest: &Option<String>) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => String::from("; none is defined"),
    }
}
