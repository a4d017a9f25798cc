//! A receiver of spans over HTTP and gRPC that takes everything and counts.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    spans: Arc<AtomicU64>,
    _runtime: Runtime,
}

impl Sink {
    pub(crate) fn start() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let spans = Arc::<AtomicU64>::default();
        let counter = spans.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // An answer in two parts would wait for the client's next word, in favour of who sends it in one.
                stream.set_nodelay(true).expect("a socket");
                let counter = counter.clone();
                let service = service_fn(move |request| take(request, counter.clone()));
                tokio::spawn(async move {
                    let server = auto::Builder::new(TokioExecutor::new());
                    // A client that goes away is none of our business.
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self {
            address,
            spans,
            _runtime: runtime,
        }
    }

    /// Spans until now. The answer to a request follows its count, so Relaxed is enough for who has waited for it.
    pub(crate) fn spans(&self) -> u64 {
        self.spans.load(Ordering::Relaxed)
    }
}

async fn take(
    request: Request<Incoming>,
    spans: Arc<AtomicU64>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let is_grpc = request
        .headers()
        .get("content-type")
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    let body = request.into_body().collect().await;
    let body = body.expect("a whole request").to_bytes();
    let message = if is_grpc { &body[5..] } else { &body };
    spans.fetch_add(count(message), Ordering::Relaxed);
    if !is_grpc {
        return Ok(Response::new(Full::default().boxed()));
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let empty = Full::from(&[0; 5][..]);
    let body = empty.with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(body.boxed());
    let content_type = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", content_type);
    Ok(response)
}

/// Spans of an `ExportTraceServiceRequest`: resources are its field 1, scopes field 2 of these, spans field 2 of those.
fn count(request: &[u8]) -> u64 {
    let scopes = messages(request, 1).flat_map(|resource| messages(resource, 2));
    scopes.map(|scope| messages(scope, 2).count() as u64).sum()
}

/// The messages of one field. What surrounds spans has nothing but fields with a length.
fn messages(mut message: &[u8], field: u64) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        while !message.is_empty() {
            let tag = varint(&mut message);
            let length = varint(&mut message) as usize;
            let (content, rest) = message.split_at(length);
            message = rest;
            if tag >> 3 == field {
                return Some(content);
            }
        }
        None
    })
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (first, rest) = bytes.split_first().expect("a whole number");
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    value
}
