//! OTLP over gRPC: what the tonic exporters are given, and what is made of their errors.

use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig, Identity};
use opentelemetry_otlp::{RetryPolicy, WithExportConfig, WithTonicConfig};

use super::otlp::{compression, unlimited_if_zero};
use super::queue::Receipt;
use crate::config::{Otlp, Signal, TlsFiles};
use crate::delivery::Failure;

/// Names the connection in words about its failures.
#[derive(Debug)]
pub(crate) struct Wire {
    signal: Signal,
    endpoint: String,
}

impl Wire {
    pub(crate) fn new(signal: Signal, otlp: &Otlp) -> Self {
        Self {
            signal,
            endpoint: otlp.endpoint.clone(),
        }
    }

    /// Passes everything in; the channel is made here, so the private runtime must be entered.
    pub(crate) fn configure<B: WithExportConfig + WithTonicConfig>(
        &self,
        builder: B,
        otlp: &Otlp,
    ) -> Result<B, Failure> {
        let metadata = metadata(otlp)?;
        let mut builder = builder
            .with_endpoint(&otlp.endpoint)
            .with_timeout(unlimited_if_zero(otlp.timeout))
            // Tonic's sleep between retries is tokio's, on our runtime.
            .with_retry_policy(RetryPolicy::recommended())
            // It runs after the environment's headers were added: ours replace them.
            .with_interceptor(move |mut request: tonic::Request<()>| {
                *request.metadata_mut() = metadata.clone();
                Ok(request)
            });
        if otlp.endpoint.starts_with("https://") {
            builder = builder.with_tls_config(tls(&otlp.tls)?);
        }
        if let Some(compression) = compression(otlp.compression) {
            builder = builder.with_compression(compression);
        }
        Ok(builder)
    }

    /// The exporter says the gRPC code and the causes; we say where, and what to do.
    pub(crate) fn settle(
        &self,
        result: Result<(), impl std::error::Error>,
    ) -> Result<Receipt, Failure> {
        let Err(error) = result else {
            return Ok(Receipt::default());
        };
        let text = error.to_string();
        let Self { signal, endpoint } = self;
        let upper = signal.as_str().to_uppercase();
        let (kind, fix) = if text.contains("Connection refused") {
            (
                "unreachable",
                format!(
                    "; nothing listens there: start a collector, set OTEL_EXPORTER_OTLP_ENDPOINT, or switch {signal} off with OTEL_{upper}_EXPORTER=none"
                ),
            )
        } else if text.contains("Unimplemented") {
            (
                "unimplemented",
                format!(
                    "; the receiver does not take {signal}: switch them off with OTEL_{upper}_EXPORTER=none or point them elsewhere"
                ),
            )
        } else if text.contains("Unauthenticated") || text.contains("PermissionDenied") {
            (
                "credentials",
                "; the receiver refused the credentials: check OTEL_EXPORTER_OTLP_HEADERS"
                    .to_owned(),
            )
        } else {
            ("grpc", String::new())
        };
        Err(Failure::new(
            kind,
            format!("gRPC to {endpoint}: {text}{fix}"),
        ))
    }
}

fn metadata(otlp: &Otlp) -> Result<MetadataMap, Failure> {
    let mut metadata = MetadataMap::new();
    for (name, value) in &otlp.headers.0 {
        let invalid = |what: &str| Failure::new("header", format!("header {name:?} {what}"));
        // Names are lower case on this wire; upper case is a panic in tonic.
        let key =
            tonic::metadata::AsciiMetadataKey::from_bytes(name.to_ascii_lowercase().as_bytes())
                .map_err(|_| invalid("has a name that gRPC does not allow"))?;
        let value = value
            .parse()
            .map_err(|_| invalid("has a value that gRPC does not allow"))?;
        metadata.insert(key, value);
    }
    Ok(metadata)
}

fn tls(files: &TlsFiles) -> Result<ClientTlsConfig, Failure> {
    let read = |path: &std::path::Path| {
        std::fs::read(path)
            .map_err(|error| Failure::new("tls", format!("{}: {error}", path.display())))
    };
    let mut config = match &files.certificate {
        Some(path) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(path)?)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    if let (Some(chain), Some(key)) = (&files.client_certificate, &files.client_key) {
        config = config.identity(Identity::from_pem(read(chain)?, read(key)?));
    }
    Ok(config)
}
