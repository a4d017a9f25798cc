//! Configured exporters as tasks of the private runtime.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::trace::SpanData;
use tokio::sync::mpsc;

use super::caught::Caught;
use super::diagnose::Subject;
use super::drain::Drain;
use super::logs::Record;
use super::metrics::{self, Push, Reader, Schedule};
use super::overflow::Place;
use super::provided::Provided;
use super::queue::{Command, Queue};
use super::runtime::Runtime;
use super::self_metrics::{Component, Durations};
use super::weight::Weight;
use super::worker::{Export, Receipt};
use crate::config::{self, Config, LogExporter, MetricExporter, Signal, SpanExporter};
use crate::delivery::Failure;
use crate::diagnostics::Diagnostics;
use crate::export::console;
use crate::exposition::{Encoder, Format, Scopes};

/// Why an exporter could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot export {signal}: {cause}")]
pub(crate) struct Error {
    pub(crate) signal: Signal,
    #[source]
    pub(crate) cause: Failure,
}

/// A running exporter: what became of its items, and how it is told to finish.
#[derive(Debug)]
pub(crate) struct Exporter {
    pub(crate) subject: Subject,
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    /// Items that its queue holds at most, where they are counted.
    pub(super) capacity: Option<usize>,
}

/// What every exporter is made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) config: &'a Config,
    pub(crate) resource: &'a Resource,
    pub(crate) runtime: &'a Runtime,
    pub(crate) diagnostics: &'a Diagnostics,
    pub(super) durations: &'a Durations,
    pub(super) provided: &'a Provided,
    /// Exporters made so far; tells those of one type apart.
    pub(super) made: &'a AtomicUsize,
}

/// What an exporter is called.
#[derive(Debug, Clone)]
pub(super) struct Name {
    /// To people; holds no secret.
    words: String,
    /// To machines: the first part of the type.
    transport: &'static str,
    server: Option<(String, u16)>,
}

impl Name {
    /// One that sends to no receiver.
    pub(super) fn local(words: &str, transport: &'static str) -> Self {
        Self {
            words: words.to_owned(),
            transport,
            server: None,
        }
    }

    #[cfg(feature = "otlp-http")]
    fn otlp(otlp: &config::Otlp) -> Self {
        // A query can hold a key of an account.
        let shown = otlp.endpoint.split('?').next().unwrap_or_default();
        let uri: Option<http::Uri> = otlp.endpoint.parse().ok();
        let server = uri.and_then(|uri| {
            let default = if uri.scheme_str() == Some("https") {
                443
            } else {
                80
            };
            Some((uri.host()?.to_owned(), uri.port_u16().unwrap_or(default)))
        });
        Self {
            words: format!("otlp {shown}"),
            transport: match otlp.protocol {
                config::Protocol::HttpProtobuf => "otlp_http",
                config::Protocol::HttpJson => "otlp_http_json",
                config::Protocol::Grpc => "otlp_grpc",
            },
            server,
        }
    }
}

