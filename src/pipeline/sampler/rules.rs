//! Samplers chosen by what the first span of a trace is like.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt as _, TraceId};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{SamplingResult, ShouldSample};

use crate::config::{self, SpanCondition};

/// The sampler of the first rule that matches, or the one for the rest.
///
/// A span with a parent in this process follows it: rules are about traces, and half a trace helps nobody.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    rules: Vec<(Vec<SpanCondition>, Box<dyn ShouldSample>)>,
    otherwise: Box<dyn ShouldSample>,
}

impl Rules {
    pub(super) fn new(
        rules: Vec<(Vec<SpanCondition>, Box<dyn ShouldSample>)>,
        otherwise: Box<dyn ShouldSample>,
    ) -> Self {
        Self { rules, otherwise }
    }
}

impl ShouldSample for Rules {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let span = parent.map(|parent| parent.span().span_context().clone());
        if let Some(local) = span.filter(|span| span.is_valid() && !span.is_remote()) {
            return super::result(super::keep_if(local.is_sampled()), parent);
        }
        let holds = |condition: &SpanCondition| match condition {
            SpanCondition::Name(pattern) => matches(pattern, name),
            SpanCondition::Kind(wanted) => is_kind(*wanted, kind),
            SpanCondition::Attribute(key, pattern) => attributes.iter().any(|attribute| {
                attribute.key.as_str() == key && value_matches(pattern, &attribute.value)
            }),
        };
        let mut rules = self.rules.iter();
        let sampler = rules
            .find(|(conditions, _)| conditions.iter().all(holds))
            .map_or(&self.otherwise, |(_, sampler)| sampler);
        sampler.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

fn is_kind(wanted: config::SpanKind, kind: &SpanKind) -> bool {
    matches!(
        (wanted, kind),
        (config::SpanKind::Internal, SpanKind::Internal)
            | (config::SpanKind::Server, SpanKind::Server)
            | (config::SpanKind::Client, SpanKind::Client)
            | (config::SpanKind::Producer, SpanKind::Producer)
            | (config::SpanKind::Consumer, SpanKind::Consumer)
    )
}

fn value_matches(pattern: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => matches(pattern, text.as_str()),
        other => matches(pattern, &other.to_string()),
    }
}

/// Whether `pattern`, in which `*` is any text, is all of `text`.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    let mut parts = rest.split('*');
    let end = parts.next_back().unwrap_or_default();
    for part in parts {
        // The earliest place leaves the most for what follows.
        let Some(at) = text.find(part) else {
            return false;
        };
        text = &text[at + part.len()..];
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceState};
    use opentelemetry_sdk::trace::{Sampler, SamplingDecision};

    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "anything"),
            ("a*", "a"),
            ("*a", "ba"),
            ("GET /health*", "GET /healthz"),
            ("a*b*c", "aXbXbc"),
            ("**a**", "bab"),
            ("*ab", "aab"),
            ("ä*", "äö"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", "A"),
            ("a*", "ba"),
            ("*a", "ab"),
            ("a*a", "a"),
            ("a*b*c", "acb"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    fn rules(conditions: Vec<SpanCondition>) -> Rules {
        let rule = (conditions, Sampler::AlwaysOff.into());
        Rules::new(vec![rule], Sampler::AlwaysOn.into())
    }

    fn kept(rules: &Rules, parent: Option<&Context>) -> bool {
        let attributes = [
            KeyValue::new("http.route", "/health"),
            KeyValue::new("port", 80),
        ];
        let result = rules.should_sample(
            parent,
            TraceId::from(1),
            "GET /health",
            &SpanKind::Server,
            &attributes,
            &[],
        );
        result.decision == SamplingDecision::RecordAndSample
    }

    fn attribute(key: &str, pattern: &str) -> SpanCondition {
        SpanCondition::Attribute(key.to_owned(), pattern.to_owned())
    }

    #[test]
    fn all_conditions_of_a_rule_have_to_hold() {
        let name = SpanCondition::Name("GET *".to_owned());
        let kind = SpanCondition::Kind(config::SpanKind::Server);
        let all = vec![
            name.clone(),
            kind,
            attribute("http.route", "/health"),
            attribute("port", "8*"),
        ];
        assert!(!kept(&rules(all), None));
        for other in [
            SpanCondition::Kind(config::SpanKind::Client),
            attribute("port", "443"),
            attribute("absent", "*"),
        ] {
            let conditions = vec![name.clone(), other];
            assert!(kept(&rules(conditions.clone()), None), "{conditions:?}");
        }
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let first = (vec![attribute("port", "80")], Sampler::AlwaysOn.into());
        let second = (vec![attribute("port", "*")], Sampler::AlwaysOff.into());
        let rules = Rules::new(vec![first, second], Sampler::AlwaysOff.into());
        assert!(kept(&rules, None));
    }

    #[test]
    fn a_local_parent_is_followed_and_a_remote_one_is_not() {
        let parent = |flags, remote| {
            Context::new().with_remote_span_context(SpanContext::new(
                TraceId::from(1),
                SpanId::from(1),
                flags,
                remote,
                TraceState::default(),
            ))
        };
        let off = rules(vec![SpanCondition::Name("*".to_owned())]);
        assert!(kept(&off, Some(&parent(TraceFlags::SAMPLED, false))));
        assert!(!kept(&off, Some(&parent(TraceFlags::SAMPLED, true))));
        let on = rules(vec![SpanCondition::Name("other".to_owned())]);
        assert!(!kept(&on, Some(&parent(TraceFlags::NOT_SAMPLED, false))));
        assert!(kept(&on, Some(&parent(TraceFlags::NOT_SAMPLED, true))));
    }
}
