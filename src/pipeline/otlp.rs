//! Exporters of opentelemetry-otlp with everything passed in, behind our own queue.

use std::sync::Arc;

use opentelemetry_otlp::{RetryPolicy, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter as _;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};

use super::http::Transport;
use super::logs::Record;
use super::metrics::Push;
use super::queue::{Export, Receipt};
use crate::config::{Compression, Otlp, OtlpMetrics, Protocol, Signal};
use crate::delivery::Failure;

/// How the truth about an export is found out.
#[derive(Debug)]
enum Wire {
    Http(Arc<Transport>),
    #[cfg(feature = "grpc")]
    Grpc(super::grpc::Wire),
    #[cfg(feature = "http-json")]
    Stdout,
}

impl Wire {
    fn settle(&self, result: Result<(), impl std::error::Error>) -> Result<Receipt, Failure> {
        match self {
            Self::Http(transport) => transport.settle(result),
            #[cfg(feature = "grpc")]
            Self::Grpc(wire) => wire.settle(result),
            #[cfg(feature = "http-json")]
            Self::Stdout => match result {
                Ok(()) => Ok(Receipt::default()),
                Err(error) => Err(Failure::new("stdout", error.to_string())),
            },
        }
    }
}

/// Sets what all three signals share; their builders have no common trait that could be named.
macro_rules! build {
    ($builder:expr, $signal:expr, $otlp:expr) => {{
        let otlp: &Otlp = $otlp;
        match otlp.protocol {
            #[cfg(feature = "grpc")]
            Protocol::Grpc => {
                let wire = super::grpc::Wire::new($signal, otlp);
                let exporter = wire
                    .configure($builder.with_tonic(), otlp)?
                    .build()
                    .map_err(invalid)?;
                (exporter, Wire::Grpc(wire))
            }
            protocol => {
                let transport = Transport::new($signal, otlp)?;
                let mut builder = $builder
                    .with_http()
                    .with_protocol(http_protocol(protocol)?)
                    .with_endpoint(&otlp.endpoint)
                    .with_timeout(unlimited_if_zero(otlp.timeout))
                    .with_http_client(SharedTransport(transport.clone()))
                    // The client retries, because it does not block a thread meanwhile.
                    .with_retry_policy(RetryPolicy::disabled());
                if let Some(compression) = compression(otlp.compression) {
                    builder = builder.with_compression(compression);
                }
                (builder.build().map_err(invalid)?, Wire::Http(transport))
            }
        }
    }};
}

/// The same for standard output: JSON requests that are written instead of sent.
#[cfg(feature = "http-json")]
macro_rules! build_stdout {
    ($builder:expr) => {
        $builder
            .with_http()
            .with_protocol(opentelemetry_otlp::Protocol::HttpJson)
            .with_http_client(super::stdout::Stdout)
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(invalid)?
    };
}

/// Spans over OTLP.
#[derive(Debug)]
pub(crate) struct Spans {
    exporter: opentelemetry_otlp::SpanExporter,
    wire: Wire,
}

impl Spans {
    pub(crate) fn new(otlp: &Otlp, resource: &Resource) -> Result<Self, Failure> {
        let (mut exporter, wire) = build!(
            opentelemetry_otlp::SpanExporter::builder(),
            Signal::Traces,
            otlp
        );
        exporter.set_resource(resource);
        Ok(Self { exporter, wire })
    }

    #[cfg(feature = "http-json")]
    pub(crate) fn stdout(resource: &Resource) -> Result<Self, Failure> {
        let mut exporter = build_stdout!(opentelemetry_otlp::SpanExporter::builder());
        exporter.set_resource(resource);
        Ok(Self {
            exporter,
            wire: Wire::Stdout,
        })
    }
}

impl Export<SpanData> for Spans {
    async fn export(&mut self, batch: Vec<SpanData>) -> Result<Receipt, Failure> {
        let result = self.exporter.export(batch).await;
        self.wire.settle(result)
    }
}

/// Log records over OTLP.
#[derive(Debug)]
pub(crate) struct Logs {
    exporter: opentelemetry_otlp::LogExporter,
    wire: Wire,
}

