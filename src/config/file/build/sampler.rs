//! Which traces are kept.

use std::time::Duration;

use super::Builder;
use super::component::component;
use super::place::Place;
use crate::config::resolve::endpoint;
use crate::config::{ComponentKind, JaegerRemote, Sampler, table};

/// The sampler of the tracer provider; unset means parent-based and always on.
pub(super) fn sampler(builder: &mut Builder<'_>, place: &Place<'_>) -> Sampler {
    let sampler = build(builder, place).unwrap_or_else(default);
    let (name, argument) = show(&sampler);
    builder.record(&table::TRACES_SAMPLER, name, place);
    if let Some(argument) = argument {
        builder.record(&table::TRACES_SAMPLER_ARG, argument, place);
    }
    sampler
}

fn default() -> Sampler {
    Sampler::parent_based(Sampler::AlwaysOn)
}

fn build(builder: &mut Builder<'_>, place: &Place<'_>) -> Option<Sampler> {
    let (name, component) = place.component()?;
    match name {
        "always_on" => Some(Sampler::AlwaysOn),
        "always_off" => Some(Sampler::AlwaysOff),
        "trace_id_ratio_based" => Some(Sampler::TraceIdRatio(ratio(&component))),
        "parent_based" => Some(parent_based(builder, &component)),
        "rate_limiting" => Some(Sampler::RateLimiting(rate(builder, &component))),
        "jaeger_remote/development" => jaeger_remote(builder, &component),
        "probability/development" => {
            let what = "is not supported: it is still in development";
            builder.warn(&component, what, "using trace_id_ratio_based");
            Some(Sampler::TraceIdRatio(ratio(&component)))
        }
        "composite/development" => {
            let what = "is not supported: it is still in development";
            builder.warn(&component, what, "using parent_based with root always_on");
            Some(default())
        }
        _ => {
            let kind = ComponentKind::Sampler;
            self::component(builder, kind, name, &component).map(Sampler::Custom)
        }
    }
}

fn ratio(place: &Place<'_>) -> f64 {
    place.get("ratio").number().unwrap_or(1.0)
}

/// Ours; the schema leaves names of samplers open.
fn rate(builder: &mut Builder<'_>, place: &Place<'_>) -> f64 {
    let at = place.get("traces_per_second");
    match at.number().filter(|rate| rate.is_finite() && *rate >= 0.0) {
        Some(rate) => rate,
        None => {
            builder.reject(&at, "is not a number of traces a second");
            0.0
        }
    }
}

fn parent_based(builder: &mut Builder<'_>, place: &Place<'_>) -> Sampler {
    let root = build(builder, &place.get("root")).unwrap_or(Sampler::AlwaysOn);
    for (name, usual) in [
        ("remote_parent_sampled", "always_on"),
        ("remote_parent_not_sampled", "always_off"),
        ("local_parent_sampled", "always_on"),
        ("local_parent_not_sampled", "always_off"),
    ] {
        let delegate = place.get(name);
        let chosen = delegate.component().map(|(name, _)| name);
        if chosen.is_some_and(|chosen| chosen != usual) {
            let what = "is not supported: a span always follows its parent";
            builder.warn(&delegate, what, format!("using {usual}"));
        }
    }
    Sampler::parent_based(root)
}

fn jaeger_remote(builder: &mut Builder<'_>, place: &Place<'_>) -> Option<Sampler> {
    let mut remote = JaegerRemote::default();
    let at = place.get("endpoint");
    match endpoint::remote(at.text()?) {
        Some(endpoint) => remote.endpoint = endpoint,
        None => builder.reject(&at, "is not a URL such as http://localhost:14250"),
    }
    let interval = place.get("interval");
    if let Some(millis) = builder.number(&interval) {
        if millis == 0 {
            builder.reject(
                &interval,
                "is 0, and the collector must not be asked without pause",
            );
        }
        remote.interval = Duration::from_millis(u64::from(millis));
    }
    let initial = place.get("initial_sampler");
    match build(builder, &initial) {
        Some(Sampler::AlwaysOn) => remote.initial_rate = 1.0,
        Some(Sampler::AlwaysOff) => remote.initial_rate = 0.0,
        Some(Sampler::TraceIdRatio(ratio)) => remote.initial_rate = ratio,
        Some(_) => {
            let what = "is not supported: only always_on, always_off and trace_id_ratio_based are";
            builder.warn(
                &initial,
                what,
                format!("using a ratio of {}", remote.initial_rate),
            );
        }
        None => {}
    }
    Some(Sampler::JaegerRemote(remote))
}

/// In the words of the variables.
fn show(sampler: &Sampler) -> (String, Option<String>) {
    match sampler {
        Sampler::AlwaysOn => ("always_on".to_owned(), None),
        Sampler::AlwaysOff => ("always_off".to_owned(), None),
        Sampler::TraceIdRatio(ratio) => ("traceidratio".to_owned(), Some(ratio.to_string())),
        Sampler::RateLimiting(rate) => ("ratelimiting".to_owned(), Some(rate.to_string())),
        Sampler::ParentBased(root) => {
            let (name, argument) = show(root);
            (format!("parentbased_{name}"), argument)
        }
        Sampler::JaegerRemote(remote) => ("jaeger_remote".to_owned(), Some(remote.to_string())),
        Sampler::Custom(custom) => (custom.name.clone(), None),
    }
}
