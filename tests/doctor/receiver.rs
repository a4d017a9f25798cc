//! A receiver on a loopback port of its own, until it is dropped.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

pub(crate) struct Receiver {
    /// Taken in drop.
    runtime: Option<Runtime>,
    pub(crate) address: SocketAddr,
}

/// What it is like; without anything it takes every export over HTTP/1.1 and over gRPC.
#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) speaks: Speaks,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) answers: Answers,
}

#[derive(Clone, Copy, Default)]
pub(crate) enum Speaks {
    #[default]
    Both,
    Http1,
    Http2,
    /// Takes connections and closes them.
    Nothing,
}

#[derive(Clone, Copy, Default)]
pub(crate) enum Answers {
    #[default]
    Takes,
    /// Takes what is sent to this path.
    Only(&'static str),
    /// This status, with these words.
    Status(u16, &'static str),
    /// This code of gRPC.
    Code(&'static str),
    /// A page for people.
    Page,
    /// Never.
    Never,
}

impl Receiver {
    pub(crate) fn start(options: Options) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(accept(listener, options));
        Self {
            runtime: Some(runtime),
            address,
        }
    }

    pub(crate) fn speaks(speaks: Speaks) -> Self {
        Self::start(Options {
            speaks,
            ..Options::default()
        })
    }

    pub(crate) fn answers(answers: Answers) -> Self {
        Self::start(Options {
            answers,
            ..Options::default()
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// An address where nobody listens.
pub(crate) fn nobody() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

async fn accept(listener: TcpListener, options: Options) {
    let acceptor = options.tls.clone().map(TlsAcceptor::from);
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, options) = (acceptor.clone(), options.clone());
        tokio::spawn(async move {
            match acceptor {
                // Who does not speak TLS, or is not who we want, is turned away.
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, options).await;
                    }
                }
                None => serve(stream, options).await,
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, options: Options) {
    let builder = auto::Builder::new(TokioExecutor::new());
    let builder = match options.speaks {
        Speaks::Both => builder,
        Speaks::Http1 => builder.http1_only(),
        Speaks::Http2 => builder.http2_only(),
        Speaks::Nothing => return,
    };
    let service = service_fn(move |request| answer(request, options.answers));
    // A client that goes away is none of our business.
    let _ = builder
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(
    request: Request<Incoming>,
    answers: Answers,
) -> Result<Response<Body>, Infallible> {
    let is_grpc = request
        .headers()
        .get("content-type")
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    let path = request.uri().path().to_owned();
    // Read to its end, or the connection is reset under the answer.
    let _ = request.into_body().collect().await;
    Ok(match answers {
        Answers::Takes if is_grpc => grpc("0"),
        Answers::Takes => status(200, ""),
        Answers::Only(only) if path.contains(only) && is_grpc => grpc("0"),
        Answers::Only(_) if is_grpc => grpc("12"),
        Answers::Only(only) if path.contains(only) => status(200, ""),
        Answers::Only(_) => status(404, "404 page not found"),
        Answers::Status(code, words) => status(code, words),
        Answers::Code(code) => grpc(code),
        Answers::Page => {
            let mut page = status(200, "<html>Welcome</html>");
            let html = HeaderValue::from_static("text/html");
            page.headers_mut().insert("content-type", html);
            page
        }
        Answers::Never => std::future::pending().await,
    })
}

fn status(code: u16, words: &'static str) -> Response<Body> {
    let mut response = Response::new(Full::from(words).boxed());
    *response.status_mut() = StatusCode::from_u16(code).expect("a status");
    response
}

fn grpc(code: &'static str) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(code));
    let message = Full::from(&[0; 5][..]);
    let body = message.with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(body.boxed());
    let content_type = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", content_type);
    response
}
