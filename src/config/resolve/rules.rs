//! `condition,condition=>sampler:argument;..`: sampling rules.

use crate::config::parsed::{self, Fault, Parsed};
use crate::config::reader::Reader;
use crate::config::{Sampler, SamplingRule, SpanCondition, SpanKind, mask, table};
use crate::semconv;

pub(super) fn rules(reader: &mut Reader<'_>) -> Vec<SamplingRule> {
    let read = reader.optional(
        &[&table::SAMPLER_RULES],
        |candidate| parse(candidate.text),
        |rules| show(rules),
        "none",
    );
    read.map_or_else(Vec::new, |read| read.value)
}

/// As they stand in the variable.
pub(in crate::config) fn show(rules: &[SamplingRule]) -> String {
    if rules.is_empty() {
        return "none".to_owned();
    }
    let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
    mask::text(&rules.join(";"))
}

/// The rules that can be used, the others named.
pub(in crate::config) fn parse(text: &str) -> Parsed<Vec<SamplingRule>> {
    let mut rules = Vec::new();
    let mut faults = Vec::new();
    for (index, text) in text.split(';').enumerate() {
        if text.trim().is_empty() {
            continue;
        }
        match rule(text) {
            Ok(rule) => rules.push(rule),
            Err(what) => faults.push(Fault {
                part: Some(mask::text(text.trim())),
                ..Fault::partial(
                    format!("is rule {} and {what}", index + 1),
                    "leaving it out",
                )
            }),
        }
    }
    Parsed {
        value: Some(rules),
        faults,
    }
}

fn rule(text: &str) -> Result<SamplingRule, String> {
    // From the end: a pattern may hold `=>`, a sampler cannot.
    let (conditions, sampler) = text
        .rsplit_once("=>")
        .ok_or("has no => before its sampler")?;
    let conditions = conditions
        .split(',')
        .map(condition)
        .collect::<Result<_, _>>()?;
    let sampler = self::sampler(sampler.trim())?;
    Ok(SamplingRule {
        conditions,
        sampler,
    })
}

fn condition(text: &str) -> Result<SpanCondition, String> {
    let (key, pattern) = text.split_once('=').ok_or("has a condition without a =")?;
    let decoded = |text: &str| super::attributes::decode(text.trim());
    let (Some(key), Some(pattern)) = (decoded(key), decoded(pattern)) else {
        return Err("has a broken percent encoding".to_owned());
    };
    if key.is_empty() {
        return Err("has a condition without a key".to_owned());
    }
    if key == semconv::SPAN_NAME {
        return Ok(SpanCondition::Name(pattern));
    }
    if key == semconv::SPAN_KIND {
        let kind = SpanKind::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(&pattern))
            .ok_or(
                "has a span.kind that is none of internal, server, client, producer, consumer",
            )?;
        return Ok(SpanCondition::Kind(kind));
    }
    Ok(SpanCondition::Attribute(key, pattern))
}

fn sampler(text: &str) -> Result<Sampler, String> {
    let (name, argument) = text.split_once(':').unwrap_or((text, ""));
    let is = |word: &str| name.trim().eq_ignore_ascii_case(word);
    if is("always_on") && argument.is_empty() {
        return Ok(Sampler::AlwaysOn);
    }
    if is("always_off") && argument.is_empty() {
        return Ok(Sampler::AlwaysOff);
    }
    if is("traceidratio") {
        return parsed::ratio(argument)
            .map(Sampler::TraceIdRatio)
            .ok_or_else(|| "has no ratio from 0 to 1, as in traceidratio:0.1".to_owned());
    }
    if is("ratelimiting") {
        return parsed::rate(argument)
            .map(Sampler::RateLimiting)
            .ok_or_else(|| "has no number of traces a second, as in ratelimiting:10".to_owned());
    }
    Err(
        "has a sampler that is none of always_on, always_off, traceidratio:<ratio>, \
         ratelimiting:<traces a second>"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(pattern: &str) -> SpanCondition {
        SpanCondition::Name(pattern.to_owned())
    }

    #[test]
    fn conditions_and_samplers_are_read_in_order() {
        let text = "span.name=GET /health* => always_off; \
                    span.kind=Consumer,queue.name=a%2Cb%3Bc=>ratelimiting:2.5;x=a=>b=>TraceIdRatio:0.5;";
        let attribute =
            |key: &str, pattern: &str| SpanCondition::Attribute(key.to_owned(), pattern.to_owned());
        let rules = [
            (vec![name("GET /health*")], Sampler::AlwaysOff),
            (
                vec![
                    SpanCondition::Kind(SpanKind::Consumer),
                    attribute("queue.name", "a,b;c"),
                ],
                Sampler::RateLimiting(2.5),
            ),
            (vec![attribute("x", "a=>b")], Sampler::TraceIdRatio(0.5)),
        ];
        let rules = rules.map(|(conditions, sampler)| SamplingRule {
            conditions,
            sampler,
        });
        assert_eq!(parse(text), Parsed::good(rules.to_vec()));
        let written = rules.each_ref().map(ToString::to_string).join(";");
        assert_eq!(parse(&written), Parsed::good(rules.to_vec()));
    }

    #[test]
    fn rule_that_cannot_be_read_is_left_out_and_named() {
        for (text, what) in [
            ("span.name=a", "has no => before its sampler"),
            ("a=>always_on", "has a condition without a ="),
            ("=a=>always_on", "has a condition without a key"),
            ("a=%zz=>always_on", "has a broken percent encoding"),
            (
                "span.kind=serve=>always_on",
                "has a span.kind that is none of",
            ),
            ("a=b=>sometimes", "has a sampler that is none of"),
            ("a=b=>always_on:1", "has a sampler that is none of"),
            ("a=b=>traceidratio:2", "has no ratio from 0 to 1"),
            ("a=b=>ratelimiting", "has no number of traces a second"),
            ("a=b=>ratelimiting:inf", "has no number of traces a second"),
        ] {
            let parsed = parse(&format!("{text};span.name=x=>always_on"));
            assert_eq!(parsed.value.map_or(0, |rules| rules.len()), 1, "{text}");
            assert_eq!(parsed.faults.len(), 1, "{text}");
            let expected = format!("is rule 1 and {what}");
            assert!(parsed.faults[0].what.starts_with(&expected), "{text}");
        }
    }
}
