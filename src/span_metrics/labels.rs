//! The labels of a span's series; made once a series.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::options::Options;
use super::outcome::{Kind, Status};
use crate::semconv;

/// A label of a series.
pub(crate) type Label = (Arc<str>, Arc<str>);

/// A word of this program as part of a label: one allocation for all series.
pub(super) fn word(text: &'static str) -> Arc<str> {
    static KNOWN: Mutex<BTreeMap<&str, Arc<str>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(text).or_insert_with(|| text.into()).clone()
}

/// What is known of a closed span.
pub(crate) struct Facts<'a> {
    pub(crate) name: Arc<str>,
    /// Name and target of its callsite.
    pub(crate) callsite: (&'a str, &'a str),
    pub(crate) kind: Kind,
    pub(crate) status: Status,
    /// The value of a field.
    pub(crate) field: &'a dyn Fn(&str) -> Option<Arc<str>>,
}

/// The labels that the connector's metrics have for a span.
pub(super) fn of_span(options: &Options, facts: &Facts<'_>) -> Vec<Label> {
    let rules = || options.rules_of(&facts.name, facts.callsite.0);
    let is_dropped = |label: &str| {
        let everywhere = options.dropped.iter().any(|dropped| dropped == label);
        everywhere || rules().any(|rule| rule.dropped.iter().any(|dropped| dropped == label))
    };
    let connector = [
        (semconv::SERVICE_NAME, options.service_name.clone()),
        (semconv::SPAN_NAME, facts.name.clone()),
        (semconv::SPAN_KIND, word(facts.kind.label())),
        (semconv::STATUS_CODE, word(facts.status.label())),
    ];
    let mut labels: Vec<Label> = connector
        .into_iter()
        .filter(|(label, _)| !is_dropped(label))
        .map(|(label, value)| (word(label), value))
        .collect();
    for dimension in &options.dimensions {
        if !dimension.is_for(&facts.name, facts.callsite) || is_dropped(&dimension.label) {
            continue;
        }
        let value = (facts.field)(&dimension.field).or_else(|| dimension.default.clone());
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            // A second dimension of the same label fills it where the first has no value.
            if labels.iter().all(|(label, _)| *label != dimension.label) {
                labels.push((dimension.label.clone(), value));
            }
        }
    }
    labels
}

/// The labels of a span that is still open.
pub(super) fn of_open_span(service_name: &Arc<str>, name: Arc<str>, kind: Kind) -> Vec<Label> {
    vec![
        (word(semconv::SERVICE_NAME), service_name.clone()),
        (word(semconv::SPAN_NAME), name),
        (word(semconv::SPAN_KIND), word(kind.label())),
    ]
}

/// The labels of the series that takes what no longer fits.
pub(super) fn of_overflow(service_name: Option<&Arc<str>>) -> Vec<Label> {
    let service = service_name.map(|name| (word(semconv::SERVICE_NAME), name.clone()));
    let overflow = (word(semconv::OVERFLOW), word("true"));
    service.into_iter().chain([overflow]).collect()
}

/// Whether every span has the label, by itself.
pub(super) fn is_own(label: &str) -> bool {
    let own = [
        semconv::SERVICE_NAME,
        semconv::SPAN_NAME,
        semconv::SPAN_KIND,
        semconv::STATUS_CODE,
        semconv::OVERFLOW,
    ];
    own.contains(&label)
}
