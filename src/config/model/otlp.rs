//! OTLP connections, resolved a signal at a time.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::{HistogramAggregation, Signal, Temporality};
use crate::config::mask;

/// One OTLP connection, resolved for its signal.
///
/// `Debug` shows neither header values nor the query of the URL.
#[derive(Clone, PartialEq)]
pub struct Otlp {
    /// Wire format and transport. Defaults to `http/protobuf`.
    pub protocol: Protocol,
    /// The full URL that is posted to over HTTP; scheme, host and port over gRPC.
    pub endpoint: String,
    /// Sent with every request. Values are never printed.
    pub headers: Headers,
    /// Time that one export may take, retries included; zero means no limit. Defaults to 10 s.
    pub timeout: Duration,
    /// Compression of the request body. Defaults to none.
    pub compression: Option<Compression>,
    /// Private authority, client key and client certificate.
    pub tls: TlsFiles,
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            protocol,
            endpoint,
            headers,
            timeout,
            compression,
            tls,
        } = self;
        f.debug_struct("Otlp")
            .field("protocol", protocol)
            .field("endpoint", &mask::url(endpoint))
            .field("headers", headers)
            .field("timeout", timeout)
            .field("compression", compression)
            .field("tls", tls)
            .finish()
    }
}

impl Otlp {
    /// What an empty environment means for `signal`.
    pub fn default_for(signal: Signal) -> Self {
        Self {
            protocol: Protocol::HttpProtobuf,
            endpoint: format!("http://localhost:4318/v1/{signal}"),
            headers: Headers::default(),
            timeout: Duration::from_secs(10),
            compression: None,
            tls: TlsFiles::default(),
        }
    }
}

/// OTLP for metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct OtlpMetrics {
    /// The connection.
    pub otlp: Otlp,
    /// Whether sums and histograms restart at each export. Defaults to cumulative.
    pub temporality: Temporality,
    /// How histograms aggregate. Defaults to explicit buckets.
    pub histogram: HistogramAggregation,
}

impl Default for OtlpMetrics {
    fn default() -> Self {
        Self {
            otlp: Otlp::default_for(Signal::Metrics),
            temporality: Temporality::default(),
            histogram: HistogramAggregation::default(),
        }
    }
}

/// Wire format and transport of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `http/protobuf`.
    HttpProtobuf,
    /// `http/json`.
    HttpJson,
    /// `grpc`.
    Grpc,
}

impl Protocol {
    /// The value of `OTEL_EXPORTER_OTLP_PROTOCOL` that selects it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
            Self::Grpc => "grpc",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Compression of request bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// `gzip`.
    Gzip,
}

/// Header names with secret values.
///
/// `Debug` shows the names only.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(pub Vec<(String, String)>);

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.0.iter().map(|(name, _)| (name, "***")))
            .finish()
    }
}

/// PEM files for TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFiles {
    /// Authorities to trust instead of those of the operating system.
    pub certificate: Option<PathBuf>,
    /// Our private key, for servers that ask who we are.
    pub client_key: Option<PathBuf>,
    /// Our certificate chain, for servers that ask who we are.
    pub client_certificate: Option<PathBuf>,
}
