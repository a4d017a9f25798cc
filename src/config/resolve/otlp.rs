//! One OTLP connection a signal: the signal's variables above the general ones.

use std::path::PathBuf;

use super::attributes::headers;
use super::endpoint::{Use, endpoint, wrong_port};
use crate::config::features::needs;
use crate::config::lookup::Candidate;
use crate::config::parsed::WhenRefused;
use crate::config::reader::{Read, Reader, show_list};
use crate::config::variable::{Applies, Family, Variable};
use crate::config::{Compression, Headers, Otlp, Protocol, Signal, TlsFiles, mask, table};

/// The exporter of this file.
pub(super) const NAME: &str = "otlp";
/// The exporter of lines of JSON, which shares its encoding with `http/json`.
pub(super) const STDOUT: &str = "otlp/stdout";
/// The exporter that is scraped.
pub(super) const PROMETHEUS: &str = "prometheus";

/// The exporters of `variable` that this build has, and the OTLP connection if it is one of them.
pub(super) fn exporters(
    reader: &mut Reader<'_>,
    variable: &'static Variable,
    signal: Signal,
) -> (Vec<&'static str>, Option<Otlp>) {
    let read = reader.list(variable, WhenRefused::Nothing);
    let mut names = read.value.clone();
    let connection = otlp(reader, signal, names.contains(&NAME));
    if connection.is_none() {
        names.retain(|name| *name != NAME);
    }
    let features = reader.features;
    for (exporter, feature, is_there) in [
        (PROMETHEUS, "prometheus", features.prometheus),
        (STDOUT, "http-json", features.http_json),
    ] {
        if names.contains(&exporter) && !is_there {
            names.retain(|name| *name != exporter);
            let what = format!("has {exporter}, which {}", needs(feature));
            reader.warn(&read, what, "leaving that exporter out");
        }
    }
    reader.amend(variable, show_list(&names));
    (names, connection)
}

/// The connection for `signal`; `None` when it is not wanted or this build cannot make it.
///
/// All variables are read in any case, so that a mistake is reported before it matters.
fn otlp(reader: &mut Reader<'_>, signal: Signal, wanted: bool) -> Option<Otlp> {
    let protocol = protocol(reader, signal, wanted);
    let insecure = reader.flag(&table::OTLP_INSECURE.chain(signal));
    let url = read_endpoint(reader, signal, protocol.value, insecure.value);
    let otlp = Otlp {
        protocol: protocol.value,
        headers: read_headers(reader, signal),
        timeout: reader.duration(&table::OTLP_TIMEOUT.chain(signal)).value,
        compression: compression(reader, signal, wanted),
        tls: tls_files(reader, signal, wanted),
        endpoint: url.value.clone(),
    };
    if !wanted {
        return None;
    }
    check_pairs(reader, &url, &insecure, protocol.value);
    let can_send = check_features(reader, signal, &protocol, &url);
    can_send.then_some(otlp)
}

fn protocol(reader: &mut Reader<'_>, signal: Signal, wanted: bool) -> Read<Protocol> {
    let chain = table::OTLP_PROTOCOL.chain(signal);
    let read = reader.choice(&chain);
    let mut value = match read.value {
        "grpc" => Protocol::Grpc,
        "http/json" => Protocol::HttpJson,
        _ => Protocol::HttpProtobuf,
    };
    let features = reader.features;
    if read.is_default() && !features.otlp_http && features.grpc {
        // The specification lets an SDK without HTTP default to gRPC.
        value = Protocol::Grpc;
    }
    if value == Protocol::HttpJson && !features.http_json {
        if wanted {
            reader.warn(&read, needs("http-json"), "using http/protobuf");
        }
        value = Protocol::HttpProtobuf;
    }
    reader.amend(chain[0], value.as_str());
    Read {
        value,
        variable: read.variable,
        origin: read.origin,
        shown: value.as_str().to_owned(),
        written: read.written,
    }
}

fn read_endpoint(
    reader: &mut Reader<'_>,
    signal: Signal,
    protocol: Protocol,
    insecure: bool,
) -> Read<String> {
    let parse = |candidate: Candidate<'_>| {
        let how = Use {
            protocol,
            add_path_of: (!is_of_signal(candidate.variable)).then_some(signal),
            insecure,
        };
        endpoint(candidate.text, how)
    };
    let default = || match protocol {
        Protocol::Grpc => "http://localhost:4317".to_owned(),
        Protocol::HttpProtobuf | Protocol::HttpJson => Otlp::default_for(signal).endpoint,
    };
    let show = |url: &String| mask::url(url);
    reader.or_else(&table::OTLP_ENDPOINT.chain(signal), parse, show, default)
}

