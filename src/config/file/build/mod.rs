//! From a document that keeps to the schema to a [`Config`].
//!
//! Whatever the schema knows and [`Config`] cannot say is named in a problem. Effective values are recorded under the
//! variables that would set them, so that a listing reads the same whether variables or a file was used.

mod component;
mod exporter;
mod logs;
mod metrics;
mod place;
mod resource;
mod sampler;
mod settings;
mod span_metrics;
mod traces;

use std::time::Duration;

use super::fault::{Fault, Faults};
use super::node::Node;
use crate::config::effective::Setting;
use crate::config::parsed::Parsed;
use crate::config::variable::Variable;
use crate::config::{
    Components, Config, Diagnostics, DiagnosticsLevel, Features, Origin, Severity, Strictness,
    mask, table,
};
use place::Place;
use settings::Own;

/// What the document means, its effective values, and how strict it asks to be.
pub(super) fn config(
    document: &Node,
    components: &Components,
    features: Features,
    faults: &mut Faults,
) -> (Config, Vec<Setting>, Strictness) {
    let mut builder = Builder {
        faults,
        components,
        features,
        settings: Vec::new(),
    };
    let root = Place::root(document);
    let disabled = root.get("disabled");
    let is_disabled = disabled.flag().unwrap_or(false);
    builder.record(&table::SDK_DISABLED, is_disabled.to_string(), &disabled);
    let own = Own::read(&mut builder, &root);
    let config = Config {
        disabled: is_disabled,
        resource: resource::resource(&mut builder, &root),
        diagnostics: Diagnostics {
            level: log_level(&mut builder, &root.get("log_level")),
            banner: own.banner,
        },
        propagators: resource::propagators(&mut builder, &root.get("propagator")),
        traces: traces::traces(&mut builder, &root, &own),
        logs: logs::logs(&mut builder, &root, &own),
        spool: own.spool,
        span_metrics: own.span_metrics,
        metrics: metrics::metrics(&mut builder, &root.get("meter_provider")),
    };
    if root.get("distribution").is_set() {
        let place = root.get("distribution");
        builder.notice(&place, "is for other distributions", "ignoring it");
    }
    for (name, place) in root.properties() {
        if !KNOWN.contains(&name) {
            builder.notice(&place, "is not a known property", "ignoring it");
        }
    }
    (config, builder.settings, own.strictness)
}

/// The properties of the root, which may have any others.
const KNOWN: &[&str] = &[
    "file_format",
    "disabled",
    "log_level",
    "attribute_limits",
    "logger_provider",
    "meter_provider",
    "propagator",
    "tracer_provider",
    "resource",
    "instrumentation/development",
    "distribution",
];

fn log_level(builder: &mut Builder<'_>, place: &Place<'_>) -> DiagnosticsLevel {
    let word = place.text().unwrap_or("info");
    let (level, shown) = match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "trace" | "debug" => (DiagnosticsLevel::Debug, "debug"),
        "warn" => (DiagnosticsLevel::Warn, "warn"),
        "error" | "fatal" => (DiagnosticsLevel::Error, "error"),
        _ => (DiagnosticsLevel::Info, "info"),
    };
    builder.record(&table::LOG_LEVEL, shown, place);
    level
}

/// Remembers what is wrong and what is in effect.
struct Builder<'a> {
    faults: &'a mut Faults,
    components: &'a Components,
    features: Features,
    settings: Vec<Setting>,
}

impl Builder<'_> {
    // --- problems ---

    /// The file cannot be used.
    fn reject(&mut self, place: &Place<'_>, what: impl Into<String>) {
        self.faults.add(Fault::new(place.at, &place.path, what));
    }

    fn warn(&mut self, place: &Place<'_>, what: impl Into<String>, instead: impl Into<String>) {
        self.complain(place, what.into(), instead.into(), Severity::Warning);
    }

    fn notice(&mut self, place: &Place<'_>, what: impl Into<String>, instead: impl Into<String>) {
        self.complain(place, what.into(), instead.into(), Severity::Notice);
    }

    fn complain(&mut self, place: &Place<'_>, what: String, instead: String, severity: Severity) {
        self.faults.add(Fault {
            instead,
            severity,
            ..Fault::new(place.at, &place.path, what)
        });
    }

    /// The schema has it and we do not.
    fn unsupported(&mut self, place: &Place<'_>, reason: &str) {
        if place.is_set() {
            self.warn(place, format!("is not supported: {reason}"), "ignoring it");
        }
    }

    /// The value of a text that has a syntax of its own; a text that is refused whole makes the file unusable.
    fn parse<T>(&mut self, place: &Place<'_>, parsed: Parsed<T>) -> Option<T> {
        for fault in parsed.faults {
            let what = match fault.part {
                Some(part) => format!("has {part:?}, which {}", fault.what),
                None => fault.what,
            };
            match fault.instead {
                Some(instead) => self.warn(place, what, instead),
                None => self.reject(place, what),
            }
        }
        parsed.value
    }

    // --- values ---

    fn record(&mut self, variable: &'static Variable, value: impl Into<String>, place: &Place<'_>) {
        let known = |setting: &Setting| setting.variable.name == variable.name;
        // Two exporters of one kind share the variable; the listing shows the first.
        if self.settings.iter().any(known) {
            return;
        }
        let origin = match place.is_set() {
            true => self.faults.origin(place.at),
            false => Origin::Default,
        };
        self.settings.push(Setting {
            variable,
            value: mask::line(value.into()),
            origin,
        });
    }

    /// A number that the schema has checked, as far as ours go.
    fn number(&mut self, place: &Place<'_>) -> Option<u32> {
        let number = place.integer()?;
        let small = i32::try_from(number)
            .ok()
            .and_then(|n| u32::try_from(n).ok());
        if small.is_none() {
            self.reject(place, format!("is {number}, which is above {}", i32::MAX));
        }
        small
    }

    fn millis(
        &mut self,
        place: &Place<'_>,
        variable: &'static Variable,
        default: Duration,
    ) -> Duration {
        let millis = self.number(place);
        let duration = millis.map_or(default, |millis| Duration::from_millis(u64::from(millis)));
        self.record(variable, duration.as_millis().to_string(), place);
        duration
    }

    fn size(&mut self, place: &Place<'_>, variable: &'static Variable, default: usize) -> usize {
        let size = self
            .number(place)
            .and_then(|size| usize::try_from(size).ok());
        let size = size.unwrap_or(default);
        self.record(variable, size.to_string(), place);
        size
    }

    /// The first of `places` that is set.
    fn limit(&mut self, places: &[Place<'_>], variable: &'static Variable, default: u32) -> u32 {
        let place = first_set(places);
        let limit = self.number(place).unwrap_or(default);
        self.record(variable, limit.to_string(), place);
        limit
    }

    /// The first of `places` that is set; none means no limit.
    fn length(&mut self, places: &[Place<'_>], variable: &'static Variable) -> Option<usize> {
        let place = first_set(places);
        let length = self
            .number(place)
            .and_then(|length| usize::try_from(length).ok());
        let shown = length.map_or_else(|| "no limit".to_owned(), |length| length.to_string());
        self.record(variable, shown, place);
        length
    }
}

fn first_set<'p, 'a>(places: &'p [Place<'a>]) -> &'p Place<'a> {
    let set = places.iter().find(|place| place.is_set());
    set.unwrap_or(&places[0])
}
