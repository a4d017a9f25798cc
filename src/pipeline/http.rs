//! OTLP over HTTP/1.1: the headers of a request, and what an answer means.

use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::transport::{Answer, Target, said};
use super::worker::Receipt;
use super::{explain, partial_success};
use crate::config::{Compression, Otlp, Protocol, Signal};
use crate::delivery::Failure;

/// The headers of every request.
pub(super) fn headers(otlp: &Otlp) -> Result<HeaderMap, Failure> {
    let mut headers = asked(otlp)?;
    let content_type = match otlp.protocol {
        Protocol::HttpJson => "application/json",
        _ => "application/x-protobuf",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(Compression::Gzip) = otlp.compression {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(headers)
}

/// Our name and the headers that the configuration asks for.
pub(super) fn asked(otlp: &Otlp) -> Result<HeaderMap, Failure> {
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

/// What became of a request.
pub(super) fn judge(target: &Target, answer: &Answer) -> Result<Receipt, Failure> {
    let status = answer.head.status;
    if !status.is_success() {
        return Err(refused(target, answer));
    }
    let content_type = answer.head.headers.get(CONTENT_TYPE);
    let content_type = content_type.map_or(&b""[..], HeaderValue::as_bytes);
    if content_type.starts_with(b"text/html") {
        return Err(Failure::new(
            "answer",
            format!(
                "{target}: {status} with a web page; that is no OTLP receiver: check host, port and path of OTEL_EXPORTER_OTLP_ENDPOINT, and for a proxy that asks to log in"
            ),
        ));
    }
    if answer.cut {
        return Err(Failure::new(
            "answer",
            format!(
                "{target}: {status} with an answer longer than 4 MiB; that is no OTLP receiver"
            ),
        ));
    }
    let is_json = content_type.starts_with(b"application/json");
    let is_protobuf = content_type.starts_with(b"application/x-protobuf");
    // A receiver that answers in words of its own has taken the request.
    if !is_json && !is_protobuf || answer.body.is_empty() {
        return Ok(Receipt::default());
    }
    let read = if is_json {
        partial_success::read_json(&answer.body)
    } else {
        partial_success::read(&answer.body)
    };
    Ok(read.unwrap_or_else(|| Receipt {
        rejected: 0,
        message: Some(format!(
            "{status} with something that cannot be read; whether everything arrived is not known"
        )),
    }))
}

/// What a status other than success means, over gRPC too where a proxy answers.
pub(super) fn refused(target: &Target, answer: &Answer) -> Failure {
    let status = answer.head.status;
    let path = target.uri.path();
    let signal = target.signal;
    let base = path
        .strip_suffix(&format!("/v1/{signal}"))
        .unwrap_or_default();
    let fix = match status {
        StatusCode::NOT_FOUND if Signal::ALL.iter().any(|one| base.ends_with(&format!("/v1/{one}"))) => {
            "; the path of a signal stands twice: leave it out of OTEL_EXPORTER_OTLP_ENDPOINT, which is the base URL".to_owned()
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "; the receiver refused the credentials: check OTEL_EXPORTER_OTLP_HEADERS".to_owned()
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
            if target.protocol != Protocol::Grpc && !path.ends_with(&format!("/v1/{signal}")) =>
        {
            format!(
                "; the path is {path:?}, OTLP over HTTP expects one that ends in \"/v1/{signal}\": set OTEL_EXPORTER_OTLP_ENDPOINT to the base URL"
            )
        }
        StatusCode::NOT_FOUND => format!(
            "; the receiver does not take {signal} here: switch them off with {} or point them elsewhere",
            target.switch(),
        ),
        StatusCode::BAD_REQUEST => explain::wants_tls(&answer.body)
            .unwrap_or_default()
            .to_owned(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            "; the receiver does not take this encoding: try another OTEL_EXPORTER_OTLP_PROTOCOL"
                .to_owned()
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            "; lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE or set OTEL_EXPORTER_OTLP_COMPRESSION=gzip"
                .to_owned()
        }
        _ if status.is_redirection() => format!(
            "; redirects are not followed, because they would take the headers elsewhere: set OTEL_EXPORTER_OTLP_ENDPOINT to the new address{}",
            location(answer),
        ),
        _ => String::new(),
    };
    let again = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    );
    Failure {
        again,
        pause: again.then(|| retry_after(&answer.head.headers)).flatten(),
        ..Failure::new(
            "refused",
            format!("{target}: {status}{}{fix}", said(&answer.body)),
        )
    }
}

fn location(answer: &Answer) -> String {
    let location = answer.head.headers.get(LOCATION);
    let text = location.and_then(|value| value.to_str().ok());
    // A query may be a ticket of a login page.
    text.and_then(|text| text.split('?').next())
        .map(|text| format!(", {text}"))
        .unwrap_or_default()
}

/// `Retry-After` in seconds; the form with a date is rare and falls back to our own pause.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}
