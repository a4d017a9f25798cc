//! The client that OTLP requests are sent through: our connections, our retries, our words, the same for every protocol.
//!
//! opentelemetry-otlp reduces failures to "network error", sleeps a thread between retries, lets the environment override
//! headers, and does not tell what a gRPC receiver refused of a request that it took. So requests are sent from here, made
//! of the messages of opentelemetry-proto. Once it hands out causes and answers, it can have its place back.
//!
//! # Bounds
//!
//! One export takes at most `OTEL_EXPORTER_OTLP_TIMEOUT`, retries included. Of an answer at most [`MAX_ANSWER`] is read.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::explain::{self, Hindrance};
use super::pending::TIMEOUT;
use super::worker::{Receipt, earliest, sleep_until, timeout_at};
use super::{http as over_http, tls};
use crate::config::{Otlp, Protocol, Signal};
use crate::delivery::Failure;

/// Bytes read of an answer; the specification's default limit.
const MAX_ANSWER: usize = 4 << 20;
/// Time that an idle connection is kept; shorter than the idle timeouts of usual proxies, which reset.
const IDLE: Duration = Duration::from_secs(50);

type Connector = tls::Connector<HttpConnector>;

/// Sends the requests of one exporter.
#[derive(Debug)]
pub(crate) struct Transport {
    connections: Connections,
    target: Target,
    headers: HeaderMap,
    timeout: Duration,
    /// Why the latest attempt failed, for whoever cuts an export short.
    attempt: Mutex<Option<Failure>>,
}

/// Connections to the receiver, and how to start over.
#[derive(Debug)]
struct Connections {
    builder: client::legacy::Builder,
    connector: Connector,
    client: Mutex<Client<Connector, Full<Bytes>>>,
}

impl Connections {
    fn new(builder: client::legacy::Builder, connector: Connector) -> Self {
        Self {
            client: Mutex::new(builder.build(connector.clone())),
            builder,
            connector,
        }
    }

    fn client(&self) -> Client<Connector, Full<Bytes>> {
        let client = self.client.lock();
        client.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the connections there are. One of HTTP/2 is shared by all requests and kept after one that timed out: if its
    /// other end is gone without a word, every later request would time out too.
    fn renew(&self) {
        let fresh = self.builder.build(self.connector.clone());
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
    }
}

/// Where requests go.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) signal: Signal,
    pub(super) protocol: Protocol,
    pub(super) uri: Uri,
}

/// An answer, as far as it was read.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: http::response::Parts,
    pub(super) body: Bytes,
    /// What gRPC says at the end.
    #[cfg(feature = "grpc")]
    pub(super) trailers: HeaderMap,
    /// Whether the body is longer than what was read.
    pub(super) cut: bool,
}

