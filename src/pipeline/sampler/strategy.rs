//! What a Jaeger collector says about sampling, as JSON or as protobuf, and the decisions that follow from it.

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample as _};
use serde_json::Value;

use super::rate::Limit;

/// One answer of the collector.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Strategy {
    /// This share of traces.
    Ratio(f64),
    /// So many traces a second.
    Rate(f64),
    /// A share for each span name, but never less than some traces a second.
    Operations(Operations),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Operations {
    /// For names that are not listed.
    pub(super) ratio: f64,
    /// So many traces a second of each listed name at least, and of all others together.
    pub(super) at_least: f64,
    pub(super) ratios: HashMap<String, f64>,
}

impl Strategy {
    /// Reads the answer of the HTTP endpoint.
    pub(super) fn from_json(answer: &[u8]) -> Result<Self, String> {
        let answer: Value = serde_json::from_slice(answer)
            .map_err(|error| format!("the answer is not JSON: {error}"))?;
        if let Some(operations) = answer.get("operationSampling").filter(|v| v.is_object()) {
            let list = operations["perOperationStrategies"].as_array();
            let list = list.map(Vec::as_slice).unwrap_or_default();
            let ratios = list.iter().map(|one| {
                let name = one["operation"].as_str().unwrap_or_default().to_owned();
                (name, number(&one["probabilisticSampling"]["samplingRate"]))
            });
            return Self::operations(
                number(&operations["defaultSamplingProbability"]),
                number(&operations["defaultLowerBoundTracesPerSecond"]),
                ratios.collect(),
            );
        }
        if let Some(rate) = answer.get("rateLimitingSampling").filter(|v| v.is_object()) {
            return Self::rate(number(&rate["maxTracesPerSecond"]));
        }
        if let Some(ratio) = answer
            .get("probabilisticSampling")
            .filter(|v| v.is_object())
        {
            return Self::ratio(number(&ratio["samplingRate"]));
        }
        Err("the answer has no strategy".to_owned())
    }

    pub(super) fn ratio(ratio: f64) -> Result<Self, String> {
        Ok(Self::Ratio(checked_ratio(ratio)?))
    }

    pub(super) fn rate(rate: f64) -> Result<Self, String> {
        Ok(Self::Rate(checked_rate(rate)?))
    }

    pub(super) fn operations(
        ratio: f64,
        at_least: f64,
        ratios: HashMap<String, f64>,
    ) -> Result<Self, String> {
        for ratio in ratios.values() {
            checked_ratio(*ratio)?;
        }
        Ok(Self::Operations(Operations {
            ratio: checked_ratio(ratio)?,
            at_least: checked_rate(at_least)?,
            ratios,
        }))
    }
}

/// Proto3 leaves zero out, also in JSON.
fn number(value: &Value) -> f64 {
    match value {
        Value::Null => 0.0,
        value => value.as_f64().unwrap_or(f64::NAN),
    }
}

fn checked_ratio(ratio: f64) -> Result<f64, String> {
    if (0.0..=1.0).contains(&ratio) {
        return Ok(ratio);
    }
    Err("the answer has a share of traces that is not from 0 to 1".to_owned())
}

fn checked_rate(rate: f64) -> Result<f64, String> {
    if rate.is_finite() && rate >= 0.0 {
        return Ok(rate);
    }
    Err("the answer has a number of traces a second that is none".to_owned())
}

/// A strategy with the memory that it needs.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) strategy: Strategy,
    /// Of all traces, or of those whose name is not listed.
    limit: Limit,
    limits: HashMap<String, Limit>,
}

impl Active {
    pub(super) fn new(strategy: Strategy) -> Self {
        let (limit, limits) = match &strategy {
            Strategy::Ratio(_) => (Limit::new(0.0), HashMap::new()),
            Strategy::Rate(rate) => (Limit::new(*rate), HashMap::new()),
            Strategy::Operations(operations) => {
                let limit = || Limit::new(operations.at_least);
                let names = operations.ratios.keys();
                (limit(), names.map(|name| (name.clone(), limit())).collect())
            }
        };
        Self {
            strategy,
            limit,
            limits,
        }
    }

