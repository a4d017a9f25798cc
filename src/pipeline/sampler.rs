//! The configured sampler as the SDK's.

use opentelemetry_sdk::trace::Sampler;

use crate::config;

pub(crate) fn build(sampler: &config::Sampler) -> Sampler {
    match sampler {
        config::Sampler::AlwaysOn => Sampler::AlwaysOn,
        config::Sampler::AlwaysOff => Sampler::AlwaysOff,
        config::Sampler::TraceIdRatio(ratio) => Sampler::TraceIdRatioBased(*ratio),
        config::Sampler::ParentBased(root) => Sampler::ParentBased(Box::new(build(root))),
        config::Sampler::JaegerRemote(remote) => Sampler::TraceIdRatioBased(remote.initial_rate),
    }
}
