//! Every value that has an effect, and where it comes from.

use std::collections::HashSet;
use std::fmt;

use super::variable::{Applies, Variable};
use super::{Config, LogExporter, MetricExporter, Origin, Sampler, Signal, SpanExporter};

/// One effective value.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    pub(super) variable: &'static Variable,
    pub(super) value: String,
    pub(super) origin: Origin,
}

impl Setting {
    /// The variable that would change it, the most specific one.
    pub fn key(&self) -> &'static str {
        self.variable.name
    }

    /// The value, masked.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Where the value comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// Every value that has an effect, in the order of the variable table.
///
/// `Display` is an aligned listing, one line a value, with no secret in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Effective {
    settings: Vec<Setting>,
}

impl Effective {
    pub(super) fn new(config: &Config, mut settings: Vec<Setting>) -> Self {
        // What holds for several signals is read for each of them, and says the same each time.
        let mut known = HashSet::new();
        settings.retain(|setting| {
            applies(setting.variable.applies, config) && known.insert(setting.variable.name)
        });
        Self { settings }
    }

    /// The value that the variable `key` stands for; `None` when it has no effect here.
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.key() == key)
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Setting> {
        self.settings.iter()
    }
}

impl<'a> IntoIterator for &'a Effective {
    type Item = &'a Setting;
    type IntoIter = std::slice::Iter<'a, Setting>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |text: fn(&Setting) -> &str| {
            let widths = self.settings.iter().map(|s| text(s).chars().count());
            widths.max().unwrap_or(0)
        };
        let keys = width(Setting::key);
        // One long value must not push every origin out of sight.
        let values = width(Setting::value).min(48);
        for setting in self {
            let (key, value) = (setting.key(), setting.value());
            match setting.origin.variable() {
                // Naming the variable again would say nothing.
                Some(variable) if variable == key => {
                    let source = setting.origin.source();
                    writeln!(f, "{key:keys$}  {value:values$}  {source}")?;
                }
                _ => writeln!(f, "{key:keys$}  {value:values$}  {}", setting.origin)?,
            }
        }
        Ok(())
    }
}

fn applies(when: Applies, config: &Config) -> bool {
    match when {
        Applies::Always => true,
        Applies::Exported(Signal::Traces) => !config.traces.exporters.is_empty(),
        Applies::Exported(Signal::Metrics) => config
            .metrics
            .exporters
            .iter()
            .any(|exporter| !matches!(exporter, MetricExporter::Prometheus(_))),
        Applies::Exported(Signal::Logs) => !config.logs.exporters.is_empty(),
        Applies::Otlp(Signal::Traces) => {
            let mut exporters = config.traces.exporters.iter();
            exporters.any(|exporter| matches!(exporter, SpanExporter::Otlp(_)))
        }
        Applies::Otlp(Signal::Metrics) => {
            let mut exporters = config.metrics.exporters.iter();
            exporters.any(|exporter| matches!(exporter, MetricExporter::Otlp(_)))
        }
        Applies::Otlp(Signal::Logs) => {
            let mut exporters = config.logs.exporters.iter();
            exporters.any(|exporter| matches!(exporter, LogExporter::Otlp(_)))
        }
        Applies::Prometheus => {
            let mut exporters = config.metrics.exporters.iter();
            exporters.any(|exporter| matches!(exporter, MetricExporter::Prometheus(_)))
        }
        Applies::SamplerArgument => takes_argument(&config.traces.sampler),
    }
}

fn takes_argument(sampler: &Sampler) -> bool {
    match sampler {
        Sampler::AlwaysOn | Sampler::AlwaysOff | Sampler::Custom(_) => false,
        Sampler::TraceIdRatio(_) | Sampler::RateLimiting(_) | Sampler::JaegerRemote(_) => true,
        Sampler::ParentBased(root) => takes_argument(root),
    }
}
