//! From a [`Config`] to a file that means the same.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::config::{
    Batch, Config, DiagnosticsLevel, ExemplarFilter, HistogramAggregation, LogExporter, LogLines,
    MetricExporter, Otlp, OtlpMetrics, Propagator, Protocol, Sampler, Signal, SpanExporter,
    Temporality,
};
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
        if attributes.is_empty() && resource.detectors.is_empty() {
            return;
        }
        self.line(0, "resource:");
        if !resource.detectors.is_empty() {
            self.line(1, "detection/development:");
            self.line(2, "detectors:");
        }
        for detector in &resource.detectors {
            self.line(3, &format!("- {detector}:"));
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

    fn traces(&mut self, config: &Config) {
        let traces = &config.traces;
        if traces.exporters.is_empty() {
            return;
        }
        self.line(0, "tracer_provider:");
        self.line(1, "processors:");
        for exporter in &traces.exporters {
            self.batch(traces.batch);
            match exporter {
                SpanExporter::Otlp(otlp) => self.otlp(otlp, Signal::Traces, 5),
                SpanExporter::Console => self.line(5, "console:"),
                SpanExporter::OtlpStdout => self.stdout(5),
            }
        }
        let limits = &traces.limits;
        self.line(1, "limits:");
        self.length(limits.attribute_value_length);
        for (name, count) in [
            ("attribute_count_limit", limits.attribute_count),
            ("event_count_limit", limits.event_count),
            ("link_count_limit", limits.link_count),
            ("event_attribute_count_limit", limits.event_attribute_count),
            ("link_attribute_count_limit", limits.link_attribute_count),
        ] {
            self.field(2, name, &count.to_string());
        }
        self.line(1, "sampler:");
        self.sampler(&traces.sampler, 2);
    }

    fn metrics(&mut self, config: &Config) {
        let metrics = &config.metrics;
        if metrics.exporters.is_empty() {
            return;
        }
        self.line(0, "meter_provider:");
        self.line(1, "readers:");
        for exporter in &metrics.exporters {
            if let MetricExporter::Prometheus(prometheus) = exporter {
                self.line(2, "- pull:");
                self.line(4, "exporter:");
                self.line(5, "prometheus/development:");
                self.field(6, "host", &quoted(&prometheus.host));
                self.field(6, "port", &prometheus.port.to_string());
                continue;
            }
            self.line(2, "- periodic:");
            self.field(4, "interval", &millis(metrics.interval));
            self.field(4, "timeout", &millis(metrics.timeout));
            self.line(4, "exporter:");
            match exporter {
                MetricExporter::Otlp(otlp) => self.otlp_metrics(otlp),
                MetricExporter::OtlpStdout => self.stdout(5),
                MetricExporter::Console | MetricExporter::Prometheus(_) => {
                    self.line(5, "console:");
                }
            }
        }
        let filter = match metrics.exemplar_filter {
            ExemplarFilter::AlwaysOn => "always_on",
            ExemplarFilter::AlwaysOff => "always_off",
            ExemplarFilter::TraceBased => "trace_based",
        };
        self.field(1, "exemplar_filter", filter);
    }

    fn logs(&mut self, config: &Config) {
        let logs = &config.logs;
        if logs.exporters.is_empty() {
            return;
        }
        self.line(0, "logger_provider:");
        self.line(1, "processors:");
        for exporter in &logs.exporters {
            self.batch(logs.batch);
            match exporter {
                LogExporter::Otlp(otlp) => self.otlp(otlp, Signal::Logs, 5),
                LogExporter::Console => self.line(5, "console:"),
                LogExporter::OtlpStdout => self.stdout(5),
            }
        }
        self.line(1, "limits:");
        self.length(logs.limits.attribute_value_length);
        let count = logs.limits.attribute_count.to_string();
        self.field(2, "attribute_count_limit", &count);
    }

    fn own(&mut self, config: &Config) {
        let lines = match config.logs.lines {
            LogLines::Auto => "auto",
            LogLines::Pretty => "pretty",
            LogLines::Json => "json",
            // Quoted for readers of YAML 1.1, to whom it is false.
            LogLines::Off => "\"off\"",
        };
        self.line(0, "instrumentation/development:");
        self.line(1, "rust:");
        self.line(2, "spanwise:");
        self.field(3, "log_filter", &quoted(&config.logs.filter.directives));
        self.field(3, "log_lines", lines);
        let spans = &config.traces.filter.directives;
        self.field(3, "span_filter", &quoted(spans));
        if !config.traces.rules.is_empty() {
            let rules: Vec<_> = config
                .traces
                .rules
                .iter()
                .map(ToString::to_string)
                .collect();
            self.field(3, "sampler_rules", &quoted(&rules.join(";")));
        }
        let counted = &config.span_metrics.filter.directives;
        self.field(3, "span_metrics_filter", &quoted(counted));
        self.field(
            3,
            "skip_unsampled",
            &config.traces.skip_unsampled.to_string(),
        );
        self.field(3, "banner", &config.diagnostics.banner.to_string());
    }

    // --- parts of several signals ---

    /// A processor up to its exporter.
    fn batch(&mut self, batch: Batch) {
        self.line(2, "- batch:");
        self.field(4, "schedule_delay", &millis(batch.schedule_delay));
        self.field(4, "export_timeout", &millis(batch.export_timeout));
        self.field(4, "max_queue_size", &batch.max_queue_size.to_string());
        let size = batch.max_export_batch_size.to_string();
        self.field(4, "max_export_batch_size", &size);
        self.line(4, "exporter:");
    }

    fn length(&mut self, length: Option<usize>) {
        let length = length.map_or_else(|| "null".to_owned(), |length| length.to_string());
        self.field(2, "attribute_value_length_limit", &length);
    }

    fn stdout(&mut self, depth: usize) {
        self.line(depth, "otlp_file/development:");
        self.field(depth + 1, "output_stream", "stdout");
    }

    fn otlp_metrics(&mut self, metrics: &OtlpMetrics) {
        self.otlp(&metrics.otlp, Signal::Metrics, 5);
        let temporality = match metrics.temporality {
            Temporality::Cumulative => "cumulative",
            Temporality::Delta => "delta",
            Temporality::LowMemory => "low_memory",
        };
        self.field(6, "temporality_preference", temporality);
        let histogram = match metrics.histogram {
            HistogramAggregation::ExplicitBucket => "explicit_bucket_histogram",
            HistogramAggregation::Base2Exponential => "base2_exponential_bucket_histogram",
        };
        self.field(6, "default_histogram_aggregation", histogram);
    }

    fn otlp(&mut self, otlp: &Otlp, signal: Signal, depth: usize) {
        let (name, encoding) = match otlp.protocol {
            Protocol::Grpc => ("otlp_grpc:", None),
            Protocol::HttpProtobuf => ("otlp_http:", Some("protobuf")),
            Protocol::HttpJson => ("otlp_http:", Some("json")),
        };
        self.line(depth, name);
        let depth = depth + 1;
        if let Some(encoding) = encoding {
            self.field(depth, "encoding", encoding);
        }
        // A query may hold a token.
        let endpoint = match otlp.endpoint.contains('?') {
            true => self.refer(format!("{}_ENDPOINT", upper(signal.as_str()))),
            false => quoted(&otlp.endpoint),
        };
        self.field(depth, "endpoint", &endpoint);
        let files = [
            ("ca_file", &otlp.tls.certificate),
            ("key_file", &otlp.tls.client_key),
            ("cert_file", &otlp.tls.client_certificate),
        ];
        if files.iter().any(|(_, file)| file.is_some()) {
            self.line(depth, "tls:");
        }
        for (name, file) in files {
            if let Some(file) = file {
                self.field(depth + 1, name, &quoted(&absolute(file)));
            }
        }
        if !otlp.headers.0.is_empty() {
            self.line(depth, "headers:");
        }
        for (name, _) in &otlp.headers.0 {
            let variable = format!("{}_HEADER_{}", upper(signal.as_str()), upper(name));
            let value = self.refer(variable);
            self.field(depth + 1, "- name", &quoted(name));
            self.field(depth + 2, "value", &value);
        }
        let compression = otlp.compression.map_or("none", |_| "gzip");
        self.field(depth, "compression", compression);
        self.field(depth, "timeout", &millis(otlp.timeout));
    }

    fn sampler(&mut self, sampler: &Sampler, depth: usize) {
        match sampler {
            Sampler::AlwaysOn => self.line(depth, "always_on:"),
            Sampler::AlwaysOff => self.line(depth, "always_off:"),
            Sampler::TraceIdRatio(ratio) => {
                self.line(depth, "trace_id_ratio_based:");
                self.field(depth + 1, "ratio", &ratio.to_string());
            }
            Sampler::RateLimiting(rate) => {
                self.line(depth, "rate_limiting:");
                self.field(depth + 1, "traces_per_second", &rate.to_string());
            }
            Sampler::ParentBased(root) => {
                self.line(depth, "parent_based:");
                self.line(depth + 1, "root:");
                self.sampler(root, depth + 2);
            }
            Sampler::JaegerRemote(remote) => {
                self.line(depth, "jaeger_remote/development:");
                self.field(depth + 1, "endpoint", &quoted(&remote.endpoint));
                self.field(depth + 1, "interval", &millis(remote.interval));
                self.line(depth + 1, "initial_sampler:");
                self.sampler(&Sampler::TraceIdRatio(remote.initial_rate), depth + 2);
            }
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
