//! Endpoints: what a URL may hold, and what becomes of it over HTTP and over gRPC.

use crate::config::parsed::{Fault, Parsed};
use crate::config::{Protocol, Signal};

/// How an endpoint is used.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Use {
    pub(in crate::config) protocol: Protocol,
    /// The signal whose path is added; `None` where the URL is used as it is.
    pub(in crate::config) add_path_of: Option<Signal>,
    /// Whether a gRPC endpoint without a scheme is plain text.
    pub(in crate::config) insecure: bool,
}

/// The URL that is posted to over HTTP; scheme, host and port over gRPC.
pub(in crate::config) fn endpoint(text: &str, how: Use) -> Parsed<String> {
    let is_grpc = how.protocol == Protocol::Grpc;
    let mut faults = Vec::new();
    let url = match split(text.trim(), is_grpc.then_some(how.insecure)) {
        Ok(url) => url,
        Err(what) => return Parsed::bad(what),
    };
    if url.has_user {
        faults.push(Fault::partial(
            "has a user or password, which is not sent",
            "leaving it out; use OTEL_EXPORTER_OTLP_HEADERS",
        ));
    }
    if url.has_fragment {
        faults.push(Fault::partial("has a fragment", "leaving it out"));
    }
    let base = format!("{}://{}", url.scheme, url.authority);
    let keeps_query = !is_grpc && how.add_path_of.is_none();
    if !url.query.is_empty() && !keeps_query {
        let what = "has a query, which only the variable of a signal may have, over HTTP";
        faults.push(Fault::partial(what, "leaving it out"));
    }
    let value = if is_grpc {
        if !matches!(url.path, "" | "/") {
            let what = "has a path, which gRPC does not use";
            faults.push(Fault::partial(what, "leaving it out"));
        }
        base
    } else if let Some(signal) = how.add_path_of {
        format!("{base}{}/v1/{signal}", url.path.trim_end_matches('/'))
    } else {
        let path = if url.path.is_empty() { "/" } else { url.path };
        format!("{base}{path}{}", url.query)
    };
    if value.parse::<http::Uri>().is_err() {
        return Parsed::bad("is not a URL");
    }
    Parsed {
        value: Some(value),
        faults,
    }
}

/// The port on which Jaeger gives sampling strategies over HTTP.
const SAMPLING_OVER_HTTP: u16 = 5778;

/// Scheme, host and port of a gRPC server other than an OTLP one, or the whole URL if it has a path.
pub(in crate::config) fn remote(text: &str) -> Option<String> {
    let over = |protocol| Use {
        protocol,
        add_path_of: None,
        insecure: true,
    };
    let server = endpoint(text, over(Protocol::Grpc)).value?;
    let path = text.rsplit_once("://").map_or(text, |(_, rest)| rest);
    match path.trim().split_once('/') {
        Some((_, path)) if !path.is_empty() => endpoint(text, over(Protocol::HttpJson)).value,
        // Nobody means gRPC by this port.
        _ if port(&server) == Some(SAMPLING_OVER_HTTP) => Some(format!("{server}/api/sampling")),
        _ => Some(server),
    }
}

/// What is wrong with the port of a URL that [`endpoint`] made, and what would be right.
pub(in crate::config) fn wrong_port(url: &str, protocol: Protocol) -> Option<(String, String)> {
    let (of, right) = match (port(url)?, protocol) {
        (4318, Protocol::Grpc) => ("HTTP", "port 4317 or the protocol http/protobuf"),
        (4317, Protocol::HttpProtobuf | Protocol::HttpJson) => {
            ("gRPC", "port 4318 or the protocol grpc")
        }
        _ => return None,
    };
    Some((
        format!("has the port of OTLP over {of}, and the protocol is {protocol}"),
        format!("sending there all the same; use {right}"),
    ))
}

/// The port of a URL that [`endpoint`] made, if it names one.
fn port(url: &str) -> Option<u16> {
    url.parse::<http::Uri>().ok()?.port_u16()
}

struct Url<'a> {
    scheme: &'static str,
    authority: &'a str,
    path: &'a str,
    /// With its question mark.
    query: &'a str,
    has_user: bool,
    has_fragment: bool,
}