    /// Whether a trace that starts with a span of this name is kept.
    pub(super) fn keeps(&self, trace_id: TraceId, name: &str, now: u64) -> bool {
        match &self.strategy {
            Strategy::Ratio(ratio) => in_ratio(*ratio, trace_id),
            Strategy::Rate(_) => self.limit.allows(now),
            Strategy::Operations(operations) => {
                let ratio = operations.ratios.get(name).unwrap_or(&operations.ratio);
                let limit = self.limits.get(name).unwrap_or(&self.limit);
                // What the share keeps counts towards the least, or a busy name would get it on top.
                let at_least = limit.allows(now);
                in_ratio(*ratio, trace_id) || at_least
            }
        }
    }
}

/// The SDK's decision, so that it is the same as that of a plain ratio.
fn in_ratio(ratio: f64, trace_id: TraceId) -> bool {
    let sampler = Sampler::TraceIdRatioBased(ratio);
    let result = sampler.should_sample(
        None::<&Context>,
        trace_id,
        "",
        &SpanKind::Internal,
        &[],
        &[],
    );
    result.decision == SamplingDecision::RecordAndSample
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<Strategy, String> {
        Strategy::from_json(text.as_bytes())
    }

    #[test]
    fn every_form_of_answer_is_read() {
        assert_eq!(
            json(
                r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.5}}"#
            ),
            Ok(Strategy::Ratio(0.5))
        );
        assert_eq!(
            json(r#"{"strategyType":1,"rateLimitingSampling":{"maxTracesPerSecond":7}}"#),
            Ok(Strategy::Rate(7.0))
        );
        let operations = r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.5},
            "operationSampling":{"defaultSamplingProbability":0.25,"defaultLowerBoundTracesPerSecond":0.1,
            "perOperationStrategies":[{"operation":"GET /","probabilisticSampling":{"samplingRate":1}},
            {"operation":"off","probabilisticSampling":{}}]}}"#;
        let ratios = [("GET /".to_owned(), 1.0), ("off".to_owned(), 0.0)];
        assert_eq!(
            json(operations),
            Ok(Strategy::Operations(Operations {
                ratio: 0.25,
                at_least: 0.1,
                ratios: ratios.into(),
            }))
        );
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"probabilisticSampling":null}"#,
            r#"{"probabilisticSampling":{"samplingRate":1.5}}"#,
            r#"{"probabilisticSampling":{"samplingRate":"0.5"}}"#,
            r#"{"rateLimitingSampling":{"maxTracesPerSecond":-1}}"#,
            r#"{"operationSampling":{"perOperationStrategies":[{"probabilisticSampling":{"samplingRate":2}}]}}"#,
        ] {
            assert!(json(text).is_err(), "{text}");
        }
    }

    fn kept(active: &Active, name: &str) -> usize {
        // The highest ids, which a ratio keeps last.
        let ids = (0..100).map(|id| TraceId::from(u128::MAX - id));
        ids.filter(|id| active.keeps(*id, name, 0)).count()
    }

    #[test]
    fn each_operation_has_its_ratio_and_its_least() {
        let active = Active::new(Strategy::Operations(Operations {
            ratio: 0.0,
            at_least: 2.0,
            ratios: [("all".to_owned(), 1.0), ("none".to_owned(), 0.0)].into(),
        }));
        assert_eq!(kept(&active, "all"), 100);
        assert_eq!(kept(&active, "none"), 2);
        assert_eq!(kept(&active, "other"), 2);
        assert_eq!(kept(&active, "another"), 0);
    }

    #[test]
    fn ratio_and_rate_hold_for_all() {
        assert_eq!(kept(&Active::new(Strategy::Ratio(1.0)), "a"), 100);
        assert_eq!(kept(&Active::new(Strategy::Ratio(0.0)), "a"), 0);
        assert_eq!(kept(&Active::new(Strategy::Rate(3.0)), "a"), 3);
    }
}
