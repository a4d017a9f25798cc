//! A real Jaeger with the configuration of `docker/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::Outcome;
use crate::config::settle;
use crate::deadline::until;
use crate::http::{get_json, get_text};
use crate::process::{Process, directory, free_port};
use crate::tools::{root, tool};

/// More traces than any test makes.
const ALL: usize = 20_000;

pub(crate) struct Jaeger {
    process: Process,
    query: u16,
    grpc: u16,
    http: u16,
    span_metrics: Option<u16>,
}

/// What Jaeger is started with.
#[derive(Default)]
pub(crate) struct Options {
    /// The Prometheus that the Monitor tab reads.
    pub(crate) prometheus: Option<u16>,
    /// Whether Jaeger counts spans by itself, for a comparison.
    pub(crate) counts_spans: bool,
}

/// A span as Jaeger's query API gives it back.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) tags: BTreeMap<String, Value>,
}

impl Span {
    pub(crate) fn kind(&self) -> &str {
        self.tags
            .get("span.kind")
            .and_then(Value::as_str)
            .unwrap_or("internal")
    }

    pub(crate) fn failed(&self) -> bool {
        self.tags
            .get("error")
            .is_some_and(|error| error == &Value::Bool(true))
    }
}

impl Jaeger {
    pub(crate) fn start(options: Options) -> Outcome<Self> {
        let directory = directory("jaeger")?;
        let [health, query, grpc, http, span_metrics] = ports()?;
        let prometheus = options.prometheus.map_or_else(free_port, Ok)?;
        let config = settle(
            &fs::read_to_string(root().join("docker/jaeger.yaml"))?,
            &[
                ("0.0.0.0:13133", format!("127.0.0.1:{health}")),
                ("0.0.0.0:16686", format!("127.0.0.1:{query}")),
                ("0.0.0.0:16685", format!("127.0.0.1:{}", free_port()?)),
                ("0.0.0.0:4317", format!("127.0.0.1:{grpc}")),
                ("0.0.0.0:4318", format!("127.0.0.1:{http}")),
                (
                    "http://prometheus:9090",
                    format!("http://127.0.0.1:{prometheus}"),
                ),
            ],
        )?;
        fs::write(directory.join("jaeger.yaml"), config)?;
        let mut command = Command::new(tool("jaeger"));
        command.arg("--config=jaeger.yaml");
        if options.counts_spans {
            fs::write(
                directory.join("span-metrics.yaml"),
                span_metrics_overlay(span_metrics),
            )?;
            command.arg("--config=span-metrics.yaml");
        }
        let mut process = Process::start_server(command, directory)?;
        let status = format!("http://127.0.0.1:{health}/status");
        until("Jaeger to be ready", || {
            process.alive()?;
            match get_json(&status)?["healthy"] {
                Value::Bool(true) => Ok(()),
                _ => Err("it is not healthy".into()),
            }
        })?;
        let span_metrics = options.counts_spans.then_some(span_metrics);
        Ok(Self {
            process,
            query,
            grpc,
            http,
            span_metrics,
        })
    }

    /// The base URL that OTLP goes to in a protocol of `OTEL_EXPORTER_OTLP_PROTOCOL`.
    pub(crate) fn endpoint(&self, protocol: &str) -> String {
        let port = if protocol == "grpc" {
            self.grpc
        } else {
            self.http
        };
        format!("http://127.0.0.1:{port}")
    }

    pub(crate) fn services(&self) -> Outcome<BTreeSet<String>> {
        let answer = self.get("/api/services")?;
        Ok(array(&answer["data"])
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect())
    }

    /// All spans of a service, and those of others in the same traces.
    pub(crate) fn spans(&self, service: &str) -> Outcome<Vec<Span>> {
        let answer = self.get(&format!("/api/traces?service={service}&limit={ALL}"))?;
        Ok(array(&answer["data"]).flat_map(spans_of).collect())
    }

