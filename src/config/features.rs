//! What was compiled in, as data, so that every combination can be tested in one build.

/// The Cargo features that a value may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Features {
    pub(super) otlp_http: bool,
    pub(super) http_json: bool,
    pub(super) grpc: bool,
    pub(super) gzip: bool,
    pub(super) tls: bool,
    pub(super) prometheus: bool,
    pub(super) config_file: bool,
    pub(super) xray: bool,
    pub(super) spool: bool,
}

impl Features {
    /// Those of this build.
    pub(super) const COMPILED: Self = Self {
        otlp_http: cfg!(feature = "otlp-http"),
        http_json: cfg!(feature = "http-json"),
        grpc: cfg!(feature = "grpc"),
        gzip: cfg!(feature = "gzip"),
        tls: cfg!(feature = "tls"),
        prometheus: cfg!(feature = "prometheus"),
        config_file: cfg!(feature = "config-file"),
        xray: cfg!(feature = "xray"),
        spool: cfg!(feature = "spool"),
    };
}

/// The end of a sentence about a value that needs `feature`.
pub(super) fn needs(feature: &str) -> String {
    format!("needs the cargo feature {feature:?}, not compiled in")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::resolve::resolve_with;
    use crate::config::{
        Env, MetricExporter, Otlp, Propagator, Protocol, Resolved, Signal, Sources, SpanExporter,
    };

    const ALL: Features = Features {
        otlp_http: true,
        http_json: true,
        grpc: true,
        gzip: true,
        tls: true,
        prometheus: true,
        config_file: true,
        xray: true,
        spool: true,
    };

    fn resolve(features: Features, pairs: &[(&str, &str)]) -> Resolved {
        let sources = Sources {
            env: Env::from_pairs(pairs.iter().copied()),
            ..Sources::default()
        };
        resolve_with(&sources, features)
    }

    /// The connection for spans, and the only problem.
    fn spans(features: Features, pairs: &[(&str, &str)]) -> (Option<Otlp>, String) {
        let resolved = resolve(features, pairs);
        assert_eq!(resolved.problems.len(), 1, "{:#?}", resolved.problems);
        let otlp = resolved.config.traces.exporters.first();
        let otlp = otlp.and_then(|exporter| match exporter {
            SpanExporter::Otlp(otlp) => Some(otlp.clone()),
            _ => None,
        });
        (otlp, resolved.problems[0].to_string())
    }

    const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";

    #[test]
    fn grpc_that_is_not_compiled_in_leaves_the_exporter_out() {
        let features = Features { grpc: false, ..ALL };
        let (otlp, problem) = spans(features, &[(PROTOCOL, "grpc")]);
        assert_eq!(otlp, None);
        assert_eq!(
            problem,
            "OTEL_EXPORTER_OTLP_PROTOCOL=\"grpc\" (environment) needs the cargo feature \"grpc\", \
             not compiled in; what would use it is not exported over OTLP"
        );
        let resolved = resolve(features, &[(PROTOCOL, "grpc")]);
        let shown = resolved.effective.get("OTEL_TRACES_EXPORTER").unwrap();
        assert_eq!(shown.value(), "none");
    }

    #[test]
    fn json_that_is_not_compiled_in_becomes_protobuf() {
        let features = Features {
            http_json: false,
            ..ALL
        };
        let (otlp, problem) = spans(features, &[(PROTOCOL, "http/json")]);
        assert_eq!(otlp, Some(Otlp::default_for(Signal::Traces)));
        assert!(problem.contains("\"http-json\"") && problem.ends_with("using http/protobuf"));
    }

    #[test]
    fn gzip_that_is_not_compiled_in_is_left_out() {
        let features = Features { gzip: false, ..ALL };
        let (otlp, problem) = spans(features, &[("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")]);
        assert_eq!(otlp.unwrap().compression, None);
        assert!(problem.contains("\"gzip\"") && problem.ends_with("without compression"));
    }

    #[test]
    fn https_without_tls_leaves_the_exporter_out_over_http_only() {
        let features = Features { tls: false, ..ALL };
        let endpoint = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://h");
        let (otlp, problem) = spans(features, &[endpoint]);
        assert_eq!(otlp, None);
        assert!(
            problem.contains("\"tls\"") && problem.ends_with("traces are not exported over OTLP")
        );
        let over_grpc = resolve(features, &[endpoint, (PROTOCOL, "grpc")]);
        assert_eq!(over_grpc.problems, []);
    }

    #[test]
    fn prometheus_that_is_not_compiled_in_leaves_the_others_alone() {
        let features = Features {
            prometheus: false,
            ..ALL
        };
        let list = ("OTEL_METRICS_EXPORTER", "prometheus,console");
        let resolved = resolve(features, &[list]);
        assert_eq!(resolved.config.metrics.exporters, [MetricExporter::Console]);
        assert_eq!(resolved.problems.len(), 1);
    }

    #[test]
    fn json_lines_that_are_not_compiled_in_leave_the_others_alone() {
        let features = Features {
            http_json: false,
            ..ALL
        };
        let resolved = resolve(features, &[("OTEL_TRACES_EXPORTER", "console,otlp/stdout")]);
        assert_eq!(resolved.config.traces.exporters, [SpanExporter::Console]);
        let problem = resolved.problems[0].to_string();
        assert!(problem.contains("\"http-json\""), "{problem}");
    }

    #[test]
    fn a_spool_that_is_not_compiled_in_keeps_everything_in_memory() {
        let features = Features {
            spool: false,
            ..ALL
        };
        let (_, problem) = spans(features, &[("OTEL_RUST_SPOOL_DIRECTORY", "/var/spool")]);
        assert!(problem.contains("\"spool\"") && problem.ends_with("in memory only"));
        let resolved = resolve(features, &[("OTEL_RUST_SPOOL_DIRECTORY", "/var/spool")]);
        assert_eq!(resolved.config.spool.directory, None);
    }

    #[test]
    fn xray_that_is_not_compiled_in_leaves_the_others_alone() {
        let features = Features { xray: false, ..ALL };
        let resolved = resolve(features, &[("OTEL_PROPAGATORS", "xray,b3")]);
        assert_eq!(resolved.config.propagators, [Propagator::B3]);
        assert_eq!(resolved.problems.len(), 1);
        let shown = resolved.effective.get("OTEL_PROPAGATORS").unwrap();
        assert_eq!(shown.value(), "b3");
    }

    #[test]
    fn build_with_grpc_alone_speaks_grpc_by_default() {
        let features = Features {
            otlp_http: false,
            http_json: false,
            ..ALL
        };
        let resolved = resolve(features, &[]);
        assert_eq!(resolved.problems, []);
        let SpanExporter::Otlp(otlp) = &resolved.config.traces.exporters[0] else {
            panic!("{:?}", resolved.config.traces.exporters);
        };
        assert_eq!(otlp.protocol, Protocol::Grpc);
        assert_eq!(otlp.endpoint, "http://localhost:4317");
    }

    #[test]
    fn build_without_transport_says_so_once() {
        let features = Features {
            otlp_http: false,
            grpc: false,
            ..ALL
        };
        let (otlp, problem) = spans(features, &[]);
        assert_eq!(otlp, None);
        assert!(
            problem.contains("(default) needs the cargo feature \"otlp-http\""),
            "{problem}"
        );
    }

    #[test]
    fn feature_does_not_matter_where_nothing_is_exported() {
        let features = Features { grpc: false, ..ALL };
        let pairs = [
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "none"),
            (PROTOCOL, "grpc"),
        ];
        assert_eq!(resolve(features, &pairs).problems, []);
    }
}
