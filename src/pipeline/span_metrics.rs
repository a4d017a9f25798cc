//! The configured span metrics as options of their recorder.

use std::sync::Arc;

use super::resource;
use crate::config::{self, Config, ExemplarFilter, SpanFamily};
use crate::span_metrics::{Bounds, Dimension, Domain, ExemplarRule, Options, SpanRule, Unit};

/// What `config` asks for; `exports_spans` says whether spans go anywhere.
pub(super) fn options(config: &Config, exports_spans: bool) -> Options {
    let spans = &config.span_metrics;
    let has = |family: SpanFamily| spans.families.contains(&family);
    Options {
        service_name: resource::service_name(&config.resource).into(),
        dimensions: spans
            .spans
            .iter()
            .flat_map(|span| &span.dimensions)
            .chain(&spans.dimensions)
            .map(dimension)
            .collect(),
        dropped: spans.dropped_labels.clone(),
        bounds: Arc::new(Bounds::from_millis(spans.buckets.millis())),
        unit: match spans.unit {
            config::DurationUnit::Milliseconds => Unit::Milliseconds,
            config::DurationUnit::Seconds => Unit::Seconds,
        },
        rules: spans.spans.iter().map(rule).collect(),
        limit: spans.limit,
        reserved: spans
            .reserved
            .iter()
            .flat_map(|reserved| {
                let values = reserved.values.iter();
                values.map(|value| (reserved.label.as_str().into(), value.as_str().into()))
            })
            .collect(),
        expiration: Some(spans.expiration).filter(|expiration| !expiration.is_zero()),
        domains: Domain::ALL
            .into_iter()
            .filter(|domain| {
                has(match domain {
                    Domain::Http => SpanFamily::Http,
                    Domain::Rpc => SpanFamily::Rpc,
                    Domain::Db => SpanFamily::Db,
                    Domain::Messaging => SpanFamily::Messaging,
                    Domain::GenAi => SpanFamily::GenAi,
                })
            })
            .collect(),
        active: has(SpanFamily::Active),
        exemplars: match config.metrics.exemplar_filter {
            ExemplarFilter::AlwaysOn => ExemplarRule::All,
            // A trace that goes nowhere is not found by its id.
            ExemplarFilter::TraceBased if exports_spans => ExemplarRule::Sampled,
            ExemplarFilter::TraceBased | ExemplarFilter::AlwaysOff => ExemplarRule::None,
        },
    }
}

fn dimension(dimension: &config::Dimension) -> Dimension {
    let label = dimension.label.as_ref().unwrap_or(&dimension.field);
    Dimension {
        field: dimension.field.clone(),
        label: label.as_str().into(),
        default: dimension.default.as_deref().map(Into::into),
        span: dimension.span.clone(),
        target: dimension.target.clone(),
    }
}

fn rule(span: &config::SpanDescription) -> SpanRule {
    let bounds = span.buckets.as_ref();
    SpanRule {
        span: span.name.clone(),
        bounds: bounds.map(|buckets| Arc::new(Bounds::from_millis(buckets.millis()))),
        dropped: span.dropped_labels.clone(),
        help: span.help.as_deref().map(Into::into),
    }
}
