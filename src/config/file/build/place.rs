//! A property of the document, there or not.

use super::super::node::{At, Node, Value};
use super::super::schema::join;

/// A property: where it is, or where it would be.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    node: Option<&'a Node>,
    pub(super) path: String,
    pub(super) at: At,
}

impl<'a> Place<'a> {
    pub(super) fn root(node: &'a Node) -> Self {
        Self {
            node: Some(node),
            path: String::new(),
            at: node.at,
        }
    }

    pub(super) fn get(&self, key: &str) -> Self {
        let node = self.node.and_then(|node| node.get(key));
        Self {
            node,
            path: join(&self.path, key),
            at: node.map_or(self.at, |node| node.at),
        }
    }

    /// Whether it is there and not null; where null has a meaning of its own, see [`component`](Self::component).
    pub(super) fn is_set(&self) -> bool {
        self.node.is_some_and(|node| node.value != Value::Null)
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        match &self.node?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match self.node?.value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    pub(super) fn integer(&self) -> Option<i64> {
        match self.node?.value {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        self.node?.number()
    }

    pub(super) fn node(&self) -> Option<&'a Node> {
        self.node
    }

    pub(super) fn value(&self) -> Option<&'a Value> {
        self.node.map(|node| &node.value)
    }

    pub(super) fn items(&self) -> Vec<Self> {
        let Some(Value::List(nodes)) = self.value() else {
            return Vec::new();
        };
        nodes
            .iter()
            .enumerate()
            .map(|(index, node)| Self {
                node: Some(node),
                path: format!("{}[{index}]", self.path),
                at: node.at,
            })
            .collect()
    }

    pub(super) fn properties(&self) -> Vec<(&'a str, Self)> {
        let entries = self.node.map(Node::entries).unwrap_or_default();
        entries
            .iter()
            .map(|entry| (entry.key.as_str(), self.get(&entry.key)))
            .collect()
    }

    /// The only property, which names a component; its value may well be null.
    pub(super) fn component(&self) -> Option<(&'a str, Self)> {
        self.properties().into_iter().next()
    }
}
