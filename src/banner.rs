//! What is said at start: where each signal goes, and where each value came from.

use std::fmt::{self, Write};

use crate::config::{
    Config, Effective, LogExporter, MetricExporter, Otlp, Resolved, Sampler, Severity, Signal,
    SpanExporter,
};

/// The block of lines; holds no secret.
#[derive(Debug)]
pub(crate) struct Banner<'a> {
    pub(crate) resolved: &'a Resolved,
    pub(crate) service_name: &'a str,
    /// The address that is really listened on.
    pub(crate) metrics_url: Option<&'a str>,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Resolved {
            config,
            effective,
            problems,
            ..
        } = self.resolved;
        writeln!(
            f,
            "telemetry of {:?}{}{}",
            self.service_name,
            origin(effective, "OTEL_SERVICE_NAME"),
            if config.disabled {
                " is disabled by OTEL_SDK_DISABLED"
            } else {
                ""
            },
        )?;
        if !config.disabled {
            self.traces(f, config, effective)?;
            self.metrics(f, config, effective)?;
            self.logs(f, config, effective)?;
        }
        for problem in problems {
            let mark = match problem.severity() {
                Severity::Error | Severity::Warning => "problem",
                Severity::Notice => "notice",
            };
            writeln!(f, "{mark}: {problem}")?;
        }
        Ok(())
    }
}

impl Banner<'_> {
    fn traces(
        &self,
        f: &mut fmt::Formatter<'_>,
        config: &Config,
        effective: &Effective,
    ) -> fmt::Result {
        let exporters = config
            .traces
            .exporters
            .iter()
            .map(|exporter| match exporter {
                SpanExporter::Otlp(otlp) => otlp_words(otlp, Signal::Traces, effective),
                SpanExporter::Console => "console".to_owned(),
                SpanExporter::OtlpStdout => "otlp/stdout".to_owned(),
                SpanExporter::Custom(custom) => custom.name.clone(),
            });
        writeln!(
            f,
            "traces: {}{}; sampler {}{}{}; spans {}{}",
            joined(exporters),
            origin(effective, "OTEL_TRACES_EXPORTER"),
            sampler(&config.traces.sampler),
            origin(effective, "OTEL_TRACES_SAMPLER"),
            rules(config.traces.rules.len()),
            config.traces.filter.directives,
            origin(effective, "OTEL_RUST_SPAN_FILTER"),
        )
    }

    fn metrics(
        &self,
        f: &mut fmt::Formatter<'_>,
        config: &Config,
        effective: &Effective,
    ) -> fmt::Result {
        let exporters = config
            .metrics
            .exporters
            .iter()
            .map(|exporter| match exporter {
                MetricExporter::Otlp(otlp) => otlp_words(&otlp.otlp, Signal::Metrics, effective),
                MetricExporter::Prometheus(_) => match self.metrics_url {
                    Some(url) => format!("prometheus {url}"),
                    None => "prometheus without a listener".to_owned(),
                },
                MetricExporter::Console => "console".to_owned(),
                MetricExporter::OtlpStdout => "otlp/stdout".to_owned(),
            });
        writeln!(
            f,
            "metrics: {}{}; spans counted {}{}",
            joined(exporters),
            origin(effective, "OTEL_METRICS_EXPORTER"),
            config.span_metrics.filter.directives,
            origin(effective, "OTEL_RUST_SPAN_METRICS_FILTER"),
        )
    }

    fn logs(
        &self,
        f: &mut fmt::Formatter<'_>,
        config: &Config,
        effective: &Effective,
    ) -> fmt::Result {
        let exporters = config.logs.exporters.iter().map(|exporter| match exporter {
            LogExporter::Otlp(otlp) => otlp_words(otlp, Signal::Logs, effective),
            LogExporter::Console => "console".to_owned(),
            LogExporter::OtlpStdout => "otlp/stdout".to_owned(),
            LogExporter::Custom(custom) => custom.name.clone(),
        });
        writeln!(
            f,
            "logs: {}{}; events {}{}",
            joined(exporters),
            origin(effective, "OTEL_LOGS_EXPORTER"),
            config.logs.filter.directives,
            origin(effective, "RUST_LOG"),
        )
    }
}

