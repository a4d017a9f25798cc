//! Whether a receiver takes what we would send: an export without items, over the road that all others take.

use std::net::SocketAddr;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::runtime::Handle;

use super::explain::FOREIGN;
use super::otlp::Exporter;
use crate::config::{Config, LogExporter, MetricExporter, Otlp, Protocol, Signal, SpanExporter};
use crate::delivery::Failure;

/// How long the export may take; a receiver that is needed in time is faster.
const EXPORT: Duration = Duration::from_secs(5);
/// How long the name server, and whoever answers in a foreign language, may take.
const ASIDE: Duration = Duration::from_secs(2);
/// How long all of it takes at most.
const ALTOGETHER: Duration = Duration::from_secs(10);

/// What one receiver said.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) signal: Signal,
    pub(crate) endpoint: String,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) result: Result<Duration, String>,
}

/// Every connection that `config` asks for.
fn connections(config: &Config) -> Vec<(Signal, Otlp)> {
    let traces = config.traces.exporters.iter().filter_map(|one| match one {
        SpanExporter::Otlp(otlp) => Some((Signal::Traces, otlp.clone())),
        _ => None,
    });
    let metrics = config.metrics.exporters.iter().filter_map(|one| match one {
        MetricExporter::Otlp(otlp) => Some((Signal::Metrics, otlp.otlp.clone())),
        _ => None,
    });
    let logs = config.logs.exporters.iter().filter_map(|one| match one {
        LogExporter::Otlp(otlp) => Some((Signal::Logs, otlp.clone())),
        _ => None,
    });
    traces.chain(metrics).chain(logs).collect()
}

/// Asks every receiver of `config` at once, from the threads of `runtime`.
pub(crate) fn all(runtime: &Handle, config: &Config) -> Vec<Found> {
    if config.disabled {
        return Vec::new();
    }
    let end = Instant::now() + ALTOGETHER;
    let asked = connections(config).into_iter().map(|(signal, otlp)| {
        let (answer, answered) = sync_channel(1);
        let late = Found::late(signal, &otlp);
        runtime.spawn(async move { answer.send(probe(signal, otlp).await) });
        (answered, late)
    });
    let asked: Vec<_> = asked.collect();
    let answers = asked.into_iter().map(|(answered, late)| {
        let left = end.saturating_duration_since(Instant::now());
        answered.recv_timeout(left).unwrap_or(late)
    });
    answers.collect()
}

impl Found {
    /// What is known without an answer.
    fn late(signal: Signal, otlp: &Otlp) -> Self {
        Self {
            signal,
            endpoint: without_query(otlp).to_owned(),
            addresses: Vec::new(),
            result: Err(format!("no answer within {ALTOGETHER:?}")),
        }
    }
}

/// A query can hold a key of an account.
fn without_query(otlp: &Otlp) -> &str {
    otlp.endpoint.split('?').next().unwrap_or_default()
}

/// Resolves the name, exports nothing, and finds out who answers where that fails.
async fn probe(signal: Signal, mut otlp: Otlp) -> Found {
    if otlp.timeout.is_zero() || otlp.timeout > EXPORT {
        otlp.timeout = EXPORT;
    }
    let addresses = match authority(&otlp) {
        Some(authority) => resolve(&authority).await,
        None => Vec::new(),
    };
    let result = match export(signal, &otlp).await {
        Ok(took) => Ok(took),
        Err(failure) if failure.kind == FOREIGN => Err(foreign(&otlp, failure, &addresses).await),
        Err(failure) => Err(failure.message),
    };
    Found {
        signal,
        endpoint: without_query(&otlp).to_owned(),
        addresses,
        result,
    }
}

async fn export(signal: Signal, otlp: &Otlp) -> Result<Duration, Failure> {
    let exporter = Exporter::new(signal, otlp, &Resource::builder_empty().build())?;
    let start = Instant::now();
    exporter.send_nothing().await?;
    Ok(start.elapsed())
}

/// Host and port of the endpoint.
fn authority(otlp: &Otlp) -> Option<String> {
    let uri: http::Uri = otlp.endpoint.parse().ok()?;
    let port = uri.port_u16().unwrap_or(match uri.scheme_str() {
        Some("https") => 443,
        _ => 80,
    });
    Some(format!("{}:{port}", uri.host()?))
}

/// None where the name has no address; the export says why.
async fn resolve(authority: &str) -> Vec<SocketAddr> {
    let looked_up = tokio::time::timeout(ASIDE, lookup_host(authority)).await;
    match looked_up {
        Ok(Ok(addresses)) => addresses.collect(),
        _ => Vec::new(),
    }
}

/// Says what is spoken there, if that can be found out, instead of what it may be.
async fn foreign(otlp: &Otlp, failure: Failure, addresses: &[SocketAddr]) -> String {
    let heard = tokio::time::timeout(ASIDE, listen(addresses)).await;
    let Some(language) = heard.ok().flatten() else {
        return failure.message;
    };
    let secure = otlp.endpoint.starts_with("https://");
    let fix = match (language, otlp.protocol) {
        (Language::Tls, _) if !secure => {
            "what answers speaks TLS: write https:// instead of http:// in OTEL_EXPORTER_OTLP_ENDPOINT"
        }
        (Language::Http1, Protocol::Grpc) => {
            "what answers speaks HTTP/1.1 and no gRPC: set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or take the gRPC port of the receiver"
        }
        (Language::Http2, Protocol::HttpProtobuf | Protocol::HttpJson) => {
            "what answers speaks HTTP/2 only, as gRPC does: set OTEL_EXPORTER_OTLP_PROTOCOL=grpc, or take the HTTP port of the receiver"
        }
        _ => return failure.message,
    };
    format!("{}: {fix}", without_query(otlp))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Http1,
    Http2,
    Tls,
}

/// What comes back from a request in HTTP/1.1.
async fn listen(addresses: &[SocketAddr]) -> Option<Language> {
    let mut stream = TcpStream::connect(addresses).await.ok()?;
    let request = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.ok()?;
    let mut start = [0; 5];
    stream.read_exact(&mut start).await.ok()?;
    language(start)
}

/// The language of an answer that starts like this.
fn language(start: [u8; 5]) -> Option<Language> {
    const SETTINGS: u8 = 4;
    const ALERT: u8 = 21;
    match start {
        [b'H', b'T', b'T', b'P', b'/'] => Some(Language::Http1),
        // A record: its type and version 3, which every version of TLS says.
        [ALERT, 3, ..] => Some(Language::Tls),
        // A frame: its length in three bytes, then its type. The first one is always the settings.
        [_, _, _, SETTINGS, _] => Some(Language::Http2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_known_by_their_first_bytes() {
        assert_eq!(language(*b"HTTP/"), Some(Language::Http1));
        assert_eq!(language([21, 3, 3, 0, 2]), Some(Language::Tls));
        assert_eq!(language([0, 0, 18, 4, 0]), Some(Language::Http2));
        assert_eq!(language(*b"SSH-2"), None);
    }
}