impl Parts<'_> {
    /// A queue for every span exporter.
    pub(crate) fn spans(self) -> Result<Vec<Arc<Queue<SpanData>>>, Error> {
        let traces = &self.config.traces;
        let queue = |exporter: &SpanExporter| match exporter {
            SpanExporter::Console => Ok(self.queue(
                Signal::Traces,
                Name::local("console", "console"),
                traces.batch,
                Console,
            )),
            #[cfg(feature = "otlp-http")]
            SpanExporter::Otlp(otlp) => {
                let sender = super::otlp::Exporter::new(Signal::Traces, otlp, self.resource)?;
                let name = Name::otlp(otlp);
                let place = self.place(Signal::Traces, &traces.exporters, exporter);
                Ok(self.spooled_queue(Signal::Traces, name, traces.batch, sender, place))
            }
            #[cfg(feature = "http-json")]
            SpanExporter::OtlpStdout => {
                let exporter = super::otlp::Exporter::stdout(self.resource);
                Ok(self.queue(Signal::Traces, otlp_stdout(), traces.batch, exporter))
            }
            SpanExporter::Custom(custom) => {
                let exporter = self.provided.span_exporters.make(custom)?;
                Ok(exporter.start(self, &custom.name))
            }
            #[cfg(not(feature = "http-json"))]
            other => Err(not_compiled(other)),
        };
        let made: Result<_, Failure> = traces.exporters.iter().map(queue).collect();
        made.map_err(|cause| Error {
            signal: Signal::Traces,
            cause,
        })
    }

    /// A queue for every log exporter.
    pub(crate) fn logs(self) -> Result<Vec<Arc<Queue<Record>>>, Error> {
        let logs = &self.config.logs;
        let queue = |exporter: &LogExporter| match exporter {
            LogExporter::Console => Ok(self.queue(
                Signal::Logs,
                Name::local("console", "console"),
                logs.batch,
                Console,
            )),
            #[cfg(feature = "otlp-http")]
            LogExporter::Otlp(otlp) => {
                let sender = super::otlp::Exporter::new(Signal::Logs, otlp, self.resource)?;
                let name = Name::otlp(otlp);
                let place = self.place(Signal::Logs, &logs.exporters, exporter);
                Ok(self.spooled_queue(Signal::Logs, name, logs.batch, sender, place))
            }
            #[cfg(feature = "http-json")]
            LogExporter::OtlpStdout => {
                let exporter = super::otlp::Exporter::stdout(self.resource);
                Ok(self.queue(Signal::Logs, otlp_stdout(), logs.batch, exporter))
            }
            LogExporter::Custom(custom) => {
                let exporter = self.provided.log_exporters.make(custom)?;
                Ok(exporter.start(self, &custom.name))
            }
            #[cfg(not(feature = "http-json"))]
            other => Err(not_compiled(other)),
        };
        let made: Result<_, Failure> = logs.exporters.iter().map(queue).collect();
        made.map_err(|cause| Error {
            signal: Signal::Logs,
            cause,
        })
    }

    /// A task for every push exporter, each with the readers made for it.
    pub(crate) fn metrics(
        self,
        readers: Vec<Vec<Reader>>,
        drain: &Arc<Drain>,
    ) -> Result<Vec<Exporter>, Error> {
        let metrics = &self.config.metrics;
        let push = metrics
            .exporters
            .iter()
            .filter(|exporter| temporality(exporter).is_some());
        let start = |(exporter, readers): (&MetricExporter, Vec<Reader>)| match exporter {
            MetricExporter::Console => Ok(Some(self.push(
                Name::local("console", "console"),
                readers,
                drain,
                Console,
            ))),
            #[cfg(feature = "otlp-http")]
            MetricExporter::Otlp(otlp) => {
                let name = Name::otlp(&otlp.otlp);
                let exporter =
                    super::otlp::Exporter::new(Signal::Metrics, &otlp.otlp, self.resource)?;
                Ok(Some(self.push(name, readers, drain, exporter)))
            }
            #[cfg(feature = "http-json")]
            MetricExporter::OtlpStdout => {
                let exporter = super::otlp::Exporter::stdout(self.resource);
                Ok(Some(self.push(otlp_stdout(), readers, drain, exporter)))
            }
            MetricExporter::Prometheus(_) => Ok(None),
            #[cfg(not(feature = "http-json"))]
            other => Err(not_compiled(other)),
        };
        let made: Result<Vec<_>, Failure> = push.zip(readers).map(start).collect();
        match made {
            Ok(made) => Ok(made.into_iter().flatten().collect()),
            Err(cause) => Err(Error {
                signal: Signal::Metrics,
                cause,
            }),
        }
    }

    fn push(
        self,
        name: Name,
        readers: Vec<Reader>,
        drain: &Arc<Drain>,
        exporter: impl Push,
    ) -> Exporter {
        let subject = self.subject(Signal::Metrics, name);
        let schedule = Schedule {
            readers,
            drain: drain.clone(),
            interval: self.config.metrics.interval,
            timeout: self.config.metrics.timeout,
            subject: subject.clone(),
        };
        let (commands, task) = metrics::task(schedule, exporter);
        self.runtime.spawn(watched(task, subject.clone()));
        Exporter {
            subject,
            commands,
            capacity: None,
        }
    }

    fn subject(self, signal: Signal, name: Name) -> Subject {
        let server = name.server.as_ref().map(|(host, port)| (&**host, *port));
        let index = self.made.fetch_add(1, Ordering::Relaxed);
        let component = Component::new(signal, name.transport, server, index);
        Subject::new(
            signal,
            name.words,
            component,
            self.durations,
            self.diagnostics,
        )
    }

    pub(super) fn queue<T: Weight>(
        self,
        signal: Signal,
        name: Name,
        batch: crate::config::Batch,
        exporter: impl Export<T>,
    ) -> Arc<Queue<T>> {
        self.spooled_queue(signal, name, batch, exporter, None)
    }

    /// Where batches of one of the exporters of that signal wait on disk. It keeps its name while the order stays.
    #[cfg(feature = "otlp-http")]
    fn place<E>(self, signal: Signal, exporters: &[E], exporter: &E) -> Option<Place> {
        let index = exporters
            .iter()
            .position(|one| std::ptr::eq(one, exporter))?;
        Place::new(&self.config.spool, format!("{signal}-{index}"))
    }

    fn spooled_queue<T: Weight>(
        self,
        signal: Signal,
        name: Name,
        batch: crate::config::Batch,
        exporter: impl Export<T>,
        place: Option<Place>,
    ) -> Arc<Queue<T>> {
        let subject = self.subject(signal, name);
        let (queue, task) = Queue::new(batch, subject.clone(), exporter, place);
        self.runtime.spawn(watched(task, subject));
        Arc::new(queue)
    }
}

