//! Receivers of OTLP on loopback, good ones and bad ones, on a runtime of their own.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// How a receiver answers one request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Takes everything.
    Take,
    /// Takes a request that one of these asks for, and turns every other one away.
    Only(Vec<Demand>),
    /// Takes the request after a while.
    Slow(Duration),
    /// A status with headers and a body, for HTTP.
    Http(u16, Vec<(&'static str, &'static str)>, Bytes),
    /// A gRPC code with further trailers.
    Grpc(u16, Vec<(&'static str, String)>),
    /// A gRPC message as the answer.
    Message(Bytes),
    /// A body without an end.
    Endless,
}

/// A request that is welcome.
#[derive(Debug, Clone)]
pub(crate) struct Demand {
    pub(crate) path: String,
    /// Names and values of all headers but those of HTTP itself.
    pub(crate) headers: BTreeSet<(String, String)>,
}

impl Demand {
    fn is_met(&self, path: &str, headers: &HeaderMap) -> bool {
        const OF_HTTP: [&str; 5] = [
            "host",
            "user-agent",
            "content-type",
            "content-length",
            "accept",
        ];
        let headers = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
            .filter(|(name, _)| !OF_HTTP.contains(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.path == path && headers.collect::<BTreeSet<_>>() == self.headers
    }
}

/// What a receiver got.
#[derive(Debug, Default)]
pub(crate) struct Got {
    pub(crate) spans: AtomicU64,
    pub(crate) logs: AtomicU64,
    pub(crate) requests: AtomicU64,
    /// Names of spans and metrics, in the order of arrival.
    pub(crate) names: Mutex<Vec<String>>,
    pub(crate) headers: Mutex<Vec<HeaderMap>>,
    /// Of requests that [`Answer::Only`] took.
    pub(crate) paths: Mutex<BTreeSet<String>>,
}

#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) got: Arc<Got>,
    runtime: Option<Runtime>,
}

impl Receiver {
    /// Answers as the script says, and the last answer of it for ever.
    pub(crate) fn start(script: Vec<Answer>) -> Self {
        let listener = listener();
        let address = listener.local_addr().expect("a bound listener");
        Self::serve(listener, address, script, None)
    }

    /// The same behind TLS.
    pub(crate) fn start_tls(script: Vec<Answer>, tls: ServerConfig) -> Self {
        let listener = listener();
        let address = listener.local_addr().expect("a bound listener");
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        Self::serve(listener, address, script, Some(acceptor))
    }

    /// The same where nothing listened until now.
    pub(crate) fn start_at(address: SocketAddr, script: Vec<Answer>) -> Self {
        let listener = TcpListener::bind(address).expect("the port is still free");
        Self::serve(listener, address, script, None)
    }

    fn serve(
        listener: TcpListener,
        address: SocketAddr,
        script: Vec<Answer>,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("threads");
        listener.set_nonblocking(true).expect("a socket");
        let got = Arc::<Got>::default();
        let (script, seen) = (Arc::new(script), got.clone());
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let (script, seen) = (script.clone(), seen.clone());
                let service = service_fn(move |request| {
                    let (script, seen) = (script.clone(), seen.clone());
                    async move { Ok::<_, Infallible>(answer(request, &script, &seen).await) }
                });
                let tls = tls.clone();
                tokio::spawn(async move {
                    let connection = auto::Builder::new(TokioExecutor::new());
                    match tls {
                        None => {
                            let stream = TokioIo::new(stream);
                            let _ = connection.serve_connection(stream, service).await;
                        }
                        Some(tls) => {
                            // A client that does not trust the receiver breaks the handshake off.
                            let Ok(stream) = tls.accept(stream).await else {
                                return;
                            };
                            let stream = TokioIo::new(stream);
                            let _ = connection.serve_connection(stream, service).await;
                        }
                    }
                });
            }
        });
        Self {
            address,
            got,
            runtime: Some(runtime),
        }
    }

    pub(crate) fn spans(&self) -> u64 {
        self.got.spans.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> u64 {
        self.got.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.got.names.lock().expect("no thread panics").clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

/// An address where nothing listens.
pub(crate) fn nobody() -> SocketAddr {
    listener().local_addr().expect("a bound listener")
}

/// An address that takes connections and says nothing, not even of HTTP/2, while the listener lives.
pub(crate) fn black_hole() -> (SocketAddr, TcpListener) {
    let listener = listener();
    (listener.local_addr().expect("a bound listener"), listener)
}

/// Waits for a condition, for ten seconds at most.
pub(crate) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "no {what} in ten seconds"
        );
        std::thread::yield_now();
    }
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(request: Request<Incoming>, script: &[Answer], got: &Got) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Response::new(full(Bytes::new()));
    };
    let number = got.requests.fetch_add(1, Ordering::SeqCst) as usize;
    got.headers
        .lock()
        .expect("no thread panics")
        .push(head.headers.clone());
    let content_type = head.headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    let is_grpc = content_type == Some(b"application/grpc");
    let is_json = content_type == Some(b"application/json");
    let mut body = body.to_bytes();
    let mut is_compressed = head.headers.contains_key("content-encoding");
    if is_grpc {
        is_compressed = body.get_u8() == 1;
        body.advance(4);
    }
    if is_compressed {
        let mut plain = Vec::new();
        let read = flate2::read::GzDecoder::new(body.reader()).read_to_end(&mut plain);
        read.expect("gzip");
        body = plain.into();
    }
    let step = &script[number.min(script.len() - 1)];
    if let Answer::Slow(pause) = step {
        tokio::time::sleep(*pause).await;
    }
    if matches!(step, Answer::Take | Answer::Slow(_) | Answer::Message(_)) {
        take(head.uri.path(), &body, is_json, got);
    }
    match step {
        Answer::Only(demands) => {
            let path = head.uri.path();
            let mut response = Response::new(full(Bytes::new()));
            if demands.iter().any(|it| it.is_met(path, &head.headers)) {
                let mut paths = got.paths.lock().expect("no thread panics");
                paths.insert(path.to_owned());
            } else {
                *response.status_mut() = hyper::StatusCode::UNAUTHORIZED;
            }
            response
        }
        Answer::Http(status, headers, body) => {
            let mut response = Response::new(full(body.clone()));
            *response.status_mut() = (*status).try_into().expect("a status");
            for (name, value) in headers {
                let name = HeaderName::from_static(name);
                response
                    .headers_mut()
                    .insert(name, value.parse().expect("a header value"));
            }
            response
        }
        Answer::Grpc(code, trailers) => grpc(Bytes::new(), *code, trailers),
        Answer::Message(message) => grpc(message.clone(), 0, &[]),
        Answer::Endless => Response::new(endless()),
        _ if is_grpc => grpc(Bytes::new(), 0, &[]),
        _ => Response::new(full(Bytes::new())),
    }
}

