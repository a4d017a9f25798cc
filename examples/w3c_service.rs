//! A service for the trace-context test suite of the W3C.
//!
//! ```sh
//! PORT=5000 cargo run --example w3c_service
//! # in a checkout of https://github.com/w3c/trace-context, with aiohttp installed
//! STRICT_LEVEL=2 SPEC_LEVEL=2 python test/test.py http://127.0.0.1:5000/test
//! ```
//!
//! `POST /test` receives a JSON array of `{"url": .., "arguments": ..}` and posts the arguments to each url, each time
//! in a span of its own whose context goes along. Look at the headers that arrive there: the trace goes on when the
//! request's `traceparent` was well-formed, and starts anew when it was not.

use std::env;
use std::error::Error;
use std::io::Write as _;

use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry::Context;
use opentelemetry::trace::{SpanKind, TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use serde_json::Value;
use spanwise::propagation::{self, TraceContext};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = match env::var("PORT") {
        Ok(port) => port.parse()?,
        Err(_) => 5000,
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    writeln!(
        std::io::stdout(),
        "listening on http://{}/test",
        listener.local_addr()?
    )?;
    axum::serve(listener, router()).await?;
    Ok(())
}

#[derive(Clone)]
struct Service {
    tracer: SdkTracer,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// The service, to be served on any listener.
pub(crate) fn router() -> Router {
    let service = Service {
        tracer: SdkTracerProvider::default().tracer("w3c_service"),
        client: Client::builder(TokioExecutor::new()).build_http(),
    };
    Router::new()
        .route("/test", post(forward))
        .with_state(service)
}

type Failure = (StatusCode, String);

async fn forward(
    State(service): State<Service>,
    headers: HeaderMap,
    Json(calls): Json<Vec<Value>>,
) -> Result<(), Failure> {
    let parent = propagation::extract_with(&TraceContext, &Context::new(), &headers);
    let server = service
        .tracer
        .span_builder("POST /test")
        .with_kind(SpanKind::Server)
        .start_with_context(&service.tracer, &parent);
    let context = parent.with_span(server);
    for call in &calls {
        service.call(&context, call).await?;
    }
    Ok(())
}

impl Service {
    async fn call(&self, parent: &Context, call: &Value) -> Result<(), Failure> {
        let bad_request = |why: String| (StatusCode::BAD_REQUEST, why);
        let url = call["url"]
            .as_str()
            .ok_or_else(|| bad_request(format!("no url in {call}")))?;
        let body = Bytes::from(call["arguments"].to_string());
        let mut request = Request::post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| bad_request(error.to_string()))?;

        let span = self
            .tracer
            .span_builder("POST")
            .with_kind(SpanKind::Client)
            .start_with_context(&self.tracer, parent);
        let context = parent.with_span(span);
        propagation::inject_with(&TraceContext, &context, request.headers_mut());
        self.client
            .request(request)
            .await
            .map_err(|error| (StatusCode::BAD_GATEWAY, error.to_string()))?;
        Ok(())
    }
}