/// Foreign code is caught where it is called. What panics here is ours, and must not be silent either.
async fn watched(task: impl Future<Output = ()>, subject: Subject) {
    if let Err(words) = Caught::new(task).await {
        subject.broke_down(&words);
    }
}

/// How a push exporter reads: cumulative, or as its receiver prefers.
pub(crate) fn temporality(exporter: &MetricExporter) -> Option<Temporality> {
    match exporter {
        MetricExporter::Otlp(otlp) => Some(match otlp.temporality {
            config::Temporality::Cumulative => Temporality::Cumulative,
            config::Temporality::Delta => Temporality::Delta,
            config::Temporality::LowMemory => Temporality::LowMemory,
        }),
        MetricExporter::Console | MetricExporter::OtlpStdout => Some(Temporality::Cumulative),
        MetricExporter::Prometheus(_) => None,
    }
}

/// Standard output, for people.
#[derive(Debug)]
struct Console;

impl Console {
    /// Off the runtime's thread, because a terminal or a pipe may be slow.
    async fn write(text: String) -> Result<Receipt, Failure> {
        let written = tokio::task::spawn_blocking(move || {
            std::io::stdout().lock().write_all(text.as_bytes())
        })
        .await;
        match written {
            Ok(Ok(())) => Ok(Receipt::default()),
            Ok(Err(error)) => Err(Failure::new("stdout", format!("standard output: {error}"))),
            Err(error) => Err(Failure::new("stdout", error.to_string())),
        }
    }
}

impl Export<SpanData> for Console {
    type Request = String;

    fn encode(&mut self, batch: Vec<SpanData>) -> Result<String, Failure> {
        let mut text = String::new();
        batch
            .iter()
            .for_each(|span| console::write_span(&mut text, span));
        Ok(text)
    }

    async fn send(&mut self, text: &mut String) -> Result<Receipt, Failure> {
        Self::write(std::mem::take(text)).await
    }
}

impl Export<Record> for Console {
    type Request = String;

    fn encode(&mut self, batch: Vec<Record>) -> Result<String, Failure> {
        let mut text = String::new();
        batch
            .iter()
            .for_each(|(record, _)| console::write_log(&mut text, record));
        Ok(text)
    }

    async fn send(&mut self, text: &mut String) -> Result<Receipt, Failure> {
        Self::write(std::mem::take(text)).await
    }
}

impl Push for Console {
    async fn push(&mut self, metrics: &ResourceMetrics) -> Result<Receipt, Failure> {
        let mut encoder = Encoder::new(Format::Text);
        encoder.resource_metrics(metrics, Scopes::Hidden);
        Self::write(encoder.finish().text).await
    }
}

/// The configuration leaves such exporters out and says so; a configuration made in code comes here.
#[cfg(not(feature = "http-json"))]
fn not_compiled(exporter: &impl std::fmt::Debug) -> Failure {
    Failure::new(
        "feature",
        format!("{exporter:?} needs the cargo feature `http-json` or `otlp-http` of spanwise"),
    )
}

/// OTLP on standard output.
#[cfg(feature = "http-json")]
fn otlp_stdout() -> Name {
    Name::local("otlp/stdout", "otlp_stdout")
}