impl Logs {
    pub(crate) fn new(otlp: &Otlp, resource: &Resource) -> Result<Self, Failure> {
        let (mut exporter, wire) = build!(
            opentelemetry_otlp::LogExporter::builder(),
            Signal::Logs,
            otlp
        );
        exporter.set_resource(resource);
        Ok(Self { exporter, wire })
    }

    #[cfg(feature = "http-json")]
    pub(crate) fn stdout(resource: &Resource) -> Result<Self, Failure> {
        let mut exporter = build_stdout!(opentelemetry_otlp::LogExporter::builder());
        exporter.set_resource(resource);
        Ok(Self {
            exporter,
            wire: Wire::Stdout,
        })
    }
}

impl Export<Record> for Logs {
    async fn export(&mut self, batch: Vec<Record>) -> Result<Receipt, Failure> {
        let borrowed: Vec<_> = batch
            .iter()
            .map(|(record, scope)| (record, scope))
            .collect();
        let result = self.exporter.export(LogBatch::new(&borrowed)).await;
        self.wire.settle(result)
    }
}

/// Metrics over OTLP.
#[derive(Debug)]
pub(crate) struct Metrics {
    exporter: opentelemetry_otlp::MetricExporter,
    wire: Wire,
}

impl Metrics {
    pub(crate) fn new(config: &OtlpMetrics, temporality: Temporality) -> Result<Self, Failure> {
        let builder = opentelemetry_otlp::MetricExporter::builder().with_temporality(temporality);
        let (exporter, wire) = build!(builder, Signal::Metrics, &config.otlp);
        Ok(Self { exporter, wire })
    }

    #[cfg(feature = "http-json")]
    pub(crate) fn stdout() -> Result<Self, Failure> {
        let exporter = build_stdout!(opentelemetry_otlp::MetricExporter::builder());
        Ok(Self {
            exporter,
            wire: Wire::Stdout,
        })
    }
}

impl Push for Metrics {
    async fn push(&mut self, metrics: &ResourceMetrics) -> Result<Receipt, Failure> {
        let result = self.exporter.export(metrics).await;
        self.wire.settle(result)
    }
}

/// The client trait wants an owned client, the exporter's owner wants to ask it: both share it.
#[derive(Debug)]
struct SharedTransport(Arc<Transport>);

#[async_trait::async_trait]
impl opentelemetry_http::HttpClient for SharedTransport {
    async fn send_bytes(
        &self,
        request: http::Request<bytes::Bytes>,
    ) -> Result<http::Response<bytes::Bytes>, opentelemetry_http::HttpError> {
        self.0.send_bytes(request).await
    }
}

fn http_protocol(protocol: Protocol) -> Result<opentelemetry_otlp::Protocol, Failure> {
    match protocol {
        Protocol::HttpProtobuf => Ok(opentelemetry_otlp::Protocol::HttpBinary),
        #[cfg(feature = "http-json")]
        Protocol::HttpJson => Ok(opentelemetry_otlp::Protocol::HttpJson),
        #[cfg(not(feature = "http-json"))]
        Protocol::HttpJson => Err(not_compiled(protocol, "http-json")),
        Protocol::Grpc => Err(not_compiled(protocol, "grpc")),
    }
}

fn not_compiled(protocol: Protocol, feature: &str) -> Failure {
    Failure::new(
        "feature",
        format!("protocol {protocol} needs the cargo feature `{feature}` of spanwise"),
    )
}

pub(super) fn compression(
    compression: Option<Compression>,
) -> Option<opentelemetry_otlp::Compression> {
    compression.map(|Compression::Gzip| opentelemetry_otlp::Compression::Gzip)
}

/// Zero means no limit; to opentelemetry-otlp it means at once.
pub(super) fn unlimited_if_zero(timeout: std::time::Duration) -> std::time::Duration {
    const YEAR: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 60 * 60);
    if timeout.is_zero() { YEAR } else { timeout }
}

pub(super) fn invalid(error: impl std::error::Error) -> Failure {
    Failure::new("build", error.to_string())
}
