//! The configured sampler as one that the SDK asks.

mod rate;
#[cfg(feature = "otlp-http")]
mod remote;
mod rules;
#[cfg(feature = "otlp-http")]
mod strategy;

use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt as _, TraceState};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

use super::guarded::{self, Guarded};
use super::provided::Provided;
use super::runtime::Runtime;
use crate::clock::Clock;
use crate::config;
use crate::delivery::Failure;
use crate::diagnostics::Diagnostics;

use rate::RateLimiting;
use rules::Rules;

/// What samplers are made with.
#[cfg_attr(
    not(feature = "otlp-http"),
    expect(dead_code, reason = "only a remote sampler asks somebody")
)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) service_name: &'a str,
    pub(crate) runtime: &'a Runtime,
    pub(crate) clock: &'a Clock,
    pub(crate) diagnostics: &'a Diagnostics,
    pub(super) provided: &'a Provided,
}

impl Parts<'_> {
    /// The sampler of `traces`, with its rules at the root.
    pub(crate) fn sampler(self, traces: &config::Traces) -> Result<Box<dyn ShouldSample>, Failure> {
        if traces.rules.is_empty() {
            return self.build(&traces.sampler);
        }
        let mut rules = Vec::new();
        for rule in &traces.rules {
            rules.push((rule.conditions.clone(), self.build(&rule.sampler)?));
        }
        let with_rules = |otherwise| Rules::new(rules, otherwise);
        Ok(match &traces.sampler {
            config::Sampler::ParentBased(root) => {
                Sampler::parent_based(with_rules(self.build(root)?)).into()
            }
            sampler => with_rules(self.build(sampler)?).into(),
        })
    }

    fn build(self, sampler: &config::Sampler) -> Result<Box<dyn ShouldSample>, Failure> {
        Ok(match sampler {
            config::Sampler::AlwaysOn => Sampler::AlwaysOn.into(),
            config::Sampler::AlwaysOff => Sampler::AlwaysOff.into(),
            config::Sampler::TraceIdRatio(ratio) => Sampler::TraceIdRatioBased(*ratio).into(),
            config::Sampler::RateLimiting(rate) => {
                RateLimiting::new(*rate, self.clock.clone()).into()
            }
            // The older `Sampler::ParentBased` follows an invalid parent, which then decides "no" for ever.
            config::Sampler::ParentBased(root) => Sampler::parent_based(self.build(root)?).into(),
            config::Sampler::Custom(custom) => {
                let made = self.provided.samplers.make(custom)?;
                let kind = config::ComponentKind::Sampler;
                let guarded = Guarded::new(made, kind, custom, self.diagnostics);
                guarded::Sampler(Arc::new(guarded)).into()
            }
            #[cfg(feature = "otlp-http")]
            config::Sampler::JaegerRemote(remote) => remote::start(remote, self)?.into(),
            // The configuration has said that the collector cannot be asked.
            #[cfg(not(feature = "otlp-http"))]
            config::Sampler::JaegerRemote(remote) => {
                Sampler::TraceIdRatioBased(remote.initial_rate).into()
            }
        })
    }
}

/// `decision`, with the trace state of the parent.
pub(super) fn result(decision: SamplingDecision, parent: Option<&Context>) -> SamplingResult {
    SamplingResult {
        decision,
        attributes: Vec::new(),
        trace_state: parent.map_or_else(TraceState::default, |parent| {
            parent.span().span_context().trace_state().clone()
        }),
    }
}

fn keep_if(kept: bool) -> SamplingDecision {
    if kept {
        SamplingDecision::RecordAndSample
    } else {
        SamplingDecision::Drop
    }
}
