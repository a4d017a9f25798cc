//! From a [`Config`] to a file that means the same.

mod component;
mod otlp;
mod own;
mod sampler;
mod signals;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::config::{Config, DiagnosticsLevel, Propagator};
use crate::semconv::SERVICE_NAME;

/// `config` as a configuration file of schema 1.1.
///
/// Header values and URLs with a query are not written: each becomes a reference to an environment variable, named in
/// the first lines.
/// Traces, metrics or logs that go nowhere are left out, which the schema reads the same way; so are their other settings.
///
/// ```
/// use spanwise::config::{self, Config};
///
/// let yaml = config::to_yaml(&Config::default());
/// assert!(yaml.contains("file_format: \"1.1\""));
/// ```
pub fn to_yaml(config: &Config) -> String {
    let mut out = Writer::default();
    out.field(0, "file_format", &quoted("1.1"));
    out.field(0, "disabled", &config.disabled.to_string());
    // The schema has no word for silence; an error is the least that is said.
    let level = match config.diagnostics.level {
        DiagnosticsLevel::None | DiagnosticsLevel::Error => "error",
        DiagnosticsLevel::Warn => "warn",
        DiagnosticsLevel::Info => "info",
        DiagnosticsLevel::Debug => "debug",
    };
    out.field(0, "log_level", level);
    out.resource(config);
    out.propagators(&config.propagators);
    out.traces(config);
    out.metrics(config);
    out.logs(config);
    out.own(config);
    out.finish()
}

/// Lines, and the variables that they refer to.
#[derive(Default)]
struct Writer {
    lines: String,
    references: Vec<String>,
}

impl Writer {
    fn line(&mut self, depth: usize, text: &str) {
        for _ in 0..depth {
            self.lines.push_str("  ");
        }
        self.lines.push_str(text);
        self.lines.push('\n');
    }

    fn field(&mut self, depth: usize, name: &str, value: &str) {
        self.line(depth, &format!("{name}: {value}"));
    }

    fn finish(self) -> String {
        let mut text = String::new();
        for name in &self.references {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# needs the environment variable {name}");
        }
        text + &self.lines
    }

    /// A reference to `variable`, which stays out of the file.
    fn refer(&mut self, variable: String) -> String {
        let reference = format!("\"${{{variable}}}\"");
        if !self.references.contains(&variable) {
            self.references.push(variable);
        }
        reference
    }

    fn resource(&mut self, config: &Config) {
        let resource = &config.resource;
        let name = resource
            .service_name
            .iter()
            .map(|name| (SERVICE_NAME, name));
        let others = resource
            .attributes
            .iter()
            .map(|(key, value)| (key.as_str(), value));
        let attributes: Vec<_> = name.chain(others).collect();
        let detects = !resource.detectors.is_empty() || !resource.custom_detectors.is_empty();
        if attributes.is_empty() && !detects {
            return;
        }
        self.line(0, "resource:");
        if detects {
            self.line(1, "detection/development:");
            self.line(2, "detectors:");
        }
        for detector in &resource.detectors {
            self.line(3, &format!("- {detector}:"));
        }
        for custom in &resource.custom_detectors {
            self.component(3, "- ", custom);
        }
        if !attributes.is_empty() {
            self.line(1, "attributes:");
        }
        for (key, value) in attributes {
            self.field(2, "- name", &quoted(key));
            self.field(3, "value", &quoted(value));
        }
    }

    fn propagators(&mut self, propagators: &[Propagator]) {
        if propagators.is_empty() {
            return;
        }
        self.line(0, "propagator:");
        self.line(1, "composite:");
        for propagator in propagators {
            let name = match propagator {
                Propagator::Custom(custom) => {
                    self.component(2, "- ", custom);
                    continue;
                }
                Propagator::TraceContext => "tracecontext",
                Propagator::Baggage => "baggage",
                Propagator::B3 => "b3",
                Propagator::B3Multi => "b3multi",
                Propagator::Jaeger => "jaeger",
                Propagator::XRay => "xray",
            };
            self.line(2, &format!("- {name}:"));
        }
    }
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

/// `name` as a part of the name of a variable.
fn upper(name: &str) -> String {
    let letters = name.chars().map(|c| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
        _ => '_',
    });
    letters.collect()
}

/// The schema takes absolute paths only.
fn absolute(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.to_string_lossy().into_owned()
}

/// In double quotes, with `$` doubled so that nothing is taken for a reference.
fn quoted(text: &str) -> String {
    // JSON strings are YAML strings, but for the few control characters that YAML wants escaped and JSON does not.
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '$' => quoted.push_str("$$"),
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
