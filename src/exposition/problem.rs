//! What a page could not say, and why.

use std::fmt;

/// The kind of a metric family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A sum that only grows.
    Counter,
    /// A sum that goes up and down; a gauge to Prometheus.
    UpDownCounter,
    /// A value that is read now and then.
    Gauge,
    /// Counts in buckets.
    Histogram,
    /// Quantiles computed by the application.
    Summary,
}

impl Kind {
    /// The word for this kind in a `# TYPE` line.
    pub fn type_word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::UpDownCounter | Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }
}

/// Something that the rendered page had to leave out or change.
///
/// Problems come again with every page as long as their cause stays: compare them to say each only once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Problem {
    /// Two metrics want the same name but cannot share it; the later one is left out.
    NameTaken {
        /// The Prometheus name.
        name: String,
        /// What was left out.
        kind: Kind,
    },
    /// Two metrics of one name have different descriptions; the first is kept.
    HelpDiffers {
        /// The Prometheus name.
        name: String,
        /// The description that is written.
        kept: String,
        /// The one that is not.
        ignored: String,
    },
    /// Series with different attributes have the same labels in Prometheus; their values were added.
    SeriesMerged {
        /// The Prometheus name.
        name: String,
        /// The labels of the first such series.
        labels: String,
    },
    /// Series with different attributes have the same labels in Prometheus and cannot be added; one was kept.
    SeriesDropped {
        /// The Prometheus name.
        name: String,
        /// The labels of the first such series.
        labels: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken { name, kind } => write!(
                f,
                "metric `{name}` ({}) is not on the Prometheus page: another metric already uses that name; rename one of them",
                kind.type_word()
            ),
            Self::HelpDiffers {
                name,
                kept,
                ignored,
            } => write!(
                f,
                "metric `{name}` has two descriptions: \"{kept}\" is used, \"{ignored}\" is not; give both instruments the same one"
            ),
            Self::SeriesMerged { name, labels } => write!(
                f,
                "several series of `{name}` have the labels {{{labels}}} in Prometheus, their values are added; give their attributes different names"
            ),
            Self::SeriesDropped { name, labels } => write!(
                f,
                "several series of `{name}` have the labels {{{labels}}} in Prometheus, only one is on the page; give their attributes different names"
            ),
        }
    }
}