impl Transport {
    pub(crate) fn new(signal: Signal, otlp: &Otlp) -> Result<Self, Failure> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let is_grpc = otlp.protocol == Protocol::Grpc;
        let files = otlp.endpoint.starts_with("https://").then_some(&otlp.tls);
        let connector = tls::connector(http, files, is_grpc)?;
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE);
        let (headers, uri) = match otlp.protocol {
            #[cfg(feature = "grpc")]
            Protocol::Grpc => {
                builder.http2_only(true);
                (super::grpc::headers(otlp)?, super::grpc::uri(signal, otlp))
            }
            #[cfg(not(feature = "grpc"))]
            Protocol::Grpc => return Err(not_compiled(otlp.protocol, "grpc")),
            #[cfg(not(feature = "http-json"))]
            Protocol::HttpJson => return Err(not_compiled(otlp.protocol, "http-json")),
            _ => (over_http::headers(otlp)?, otlp.endpoint.clone()),
        };
        let uri = uri
            .parse()
            .map_err(|error| Failure::new("endpoint", format!("{}: {error}", otlp.endpoint)))?;
        Ok(Self {
            connections: Connections::new(builder, connector),
            target: Target {
                signal,
                protocol: otlp.protocol,
                uri,
            },
            headers,
            timeout: otlp.timeout,
            attempt: Mutex::default(),
        })
    }

    /// Sends one request until it is taken, refused for good, or the time is over.
    pub(crate) async fn send(&self, body: &Bytes) -> Result<Receipt, Failure> {
        let end = timeout_at(self.timeout);
        let mut backoff = Backoff::default();
        self.remember(None);
        loop {
            let failure = match self.send_until(body, end).await {
                Ok(receipt) => return Ok(receipt),
                // What an earlier attempt ran into says more than that the time is over.
                Err(failure) if failure.kind == TIMEOUT => self.attempt().unwrap_or(failure),
                Err(failure) => failure,
            };
            self.remember(Some(failure.clone()));
            let Some(pause) = failure.again.then(|| backoff.next(failure.pause)).flatten() else {
                return Err(failure);
            };
            let wake = Instant::now() + pause;
            if earliest(end, Some(wake)) != Some(wake) {
                return Err(failure);
            }
            tokio::time::sleep_until(wake).await;
        }
    }

    /// Tries once, for whoever wants to know what happens.
    pub(crate) async fn try_once(&self, body: &Bytes) -> Result<Receipt, Failure> {
        self.send_until(body, timeout_at(self.timeout)).await
    }

    async fn send_until(&self, body: &Bytes, end: Option<Instant>) -> Result<Receipt, Failure> {
        tokio::select! {
            sent = self.send_once(body) => sent,
            () = sleep_until(end) => {
                self.connections.renew();
                Err(self.timed_out())
            }
        }
    }

    /// Why the latest attempt failed.
    pub(crate) fn attempt(&self) -> Option<Failure> {
        let attempt = self.attempt.lock();
        attempt.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, attempt: Option<Failure>) {
        *self.attempt.lock().unwrap_or_else(PoisonError::into_inner) = attempt;
    }

    async fn send_once(&self, body: &Bytes) -> Result<Receipt, Failure> {
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let response = self.connections.client().request(request).await;
        let response = response.map_err(|error| self.target.unreachable(&error))?;
        let answer = self.read(response).await?;
        match self.target.protocol {
            #[cfg(feature = "grpc")]
            Protocol::Grpc => super::grpc::judge(&self.target, &answer),
            _ => over_http::judge(&self.target, &answer),
        }
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Answer, Failure> {
        let (head, mut incoming) = response.into_parts();
        let mut body = BytesMut::new();
        #[cfg(feature = "grpc")]
        let mut trailers = HeaderMap::new();
        let mut cut = false;
        while let Some(frame) = incoming.frame().await {
            match frame
                .map_err(|error| self.target.broken_off(&error))?
                .into_data()
            {
                Ok(data) if body.len() + data.len() > MAX_ANSWER => {
                    cut = true;
                    break;
                }
                Ok(data) => body.extend_from_slice(&data),
                #[cfg(feature = "grpc")]
                Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
                #[cfg(not(feature = "grpc"))]
                Err(_) => {}
            }
        }
        Ok(Answer {
            head,
            body: body.freeze(),
            #[cfg(feature = "grpc")]
            trailers,
            cut,
        })
    }

    fn timed_out(&self) -> Failure {
        Failure::new(
            TIMEOUT,
            format!(
                "{}: no answer within {:?}; the receiver is slow, or something on the way swallows the request",
                self.target, self.timeout,
            ),
        )
    }
}

impl Target {
    /// The variable that switches the signal off.
    pub(super) fn switch(&self) -> String {
        format!("OTEL_{}_EXPORTER=none", self.signal.as_str().to_uppercase())
    }

    fn unreachable(&self, error: &(dyn Error + 'static)) -> Failure {
        let Hindrance { kind, cause, fix } = explain::connection(self, error);
        let fix = match fix.is_empty() {
            true => String::new(),
            false => format!("; {fix}"),
        };
        Failure::passing(kind, format!("{self}: {cause}{fix}"))
    }

    fn broken_off(&self, error: &hyper::Error) -> Failure {
        // The receiver has the request, and may have taken it: sent again it could arrive twice.
        Failure::new(
            "answer",
            format!("{self}: the answer is broken off: {error}"),
        )
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A query can hold a key of an account.
        let uri = self.uri.to_string();
        let shown = uri.split('?').next().unwrap_or_default();
        match self.protocol {
            Protocol::Grpc => write!(f, "gRPC to {}", shown),
            _ => write!(f, "POST {shown}"),
        }
    }
}

/// The beginning of a textual answer, on one line.
pub(super) fn said(body: &[u8]) -> String {
    const SHOWN: usize = 120;
    let text = String::from_utf8_lossy(body);
    if text.trim().is_empty() || text.contains(|c: char| c.is_control() && !c.is_whitespace()) {
        return String::new();
    }
    let words = text.split_whitespace().take(SHOWN);
    let line = words.collect::<Vec<_>>().join(" ");
    let shown: String = line.chars().take(SHOWN).collect();
    format!(" ({shown})")
}

#[cfg(not(all(feature = "grpc", feature = "http-json")))]
fn not_compiled(protocol: Protocol, feature: &str) -> Failure {
    Failure::new(
        "feature",
        format!("protocol {protocol} needs the cargo feature `{feature}` of spanwise"),
    )
}
