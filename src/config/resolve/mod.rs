//! From variables to a [`Config`]: every value weighed, every problem reported, nothing built.

pub(super) mod attributes;
pub(super) mod endpoint;
pub(super) mod filter;
mod logs;
mod metrics;
mod otlp;
pub(super) mod rules;
mod sampler;
pub(super) mod span_metrics;
mod spool;
mod traces;

use super::features::needs;
#[cfg(feature = "config-file")]
use super::file;
use super::parsed::WhenRefused;
#[cfg(feature = "config-file")]
use super::reader::Read;
use super::reader::{Reader, show_list};
use super::{
    Config, Diagnostics, DiagnosticsLevel, Effective, Features, Invalid, Problem, Propagator,
    Severity, Sources, table, unknown,
};

/// What the sources mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The configuration, complete: what was refused is replaced.
    pub config: Config,
    /// Each value that has an effect, and where it comes from.
    pub effective: Effective,
    /// Everything that was refused, replaced or looks wrong.
    pub problems: Vec<Problem>,
    /// Whether the sources ask for a start that fails on a problem: `OTEL_RUST_CONFIG`.
    pub strictness: Strictness,
}

/// What a problem does to the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// It is reported and the value is replaced.
    #[default]
    Lenient,
    /// It makes the start fail.
    Strict,
}

impl Resolved {
    /// Itself, unless it must not be used: a file is wrong, or it is strict and has a problem.
    ///
    /// # Errors
    ///
    /// [`Invalid`] lists every problem, when one of them is an [error](Severity::Error), or more than a notice while
    /// [`strictness`](Self::strictness) is strict.
    pub fn check(self) -> Result<Self, Invalid> {
        match self.strictness {
            Strictness::Lenient => self.refuse(Severity::Error),
            Strictness::Strict => self.into_strict(),
        }
    }

    /// Itself, unless it has a problem.
    ///
    /// # Errors
    ///
    /// [`Invalid`] lists every problem, when one of them is more than a notice.
    pub fn into_strict(self) -> Result<Self, Invalid> {
        self.refuse(Severity::Warning)
    }

    fn refuse(self, from: Severity) -> Result<Self, Invalid> {
        if self.problems.iter().any(|problem| problem.severity >= from) {
            return Err(Invalid {
                problems: self.problems,
            });
        }
        Ok(self)
    }
}

/// Weighs all sources. Never fails and never panics: what cannot be used is replaced and reported.
///
/// ```
/// use spanwise::config::{self, Env, Sources};
///
/// let resolved = config::resolve(&Sources {
///     env: Env::from_pairs([("OTEL_SERVICE_NAME", "checkout"), ("OTEL_TRACES_SAMPLER", "always_off")]),
///     defaults: Env::from_pairs([("OTEL_TRACES_SAMPLER", "always_on")]),
///     ..Sources::default()
/// });
/// assert_eq!(resolved.config.traces.sampler, config::Sampler::AlwaysOff);
/// assert!(resolved.problems.is_empty());
/// ```
pub fn resolve(sources: &Sources) -> Resolved {
    resolve_with(sources, Features::COMPILED)
}

pub(super) fn resolve_with(sources: &Sources, features: Features) -> Resolved {
    let mut reader = Reader::new(sources, features);
    #[cfg(feature = "config-file")]
    if let Some(file) = reader.text(&[&table::CONFIG_FILE], "none") {
        return resolve_file(reader, &file);
    }
    let config = Config {
        disabled: reader.flag(&[&table::SDK_DISABLED]).value,
        resource: attributes::resource(&mut reader),
        diagnostics: diagnostics(&mut reader),
        propagators: propagators(&mut reader),
        traces: traces::traces(&mut reader),
        span_metrics: span_metrics::span_metrics(&mut reader),
        metrics: metrics::metrics(&mut reader),
        logs: logs::logs(&mut reader),
        spool: spool::spool(&mut reader),
    };
    let strictness = match reader.choice(&[&table::CONFIG]).value {
        "strict" => Strictness::Strict,
        _ => Strictness::Lenient,
    };
    unknown::report(&mut reader);
    let (settings, problems) = reader.into_parts();
    Resolved {
        effective: Effective::new(&config, settings),
        config,
        problems,
        strictness,
    }
}

/// The file decides everything: the specification has all other variables ignored.
#[cfg(feature = "config-file")]
fn resolve_file(mut reader: Reader<'_>, path: &Read<String>) -> Resolved {
    let (sources, features) = (reader.sources, reader.features);
    let mut references = file::References::new(&sources.env);
    let mut resolved = file::resolve(
        path.value.clone().into(),
        &mut references,
        &sources.components,
        features,
    );
    unknown::report_ignored(&mut reader, &references);
    let (mut settings, mut problems) = reader.into_parts();
    problems.append(&mut resolved.problems);
    settings.extend(resolved.effective.iter().cloned());
    resolved.effective = Effective::new(&resolved.config, settings);
    resolved.problems = problems;
    resolved
}

fn diagnostics(reader: &mut Reader<'_>) -> Diagnostics {
    Diagnostics {
        level: match reader.choice(&[&table::LOG_LEVEL]).value {
            "none" => DiagnosticsLevel::None,
            "error" => DiagnosticsLevel::Error,
            "warn" => DiagnosticsLevel::Warn,
            "debug" => DiagnosticsLevel::Debug,
            _ => DiagnosticsLevel::Info,
        },
        banner: reader.choice(&[&table::BANNER]).value == "on",
    }
}

fn propagators(reader: &mut Reader<'_>) -> Vec<Propagator> {
    let read = reader.list(&table::PROPAGATORS, WhenRefused::Unset);
    let mut names = read.value.clone();
    if names.contains(&"xray") && !reader.features.xray {
        names.retain(|name| *name != "xray");
        let what = format!("has xray, which {}", needs("xray"));
        reader.warn(&read, what, "leaving that propagator out");
        reader.amend(&table::PROPAGATORS, show_list(&names));
    }
    names
        .into_iter()
        .filter_map(|name| match name {
            "tracecontext" => Some(Propagator::TraceContext),
            "baggage" => Some(Propagator::Baggage),
            "b3" => Some(Propagator::B3),
            "b3multi" => Some(Propagator::B3Multi),
            "jaeger" => Some(Propagator::Jaeger),
            "xray" => Some(Propagator::XRay),
            _ => None,
        })
        .collect()
}