fn full(body: Bytes) -> Body {
    Full::new(body).boxed()
}

fn endless() -> Body {
    let block = Bytes::from(vec![b'x'; 1 << 16]);
    let frames = std::iter::repeat_with(move || Ok(Frame::data(block.clone())));
    StreamBody::new(futures_util::stream::iter(frames)).boxed()
}

fn grpc(message: Bytes, code: u16, further: &[(&'static str, String)]) -> Response<Body> {
    let mut data = vec![0];
    data.extend((message.len() as u32).to_be_bytes());
    data.extend_from_slice(&message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code.into());
    for (name, value) in further {
        trailers.insert(*name, value.parse().expect("a trailer"));
    }
    let frames = [Ok(Frame::data(data.into())), Ok(Frame::trailers(trailers))];
    let mut response = Response::new(StreamBody::new(futures_util::stream::iter(frames)).boxed());
    let grpc = "application/grpc".parse().expect("a header value");
    response.headers_mut().insert(CONTENT_TYPE, grpc);
    response
}

fn take(path: &str, body: &[u8], is_json: bool, got: &Got) {
    let mut names = got.names.lock().expect("no thread panics");
    if path.contains("trace") {
        let request: ExportTraceServiceRequest = decode(body, is_json);
        let scopes = request
            .resource_spans
            .into_iter()
            .flat_map(|r| r.scope_spans);
        for span in scopes.flat_map(|scope| scope.spans) {
            got.spans.fetch_add(1, Ordering::SeqCst);
            names.push(span.name);
        }
    } else if path.contains("metrics") {
        let request: ExportMetricsServiceRequest = decode(body, is_json);
        let scopes = request
            .resource_metrics
            .into_iter()
            .flat_map(|r| r.scope_metrics);
        names.extend(scopes.flat_map(|scope| scope.metrics).map(|m| m.name));
    } else {
        let request: ExportLogsServiceRequest = decode(body, is_json);
        let scopes = request.resource_logs.into_iter().flat_map(|r| r.scope_logs);
        let count = scopes.map(|scope| scope.log_records.len() as u64).sum();
        got.logs.fetch_add(count, Ordering::SeqCst);
    }
}

fn decode<M: Message + Default + serde::de::DeserializeOwned>(body: &[u8], is_json: bool) -> M {
    if is_json {
        serde_json::from_slice(body).expect("OTLP in JSON")
    } else {
        M::decode(body).expect("OTLP in protobuf")
    }
}
