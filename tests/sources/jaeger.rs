//! The sampling endpoints of a Jaeger collector: HTTP with JSON, and gRPC, on one port.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::routing::{get, post};
use http_body_util::{BodyExt as _, Full};

use crate::server::Server;

/// Refuses to answer until it is told what.
pub(crate) struct Jaeger {
    server: Server,
    state: Arc<Mutex<Conversation>>,
}

#[derive(Default)]
struct Conversation {
    answer: Option<Answer>,
    services: Vec<String>,
    asked: usize,
}

#[derive(Clone)]
struct Answer {
    json: String,
    protobuf: Vec<u8>,
}

impl Jaeger {
    pub(crate) fn start() -> Self {
        let state = Arc::<Mutex<Conversation>>::default();
        let app = Router::new()
            .route("/api/sampling", get(json))
            .route(
                "/jaeger.api_v2.SamplingManager/GetSamplingStrategy",
                post(grpc),
            )
            .with_state(state.clone());
        Self {
            server: Server::start(app),
            state,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn answer_ratio(&self, ratio: f64) {
        self.answer(
            format!(r#"{{"strategyType":"PROBABILISTIC","probabilisticSampling":{{"samplingRate":{ratio}}}}}"#),
            message(2, &double(1, ratio)),
        );
    }

    pub(crate) fn answer_rate(&self, per_second: u8) {
        self.answer(
            format!(r#"{{"strategyType":"RATE_LIMITING","rateLimitingSampling":{{"maxTracesPerSecond":{per_second}}}}}"#),
            message(3, &[8, per_second]),
        );
    }

    /// All of `name` and nothing else.
    pub(crate) fn answer_operation(&self, name: &str) {
        let operation = [message(1, name.as_bytes()), message(2, &double(1, 1.0))].concat();
        self.answer(
            format!(
                r#"{{"operationSampling":{{"defaultSamplingProbability":0,"perOperationStrategies":
                [{{"operation":"{name}","probabilisticSampling":{{"samplingRate":1}}}}]}}}}"#
            ),
            message(4, &message(3, &operation)),
        );
    }

    pub(crate) fn fail(&self) {
        self.with(|state| state.answer = None);
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.with(|state| state.asked)
    }

    /// The services that it was asked about.
    pub(crate) fn services(&self) -> Vec<String> {
        self.with(|state| {
            let mut services = state.services.clone();
            services.dedup();
            services
        })
    }

    fn answer(&self, json: String, protobuf: Vec<u8>) {
        self.with(|state| state.answer = Some(Answer { json, protobuf }));
    }

    fn with<T>(&self, f: impl FnOnce(&mut Conversation) -> T) -> T {
        f(&mut self.state.lock().expect("nothing panics with the lock"))
    }
}

fn asked(state: &Mutex<Conversation>, service: &str) -> Option<Answer> {
    let mut state = state.lock().expect("nothing panics with the lock");
    state.asked += 1;
    state.services.push(service.to_owned());
    state.answer.clone()
}

type Shared = State<Arc<Mutex<Conversation>>>;

async fn json(State(state): Shared, RawQuery(query): RawQuery) -> Result<String, StatusCode> {
    let query = query.unwrap_or_default();
    let service = query.strip_prefix("service=").unwrap_or_default();
    let answer = asked(&state, service).ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(answer.json)
}

async fn grpc(State(state): Shared, body: axum::body::Bytes) -> Response<Body> {
    // Five bytes of frame, then field 1: the name.
    let service = body.get(7..).unwrap_or_default();
    let answer = asked(&state, &String::from_utf8_lossy(service));
    let mut trailers = HeaderMap::new();
    let (status, message) = match answer {
        Some(answer) => ("0", answer.protobuf),
        None => ("14", Vec::new()),
    };
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    let length = u32::try_from(message.len()).expect("a short message");
    let frame = [&[0], &length.to_be_bytes()[..], &message].concat();
    let body = Full::new(frame.into()).with_trailers(std::future::ready(Some(Ok(trailers))));
    Response::builder()
        .header("content-type", "application/grpc")
        .body(Body::new(body))
        .expect("a valid response")
}

// --- protobuf by hand: three shapes of field ---

fn message(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("a short message");
    assert!(length < 128, "one byte of length");
    [&[tag << 3 | 2, length], content].concat()
}

fn double(tag: u8, value: f64) -> Vec<u8> {
    [&[tag << 3 | 1], &value.to_le_bytes()[..]].concat()
}
