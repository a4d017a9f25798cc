//! Which traces are kept.

use super::{Writer, millis, quoted};
use crate::config::Sampler;

impl Writer {
    pub(super) fn sampler(&mut self, sampler: &Sampler, depth: usize) {
        match sampler {
            Sampler::AlwaysOn => self.line(depth, "always_on:"),
            Sampler::AlwaysOff => self.line(depth, "always_off:"),
            Sampler::TraceIdRatio(ratio) => {
                self.line(depth, "trace_id_ratio_based:");
                self.field(depth + 1, "ratio", &ratio.to_string());
            }
            Sampler::RateLimiting(rate) => {
                self.line(depth, "rate_limiting:");
                self.field(depth + 1, "traces_per_second", &rate.to_string());
            }
            Sampler::ParentBased(root) => {
                self.line(depth, "parent_based:");
                self.line(depth + 1, "root:");
                self.sampler(root, depth + 2);
            }
            Sampler::Custom(custom) => self.component(depth, "", custom),
            Sampler::JaegerRemote(remote) => {
                self.line(depth, "jaeger_remote/development:");
                self.field(depth + 1, "endpoint", &quoted(&remote.endpoint));
                self.field(depth + 1, "interval", &millis(remote.interval));
                self.line(depth + 1, "initial_sampler:");
                self.sampler(&Sampler::TraceIdRatio(remote.initial_rate), depth + 2);
            }
        }
    }
}
