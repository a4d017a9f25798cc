//! Connections.

use super::{Writer, absolute, millis, quoted, upper};
use crate::config::{HistogramAggregation, Otlp, OtlpMetrics, Protocol, Signal, Temporality};

impl Writer {
    pub(super) fn stdout(&mut self, depth: usize) {
        self.line(depth, "otlp_file/development:");
        self.field(depth + 1, "output_stream", "stdout");
    }

    pub(super) fn otlp_metrics(&mut self, metrics: &OtlpMetrics) {
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

    pub(super) fn otlp(&mut self, otlp: &Otlp, signal: Signal, depth: usize) {
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
}