fn otlp_words(otlp: &Otlp, signal: Signal, effective: &Effective) -> String {
    let upper = signal.as_str().to_uppercase();
    let mut words = format!(
        "{}{} over {}{}",
        otlp.endpoint,
        origin(effective, &format!("OTEL_EXPORTER_OTLP_{upper}_ENDPOINT")),
        otlp.protocol,
        origin(effective, &format!("OTEL_EXPORTER_OTLP_{upper}_PROTOCOL")),
    );
    if !otlp.headers.0.is_empty() {
        // Names only: values are credentials more often than not.
        let names: Vec<&str> = otlp
            .headers
            .0
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let _ = write!(words, " with {}", names.join(", "));
    }
    words
}

fn joined(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(" and ")
    }
}

/// Where a value came from, unless it is the default.
fn origin(effective: &Effective, key: &str) -> String {
    use crate::config::Origin;

    match effective.get(key).map(|setting| setting.origin()) {
        None | Some(Origin::Default) => String::new(),
        Some(origin) => format!(" [{origin}]"),
    }
}

fn rules(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => " under 1 rule".to_owned(),
        count => format!(" under {count} rules"),
    }
}

fn sampler(sampler: &Sampler) -> String {
    match sampler {
        Sampler::AlwaysOn => "always_on".to_owned(),
        Sampler::AlwaysOff => "always_off".to_owned(),
        Sampler::TraceIdRatio(ratio) => format!("traceidratio {ratio}"),
        Sampler::RateLimiting(rate) => format!("ratelimiting {rate}"),
        Sampler::ParentBased(root) => format!("parentbased_{}", self::sampler(root)),
        Sampler::JaegerRemote(remote) => format!("jaeger_remote {}", remote.endpoint),
        Sampler::Custom(custom) => custom.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Env, Sources};

    fn banner(vars: &[(&str, &str)]) -> String {
        let sources = Sources {
            env: Env::from_pairs(vars.iter().copied()),
            ..Sources::default()
        };
        let resolved = config::resolve(&sources);
        let banner = Banner {
            resolved: &resolved,
            service_name: "svc",
            metrics_url: Some("http://127.0.0.1:9464/metrics"),
        };
        banner.to_string()
    }

    #[test]
    fn each_signal_says_where_it_goes() {
        assert_eq!(
            banner(&[
                ("OTEL_METRICS_EXPORTER", "prometheus"),
                ("OTEL_LOGS_EXPORTER", "none")
            ]),
            "telemetry of \"svc\"\n\
             traces: http://localhost:4318/v1/traces over http/protobuf; sampler parentbased_always_on; spans info\n\
             metrics: prometheus http://127.0.0.1:9464/metrics [environment OTEL_METRICS_EXPORTER]; spans counted info\n\
             logs: none [environment OTEL_LOGS_EXPORTER]; events info\n"
        );
    }

    #[test]
    fn a_value_that_is_not_the_default_says_which_variable_set_it() {
        let text = banner(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")]);
        assert!(
            text.contains(
                "http://collector:4318/v1/traces [environment OTEL_EXPORTER_OTLP_ENDPOINT]"
            ),
            "{text}"
        );
    }

    #[test]
    fn problems_are_listed_with_what_is_used_instead() {
        let text = banner(&[("OTEL_BSP_MAX_QUEUE_SIZE", "-5")]);
        assert!(
            text.contains("problem: OTEL_BSP_MAX_QUEUE_SIZE=\"-5\" (environment) is not a whole number above 0; using 2048"),
            "{text}"
        );
    }

    #[test]
    fn secrets_are_never_shown() {
        let text = banner(&[
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization=Bearer hunter2,broken",
            ),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "http://user:hunter2@collector:4318",
            ),
        ]);
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("with authorization"), "{text}");
    }

    #[test]
    fn a_disabled_sdk_says_so_and_nothing_else() {
        assert_eq!(
            banner(&[("OTEL_SDK_DISABLED", "true")]),
            "telemetry of \"svc\" is disabled by OTEL_SDK_DISABLED\n"
        );
    }
}
