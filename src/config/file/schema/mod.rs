//! Version 1.1 of the schema as tables, and the check of a document against them.
//!
//! The tables say what the official JSON schema says, and a test compares both. Checking here instead of with a JSON
//! schema library gives every mistake its line, column and path, and costs no dependency.

mod exporters;
mod instrumentation;
mod logs;
mod metrics;
mod own;
mod root;
mod sampler;
mod traces;
mod types;
mod words;

use super::fault::{Fault, Faults};
use super::node::{Node, Value};
use crate::config::mask;
use types::{Count, Others};

pub(super) use own::OWN;
pub(super) use root::ROOT;
pub(super) use types::{Object, Type};

/// Everything in `node` that `object` does not allow.
pub(super) fn check(node: &Node, object: &'static Object, path: &str, faults: &mut Faults) {
    check_type(node, Type::Object(object), path, faults);
}

fn check_type(node: &Node, ty: Type, path: &str, faults: &mut Faults) {
    match (ty, &node.value) {
        (Type::Text { nullable: true }, Value::Null)
        | (Type::Flag { nullable: true }, Value::Null)
        | (Type::Number { nullable: true, .. }, Value::Null)
        | (Type::Integer(..) | Type::Word(_) | Type::AttributeValue, Value::Null)
        | (Type::Text { .. }, Value::Text(_))
        | (Type::Flag { .. }, Value::Flag(_)) => {}
        (Type::Integer(from, to), Value::Integer(number)) => {
            if !(from..=to).contains(number) {
                let what = format!("is {number}, not {}", describe(ty));
                faults.add(Fault::new(node.at, path, what));
            }
        }
        (Type::Number { from, to, .. }, Value::Integer(_) | Value::Number(_)) => {
            let number = node.number().unwrap_or(f64::NAN);
            if !(from..=to).contains(&number) {
                let what = format!("is {number}, not {}", describe(ty));
                faults.add(Fault::new(node.at, path, what));
            }
        }
        (Type::Word(words), Value::Text(text)) => {
            if !words.contains(&text.as_str()) {
                let what = format!("is {:?}, not {}", mask::text(text), describe(ty));
                faults.add(Fault::new(node.at, path, what));
            }
        }
        (Type::List(items, least), Value::List(nodes)) => {
            if nodes.len() < least {
                faults.add(Fault::new(node.at, path, "is an empty list"));
            }
            for (index, item) in nodes.iter().enumerate() {
                check_type(item, *items, &format!("{path}[{index}]"), faults);
            }
        }
        (Type::Object(object), Value::Map(_)) => check_object(node, object, path, faults),
        (Type::Object(object), Value::Null) if object.nullable => {}
        (Type::AttributeValue, _) => check_attribute_value(node, path, faults),
        _ => {
            let what = format!("is {}, not {}", node.kind(), describe(ty));
            faults.add(Fault::new(node.at, path, what));
        }
    }
}

fn check_object(node: &Node, object: &Object, path: &str, faults: &mut Faults) {
    let entries = node.entries();
    for entry in entries {
        let path = join(path, &entry.key);
        let known = object
            .properties
            .iter()
            .find(|(name, _)| *name == entry.key);
        match (known, object.others) {
            (Some((_, ty)), _) => check_type(&entry.node, *ty, &path, faults),
            (None, Others::Accepted) => {}
            (None, Others::Components) => {
                if !matches!(entry.node.value, Value::Map(_) | Value::Null) {
                    let what = format!("is {}, not an object or null", entry.node.kind());
                    faults.add(Fault::new(entry.node.at, &path, what));
                }
            }
            (None, Others::Objects) => {
                if !matches!(entry.node.value, Value::Map(_)) {
                    let what = format!("is {}, not an object", entry.node.kind());
                    faults.add(Fault::new(entry.node.at, &path, what));
                }
            }
            (None, Others::Refused) => {
                faults.add(Fault::unknown(entry.at, &path, unknown(&entry.key, object)));
            }
        }
    }
    for name in object.required {
        if !entries.iter().any(|entry| entry.key == *name) {
            let what = format!("has no {name}, which is required");
            faults.add(Fault::new(node.at, path, what));
        }
    }
    let names = || -> Vec<_> { object.properties.iter().map(|(name, _)| *name).collect() };
    match object.count {
        Count::ExactlyOne if entries.len() != 1 => {
            let what = format!(
                "has {} properties, not exactly one of {}",
                entries.len(),
                names().join(", ")
            );
            faults.add(Fault::new(node.at, path, what));
        }
        Count::AtLeastOne if entries.is_empty() => {
            faults.add(Fault::new(node.at, path, "has no property"));
        }
        _ => {}
    }
}

