//! OTLP: batches as requests, encoded once and sent as often as it takes.

#[cfg(feature = "gzip")]
use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::logs::tonic::group_logs_by_resource_and_scope;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::LogBatch;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::trace::SpanData;

use super::logs::Record;
use super::metrics::Push;
#[cfg(feature = "spool")]
use super::overflow::Spooling;
#[cfg(feature = "http-json")]
use super::stdout;
use super::transport::Transport;
use super::worker::{Export, Receipt};
use crate::config::{Compression, Otlp, Protocol, Signal};
use crate::delivery::Failure;

/// An exporter of one signal.
#[derive(Debug)]
pub(crate) struct Exporter {
    encoding: Encoding,
    resource: Arc<ResourceAttributesWithSchema>,
    sink: Sink,
}

/// Where requests go.
#[derive(Debug)]
enum Sink {
    Receiver(Box<Transport>),
    #[cfg(feature = "http-json")]
    Stdout,
}

/// How a request becomes bytes.
#[derive(Debug, Clone, Copy)]
struct Encoding {
    protocol: Protocol,
    compression: Option<Compression>,
}

impl Exporter {
    pub(crate) fn new(signal: Signal, otlp: &Otlp, resource: &Resource) -> Result<Self, Failure> {
        Ok(Self {
            encoding: Encoding {
                protocol: otlp.protocol,
                compression: otlp.compression,
            },
            resource: Arc::new(resource.into()),
            sink: Sink::Receiver(Box::new(Transport::new(signal, otlp)?)),
        })
    }

    #[cfg(feature = "http-json")]
    pub(crate) fn stdout(resource: &Resource) -> Self {
        Self {
            encoding: Encoding {
                protocol: Protocol::HttpJson,
                compression: None,
            },
            resource: Arc::new(resource.into()),
            sink: Sink::Stdout,
        }
    }

    /// Sends a request without items, once.
    pub(crate) async fn send_nothing(&self) -> Result<Receipt, Failure> {
        // The empty message is the same for all signals: no bytes, or no fields.
        let message = match self.encoding.protocol {
            Protocol::HttpJson => b"{}".to_vec(),
            _ => Vec::new(),
        };
        let request = self.encoding.finish(message)?;
        match &self.sink {
            Sink::Receiver(transport) => transport.try_once(&request).await,
            #[cfg(feature = "http-json")]
            Sink::Stdout => stdout::write(request).await,
        }
    }

    async fn deliver(&self, request: &Bytes) -> Result<Receipt, Failure> {
        match &self.sink {
            Sink::Receiver(transport) => transport.send(request).await,
            #[cfg(feature = "http-json")]
            Sink::Stdout => stdout::write(request.clone()).await,
        }
    }

    /// What goes to a receiver can wait for it.
    #[cfg(feature = "spool")]
    fn spooled<T>(
        &self,
        encode: Box<dyn FnMut(Vec<T>) -> Result<Bytes, Failure> + Send>,
    ) -> Option<Spooling<T, Bytes>> {
        let Encoding {
            protocol,
            compression,
        } = self.encoding;
        match self.sink {
            Sink::Receiver(_) => Some(Spooling {
                encode,
                to_bytes: Bytes::clone,
                from_bytes: std::convert::identity,
                encoding: match compression {
                    None => protocol.to_string(),
                    Some(Compression::Gzip) => format!("{protocol} gzip"),
                },
            }),
            #[cfg(feature = "http-json")]
            Sink::Stdout => None,
        }
    }

    fn latest(&self) -> Option<Failure> {
        match &self.sink {
            Sink::Receiver(transport) => transport.attempt(),
            #[cfg(feature = "http-json")]
            Sink::Stdout => None,
        }
    }
}

impl Export<SpanData> for Exporter {
    type Request = Bytes;

    fn encode(&mut self, batch: Vec<SpanData>) -> Result<Bytes, Failure> {
        self.encoding.spans(batch, &self.resource)
    }

    async fn send(&mut self, request: &mut Bytes) -> Result<Receipt, Failure> {
        self.deliver(request).await
    }

