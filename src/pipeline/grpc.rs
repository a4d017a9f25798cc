//! OTLP over gRPC: unary calls on an HTTP/2 connection, and what an answer means.
//!
//! A call is one POST whose body is a message behind five bytes, and whose outcome stands in the trailers. That is little
//! enough to send through the client that HTTP uses, which tells the causes of failures and takes part in its retries.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderValue, StatusCode};
use prost::Message;

use super::transport::{Answer, Target, said};
use super::worker::Receipt;
use super::{http as over_http, partial_success};
use crate::config::{Compression, Otlp, Signal};
use crate::delivery::Failure;

/// Compressed or not, and the length of the message.
const PREFIX: usize = 5;

/// The headers of every call.
pub(super) fn headers(otlp: &Otlp) -> Result<HeaderMap, Failure> {
    let mut headers = over_http::asked(otlp)?;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    if let Some(Compression::Gzip) = otlp.compression {
        headers.insert("grpc-encoding", HeaderValue::from_static("gzip"));
    }
    Ok(headers)
}

/// Where the method of a signal is called.
pub(super) fn uri(signal: Signal, otlp: &Otlp) -> String {
    let (package, service) = match signal {
        Signal::Traces => ("trace", "TraceService"),
        Signal::Metrics => ("metrics", "MetricsService"),
        Signal::Logs => ("logs", "LogsService"),
    };
    let base = otlp.endpoint.trim_end_matches('/');
    format!("{base}/opentelemetry.proto.collector.{package}.v1.{service}/Export")
}

/// A message as a body.
pub(super) fn frame(message: &[u8], compressed: bool) -> Result<Bytes, Failure> {
    let len = u32::try_from(message.len()).map_err(|_| {
        Failure::new(
            "size",
            "a batch of more than 4 GiB cannot be sent over gRPC",
        )
    })?;
    let mut body = BytesMut::with_capacity(PREFIX + message.len());
    body.put_u8(u8::from(compressed));
    body.put_u32(len);
    body.put_slice(message);
    Ok(body.freeze())
}

/// What became of a call.
pub(super) fn judge(target: &Target, answer: &Answer) -> Result<Receipt, Failure> {
    if answer.head.status != StatusCode::OK {
        return Err(over_http::refused(target, answer));
    }
    // A call that fails at once has its outcome in the headers.
    let outcome = [&answer.trailers, &answer.head.headers]
        .into_iter()
        .find(|headers| headers.contains_key("grpc-status"));
    let Some(outcome) = outcome else {
        return Err(Failure::new(
            "answer",
            format!(
                "{target}: the answer is not gRPC{}; check host and port of OTEL_EXPORTER_OTLP_ENDPOINT, and that a proxy on the way passes trailers",
                said(&answer.body),
            ),
        ));
    };
    let code = text(outcome, "grpc-status").and_then(|code| code.parse().ok());
    if code != Some(0) {
        return Err(refused(target, code.unwrap_or(UNKNOWN), outcome));
    }
    let message = answer.body.get(PREFIX..).unwrap_or_default();
    Ok(partial_success::read(message).unwrap_or_else(|| Receipt {
        rejected: 0,
        message: Some(
            "something that cannot be read; whether everything arrived is not known".to_owned(),
        ),
    }))
}

const UNKNOWN: u32 = 2;
const RESOURCE_EXHAUSTED: u32 = 8;

fn refused(target: &Target, code: u32, outcome: &HeaderMap) -> Failure {
    let name = NAMES.get(code as usize).copied().unwrap_or("UNKNOWN");
    let message = text(outcome, "grpc-message").unwrap_or_default();
    let message = percent_encoding::percent_decode_str(&message).decode_utf8_lossy();
    let asked = retry_info(outcome);
    let again = match name {
        "CANCELLED" | "DEADLINE_EXCEEDED" | "ABORTED" | "OUT_OF_RANGE" | "UNAVAILABLE"
        | "DATA_LOSS" => true,
        _ => code == RESOURCE_EXHAUSTED && asked.is_some(),
    };
    let signal = target.signal;
    let (kind, fix) = match name {
        "UNIMPLEMENTED" => (
            "unimplemented",
            format!(
                "; the receiver does not take {signal}: switch them off with {} or point them elsewhere",
                target.switch()
            ),
        ),
        "UNAUTHENTICATED" | "PERMISSION_DENIED" => (
            "credentials",
            "; the receiver refused the credentials: check OTEL_EXPORTER_OTLP_HEADERS".to_owned(),
        ),
        "RESOURCE_EXHAUSTED" if !again => (
            "refused",
            "; where a batch is too large, lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE".to_owned(),
        ),
        _ => ("refused", String::new()),
    };
    Failure {
        again,
        pause: asked,
        ..Failure::new(
            kind,
            format!("{target}: {name}{}{fix}", said(message.as_bytes())),
        )
    }
}

/// The names of the codes, in their order.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// `google.rpc.Status`, as far as a pause stands in it.
#[derive(Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

#[derive(Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// How long the receiver asks to be left alone.
fn retry_info(outcome: &HeaderMap) -> Option<Duration> {
    // Receivers send it with and without padding.
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let details = LENIENT
        .decode(outcome.get("grpc-status-details-bin")?)
        .ok()?;
    let details = Details::decode(details.as_slice()).ok()?.details;
    let info = details
        .iter()
        .find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(info.value.as_slice()).ok()?.retry_delay?;
    Some(Duration::new(
        delay.seconds.try_into().ok()?,
        delay.nanos.try_into().ok()?,
    ))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}
