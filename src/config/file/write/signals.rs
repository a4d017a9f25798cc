//! Where each signal goes, and how.

use super::{Writer, millis, quoted};
use crate::config::{
    Batch, Config, ExemplarFilter, LogExporter, MetricExporter, Signal, SpanExporter,
};

impl Writer {
    pub(super) fn traces(&mut self, config: &Config) {
        let traces = &config.traces;
        if traces.exporters.is_empty() && traces.processors.is_empty() {
            return;
        }
        self.line(0, "tracer_provider:");
        self.line(1, "processors:");
        for processor in &traces.processors {
            self.component(2, "- ", processor);
        }
        for exporter in &traces.exporters {
            self.batch(traces.batch);
            match exporter {
                SpanExporter::Otlp(otlp) => self.otlp(otlp, Signal::Traces, 5),
                SpanExporter::Console => self.line(5, "console:"),
                SpanExporter::OtlpStdout => self.stdout(5),
                SpanExporter::Custom(custom) => self.component(5, "", custom),
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

    pub(super) fn metrics(&mut self, config: &Config) {
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

    pub(super) fn logs(&mut self, config: &Config) {
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
                LogExporter::Custom(custom) => self.component(5, "", custom),
            }
        }
        self.line(1, "limits:");
        self.length(logs.limits.attribute_value_length);
        let count = logs.limits.attribute_count.to_string();
        self.field(2, "attribute_count_limit", &count);
    }

    /// A processor up to its exporter.
    fn batch(&mut self, batch: Batch) {
        self.line(2, "- batch:");
        self.field(4, "schedule_delay", &millis(batch.schedule_delay));
        self.field(4, "export_timeout", &millis(batch.export_timeout));
        // Without a number of its own the queue is bounded in bytes, which stands among our own settings.
        if batch.max_queue_size != usize::MAX {
            self.field(4, "max_queue_size", &batch.max_queue_size.to_string());
        }
        let size = batch.max_export_batch_size.to_string();
        self.field(4, "max_export_batch_size", &size);
        self.line(4, "exporter:");
    }

    fn length(&mut self, length: Option<usize>) {
        let length = length.map_or_else(|| "null".to_owned(), |length| length.to_string());
        self.field(2, "attribute_value_length_limit", &length);
    }
}
