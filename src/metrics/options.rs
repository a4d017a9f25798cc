//! How a registry treats its metrics.

use std::time::Duration;

/// How a registry treats its metrics.
#[derive(Debug, Clone)]
pub struct Options {
    /// Put before every name, with a dot. Defaults to nothing.
    pub namespace: String,
    /// Put between namespace and name, with a dot. Defaults to nothing.
    pub subsystem: String,
    /// Labels on every series. Defaults to none.
    pub constant_labels: Vec<(String, String)>,
    /// Whether recordings are taken; see [`Registry::disable`](super::Registry::disable). Defaults to `true`.
    pub enabled: bool,
    /// How many series a metric may have that says nothing about it. Defaults to 2,000, as the specification asks.
    pub series_limit: usize,
    /// How many metrics the registry may have. Defaults to 2,000.
    pub max_metrics: usize,
    /// How long a callback may take before it is disabled. Defaults to one second.
    pub callback_budget: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: String::new(),
            subsystem: String::new(),
            constant_labels: Vec::new(),
            enabled: true,
            series_limit: 2000,
            max_metrics: 2000,
            callback_budget: Duration::from_secs(1),
        }
    }
}
