//! One HTTP hop: the server span, the client span, and the headers that join them.

use std::error::Error;
use std::net::SocketAddr;

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use spanwise::propagation;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// An HTTP span of the kind `server` or `client`, named after its method and route.
///
/// A macro, because the name of a `tracing` span is fixed where it is written.
macro_rules! http_span {
    ($kind:literal, $method:literal, $route:literal) => {
        tracing::info_span!(
            concat!($method, " ", $route),
            otel.kind = $kind,
            otel.status_code = tracing::field::Empty,
            http.request.method = $method,
            http.route = ($kind == "server").then_some($route),
            url.template = ($kind == "client").then_some($route),
            url.scheme = "http",
            http.response.status_code = tracing::field::Empty,
            error.type = tracing::field::Empty,
        )
    };
}
pub(crate) use http_span;

/// The span of a request that no route takes: named after its method alone, because a path is whatever
/// somebody typed. It goes on the trace and never becomes a label.
pub(crate) fn unmatched(request: &Request) -> Span {
    let name = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "HTTP",
    };
    tracing::info_span!(
        "HTTP",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = request.method().as_str(),
        url.path = request.uri().path(),
        url.scheme = "http",
        http.response.status_code = tracing::field::Empty,
        error.type = tracing::field::Empty,
    )
}

/// Answers a request inside `span`, which continues the trace of the caller.
pub(crate) async fn answer(span: Span, request: Request, next: Next) -> Response {
    let caller = propagation::extract(request.headers());
    // The parent is fixed once the span is entered, so this comes first. A span
    // that a filter keeps from export has no parent to set, which is fine.
    drop(span.set_parent(caller));
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    record(&span, status, status.is_server_error());
    response
}

/// Calls the service.
#[derive(Clone)]
pub(crate) struct Client {
    http: hyper_util::client::legacy::Client<HttpConnector, Empty<Bytes>>,
    address: SocketAddr,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        Self { http, address }
    }

    /// Sends a request inside `span` and hands its context on in the headers.
    pub(crate) async fn send(
        &self,
        span: Span,
        method: Method,
        path: String,
    ) -> Result<StatusCode, Box<dyn Error + Send + Sync>> {
        let mut request = hyper::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .body(Empty::new())?;
        span.in_scope(|| propagation::inject(request.headers_mut()));
        let response = self.http.request(request).instrument(span.clone()).await?;
        let status = response.status();
        record(
            &span,
            status,
            status.is_client_error() || status.is_server_error(),
        );
        // A connection is used again only when its answer was read.
        response.into_body().collect().await?;
        Ok(status)
    }
}

fn record(span: &Span, status: StatusCode, failed: bool) {
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if failed {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", status.as_str());
    }
}