/// `insecure` is `None` where a scheme is needed.
fn split(text: &str, insecure: Option<bool>) -> Result<Url<'_>, String> {
    let (rest, has_fragment) = match text.split_once('#') {
        Some((rest, _)) => (rest, true),
        None => (text, false),
    };
    let (rest, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    let (scheme, rest) = match (rest.split_once("://"), insecure) {
        (Some((scheme, rest)), _) if scheme.eq_ignore_ascii_case("http") => ("http", rest),
        (Some((scheme, rest)), _) if scheme.eq_ignore_ascii_case("https") => ("https", rest),
        (Some(_), _) => return Err("has a scheme that is neither http nor https".to_owned()),
        (None, Some(true)) => ("http", rest),
        (None, Some(false)) => ("https", rest),
        (None, None) => return Err("has no scheme; write http:// or https:// before it".to_owned()),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (authority, has_user) = match authority.rsplit_once('@') {
        Some((_, authority)) => (authority, true),
        None => (authority, false),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if host.is_empty() {
        return Err("has no host".to_owned());
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err("has a port that is not a number up to 65535".to_owned());
    }
    Ok(Url {
        scheme,
        authority,
        path,
        query,
        has_user,
        has_fragment,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> Parsed<String> {
        let how = Use {
            protocol: Protocol::HttpProtobuf,
            add_path_of: Some(Signal::Logs),
            insecure: false,
        };
        endpoint(text, how)
    }

    fn verbatim(text: &str) -> Parsed<String> {
        let how = Use {
            protocol: Protocol::HttpJson,
            add_path_of: None,
            insecure: false,
        };
        endpoint(text, how)
    }

    fn grpc(text: &str, insecure: bool) -> Parsed<String> {
        let how = Use {
            protocol: Protocol::Grpc,
            add_path_of: Some(Signal::Logs),
            insecure,
        };
        endpoint(text, how)
    }

    #[test]
    fn base_url_gets_the_path_of_the_signal() {
        for (text, url) in [
            ("http://h", "http://h/v1/logs"),
            ("HTTP://h:1/", "http://h:1/v1/logs"),
            (" https://h/a/b/ ", "https://h/a/b/v1/logs"),
            ("http://[::1]:4318", "http://[::1]:4318/v1/logs"),
            ("http://[::1]", "http://[::1]/v1/logs"),
        ] {
            assert_eq!(base(text), Parsed::good(url.to_owned()), "{text}");
        }
    }

    #[test]
    fn url_of_a_signal_is_used_as_it_is() {
        for (text, url) in [
            ("http://h", "http://h/"),
            ("http://h/x/", "http://h/x/"),
            ("http://h/x?tenant=1", "http://h/x?tenant=1"),
        ] {
            assert_eq!(verbatim(text), Parsed::good(url.to_owned()), "{text}");
        }
    }

    #[test]
    fn grpc_takes_scheme_host_and_port() {
        assert_eq!(
            grpc("http://h:1/", false),
            Parsed::good("http://h:1".into())
        );
        assert_eq!(grpc("h:4317", true), Parsed::good("http://h:4317".into()));
        assert_eq!(grpc("h:4317", false), Parsed::good("https://h:4317".into()));
        let path = grpc("http://h:1/x?y", false);
        assert_eq!(path.value.as_deref(), Some("http://h:1"));
        assert_eq!(path.faults.len(), 2);
    }

    #[test]
    fn remote_server_speaks_grpc_unless_it_has_a_path() {
        for (text, url) in [
            ("http://h:14250", "http://h:14250"),
            ("h:14250/", "http://h:14250"),
            ("https://h/sampling?x=1", "https://h/sampling?x=1"),
            ("http://h:5778", "http://h:5778/api/sampling"),
        ] {
            assert_eq!(remote(text).as_deref(), Some(url), "{text}");
        }
        assert_eq!(remote("http://"), None);
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in [
            "localhost:4318",
            "/foo/bar",
            "file://localhost:1",
            "http://",
            "http://:4318",
            "http://h:port",
            "http://h:99999",
            "http://a b",
            "http://h/a b",
            "",
        ] {
            assert_eq!(base(text).value, None, "{text}");
        }
    }

    #[test]
    fn password_never_reaches_the_configuration() {
        let parsed = base("https://me:pw@h");
        assert_eq!(parsed.value.as_deref(), Some("https://h/v1/logs"));
        assert_eq!(parsed.faults.len(), 1);
    }
}