fn check_attribute_value(node: &Node, path: &str, faults: &mut Faults) {
    let Value::List(items) = &node.value else {
        if matches!(node.value, Value::Map(_)) {
            let what = "is an object, not a text, number, switch or list";
            faults.add(Fault::new(node.at, path, what));
        }
        return;
    };
    let is_number = |node: &Node| node.number().is_some();
    let same = items.iter().all(is_number)
        || items
            .iter()
            .all(|node| matches!(node.value, Value::Text(_)))
        || items
            .iter()
            .all(|node| matches!(node.value, Value::Flag(_)));
    if items.is_empty() || !same {
        let what = "is not a list of texts, of numbers or of switches";
        faults.add(Fault::new(node.at, path, what));
    }
}

fn unknown(key: &str, object: &Object) -> String {
    let nearest = object
        .properties
        .iter()
        .map(|(name, _)| (strsim::damerau_levenshtein(key, name), *name))
        .min();
    match nearest {
        Some((distance, name)) if distance * 3 <= key.len() => {
            format!("is not a known property; did you mean {name}?")
        }
        _ => {
            let names: Vec<_> = object.properties.iter().map(|(name, _)| *name).collect();
            match names.as_slice() {
                [] => "is not a known property; none is accepted here".to_owned(),
                names => format!("is not a known property; accepted are {}", names.join(", ")),
            }
        }
    }
}

fn describe(ty: Type) -> String {
    match ty {
        Type::Text { .. } => "a text".to_owned(),
        Type::Flag { .. } => "true or false".to_owned(),
        Type::Integer(i64::MIN, _) => "a whole number".to_owned(),
        Type::Integer(from, i64::MAX) => format!("a whole number from {from}"),
        Type::Integer(from, to) => format!("a whole number from {from} to {to}"),
        Type::Number { from, to, .. } if from.is_finite() => {
            format!("a number from {from} to {to}")
        }
        Type::Number { .. } => "a number".to_owned(),
        Type::Word(words) => format!("one of {}", words.join(", ")),
        Type::List(..) => "a list".to_owned(),
        Type::Object(_) => "an object".to_owned(),
        Type::AttributeValue => "a text, number, switch or list".to_owned(),
    }
}

/// `key` below `path`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// One line a property, for the comparison with the official schema.
#[cfg(test)]
pub(super) fn describe_tables() -> Vec<String> {
    let mut lines = Vec::new();
    describe_table(Type::Object(&ROOT), "", &mut Vec::new(), &mut lines);
    lines
}

#[cfg(test)]
fn describe_table(ty: Type, path: &str, above: &mut Vec<*const Object>, lines: &mut Vec<String>) {
    let null = |nullable: bool| if nullable { " or null" } else { "" };
    #[expect(clippy::cast_precision_loss, reason = "the bounds are small")]
    let bound = |number: i64, none: i64| (number != none).then_some(number as f64);
    let finite = |number: f64| number.is_finite().then_some(number);
    match ty {
        Type::Text { nullable } => lines.push(format!("{path}: text{}", null(nullable))),
        Type::Flag { nullable } => lines.push(format!("{path}: flag{}", null(nullable))),
        Type::Integer(from, to) => {
            let (from, to) = (bound(from, i64::MIN), bound(to, i64::MAX));
            lines.push(format!("{path}: integer {from:?} {to:?} or null"));
        }
        Type::Number { from, to, nullable } => {
            let (from, to) = (finite(from), finite(to));
            lines.push(format!("{path}: number {from:?} {to:?}{}", null(nullable)));
        }
        Type::Word(words) => lines.push(format!("{path}: one of {} or null", words.join(" "))),
        Type::AttributeValue => lines.push(format!("{path}: attribute value")),
        Type::List(items, from) => {
            lines.push(format!("{path}: list from {from}"));
            describe_table(*items, &format!("{path}[]"), above, lines);
        }
        Type::Object(object) => {
            if above.contains(&std::ptr::from_ref(object)) {
                lines.push(format!("{path}: recursion"));
                return;
            }
            let others = match object.others {
                Others::Refused => "none",
                Others::Accepted => "any",
                Others::Objects => "objects",
                Others::Components => "objects or null",
            };
            let count = match object.count {
                Count::Any => "all",
                Count::AtLeastOne => "some",
                Count::ExactlyOne => "one",
            };
            lines.push(format!(
                "{path}: object{}, {count}, others {others}, requires {}",
                null(object.nullable),
                object.required.join(" ")
            ));
            above.push(object);
            for (name, ty) in object.properties {
                describe_table(*ty, &join(path, name), above, lines);
            }
            above.pop();
        }
    }
}
