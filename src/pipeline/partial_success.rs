//! What a receiver refused although it answered 200.

use bytes::Bytes;
use http::Response;
use http::header::CONTENT_TYPE;
use prost::Message;

use super::queue::Receipt;

/// The answers to traces, metrics and logs have the same shape on the wire.
#[derive(Message)]
struct Answer {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
}

/// Reads how many items were refused; an answer that is not OTLP refuses nothing.
pub(crate) fn read(response: &Response<Bytes>) -> Receipt {
    let json = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    let rejected = if json {
        rejected_in_json(response.body())
    } else {
        Answer::decode(response.body().as_ref())
            .ok()
            .and_then(|answer| Some(answer.partial_success?.rejected))
    };
    Receipt {
        rejected: rejected
            .and_then(|count| count.try_into().ok())
            .unwrap_or(0),
    }
}

/// JSON writes 64-bit integers as text, and some receivers as numbers.
fn rejected_in_json(body: &[u8]) -> Option<i64> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let partial = answer.get("partialSuccess")?.as_object()?;
    let (_, count) = partial
        .iter()
        .find(|(key, _)| key.starts_with("rejected"))?;
    count.as_i64().or_else(|| count.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(content_type: &str, body: impl Into<Bytes>) -> u64 {
        let response = Response::builder()
            .header(CONTENT_TYPE, content_type)
            .body(body.into())
            .expect("a valid response");
        read(&response).rejected
    }

    #[test]
    fn protobuf_and_json_say_how_many_were_refused() {
        let answer = Answer {
            partial_success: Some(PartialSuccess { rejected: 7 }),
        };
        assert_eq!(read_as("application/x-protobuf", answer.encode_to_vec()), 7);
        assert_eq!(
            read_as(
                "application/json",
                r#"{"partialSuccess":{"rejectedSpans":"7"}}"#
            ),
            7
        );
        assert_eq!(
            read_as(
                "application/json",
                r#"{"partialSuccess":{"rejectedLogRecords":7}}"#
            ),
            7
        );
    }

    #[test]
    fn an_empty_or_foreign_answer_refuses_nothing() {
        assert_eq!(read_as("application/x-protobuf", ""), 0);
        assert_eq!(read_as("application/x-protobuf", "<html>"), 0);
        assert_eq!(read_as("application/json", "{}"), 0);
        assert_eq!(
            read_as(
                "application/json",
                r#"{"partialSuccess":{"rejectedSpans":"-1"}}"#
            ),
            0
        );
    }
}
