//! The sampler and its argument.

use std::time::Duration;

use crate::config::features::{Features, needs};
use crate::config::lookup::Candidate;
use crate::config::parsed::{self, Fault, Parsed};
use crate::config::reader::Reader;
use crate::config::{JaegerRemote, Sampler, table};

pub(super) fn sampler(reader: &mut Reader<'_>) -> Sampler {
    let chosen = reader.choice(&[&table::TRACES_SAMPLER]);
    let (parent_based, root) = match chosen.value.strip_prefix("parentbased_") {
        Some(root) => (true, root),
        None => (false, chosen.value),
    };
    let root = match root {
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => Sampler::TraceIdRatio(ratio(reader)),
        "ratelimiting" => Sampler::RateLimiting(rate(reader)),
        "jaeger_remote" => Sampler::JaegerRemote(jaeger_remote(reader)),
        _ => Sampler::AlwaysOn,
    };
    if matches!(root, Sampler::AlwaysOn | Sampler::AlwaysOff) {
        unused_argument(reader, chosen.is_default(), chosen.value);
    }
    if parent_based {
        Sampler::parent_based(root)
    } else {
        root
    }
}

fn ratio(reader: &mut Reader<'_>) -> f64 {
    let read = reader.optional(
        &[&table::TRACES_SAMPLER_ARG],
        |candidate: Candidate<'_>| match parsed::ratio(candidate.text) {
            Some(ratio) => Parsed::good(ratio),
            None => Parsed::bad("is not a number from 0 to 1"),
        },
        f64::to_string,
        "1, so every trace is kept",
    );
    read.map_or(1.0, |read| read.value)
}

/// Enough to see what a service does, and little enough for any collector.
const DEFAULT_RATE: f64 = 100.0;

fn rate(reader: &mut Reader<'_>) -> f64 {
    let read = reader.optional(
        &[&table::TRACES_SAMPLER_ARG],
        |candidate: Candidate<'_>| match parsed::rate(candidate.text) {
            Some(rate) => Parsed::good(rate),
            None => Parsed::bad("is not a number of traces a second"),
        },
        f64::to_string,
        "100",
    );
    read.map_or(DEFAULT_RATE, |read| read.value)
}

fn jaeger_remote(reader: &mut Reader<'_>) -> JaegerRemote {
    let read = reader.or_else(
        &[&table::TRACES_SAMPLER_ARG],
        |candidate: Candidate<'_>| remote_argument(candidate.text),
        JaegerRemote::to_string,
        JaegerRemote::default,
    );
    if let Some(feature) = missing_feature(&read.value, reader.features) {
        let instead = format!("keeping a share of {}", read.value.initial_rate);
        reader.warn(&read, needs(feature), &instead);
    }
    read.value
}

/// What has to be compiled in before that server can be asked.
fn missing_feature(remote: &JaegerRemote, features: Features) -> Option<&'static str> {
    let uri: http::Uri = remote.endpoint.parse().ok()?;
    let over_grpc = matches!(uri.path(), "" | "/");
    if over_grpc {
        return (!features.grpc).then_some("grpc");
    }
    if !features.otlp_http {
        return Some("otlp-http");
    }
    (uri.scheme_str() == Some("https") && !features.tls).then_some("tls")
}

fn remote_argument(text: &str) -> Parsed<JaegerRemote> {
    let mut remote = JaegerRemote::default();
    let mut faults = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
        let (key, value) = entry.split_once('=').unwrap_or((entry, ""));
        match key.trim() {
            "endpoint" => match super::endpoint::remote(value.trim()) {
                Some(endpoint) => remote.endpoint = endpoint,
                None => faults.push(bad("endpoint", "a URL such as http://localhost:14250")),
            },
            "pollingIntervalMs" => match parsed::size(value, "").value {
                Some(millis) => remote.interval = Duration::from_millis(millis as u64),
                None => faults.push(bad("pollingIntervalMs", "a whole number above 0")),
            },
            "initialSamplingRate" => match parsed::ratio(value) {
                Some(rate) => remote.initial_rate = rate,
                None => faults.push(bad("initialSamplingRate", "a number from 0 to 1")),
            },
            _ => faults.push(Fault::partial(
                "has a part that is none of endpoint, pollingIntervalMs, initialSamplingRate",
                "ignoring it",
            )),
        }
    }
    Parsed {
        value: Some(remote),
        faults,
    }
}

fn bad(key: &str, accepted: &str) -> Fault {
    Fault::partial(
        format!("has a {key} that is not {accepted}"),
        "using its default",
    )
}

/// The specification ignores the argument then, but nobody sets it without wanting a ratio.
fn unused_argument(reader: &mut Reader<'_>, unset: bool, sampler: &str) {
    let argument = reader.peek(&table::TRACES_SAMPLER_ARG);
    let Some(argument) = argument else { return };
    if unset {
        let what = "has no effect without OTEL_TRACES_SAMPLER";
        reader.notice(
            &argument,
            what,
            "keeping every trace; did you mean OTEL_TRACES_SAMPLER=parentbased_traceidratio?",
        );
    } else {
        let what = format!("has no effect: the sampler {sampler} takes no argument");
        reader.notice(&argument, what, "ignoring it");
    }
}
