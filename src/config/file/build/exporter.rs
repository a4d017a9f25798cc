//! Where one signal goes.

use std::path::PathBuf;

use super::Builder;
use super::component::component;
use super::place::Place;
use crate::config::features::needs;
use crate::config::resolve::attributes;
use crate::config::resolve::endpoint::{Use, endpoint, wrong_port};
use crate::config::variable::Family;
use crate::config::{
    Component, ComponentKind, Compression, Headers, Otlp, Protocol, Signal, TlsFiles, mask, table,
};

/// One exporter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target {
    Otlp(Otlp),
    OtlpStdout,
    Console,
    Custom(Component),
}

/// The exporter at `place`, with the place of its own properties; `None` when it is left out.
pub(super) fn exporter<'a>(
    builder: &mut Builder<'_>,
    place: &Place<'a>,
    signal: Signal,
) -> Option<(Target, Place<'a>)> {
    let (name, component) = place.component()?;
    let target = match name {
        "otlp_http" => Target::Otlp(otlp_http(builder, &component, signal)?),
        "otlp_grpc" => Target::Otlp(otlp_grpc(builder, &component, signal)?),
        "otlp_file/development" => {
            let stream = component.get("output_stream");
            if stream.text().is_some_and(|stream| stream != "stdout") {
                builder.warn(
                    &stream,
                    "is not supported: only stdout is",
                    "leaving that exporter out",
                );
                return None;
            }
            if !builder.features.http_json {
                builder.warn(&component, needs("http-json"), "leaving that exporter out");
                return None;
            }
            Target::OtlpStdout
        }
        "console" => Target::Console,
        _ => {
            let kind = match signal {
                Signal::Traces => ComponentKind::SpanExporter,
                Signal::Logs => ComponentKind::LogExporter,
                Signal::Metrics => {
                    builder.reject(&component, "no exporter of this name is registered");
                    return None;
                }
            };
            Target::Custom(self::component(builder, kind, name, &component)?)
        }
    };
    Some((target, component))
}

fn otlp_http(builder: &mut Builder<'_>, place: &Place<'_>, signal: Signal) -> Option<Otlp> {
    let encoding = place.get("encoding");
    let mut protocol = match encoding.text() {
        Some("json") => Protocol::HttpJson,
        _ => Protocol::HttpProtobuf,
    };
    if protocol == Protocol::HttpJson && !builder.features.http_json {
        builder.warn(&encoding, needs("http-json"), "using protobuf");
        protocol = Protocol::HttpProtobuf;
    }
    let otlp = otlp(builder, place, signal, protocol, &encoding);
    if !builder.features.otlp_http {
        builder.warn(place, needs("otlp-http"), "leaving that exporter out");
        return None;
    }
    if otlp.endpoint.starts_with("https:") && !builder.features.tls {
        let endpoint = place.get("endpoint");
        builder.warn(&endpoint, needs("tls"), "leaving that exporter out");
        return None;
    }
    Some(otlp)
}

fn otlp_grpc(builder: &mut Builder<'_>, place: &Place<'_>, signal: Signal) -> Option<Otlp> {
    let otlp = otlp(builder, place, signal, Protocol::Grpc, place);
    if !builder.features.grpc {
        builder.warn(place, needs("grpc"), "leaving that exporter out");
        return None;
    }
    Some(otlp)
}

fn otlp(
    builder: &mut Builder<'_>,
    place: &Place<'_>,
    signal: Signal,
    protocol: Protocol,
    protocol_at: &Place<'_>,
) -> Otlp {
    let of = |family: &'static Family| family.chain(signal)[0];
    builder.record(of(&table::OTLP_PROTOCOL), protocol.as_str(), protocol_at);
    let defaults = Otlp::default_for(signal);
    let tls_at = place.get("tls");
    let url_at = place.get("endpoint");
    let how = Use {
        protocol,
        add_path_of: None,
        insecure: tls_at.get("insecure").flag().unwrap_or(false),
    };
    let url = url_at.text().map(|text| endpoint(text, how));
    let url = url.and_then(|parsed| builder.parse(&url_at, parsed));
    let url = url.unwrap_or_else(|| match protocol {
        Protocol::Grpc => "http://localhost:4317".to_owned(),
        Protocol::HttpProtobuf | Protocol::HttpJson => defaults.endpoint,
    });
    if let Some((what, instead)) = wrong_port(&url, protocol) {
        builder.warn(&url_at, what, instead);
    }
    builder.record(of(&table::OTLP_ENDPOINT), mask::url(&url), &url_at);
    let headers = headers(builder, place);
    let shown = match headers.0.as_slice() {
        [] => "none".to_owned(),
        list => mask::headers(list),
    };
    builder.record(of(&table::OTLP_HEADERS), shown, &place.get("headers"));
    let compression = compression(builder, &place.get("compression"));
    let shown = if compression.is_some() {
        "gzip"
    } else {
        "none"
    };
    builder.record(
        of(&table::OTLP_COMPRESSION),
        shown,
        &place.get("compression"),
    );
    let timeout_at = place.get("timeout");
    let timeout = builder.millis(&timeout_at, of(&table::OTLP_TIMEOUT), defaults.timeout);
    Otlp {
        protocol,
        endpoint: url,
        headers,
        timeout,
        compression,
        tls: tls_files(builder, &tls_at),
    }
}

/// The list of objects wins over the list in a text.
fn headers(builder: &mut Builder<'_>, place: &Place<'_>) -> Headers {
    let list = place.get("headers_list");
    let parsed = list.text().map(attributes::headers);
    let parsed = parsed.and_then(|parsed| builder.parse(&list, parsed));
    let mut headers = parsed.unwrap_or_default();
    for entry in place.get("headers").items() {
        let (Some(name), Some(value)) = (entry.get("name").text(), entry.get("value").text())
        else {
            continue;
        };
        if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            builder.reject(&entry.get("name"), "is a name that no header can have");
        }
        if http::HeaderValue::from_str(value).is_err() {
            builder.reject(&entry.get("value"), "is a value that no header can have");
        }
        headers
            .0
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.0.push((name.to_owned(), value.to_owned()));
    }
    headers
}

fn compression(builder: &mut Builder<'_>, place: &Place<'_>) -> Option<Compression> {
    match place.text() {
        None | Some("none") => None,
        Some("gzip") if builder.features.gzip => Some(Compression::Gzip),
        Some("gzip") => {
            builder.warn(place, needs("gzip"), "sending without compression");
            None
        }
        Some(text) => {
            builder.reject(
                place,
                format!("is {:?}, not gzip or none", mask::text(text)),
            );
            None
        }
    }
}

fn tls_files(builder: &mut Builder<'_>, place: &Place<'_>) -> TlsFiles {
    let mut file = |name: &str| {
        let at = place.get(name);
        let path = PathBuf::from(at.text()?);
        if !path.is_absolute() {
            builder.reject(&at, "is not an absolute path");
        }
        Some(path)
    };
    let files = TlsFiles {
        certificate: file("ca_file"),
        client_key: file("key_file"),
        client_certificate: file("cert_file"),
    };
    if files.client_key.is_some() != files.client_certificate.is_some() {
        builder.reject(
            place,
            "has one of key_file and cert_file, and both are needed",
        );
    }
    files
}
