//! Our own settings, below `instrumentation/development.rust.spanwise`.

use super::{Writer, millis, quoted};
use crate::config::resolve::span_metrics::show_buckets;
use crate::config::{
    Batch, Config, Dimension, DurationUnit, LogLines, SpanDescription, SpanMetrics, Spool,
};

impl Writer {
    pub(super) fn own(&mut self, config: &Config) {
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
        self.span_metrics(&config.span_metrics);
        // The number that comes with a bound in bytes has no other name in the file.
        let by_bytes = |batch: &Batch| {
            batch.max_queue_size == usize::MAX
                || batch.max_queue_bytes != Batch::spans().max_queue_bytes
        };
        let mut batches = [&config.traces.batch, &config.logs.batch].into_iter();
        if let Some(batch) = batches.find(|batch| by_bytes(batch)) {
            self.field(3, "queue_bytes", &batch.max_queue_bytes.to_string());
        }
        self.spool(&config.spool);
        self.field(3, "banner", &config.diagnostics.banner.to_string());
    }
    /// Nothing where nothing was asked for.
    fn spool(&mut self, spool: &Spool) {
        if *spool == Spool::default() {
            return;
        }
        self.line(3, "spool:");
        if let Some(directory) = &spool.directory {
            self.field(4, "directory", &quoted(&directory.to_string_lossy()));
        }
        self.field(4, "bytes", &spool.bytes.to_string());
        self.field(4, "age", &millis(spool.age));
    }

    fn span_metrics(&mut self, metrics: &SpanMetrics) {
        self.line(3, "span_metrics:");
        self.dimensions(4, &metrics.dimensions);
        self.texts(4, "dropped_labels", &metrics.dropped_labels);
        self.field(4, "buckets", &quoted(&show_buckets(&metrics.buckets)));
        let unit = match metrics.unit {
            DurationUnit::Milliseconds => "ms",
            DurationUnit::Seconds => "s",
        };
        self.field(4, "unit", unit);
        self.field(4, "limit", &metrics.limit.to_string());
        self.field(4, "expiration", &millis(metrics.expiration));
        let families: Vec<_> = metrics.families.iter().map(|f| f.name()).collect();
        self.field(4, "families", &format!("[{}]", families.join(", ")));
        self.field(4, "api_spans", &metrics.api_spans.to_string());
        if !metrics.spans.is_empty() {
            self.line(4, "spans:");
        }
        for span in &metrics.spans {
            self.span(span);
        }
        if !metrics.reserved.is_empty() {
            self.line(4, "reserved:");
        }
        for reserved in &metrics.reserved {
            self.field(5, "- label", &quoted(&reserved.label));
            self.texts(6, "values", &reserved.values);
        }
    }

    fn span(&mut self, span: &SpanDescription) {
        self.field(5, "- name", &quoted(&span.name));
        if let Some(help) = &span.help {
            self.field(6, "help", &quoted(help));
        }
        self.dimensions(6, &span.dimensions);
        if let Some(buckets) = &span.buckets {
            self.field(6, "buckets", &quoted(&show_buckets(buckets)));
        }
        self.texts(6, "dropped_labels", &span.dropped_labels);
    }

    fn dimensions(&mut self, depth: usize, dimensions: &[Dimension]) {
        if !dimensions.is_empty() {
            self.line(depth, "dimensions:");
        }
        for dimension in dimensions {
            let Dimension {
                field,
                label,
                default,
                span,
                target,
            } = dimension;
            self.field(depth + 1, "- field", &quoted(field));
            for (name, text) in [
                ("label", label),
                ("default", default),
                ("span", span),
                ("target", target),
            ] {
                if let Some(text) = text {
                    self.field(depth + 2, name, &quoted(text));
                }
            }
        }
    }

    /// Nothing where the list is empty, which reads back the same.
    fn texts(&mut self, depth: usize, name: &str, texts: &[String]) {
        if !texts.is_empty() {
            let texts: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
            self.field(depth, name, &format!("[{}]", texts.join(", ")));
        }
    }
}
