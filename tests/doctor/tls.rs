//! TLS over both protocols: what works with a private authority, and what is said when it does not.

use std::sync::Arc;

use tokio_rustls::rustls::ServerConfig;

use crate::authority::{Authority, Clients};
use crate::receiver::{Options, Receiver};
use crate::{GRPC, HTTP, fails, http, https, spans_to};

const CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
const CLIENT_CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE";
const CLIENT_KEY: &str = "OTEL_EXPORTER_OTLP_CLIENT_KEY";

fn receiver(tls: Arc<ServerConfig>) -> Receiver {
    Receiver::start(Options {
        tls: Some(tls),
        ..Options::default()
    })
}

#[test]
fn private_authority_is_trusted() {
    let authority = Authority::new("ours");
    let receiver = receiver(authority.sign("localhost").server(Clients::Anybody));
    let file = authority.file();
    for protocol in [HTTP, GRPC] {
        let trusted = [(CERTIFICATE, file.path())];
        assert_eq!(
            spans_to(&https(receiver.address), protocol, &trusted),
            Ok(())
        );
    }
}

#[test]
fn client_that_says_who_it_is_is_let_in() {
    let authority = Authority::new("ours");
    let server = authority.sign("localhost");
    let receiver = receiver(server.server(Clients::SignedBy(&authority)));
    let client = authority.sign("client");
    let files = (
        authority.file(),
        client.certificate_file(),
        client.key_file(),
    );
    let ours = [
        (CERTIFICATE, files.0.path()),
        (CLIENT_CERTIFICATE, files.1.path()),
        (CLIENT_KEY, files.2.path()),
    ];
    for protocol in [HTTP, GRPC] {
        assert_eq!(spans_to(&https(receiver.address), protocol, &ours), Ok(()));
    }
}

#[test]
fn authority_is_unknown() {
    let receiver = receiver(
        Authority::new("theirs")
            .sign("localhost")
            .server(Clients::Anybody),
    );
    let ours = Authority::new("ours").file();
    for protocol in [HTTP, GRPC] {
        // Neither the operating system nor the file has it.
        for pairs in [&[][..], &[(CERTIFICATE, ours.path())]] {
            let words = [
                "UnknownIssuer",
                "not trusted here: set OTEL_EXPORTER_OTLP_CERTIFICATE",
            ];
            fails(&https(receiver.address), protocol, pairs, &words);
        }
    }
}

#[test]
fn certificate_is_for_another_host() {
    let authority = Authority::new("ours");
    let receiver = receiver(authority.sign("collector.example").server(Clients::Anybody));
    let file = authority.file();
    for protocol in [HTTP, GRPC] {
        let words = ["collector.example", "its certificate is for another host"];
        fails(
            &https(receiver.address),
            protocol,
            &[(CERTIFICATE, file.path())],
            &words,
        );
    }
}

#[test]
fn certificate_has_expired() {
    let authority = Authority::new("ours");
    let receiver = receiver(authority.sign_expired("localhost").server(Clients::Anybody));
    let file = authority.file();
    for protocol in [HTTP, GRPC] {
        let words = ["its certificate has expired: renew it"];
        fails(
            &https(receiver.address),
            protocol,
            &[(CERTIFICATE, file.path())],
            &words,
        );
    }
}

#[test]
fn client_does_not_say_who_it_is() {
    let authority = Authority::new("ours");
    let server = authority.sign("localhost");
    let receiver = receiver(server.server(Clients::SignedBy(&authority)));
    let file = authority.file();
    for protocol in [HTTP, GRPC] {
        let words = [
            "wants to know who we are",
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY",
        ];
        fails(
            &https(receiver.address),
            protocol,
            &[(CERTIFICATE, file.path())],
            &words,
        );
    }
}

#[test]
fn client_is_not_trusted() {
    let authority = Authority::new("ours");
    let server = authority.sign("localhost");
    let receiver = receiver(server.server(Clients::SignedBy(&authority)));
    let stranger = Authority::new("strange").sign("client");
    let files = (
        authority.file(),
        stranger.certificate_file(),
        stranger.key_file(),
    );
    let ours = [
        (CERTIFICATE, files.0.path()),
        (CLIENT_CERTIFICATE, files.1.path()),
        (CLIENT_KEY, files.2.path()),
    ];
    for protocol in [HTTP, GRPC] {
        let words = [
            "set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY to what it trusts",
        ];
        fails(&https(receiver.address), protocol, &ours, &words);
    }
}

#[test]
fn plain_text_to_a_port_with_tls() {
    let receiver = receiver(
        Authority::new("ours")
            .sign("localhost")
            .server(Clients::Anybody),
    );
    for protocol in [HTTP, GRPC] {
        let words = ["speaks TLS: write https:// instead of http://"];
        fails(&http(receiver.address), protocol, &[], &words);
    }
}