    /// The spans of one trace; an error where there is none.
    pub(crate) fn trace(&self, id: &str) -> Outcome<Vec<Span>> {
        let answer = self.get(&format!("/api/traces/{id}"))?;
        Ok(array(&answer["data"]).flat_map(spans_of).collect())
    }

    /// The address of a page for people.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.query)
    }

    /// Waits until there are `count` spans of a service, and for no more to be there then.
    pub(crate) fn wait_for_spans(&self, service: &str, count: usize) -> Outcome<Vec<Span>> {
        let spans = until(&format!("{count} spans of {service} in Jaeger"), || {
            let spans = self.spans(service)?;
            if spans.len() < count {
                Err(format!("there are {}", spans.len()).into())
            } else {
                Ok(spans)
            }
        })?;
        crate::ensure!(
            spans.len() == count,
            "{} spans of {service} in Jaeger, not {count}",
            spans.len()
        );
        Ok(spans)
    }

    /// The points of one chart of the Monitor tab, by operation.
    pub(crate) fn monitor(
        &self,
        chart: &str,
        service: &str,
    ) -> Outcome<BTreeMap<String, Vec<f64>>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let quantile = if chart == "latencies" {
            "&quantile=0.95"
        } else {
            ""
        };
        let answer = self.get(&format!(
            "/api/metrics/{chart}?service={service}&endTs={now}&lookback=60000&step=1000&ratePer=10000\
             &groupByOperation=true&spanKind=server{quantile}"
        ))?;
        let mut operations = BTreeMap::new();
        for metric in array(&answer["metrics"]) {
            let operation = array(&metric["labels"]).find(|label| label["name"] == "operation");
            let operation = operation
                .and_then(|label| label["value"].as_str())
                .unwrap_or_default();
            let points = array(&metric["metricPoints"])
                .filter_map(|point| point["gaugeValue"]["doubleValue"].as_f64())
                .collect();
            operations.insert(operation.to_owned(), points);
        }
        Ok(operations)
    }

    /// What Jaeger's own span-metrics connector has counted.
    pub(crate) fn span_metrics(&self) -> Outcome<String> {
        let port = self.span_metrics.ok_or("started without span metrics")?;
        get_text(&format!("http://127.0.0.1:{port}/metrics"))
    }

    pub(crate) fn log(&self) -> Outcome<String> {
        self.process.stderr()
    }

    fn get(&self, path: &str) -> Outcome<Value> {
        get_json(&self.page(path))
    }
}

fn span_metrics_overlay(port: u16) -> String {
    format!(
        "service:\n  pipelines:\n    traces: {{exporters: [jaeger_storage_exporter, spanmetrics]}}\n    \
         metrics/spanmetrics: {{receivers: [spanmetrics], exporters: [prometheus]}}\n\
         connectors: {{spanmetrics: {{metrics_flush_interval: 1s}}}}\n\
         exporters: {{prometheus: {{endpoint: \"127.0.0.1:{port}\"}}}}\n"
    )
}

fn ports<const N: usize>() -> Outcome<[u16; N]> {
    let mut ports = [0; N];
    for port in &mut ports {
        *port = free_port()?;
    }
    Ok(ports)
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn spans_of(trace: &Value) -> impl Iterator<Item = Span> {
    array(&trace["spans"]).map(|span| {
        let parent =
            array(&span["references"]).find(|reference| reference["refType"] == "CHILD_OF");
        let process = &trace["processes"][span["processID"].as_str().unwrap_or_default()];
        let tags = array(&span["tags"]).map(|tag| (text(&tag["key"]), tag["value"].clone()));
        Span {
            trace: text(&span["traceID"]),
            id: text(&span["spanID"]),
            parent: parent.map(|reference| text(&reference["spanID"])),
            name: text(&span["operationName"]),
            service: text(&process["serviceName"]),
            tags: tags.collect(),
        }
    })
}
