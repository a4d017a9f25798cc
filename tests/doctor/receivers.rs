//! Receivers that are broken, and what helps.

use spanwise::config::Signal;

use crate::receiver::{Answers, Receiver, Speaks, nobody};
use crate::{GRPC, HTTP, diagnose, fails, http, https, spans_to};

#[test]
fn receiver_that_works_is_said_to() {
    let receiver = Receiver::speaks(Speaks::Both);
    for protocol in [HTTP, GRPC, "http/json"] {
        assert_eq!(spans_to(&http(receiver.address), protocol, &[]), Ok(()));
    }
}

#[test]
fn nobody_listens() {
    for protocol in [HTTP, GRPC] {
        let words = [
            "Connection refused",
            "nothing listens there: start a collector",
            "OTEL_TRACES_EXPORTER=none",
        ];
        fails(&http(nobody()), protocol, &[], &words);
    }
}

#[test]
fn name_has_no_address() {
    for protocol in [HTTP, GRPC] {
        let words = ["the name \"collector.invalid\" has no address here", "DNS"];
        fails("http://collector.invalid:4318", protocol, &[], &words);
    }
}

#[test]
fn https_to_a_port_without_tls() {
    let receiver = Receiver::speaks(Speaks::Both);
    for protocol in [HTTP, GRPC] {
        let words = ["does not speak TLS: write http:// instead of https://"];
        fails(&https(receiver.address), protocol, &[], &words);
    }
}

#[test]
fn credentials_are_refused() {
    let words = ["refused the credentials: check OTEL_EXPORTER_OTLP_HEADERS"];
    for status in [401, 403] {
        let receiver = Receiver::answers(Answers::Status(status, "who are you?"));
        fails(&http(receiver.address), HTTP, &[], &words);
    }
    for code in ["16", "7"] {
        let receiver = Receiver::answers(Answers::Code(code));
        fails(&http(receiver.address), GRPC, &[], &words);
    }
}

#[test]
fn path_is_wrong() {
    let receiver = Receiver::answers(Answers::Only("/v1/traces"));
    let url = format!("{}/otlp", http(receiver.address));
    let endpoint = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url.as_str())];
    let words = ["404", "the path is \"/otlp\"", "ends in \"/v1/traces\""];
    fails("http://localhost:1", HTTP, &endpoint, &words);
}

#[test]
fn path_stands_twice() {
    let receiver = Receiver::answers(Answers::Status(404, "404 page not found"));
    let endpoint = format!("{}/v1/traces", http(receiver.address));
    let words = [
        "stands twice",
        "leave it out of OTEL_EXPORTER_OTLP_ENDPOINT",
    ];
    fails(&endpoint, HTTP, &[], &words);
}

#[test]
fn encoding_is_not_taken() {
    let receiver = Receiver::answers(Answers::Status(415, "unsupported media type"));
    let words = ["415", "try another OTEL_EXPORTER_OTLP_PROTOCOL"];
    fails(&http(receiver.address), "http/json", &[], &words);
}

#[test]
fn http_to_a_grpc_port() {
    let receiver = Receiver::speaks(Speaks::Http2);
    let words = ["speaks HTTP/2 only", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"];
    fails(&http(receiver.address), HTTP, &[], &words);
}

#[test]
fn grpc_to_an_http_port() {
    let receiver = Receiver::speaks(Speaks::Http1);
    let words = [
        "speaks HTTP/1.1 and no gRPC",
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    ];
    fails(&http(receiver.address), GRPC, &[], &words);
}

#[test]
fn port_closes_every_connection() {
    let receiver = Receiver::speaks(Speaks::Nothing);
    for protocol in [HTTP, GRPC] {
        let words = ["closed the connection without an answer", "scheme"];
        fails(&http(receiver.address), protocol, &[], &words);
    }
}

#[test]
fn receiver_never_answers() {
    let receiver = Receiver::answers(Answers::Never);
    let timeout = [("OTEL_EXPORTER_OTLP_TIMEOUT", "200")];
    for protocol in [HTTP, GRPC] {
        let words = ["no answer within 200ms", "swallows the request"];
        fails(&http(receiver.address), protocol, &timeout, &words);
    }
}

#[test]
fn web_server_answers_with_a_page() {
    let receiver = Receiver::answers(Answers::Page);
    let words = ["a web page", "no OTLP receiver"];
    fails(&http(receiver.address), HTTP, &[], &words);
    fails(&http(receiver.address), GRPC, &[], &["is not gRPC"]);
}

#[test]
fn server_in_go_wants_tls() {
    let answer = Answers::Status(400, "Client sent an HTTP request to an HTTPS server.\n");
    let receiver = Receiver::answers(answer);
    let words = ["the port speaks TLS: write https:// instead of http://"];
    fails(&http(receiver.address), HTTP, &[], &words);
}

#[test]
fn backend_takes_traces_only() {
    for (protocol, path) in [(HTTP, "/v1/traces"), (GRPC, "TraceService")] {
        let receiver = Receiver::answers(Answers::Only(path));
        let endpoint = http(receiver.address);
        let diagnosis = diagnose(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ]);
        let result = |signal| {
            let mut probes = diagnosis.probes.iter();
            let probe = probes.find(|probe| probe.signal == signal);
            probe.expect("a probe for each signal").result.clone()
        };
        assert!(result(Signal::Traces).is_ok(), "{diagnosis}");
        for (signal, switch) in [
            (Signal::Metrics, "OTEL_METRICS_EXPORTER=none"),
            (Signal::Logs, "OTEL_LOGS_EXPORTER=none"),
        ] {
            let said = result(signal).expect_err("it takes traces only");
            let refuses = said.contains(&format!("the receiver does not take {signal}"));
            assert!(refuses && said.contains(switch), "{said}");
        }
    }
}

#[test]
fn diagnosis_shows_values_with_their_sources_and_no_secret() {
    let receiver = Receiver::speaks(Speaks::Both);
    let endpoint = format!("{}/v1/traces?key=s3cret", http(receiver.address));
    let diagnosis = diagnose(&[
        ("OTEL_SERVICE_NAME", "shop"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cret"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
    ]);
    let shown = diagnosis.to_string();
    assert!(!diagnosis.is_healthy(), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
    for part in [
        "OTEL_SERVICE_NAME",
        "shop",
        "environment",
        "problem: OTEL_TRACES_SAMPLER=\"sometimes\"",
        " at 127.0.0.1: an empty export was taken after ",
    ] {
        assert!(shown.contains(part), "no {part:?}: {shown}");
    }
}

#[test]
fn nothing_is_asked_where_nothing_is_sent() {
    for pairs in [
        &[("OTEL_SDK_DISABLED", "true")][..],
        &[
            ("OTEL_TRACES_EXPORTER", "console"),
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "none"),
        ],
    ] {
        let diagnosis = diagnose(pairs);
        assert_eq!(diagnosis.probes, [], "{diagnosis}");
        assert!(
            diagnosis
                .to_string()
                .ends_with("nothing is sent over OTLP\n")
        );
    }
}