    fn bytes(&self, request: &Bytes) -> Option<usize> {
        Some(request.len())
    }

    fn attempt(&self) -> Option<Failure> {
        self.latest()
    }

    #[cfg(feature = "spool")]
    fn spooling(&self) -> Option<Spooling<SpanData, Bytes>> {
        let (encoding, resource) = (self.encoding, self.resource.clone());
        self.spooled(Box::new(move |batch| encoding.spans(batch, &resource)))
    }
}

impl Export<Record> for Exporter {
    type Request = Bytes;

    fn encode(&mut self, batch: Vec<Record>) -> Result<Bytes, Failure> {
        self.encoding.records(batch, &self.resource)
    }

    async fn send(&mut self, request: &mut Bytes) -> Result<Receipt, Failure> {
        self.deliver(request).await
    }

    fn bytes(&self, request: &Bytes) -> Option<usize> {
        Some(request.len())
    }

    fn attempt(&self) -> Option<Failure> {
        self.latest()
    }

    #[cfg(feature = "spool")]
    fn spooling(&self) -> Option<Spooling<Record, Bytes>> {
        let (encoding, resource) = (self.encoding, self.resource.clone());
        self.spooled(Box::new(move |batch| encoding.records(batch, &resource)))
    }
}

impl Push for Exporter {
    async fn push(&mut self, metrics: &ResourceMetrics) -> Result<Receipt, Failure> {
        let request = self
            .encoding
            .encode(&ExportMetricsServiceRequest::from(metrics))?;
        self.deliver(&request).await
    }

    fn attempt(&self) -> Option<Failure> {
        self.latest()
    }
}

impl Encoding {
    fn spans(
        self,
        batch: Vec<SpanData>,
        resource: &ResourceAttributesWithSchema,
    ) -> Result<Bytes, Failure> {
        let resource_spans = group_spans_by_resource_and_scope(batch, resource);
        self.encode(&ExportTraceServiceRequest { resource_spans })
    }

    fn records(
        self,
        batch: Vec<Record>,
        resource: &ResourceAttributesWithSchema,
    ) -> Result<Bytes, Failure> {
        let borrowed: Vec<_> = batch
            .iter()
            .map(|(record, scope)| (record, scope))
            .collect();
        let resource_logs = group_logs_by_resource_and_scope(&LogBatch::new(&borrowed), resource);
        self.encode(&ExportLogsServiceRequest { resource_logs })
    }

    #[cfg(feature = "http-json")]
    fn encode<M: prost::Message + serde::Serialize>(self, message: &M) -> Result<Bytes, Failure> {
        if self.protocol == Protocol::HttpJson {
            let json = serde_json::to_vec(message)
                .map_err(|error| Failure::new("encode", format!("cannot write JSON: {error}")))?;
            return self.finish(json);
        }
        self.finish(message.encode_to_vec())
    }

    #[cfg(not(feature = "http-json"))]
    fn encode<M: prost::Message>(self, message: &M) -> Result<Bytes, Failure> {
        self.finish(message.encode_to_vec())
    }

    fn finish(self, message: Vec<u8>) -> Result<Bytes, Failure> {
        let message = match self.compression {
            None => message,
            Some(Compression::Gzip) => gzip(&message)?,
        };
        match self.protocol {
            #[cfg(feature = "grpc")]
            Protocol::Grpc => super::grpc::frame(&message, self.compression.is_some()),
            _ => Ok(message.into()),
        }
    }
}

#[cfg(feature = "gzip")]
fn gzip(message: &[u8]) -> Result<Vec<u8>, Failure> {
    let failed =
        |error: std::io::Error| Failure::new("encode", format!("cannot compress: {error}"));
    // Telemetry repeats itself: the fastest level takes most of it for a fifth of the time.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(message).map_err(failed)?;
    encoder.finish().map_err(failed)
}

/// The configuration leaves such a compression out and says so; a configuration made in code comes here.
#[cfg(not(feature = "gzip"))]
fn gzip(_: &[u8]) -> Result<Vec<u8>, Failure> {
    Err(Failure::new(
        "feature",
        "compression gzip needs the cargo feature `gzip` of spanwise",
    ))
}
