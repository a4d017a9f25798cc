//! What is configured, where it came from, and what the receivers make of it.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::config::{Config, Effective, Problem, Signal};
use crate::pipeline::Pipeline;
#[cfg(feature = "otlp-http")]
use crate::pipeline::probe;

/// What [`Telemetry::diagnose`](crate::Telemetry::diagnose) found out.
///
/// `Display` lists every effective value and its source, every problem, and for each receiver what it answered and what
/// helps; it holds no secret.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Diagnosis {
    /// Every value that has an effect, and where it comes from.
    pub effective: Effective,
    /// What is wrong with the configuration.
    pub problems: Vec<Problem>,
    /// One entry for every connection over OTLP, in the order traces, metrics, logs.
    pub probes: Vec<Probe>,
}

/// What one receiver answered to an export without items.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Probe {
    /// What would be sent there.
    pub signal: Signal,
    /// Where, without the query.
    pub endpoint: String,
    /// What the host name stands for; empty where it has no address.
    pub addresses: Vec<SocketAddr>,
    /// How long the export took, or why it failed and what helps.
    pub result: Result<Duration, String>,
}

/// Asks every receiver at once.
#[cfg(feature = "otlp-http")]
pub(crate) fn probes(pipeline: &Pipeline, config: &Config) -> Vec<Probe> {
    let found = probe::all(pipeline.runtime(), config);
    let probes = found.into_iter().map(|found| Probe {
        signal: found.signal,
        endpoint: found.endpoint,
        addresses: found.addresses,
        result: found.result,
    });
    probes.collect()
}

/// There is nothing to send with.
#[cfg(not(feature = "otlp-http"))]
pub(crate) fn probes(_: &Pipeline, _: &Config) -> Vec<Probe> {
    Vec::new()
}

impl Diagnosis {
    /// Whether there is no problem and every receiver takes what it is sent.
    pub fn is_healthy(&self) -> bool {
        self.problems.is_empty() && self.probes.iter().all(|probe| probe.result.is_ok())
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.effective)?;
        for problem in &self.problems {
            writeln!(f, "problem: {problem}")?;
        }
        if self.probes.is_empty() {
            return f.write_str("nothing is sent over OTLP\n");
        }
        self.probes
            .iter()
            .try_for_each(|probe| writeln!(f, "{probe}"))
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.signal, self.endpoint)?;
        for (index, address) in self.addresses.iter().enumerate() {
            f.write_str(if index == 0 { " at " } else { ", " })?;
            write!(f, "{}", address.ip())?;
        }
        match &self.result {
            Ok(took) => write!(
                f,
                ": an empty export was taken after {} ms",
                took.as_millis()
            ),
            Err(why) => write!(f, ": failed\n  {why}"),
        }
    }
}
