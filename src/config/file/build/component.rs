//! Components of the application's own.

use super::super::node::{Node, Value};
use super::Builder;
use super::place::Place;
use crate::config::{Component, ComponentKind, Property};

/// The component at `place`; a name that nobody has registered makes the file unusable.
pub(super) fn component(
    builder: &mut Builder<'_>,
    kind: ComponentKind,
    name: &str,
    place: &Place<'_>,
) -> Option<Component> {
    if !builder.components.contains(kind, name) {
        builder.reject(place, format!("no {kind} of this name is registered"));
        return None;
    }
    Some(Component {
        name: name.to_owned(),
        properties: place.node().map_or(Property::Null, property),
        path: place.path.clone(),
        origin: builder.faults.origin(place.at),
    })
}

fn property(node: &Node) -> Property {
    match &node.value {
        Value::Null => Property::Null,
        Value::Flag(flag) => Property::Flag(*flag),
        Value::Integer(number) => Property::Integer(*number),
        Value::Number(number) => Property::Number(*number),
        Value::Text(text) => Property::Text(text.clone()),
        Value::List(nodes) => Property::List(nodes.iter().map(property).collect()),
        Value::Map(entries) => {
            let entries = entries.iter();
            let entries = entries.map(|entry| (entry.key.clone(), property(&entry.node)));
            Property::Object(entries.collect())
        }
    }
}
