//! The strategy over gRPC: `jaeger.api_v2.SamplingManager`.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::{HeaderMap, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use prost::Message;

use super::super::strategy::Strategy;
use super::{Client, MAX_ANSWER};
use crate::delivery::Failure;
use crate::pipeline;
use crate::pipeline::explain::deepest;

const METHOD: &str = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy";
/// Whether a message is compressed, and its length.
const PREFIX: usize = 5;

#[derive(Debug)]
pub(super) struct Source {
    client: Client,
    uri: Uri,
    question: Bytes,
}

impl Source {
    pub(super) fn new(endpoint: &Uri, service_name: &str) -> Result<Self, Failure> {
        let question = Question {
            service_name: service_name.to_owned(),
        };
        let base = endpoint.to_string();
        let uri = format!("{}{METHOD}", base.trim_end_matches('/'));
        Ok(Self {
            client: super::client(super::Version::Http2, endpoint)?,
            uri: uri
                .parse()
                .map_err(|error| Failure::new("sampler", format!("{uri}: {error}")))?,
            question: frame(&question),
        })
    }

    pub(super) async fn ask(&self) -> Result<Strategy, String> {
        let Self {
            client,
            uri,
            question,
        } = self;
        let failed = |error: &dyn std::fmt::Display| format!("gRPC to {uri}: {error}");
        let request = Request::post(uri)
            .header(USER_AGENT, pipeline::USER_AGENT)
            .header(CONTENT_TYPE, "application/grpc")
            .header(TE, "trailers")
            .body(Full::new(question.clone()))
            .map_err(|error| failed(&error))?;
        let response = client.request(request).await;
        let response = response.map_err(|error| failed(&deepest(&error)))?;
        let (head, body) = response.into_parts();
        if !head.status.is_success() {
            return Err(failed(&head.status));
        }
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| failed(&deepest(&*error)))?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        // A call that fails at once has its outcome in the headers.
        outcome(&trailers)
            .or_else(|| outcome(&head.headers))
            .unwrap_or_else(|| Err("the answer is not gRPC".to_owned()))
            .map_err(|what| failed(&what))?;
        let body = body.to_bytes();
        Answer::decode(body.get(PREFIX..).unwrap_or_default())
            .map_err(|error| failed(&error))?
            .strategy()
            .map_err(|what| failed(&what))
    }
}

/// A message as a body.
fn frame(message: &impl Message) -> Bytes {
    let len = message.encoded_len();
    let mut body = BytesMut::with_capacity(PREFIX + len);
    body.put_u8(0);
    body.put_u32(u32::try_from(len).expect("the name of a service is shorter than 4 GiB"));
    body.put_slice(&message.encode_to_vec());
    body.freeze()
}

/// Whether the call succeeded, where `headers` say so.
fn outcome(headers: &HeaderMap) -> Option<Result<(), String>> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let status = text("grpc-status")?;
    if status == "0" {
        return Some(Ok(()));
    }
    let message = text("grpc-message").unwrap_or_default();
    Some(Err(format!("status {status} {message}")))
}

#[derive(Message)]
struct Question {
    #[prost(string, tag = "1")]
    service_name: String,
}

#[derive(Message)]
struct Answer {
    #[prost(message, optional, tag = "2")]
    probabilistic: Option<Probabilistic>,
    #[prost(message, optional, tag = "3")]
    rate_limiting: Option<RateLimiting>,
    #[prost(message, optional, tag = "4")]
    operations: Option<Operations>,
}

#[derive(Message)]
struct Probabilistic {
    #[prost(double, tag = "1")]
    rate: f64,
}

#[derive(Message)]
struct RateLimiting {
    #[prost(int32, tag = "1")]
    per_second: i32,
}

#[derive(Message)]
struct Operations {
    #[prost(double, tag = "1")]
    default: f64,
    #[prost(double, tag = "2")]
    at_least: f64,
    #[prost(message, repeated, tag = "3")]
    operations: Vec<Operation>,
}

#[derive(Message)]
struct Operation {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    probabilistic: Option<Probabilistic>,
}

impl Answer {
    fn strategy(self) -> Result<Strategy, String> {
        if let Some(operations) = self.operations {
            let ratios = operations.operations.into_iter().map(|operation| {
                let rate = operation.probabilistic.map_or(0.0, |one| one.rate);
                (operation.name, rate)
            });
            return Strategy::operations(operations.default, operations.at_least, ratios.collect());
        }
        if let Some(limit) = self.rate_limiting {
            return Strategy::rate(f64::from(limit.per_second));
        }
        match self.probabilistic {
            Some(one) => Strategy::ratio(one.rate),
            None => Err("the answer has no strategy".to_owned()),
        }
    }
}
