//! What a receiver refused although it took the request, and what it said.

use prost::Message;

use super::worker::Receipt;

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
    #[prost(string, tag = "2")]
    error_message: String,
}

/// Reads an answer in protobuf; `None` if it is none.
pub(super) fn read(body: &[u8]) -> Option<Receipt> {
    let answer = Answer::decode(body).ok()?;
    let partial = answer.partial_success.unwrap_or_default();
    Some(receipt(partial.rejected, partial.error_message))
}

/// Reads an answer in JSON; `None` if it is none.
pub(super) fn read_json(body: &[u8]) -> Option<Receipt> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let Some(partial) = answer.as_object()?.get("partialSuccess") else {
        return Some(Receipt::default());
    };
    let count = partial
        .as_object()?
        .iter()
        .find(|(key, _)| key.starts_with("rejected"))
        // JSON writes 64-bit integers as text, and some receivers as numbers.
        .and_then(|(_, count)| count.as_i64().or_else(|| count.as_str()?.parse().ok()));
    let message = partial.get("errorMessage").and_then(|text| text.as_str());
    Some(receipt(
        count.unwrap_or_default(),
        message.unwrap_or_default().to_owned(),
    ))
}

fn receipt(rejected: i64, message: String) -> Receipt {
    Receipt {
        rejected: rejected.try_into().unwrap_or(0),
        message: Some(message).filter(|message| !message.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(rejected: u64, message: &str) -> Option<Receipt> {
        Some(Receipt {
            rejected,
            message: Some(message.to_owned()).filter(|message| !message.is_empty()),
        })
    }

    #[test]
    fn protobuf_and_json_say_how_many_were_refused_and_why() {
        let answer = Answer {
            partial_success: Some(PartialSuccess {
                rejected: 7,
                error_message: "too old".to_owned(),
            }),
        };
        assert_eq!(read(&answer.encode_to_vec()), refused(7, "too old"));
        for (json, message) in [
            (r#"{"partialSuccess":{"rejectedSpans":"7"}}"#, ""),
            (r#"{"partialSuccess":{"rejectedLogRecords":7}}"#, ""),
            (
                r#"{"partialSuccess":{"rejectedDataPoints":7,"errorMessage":"too old"}}"#,
                "too old",
            ),
        ] {
            assert_eq!(read_json(json.as_bytes()), refused(7, message), "{json}");
        }
    }

    #[test]
    fn an_empty_answer_refuses_nothing() {
        assert_eq!(read(b""), refused(0, ""));
        assert_eq!(read_json(b"{}"), refused(0, ""));
        let negative = br#"{"partialSuccess":{"rejectedSpans":"-1"}}"#;
        assert_eq!(read_json(negative), refused(0, ""));
    }

    #[test]
    fn a_foreign_answer_is_none() {
        assert_eq!(read(b"<html>"), None);
        assert_eq!(read_json(b"<html>"), None);
        assert_eq!(read_json(b"[]"), None);
    }
}
