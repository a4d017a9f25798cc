//! The HTTP client that opentelemetry-otlp sends through: our connections, our headers, our retries, our words.
//!
//! opentelemetry-otlp reduces every failure to "network error", sleeps a thread between retries and lets the environment
//! override headers. So it is told not to retry, and this client rebuilds the headers, retries what OTLP says may be
//! retried, and keeps why the request failed for whoever asks.

use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::queue::{Receipt, earliest, sleep_until, timeout_at};
use super::tls;
use crate::config::{Otlp, Signal};
use crate::delivery::Failure;

/// Bytes read of an answer; the specification's default limit.
const MAX_ANSWER: usize = 4 << 20;

type Connector = tls::Connector<HttpConnector>;

/// Sends the requests of one exporter.
#[derive(Debug)]
pub(crate) struct Transport {
    client: Client<Connector, Full<Bytes>>,
    signal: Signal,
    headers: HeaderMap,
    timeout: Duration,
    outcome: Mutex<Outcome>,
}

/// What the last request came to; opentelemetry-otlp does not pass it on.
#[derive(Debug, Default)]
struct Outcome {
    failure: Option<Failure>,
    receipt: Receipt,
}

impl Transport {
    pub(crate) fn new(signal: Signal, otlp: &Otlp) -> Result<Arc<Self>, Failure> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        Ok(Arc::new(Self {
            client: Client::builder(TokioExecutor::new()).build(tls::connector(http, &otlp.tls)?),
            signal,
            headers: headers(otlp)?,
            timeout: otlp.timeout,
            outcome: Mutex::default(),
        }))
    }

    /// What the request that just ended came to, given what opentelemetry-otlp says of it.
    pub(crate) fn settle(&self, result: Result<(), impl Error>) -> Result<Receipt, Failure> {
        let outcome =
            std::mem::take(&mut *self.outcome.lock().unwrap_or_else(PoisonError::into_inner));
        match result {
            Ok(()) => Ok(outcome.receipt),
            Err(error) => Err(outcome
                .failure
                .unwrap_or_else(|| Failure::new("export", error.to_string()))),
        }
    }

    async fn send_with_retries(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Failure> {
        let end = timeout_at(self.timeout);
        let mut backoff = Backoff::default();
        loop {
            let attempt = tokio::select! {
                attempt = self.send_once(&request) => attempt,
                () = sleep_until(end) => Err(Attempt::last(Failure::new(
                    "timeout",
                    format!(
                        "POST {}: no answer within {:?}; the receiver is slow, or something on the way swallows the request",
                        request.uri(),
                        self.timeout,
                    ),
                ))),
            };
            let failed = match attempt {
                Ok(response) => return Ok(response),
                Err(failed) => failed,
            };
            let Some(pause) = failed
                .retry
                .then(|| backoff.next(failed.retry_after))
                .flatten()
            else {
                return Err(failed.failure);
            };
            let wake = Instant::now() + pause;
            if earliest(end, Some(wake)) != Some(wake) {
                return Err(failed.failure);
            }
            tokio::time::sleep_until(wake).await;
        }
    }

    async fn send_once(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Attempt> {
        let uri = request.uri();
        let response = self
            .client
            .request(request.clone().map(Full::new))
            .await
            .map_err(|error| Attempt::again(unreachable(self.signal, uri, &error)))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER)
            .collect()
            .await
            .map_err(|error| {
                let why = error
                    .downcast_ref::<http_body_util::LengthLimitError>()
                    .map_or("broken off", |_| "longer than 4 MiB");
                Attempt::last(Failure::new(
                    "answer",
                    format!("POST {uri}: the answer is {why}: {error}"),
                ))
            })?;
        let body = body.to_bytes();
        if parts.status.is_success() {
            return Ok(Response::from_parts(parts, body));
        }
        Err(Attempt {
            retry: matches!(
                parts.status,
                StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
            retry_after: retry_after(&parts.headers),
            failure: refused(self.signal, uri, parts.status, &body),
        })
    }
}

#[async_trait::async_trait]
impl HttpClient for Transport {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (mut parts, body) = request.into_parts();
        // opentelemetry-otlp added what the environment says on top of what it was told: start over.
        let mut headers = self.headers.clone();
        for name in [CONTENT_TYPE, CONTENT_ENCODING] {
            if let Some(value) = parts.headers.remove(&name) {
                headers.insert(name, value);
            }
        }
        parts.headers = headers;
        let result = self
            .send_with_retries(Request::from_parts(parts, body))
            .await;
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(response) => {
                outcome.receipt = super::partial_success::read(&response);
                Ok(response)
            }
            Err(failure) => {
                outcome.failure = Some(failure.clone());
                Err(failure.into())
            }
        }
    }
}

