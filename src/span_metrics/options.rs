//! How spans are turned into series.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::bounds::{Bounds, Unit};
use super::family::Domain;

/// How spans are turned into series. The default is what the Collector's span-metrics connector does, with a limit.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The value of the label `service.name`.
    pub(crate) service_name: Arc<str>,
    /// Span fields that become labels.
    pub(crate) dimensions: Vec<Dimension>,
    /// Labels that are left out.
    pub(crate) dropped: Vec<String>,
    /// Upper bounds of the duration buckets.
    pub(crate) bounds: Arc<Bounds>,
    /// The unit of the duration.
    pub(crate) unit: Unit,
    /// What is different for spans of a name.
    pub(crate) rules: Vec<SpanRule>,
    /// Series of one metric at most; spans on top count in the overflow series.
    pub(crate) limit: usize,
    /// Label values whose series have a limit of their own, so that others cannot take their place.
    pub(crate) reserved: HashSet<(Arc<str>, Arc<str>)>,
    /// How long a series without a span is kept; `None` is for ever.
    pub(crate) expiration: Option<Duration>,
    /// Conventions whose metrics are made.
    pub(crate) domains: Vec<Domain>,
    /// Whether spans in flight are counted.
    pub(crate) active: bool,
    /// Which spans may become exemplars.
    pub(crate) exemplars: ExemplarRule,
}

/// A span field that becomes a label.
#[derive(Debug, Clone)]
pub(crate) struct Dimension {
    pub(crate) field: String,
    pub(crate) label: Arc<str>,
    /// The value of spans without the field.
    pub(crate) default: Option<Arc<str>>,
    /// Only for spans of this name.
    pub(crate) span: Option<String>,
    /// Only for spans of this target and what lies below it.
    pub(crate) target: Option<String>,
}

/// What is different for spans of one name.
#[derive(Debug, Clone)]
pub(crate) struct SpanRule {
    pub(crate) span: String,
    pub(crate) bounds: Option<Arc<Bounds>>,
    pub(crate) dropped: Vec<String>,
    pub(crate) help: Option<Arc<str>>,
}

/// Which spans may become exemplars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExemplarRule {
    None,
    Sampled,
    All,
}

/// The buckets of the connector, in milliseconds.
const CONNECTOR: &[f64] = &[
    2.0, 4.0, 6.0, 8.0, 10.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1000.0, 1400.0, 2000.0, 5000.0,
    10000.0, 15000.0,
];

impl Default for Options {
    fn default() -> Self {
        Self {
            service_name: "".into(),
            dimensions: Vec::new(),
            dropped: Vec::new(),
            bounds: Arc::new(Bounds::from_millis(CONNECTOR)),
            unit: Unit::default(),
            rules: Vec::new(),
            // The limit that the specification gives every metric.
            limit: 2000,
            reserved: HashSet::new(),
            expiration: None,
            domains: Domain::ALL.to_vec(),
            active: true,
            exemplars: ExemplarRule::Sampled,
        }
    }
}

impl Options {
    /// What is different for a span, by its name or that of its callsite.
    pub(super) fn rules_of<'a>(
        &'a self,
        name: &'a str,
        callsite: &'a str,
    ) -> impl Iterator<Item = &'a SpanRule> {
        let rules = self.rules.iter();
        rules.filter(move |rule| rule.span == name || rule.span == callsite)
    }

    /// The bounds for a span.
    pub(super) fn bounds_of(&self, name: &str, callsite: &str) -> Arc<Bounds> {
        let mut rules = self.rules_of(name, callsite);
        let own = rules.find_map(|rule| rule.bounds.clone());
        own.unwrap_or_else(|| self.bounds.clone())
    }

    /// Every set of bounds, the general one first.
    pub(crate) fn all_bounds(&self) -> Vec<Arc<Bounds>> {
        let mut all = vec![self.bounds.clone()];
        for bounds in self.rules.iter().filter_map(|rule| rule.bounds.as_ref()) {
            if !all.contains(bounds) {
                all.push(bounds.clone());
            }
        }
        all
    }
}

impl Dimension {
    pub(super) fn is_for(&self, name: &str, callsite: (&str, &str)) -> bool {
        let named = |span: &String| span == name || span == callsite.0;
        let below = |target: &String| {
            let rest = callsite.1.strip_prefix(target.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        self.span.as_ref().is_none_or(named) && self.target.as_ref().is_none_or(below)
    }
}