fn read_headers(reader: &mut Reader<'_>, signal: Signal) -> Headers {
    let read = reader.optional(
        &table::OTLP_HEADERS.chain(signal),
        |candidate| headers(candidate.text),
        |headers| mask::headers(&headers.0),
        "none",
    );
    read.map(|read| read.value).unwrap_or_default()
}

fn compression(reader: &mut Reader<'_>, signal: Signal, wanted: bool) -> Option<Compression> {
    let chain = table::OTLP_COMPRESSION.chain(signal);
    let read = reader.choice(&chain);
    if read.value != "gzip" {
        return None;
    }
    if !reader.features.gzip {
        if wanted {
            reader.warn(&read, needs("gzip"), "sending without compression");
        }
        reader.amend(chain[0], "none");
        return None;
    }
    Some(Compression::Gzip)
}

fn tls_files(reader: &mut Reader<'_>, signal: Signal, wanted: bool) -> TlsFiles {
    let mut file = |family: &'static Family, unset: &str| {
        let read = reader.text(&family.chain(signal), unset);
        read.map(|read| Read {
            value: PathBuf::from(&read.value),
            variable: read.variable,
            origin: read.origin,
            shown: read.shown,
            written: read.written,
        })
    };
    let certificate = file(&table::OTLP_CERTIFICATE, "those of the operating system");
    let key = file(&table::OTLP_CLIENT_KEY, "none");
    let chain = file(&table::OTLP_CLIENT_CERTIFICATE, "none");
    // Half a pair cannot identify anybody, and both TLS stacks fail on it later with less to say.
    let half = match (&key, &chain) {
        (Some(key), None) => Some((key, &table::OTLP_CLIENT_CERTIFICATE)),
        (None, Some(chain)) => Some((chain, &table::OTLP_CLIENT_KEY)),
        _ => None,
    };
    if let Some((read, missing)) = half {
        if wanted {
            let what = format!("needs {} beside it", missing.general.name);
            reader.warn(read, what, "sending without a client certificate");
        }
        return TlsFiles {
            certificate: certificate.map(|read| read.value),
            ..TlsFiles::default()
        };
    }
    TlsFiles {
        certificate: certificate.map(|read| read.value),
        client_key: key.map(|read| read.value),
        client_certificate: chain.map(|read| read.value),
    }
}

/// Values that are fine alone and wrong together.
fn check_pairs(
    reader: &mut Reader<'_>,
    url: &Read<String>,
    insecure: &Read<bool>,
    protocol: Protocol,
) {
    let is_grpc = protocol == Protocol::Grpc;
    if let Some((what, instead)) = wrong_port(&url.value, protocol) {
        reader.warn(url, what, &instead);
    }
    if let Some(written) = &url.written {
        let has_path = Signal::ALL.iter().any(|signal| {
            written
                .trim_end_matches('/')
                .ends_with(&format!("/v1/{signal}"))
        });
        if has_path && !is_grpc && !is_of_signal(url.variable) {
            let what = "ends in the path of a signal, and the path of each signal is added to it";
            let instead =
                "sending there all the same; leave the path out, or set the variable of the signal";
            reader.warn(url, what, instead);
        }
    }
    let has_scheme = |written: &String| written.contains("://");
    if insecure.value && (!is_grpc || url.written.as_ref().is_none_or(has_scheme)) {
        let what = "has an effect only on gRPC endpoints without a scheme";
        reader.notice(insecure, what, "ignoring it");
    }
}

/// Whether this build can send to `url`; what is missing is reported.
fn check_features(
    reader: &mut Reader<'_>,
    signal: Signal,
    protocol: &Read<Protocol>,
    url: &Read<String>,
) -> bool {
    let features = reader.features;
    let is_grpc = protocol.value == Protocol::Grpc;
    let lost = |variable: &Variable| {
        if is_of_signal(variable) {
            format!("{signal} are not exported over OTLP")
        } else {
            "what would use it is not exported over OTLP".to_owned()
        }
    };
    if is_grpc && !features.grpc {
        reader.warn(protocol, needs("grpc"), &lost(protocol.variable));
        return false;
    }
    if !is_grpc && !features.otlp_http {
        reader.warn(protocol, needs("otlp-http"), &lost(protocol.variable));
        return false;
    }
    // The feature `grpc` brings a TLS stack of its own.
    if !is_grpc && url.value.starts_with("https:") && !features.tls {
        reader.warn(url, needs("tls"), &lost(url.variable));
        return false;
    }
    true
}

fn is_of_signal(variable: &Variable) -> bool {
    matches!(variable.applies, Applies::Otlp(_))
}