/// An attempt that failed.
struct Attempt {
    failure: Failure,
    retry: bool,
    retry_after: Option<Duration>,
}

impl Attempt {
    fn again(failure: Failure) -> Self {
        Self {
            failure,
            retry: true,
            retry_after: None,
        }
    }

    fn last(failure: Failure) -> Self {
        Self {
            retry: false,
            ..Self::again(failure)
        }
    }
}

fn headers(otlp: &Otlp) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(super::USER_AGENT));
    for (name, value) in &otlp.headers.0 {
        let invalid = |what: &str| Failure::new("header", format!("header {name:?} {what}"));
        let key = HeaderName::try_from(name)
            .map_err(|_| invalid("has a name that HTTP does not allow"))?;
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| invalid("has a value that HTTP does not allow"))?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

/// `Retry-After` in seconds; the form with a date is rare and falls back to our own pause.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

fn unreachable(signal: Signal, uri: &http::Uri, error: &(dyn Error + 'static)) -> Failure {
    let cause = causes(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default();
    let kind = causes(error)
        .find_map(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind);
    let fix = match kind {
        Some(io::ErrorKind::ConnectionRefused) => format!(
            "; nothing listens there: start a collector, set OTEL_EXPORTER_OTLP_ENDPOINT, or switch {signal} off with OTEL_{}_EXPORTER=none",
            signal.as_str().to_uppercase(),
        ),
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof) => {
            "; the receiver closed the connection: is it HTTP, and is the scheme (http or https) right?".to_owned()
        }
        _ => String::new(),
    };
    Failure::new("unreachable", format!("POST {uri}: {cause}{fix}"))
}

fn refused(signal: Signal, uri: &http::Uri, status: StatusCode, body: &[u8]) -> Failure {
    let fix = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "; the receiver refused the credentials: check OTEL_EXPORTER_OTLP_HEADERS".to_owned()
        }
        StatusCode::NOT_FOUND if !uri.path().ends_with(&format!("/v1/{signal}")) => format!(
            "; the path is {:?}, OTLP over HTTP expects one that ends in \"/v1/{signal}\": set OTEL_EXPORTER_OTLP_ENDPOINT to the base URL",
            uri.path(),
        ),
        StatusCode::NOT_FOUND => format!(
            "; the receiver does not take {signal} here: switch them off with OTEL_{}_EXPORTER=none or point them elsewhere",
            signal.as_str().to_uppercase(),
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            "; the receiver does not take this encoding: try another OTEL_EXPORTER_OTLP_PROTOCOL"
                .to_owned()
        }
        _ => String::new(),
    };
    Failure::new(
        "refused",
        format!("POST {uri}: {status}{}{fix}", said(body)),
    )
}

/// The beginning of a textual answer, on one line.
fn said(body: &[u8]) -> String {
    const SHOWN: usize = 120;
    let text = String::from_utf8_lossy(body);
    if text.trim().is_empty() || text.contains(|c: char| c.is_control() && !c.is_whitespace()) {
        return String::new();
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = line.chars().take(SHOWN).collect();
    format!(" ({shown})")
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
