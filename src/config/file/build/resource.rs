//! What describes the process, and propagators.

use super::super::node::Value;
use super::Builder;
use super::component::component;
use super::place::Place;
use super::traces::record_names;
use crate::config::features::needs;
use crate::config::parsed::{self, WhenRefused};
use crate::config::resolve::attributes;
use crate::config::variable::Kind;
use crate::config::{ComponentKind, Detector, Propagator, Resource, mask, table};
use crate::semconv::SERVICE_NAME;

pub(super) fn resource(builder: &mut Builder<'_>, root: &Place<'_>) -> Resource {
    let place = root.get("resource");
    builder.unsupported(&place.get("schema_url"), "the resource has none");
    let mut all: Vec<(String, String)> = Vec::new();
    let list = place.get("attributes_list");
    if let Some(text) = list.text() {
        let parsed = attributes::attributes(text);
        all = builder.parse(&list, parsed).unwrap_or_default();
    }
    let entries = place.get("attributes");
    for entry in entries.items() {
        let (Some(name), value) = (entry.get("name").text(), entry.get("value")) else {
            continue;
        };
        if let Some(text) = attribute_value(builder, &entry, &value) {
            // What stands in the list of objects wins over the list in a text.
            all.retain(|(known, _)| known != name);
            all.push((name.to_owned(), text));
        }
    }
    let mut resource = detectors(builder, &place.get("detection/development"));
    for (name, value) in all {
        if name == SERVICE_NAME {
            resource.service_name = Some(value);
        } else {
            resource.attributes.push((name, value));
        }
    }
    let from = if entries.is_set() { &entries } else { &list };
    match &resource.service_name {
        Some(name) => builder.record(&table::SERVICE_NAME, mask::text(name), from),
        None => {
            let nowhere = place.get(SERVICE_NAME);
            builder.record(
                &table::SERVICE_NAME,
                "unknown_service:<executable>",
                &nowhere,
            );
        }
    }
    let shown = mask::attributes(&resource.attributes);
    builder.record(&table::RESOURCE_ATTRIBUTES, shown, from);
    resource
}

/// None unless the file names some: that is what the schema says.
fn detectors(builder: &mut Builder<'_>, place: &Place<'_>) -> Resource {
    builder.unsupported(&place.get("attributes"), "detectors are chosen as a whole");
    let mut detectors = Vec::new();
    let mut custom_detectors = Vec::new();
    for item in place.get("detectors").items() {
        let Some((name, component)) = item.component() else {
            continue;
        };
        match Detector::ALL
            .into_iter()
            .find(|detector| detector.name() == name)
        {
            Some(detector) if detectors.contains(&detector) => {}
            Some(detector) => detectors.push(detector),
            None => {
                let kind = ComponentKind::Detector;
                custom_detectors.extend(self::component(builder, kind, name, &component));
            }
        }
    }
    let ours = detectors.iter().map(|detector| detector.name());
    let others = custom_detectors.iter().map(|custom| custom.name.as_str());
    let names = ours.chain(others).collect();
    record_names(builder, &table::RESOURCE_DETECTORS, names, place);
    Resource {
        detectors,
        custom_detectors,
        ..Resource::default()
    }
}

/// As a text, which is what the resource holds; null means that the entry is ignored.
fn attribute_value(
    builder: &mut Builder<'_>,
    entry: &Place<'_>,
    place: &Place<'_>,
) -> Option<String> {
    let ty = entry.get("type").text().unwrap_or("string");
    let (text, is) = match place.value()? {
        Value::Null => return None,
        Value::Text(text) => (text.clone(), "string"),
        Value::Flag(flag) => (flag.to_string(), "bool"),
        Value::Integer(number) if ty == "double" => (number.to_string(), "double"),
        Value::Integer(number) => (number.to_string(), "int"),
        Value::Number(number) => (number.to_string(), "double"),
        Value::List(_) | Value::Map(_) => {
            builder.unsupported(place, "attributes of the resource are single texts");
            return None;
        }
    };
    if ty != is {
        builder.reject(place, format!("is of type {is}, and its type says {ty}"));
        return None;
    }
    if is != "string" {
        builder.notice(place, format!("is of type {is}"), "sending it as a text");
    }
    Some(text)
}

/// No propagator at all unless the file names some: that is what the schema says.
pub(super) fn propagators(builder: &mut Builder<'_>, place: &Place<'_>) -> Vec<Propagator> {
    let mut found = Vec::new();
    for item in place.get("composite").items() {
        let Some((name, component)) = item.component() else {
            continue;
        };
        match propagator(name) {
            Some(Propagator::XRay) if !builder.features.xray => {
                builder.warn(&component, needs("xray"), "leaving that propagator out");
            }
            Some(propagator) => found.push((name, propagator)),
            None => {
                let kind = ComponentKind::Propagator;
                let custom = self::component(builder, kind, name, &component);
                found.extend(custom.map(|custom| (name, Propagator::Custom(custom))));
            }
        }
    }
    let list = place.get("composite_list");
    if let (Some(text), Kind::List(words)) = (list.text(), table::PROPAGATORS.kind) {
        let parsed = parsed::list(text, words, WhenRefused::Unset);
        let mut names = builder.parse(&list, parsed).unwrap_or_default();
        if names.contains(&"xray") && !builder.features.xray {
            names.retain(|name| *name != "xray");
            let what = format!("has xray, which {}", needs("xray"));
            builder.warn(&list, what, "leaving that propagator out");
        }
        found.extend(
            names
                .into_iter()
                .filter_map(|name| Some((name, propagator(name)?))),
        );
    }
    let mut names: Vec<&str> = Vec::new();
    let mut propagators = Vec::new();
    for (name, propagator) in found {
        if !propagators.contains(&propagator) {
            names.push(name);
            propagators.push(propagator);
        }
    }
    let shown = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(",")
    };
    builder.record(&table::PROPAGATORS, shown, place);
    propagators
}

fn propagator(name: &str) -> Option<Propagator> {
    match name {
        "tracecontext" => Some(Propagator::TraceContext),
        "baggage" => Some(Propagator::Baggage),
        "b3" => Some(Propagator::B3),
        "b3multi" => Some(Propagator::B3Multi),
        "jaeger" => Some(Propagator::Jaeger),
        "xray" => Some(Propagator::XRay),
        _ => None,
    }
}
