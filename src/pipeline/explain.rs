//! Why a connection did not come about, in words that name the cause and the fix.
//!
//! The libraries below say what they saw: "frame with invalid size", "UnknownIssuer". They have no types for most of it
//! that could be asked, so their words are compared; `tests/doctor.rs` holds each of them against a real server.

use std::error::Error;

use super::transport::Target;
use crate::config::Protocol;

/// What hinders, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hindrance {
    /// Tells one kind from another.
    pub(super) kind: &'static str,
    /// The words of the library that saw it.
    pub(super) cause: String,
    /// What to do about it; empty where nobody can know.
    pub(super) fix: String,
}

/// The kind of what two sides that do not understand each other see.
pub(super) const FOREIGN: &str = "foreign";

/// Explains why a request to `target` ended with `error`.
pub(super) fn connection(target: &Target, error: &(dyn Error + 'static)) -> Hindrance {
    let said: Vec<String> = causes(error).map(ToString::to_string).collect();
    let all = said.join(": ");
    let (kind, fix) = reason(target, &all);
    Hindrance {
        kind,
        cause: said.last().cloned().unwrap_or_default(),
        fix,
    }
}

fn reason(target: &Target, said: &str) -> (&'static str, String) {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["failed to lookup address", "dns error"]) {
        let host = target.uri.host().unwrap_or_default();
        let fix = format!(
            "the name {host:?} has no address here: check the host of OTEL_EXPORTER_OTLP_ENDPOINT, and the DNS of this machine or pod"
        );
        return ("dns", fix);
    }
    if has(&["Connection refused"]) {
        let signal = target.signal;
        let fix = format!(
            "nothing listens there: start a collector, set OTEL_EXPORTER_OTLP_ENDPOINT, or switch {signal} off with {}",
            target.switch(),
        );
        return ("unreachable", fix);
    }
    if has(&["Network is unreachable", "No route to host"]) {
        let fix = "there is no way to that address: check the host of OTEL_EXPORTER_OTLP_ENDPOINT, and the network of this machine or pod";
        return ("unreachable", fix.to_owned());
    }
    if let Some(fix) = certificate(said).or_else(|| handshake(target, said)) {
        return ("tls", fix);
    }
    // What arrives is no answer in the protocol that was spoken.
    if has(&[" parsed", "unexpected message", "http2 error"]) {
        return (FOREIGN, otherwise(target));
    }
    if has(&[
        "Connection reset",
        "connection reset",
        "Broken pipe",
        "broken pipe",
        "connection closed",
        "unexpected EOF",
        "unexpected end of file",
    ]) {
        // Past the handshake the scheme is right. Who we are is asked in the handshake, but refused only after it, and the
        // reason for that is lost where we write first.
        if target.uri.scheme_str() == Some("https") {
            let fix = "the receiver closed the connection without an answer: where it wants to know who we are, set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY to what it trusts; else check OTEL_EXPORTER_OTLP_PROTOCOL";
            return ("tls", fix.to_owned());
        }
        let fix = "the receiver closed the connection without an answer: check that the scheme (http or https) and OTEL_EXPORTER_OTLP_PROTOCOL are those of that port";
        return (FOREIGN, fix.to_owned());
    }
    ("unreachable", String::new())
}

/// What is wrong with the certificate of the receiver, in the words of rustls.
fn certificate(said: &str) -> Option<String> {
    let has = |word| said.contains(word);
    let fix = if has("UnknownIssuer") || has("CaUsedAsEndEntity") {
        "an authority signed its certificate that is not trusted here: set OTEL_EXPORTER_OTLP_CERTIFICATE to a PEM file with the authority of that receiver"
    } else if has("not valid for name") || has("NotValidForName") {
        "its certificate is for another host: put a name that it holds into OTEL_EXPORTER_OTLP_ENDPOINT"
    } else if has("certificate expired") || has("Expired") {
        "its certificate has expired: renew it, and check the clock of this machine"
    } else if has("not valid yet") || has("NotValidYet") {
        "its certificate is not valid yet: check the clocks of both machines"
    } else if has("invalid peer certificate") {
        "its certificate cannot be used: have it made anew"
    } else {
        return None;
    };
    Some(fix.to_owned())
}

/// What is wrong with the handshake besides.
fn handshake(target: &Target, said: &str) -> Option<String> {
    let has = |word| said.contains(word);
    let fix = if has("InvalidContentType") || has("corrupt message") {
        "what answers does not speak TLS: write http:// instead of https:// in OTEL_EXPORTER_OTLP_ENDPOINT"
    } else if has("CertificateRequired") {
        "the receiver wants to know who we are: set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY"
    } else if has("fatal alert: UnknownCA") || has("fatal alert: BadCertificate") {
        "the receiver does not trust our certificate: set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY to what it trusts"
    } else if has("NoApplicationProtocol") && target.protocol == Protocol::Grpc {
        "the receiver does not speak gRPC: for the HTTP port of a collector set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
    } else if has("NoApplicationProtocol") {
        "the receiver speaks gRPC only: set OTEL_EXPORTER_OTLP_PROTOCOL=grpc, or take its HTTP port"
    } else if has("fatal alert") {
        "the receiver refused the TLS connection: it may want a client certificate, or another version of TLS"
    } else {
        return None;
    };
    Some(fix.to_owned())
}

/// The receiver speaks something, but not what it was asked in.
fn otherwise(target: &Target) -> String {
    let secure = target.uri.scheme_str() == Some("https");
    let scheme = if secure {
        ""
    } else {
        ", and a port with TLS https://"
    };
    match target.protocol {
        Protocol::Grpc => format!(
            "what answers does not speak gRPC: the HTTP port of a collector needs OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf{scheme}"
        ),
        _ => format!(
            "what answers does not speak HTTP/1.1: the gRPC port of a collector needs OTEL_EXPORTER_OTLP_PROTOCOL=grpc{scheme}"
        ),
    }
}

/// What an answer "bad request" means that says to speak TLS, as servers in Go and nginx do.
pub(super) fn wants_tls(body: &[u8]) -> Option<&'static str> {
    let said = String::from_utf8_lossy(body).to_ascii_lowercase();
    let wants = said.contains("http request") && said.contains("https ");
    wants.then_some(
        "; the port speaks TLS: write https:// instead of http:// in OTEL_EXPORTER_OTLP_ENDPOINT",
    )
}

/// The cause behind all causes: what is around it says "client error".
pub(super) fn deepest<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    causes(error).last().unwrap_or(error)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
