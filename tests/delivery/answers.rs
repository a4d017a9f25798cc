//! What is made of each answer: taken, refused in part, refused, or nonsense.

use std::time::{Duration, Instant};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use spanwise::Status;

use crate::receiver::{Answer, Receiver};
use crate::{Protocol, telemetry, ten_spans};

/// What the report says of ten spans against a receiver that answers so.
fn sent(protocol: Protocol, script: Vec<Answer>) -> (Status, Receiver) {
    let receiver = Receiver::start(script);
    let telemetry = telemetry(protocol, receiver.address, &[]);
    ten_spans(&telemetry);
    let ended = telemetry.shutdown();
    let report = ended.unwrap_or_else(|error| error.report().clone());
    (report.exporters()[0].clone(), receiver)
}

fn http(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Answer {
    Answer::Http(status, headers.to_vec(), body.into())
}

/// Asserts that all ten are lost at the first attempt, for a reason that has all these words.
fn lost_at_once(protocol: Protocol, answer: Answer, words: &[&str]) {
    let (status, receiver) = sent(protocol, vec![answer]);
    assert_eq!((status.lost.failed, status.delivered), (10, 0), "{status}");
    assert_eq!(receiver.requests(), 1, "{status}");
    for word in words {
        assert!(status.to_string().contains(word), "{word:?} in {status}");
    }
}

fn partial_success() -> Bytes {
    let answer = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans: 3,
            error_message: "too old".to_owned(),
        }),
    };
    answer.encode_to_vec().into()
}

#[test]
fn what_a_receiver_refuses_of_a_request_is_lost_and_the_rest_delivered() {
    let json = r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"#;
    let protobuf = vec![("content-type", "application/x-protobuf")];
    for (protocol, answer) in [
        (
            Protocol::Protobuf,
            Answer::Http(200, protobuf, partial_success()),
        ),
        (
            Protocol::Json,
            http(200, &[("content-type", "application/json")], json),
        ),
        (Protocol::Grpc, Answer::Message(partial_success())),
    ] {
        let (status, receiver) = sent(protocol, vec![answer]);
        assert_eq!((status.delivered, status.lost.rejected), (7, 3), "{status}");
        assert_eq!(receiver.requests(), 1, "a partial success is not repeated");
    }
}

#[test]
fn a_receiver_that_is_busy_is_asked_again_when_it_says() {
    for status in [429, 503] {
        let busy = http(status, &[("retry-after", "1")], "");
        let start = Instant::now();
        let (status, receiver) = sent(Protocol::Protobuf, vec![busy, Answer::Take]);
        assert_eq!(status.delivered, 10, "{status}");
        assert_eq!(receiver.requests(), 2);
        assert!(start.elapsed() >= Duration::from_secs(1), "too early");
    }
}

#[test]
fn a_grpc_receiver_that_is_busy_is_asked_again() {
    let busy = Answer::Grpc(8, vec![("grpc-status-details-bin", retry_details())]);
    let start = Instant::now();
    let (status, receiver) = sent(Protocol::Grpc, vec![busy, Answer::Take]);
    assert_eq!(status.delivered, 10, "{status}");
    assert_eq!(receiver.requests(), 2);
    assert!(start.elapsed() >= Duration::from_secs(1), "too early");
    let unavailable = Answer::Grpc(14, vec![]);
    let (status, _) = sent(Protocol::Grpc, vec![unavailable, Answer::Take]);
    assert_eq!(status.delivered, 10, "{status}");
}

/// `google.rpc.Status` with a `RetryInfo` of one second, in base64.
fn retry_details() -> String {
    use base64::Engine as _;

    let delay = [0x0a, 0x02, 0x08, 0x01];
    let url = b"type.googleapis.com/google.rpc.RetryInfo";
    let mut any = vec![0x0a, url.len() as u8];
    any.extend_from_slice(url);
    any.extend([0x12, delay.len() as u8]);
    any.extend(delay);
    let mut status = vec![0x08, 0x08, 0x1a, any.len() as u8];
    status.extend(any);
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(status)
}

#[test]
fn a_refusal_names_the_fix() {
    for (code, body, words) in [
        (401, "", &["401", "OTEL_EXPORTER_OTLP_HEADERS"][..]),
        (404, "", &["404", "OTEL_TRACES_EXPORTER=none"]),
        (415, "", &["415", "OTEL_EXPORTER_OTLP_PROTOCOL"]),
        (413, "", &["413", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"]),
        (400, "no such tenant", &["400", "(no such tenant)"]),
    ] {
        lost_at_once(Protocol::Protobuf, http(code, &[], body), words);
    }
}

#[test]
fn a_refusal_over_grpc_names_the_fix() {
    for (code, words) in [
        (12, &["UNIMPLEMENTED", "OTEL_TRACES_EXPORTER=none"][..]),
        (16, &["UNAUTHENTICATED", "OTEL_EXPORTER_OTLP_HEADERS"]),
        (8, &["RESOURCE_EXHAUSTED", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"]),
        (3, &["INVALID_ARGUMENT", "(no such tenant)"]),
    ] {
        let message = vec![("grpc-message", "no%20such%20tenant".to_owned())];
        lost_at_once(Protocol::Grpc, Answer::Grpc(code, message), words);
    }
}

#[test]
fn a_web_page_is_no_delivery() {
    let page = http(
        200,
        &[("content-type", "text/html")],
        "<html>Sign in</html>",
    );
    let words = ["a web page", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    lost_at_once(Protocol::Protobuf, page.clone(), &words);
    lost_at_once(
        Protocol::Grpc,
        page,
        &["not gRPC", "OTEL_EXPORTER_OTLP_ENDPOINT"],
    );
}

#[test]
fn a_redirect_is_not_followed_and_says_where_it_leads() {
    let moved = http(
        307,
        &[("location", "https://new.example/otlp?ticket=secret")],
        "",
    );
    lost_at_once(
        Protocol::Protobuf,
        moved.clone(),
        &[
            "307",
            "https://new.example/otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ],
    );
    let (status, _) = sent(Protocol::Protobuf, vec![moved]);
    assert!(!status.to_string().contains("secret"), "{status}");
}

#[test]
fn of_an_answer_without_an_end_only_the_beginning_is_read() {
    let start = Instant::now();
    lost_at_once(Protocol::Protobuf, Answer::Endless, &["longer than 4 MiB"]);
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn garbage_with_200_is_a_delivery_of_which_nothing_more_is_known() {
    let protobuf = &[("content-type", "application/x-protobuf")];
    let (status, _) = sent(
        Protocol::Protobuf,
        vec![http(200, protobuf, "\u{1}garbage")],
    );
    assert_eq!(status.delivered, 10, "{status}");
}

#[test]
fn a_receiver_of_the_other_protocol_is_recognised() {
    // A receiver of gRPC only resets what does not begin as HTTP/2 does, one of HTTP/1 the other way round.
    for (protocol, garbage, words) in [
        (
            Protocol::Protobuf,
            &b"\0\0\x12\x04\0\0\0\0\0"[..],
            "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
        ),
        (
            Protocol::Grpc,
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        ),
    ] {
        let address = speaks(garbage);
        let telemetry = telemetry(protocol, address, &[]);
        ten_spans(&telemetry);
        let error = telemetry.shutdown().expect_err("nothing arrives");
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// A server that says the same to everybody, whatever they say.
fn speaks(words: &'static [u8]) -> std::net::SocketAddr {
    use std::io::{Read, Write};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound listener");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(words);
            let _ = stream.read(&mut [0; 1024]);
        }
    });
    address
}
