//! From text to a tree, with a limit on everything that can grow.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::fault::{Fault, Faults};
use super::node::{At, Entry, Node, Value};
use super::scalar::{References, Style, substitute, typed};
use super::schema::join;

/// Ten times what the largest example of the specification has; an alias bomb ends here.
const MOST_NODES: usize = 20_000;

/// The schema is nine levels deep; the checks recurse, so this bounds the stack.
const DEEPEST: usize = 64;

/// The only document in `text`, substituted and typed; `None` when there is none that can be looked at further.
pub(super) fn parse(
    text: &str,
    references: &mut References<'_>,
    faults: &mut Faults,
) -> Option<Node> {
    let mut tree = Tree {
        references,
        faults,
        open: Vec::new(),
        finished: HashMap::new(),
        nodes: 0,
        root: None,
        documents: 0,
    };
    for event in Parser::new_from_str(text) {
        let outcome = match event {
            Ok((event, span)) => tree.take(event, at(&span.start)),
            Err(error) => {
                let what = format!("is not YAML: {}", error.info());
                Err(Fault::new(at(error.marker()), "", what))
            }
        };
        if let Err(fault) = outcome {
            tree.faults.add(fault);
            return None;
        }
    }
    let root = tree.root.take();
    if root.is_none() {
        faults.add(Fault::new(At::FILE, "", "is empty"));
    }
    root
}

fn at(marker: &Marker) -> At {
    At {
        line: marker.line().max(1),
        column: marker.col() + 1,
    }
}

struct Tree<'a, 'e> {
    references: &'a mut References<'e>,
    faults: &'a mut Faults,
    /// Lists and maps that have begun and not ended.
    open: Vec<Open>,
    /// What an alias may stand for, by the number of its anchor.
    finished: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
    documents: usize,
}

struct Open {
    at: At,
    anchor: usize,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    /// The entries, and the key that waits for its value.
    Map(Vec<Entry>, Option<(String, At)>),
}

impl Tree<'_, '_> {
    fn take(&mut self, event: Event<'_>, at: At) -> Result<(), Fault> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                match self.documents {
                    1 => Ok(()),
                    _ => Err(Fault::new(at, "", "has more than one document")),
                }
            }
            Event::Alias(anchor) => {
                let Some(node) = self.finished.get(&anchor) else {
                    return Err(Fault::new(at, &self.path(), "has an alias for itself"));
                };
                let node = node.clone();
                self.count(size(&node), at)?;
                self.add(Node { at, ..node })
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, at)?;
                self.scalar(&text, style, anchor, tag.as_deref(), at)
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(anchor, tag.as_deref(), "seq", Items::List(Vec::new()), at)
            }
            Event::MappingStart(anchor, tag) => {
                let items = Items::Map(Vec::new(), None);
                self.begin(anchor, tag.as_deref(), "map", items, at)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.end(open),
                None => Ok(()),
            },
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        at: At,
    ) -> Result<(), Fault> {
        if let Some(Open {
            items: Items::Map(entries, key @ None),
            ..
        }) = self.open.last_mut()
        {
            // Keys are neither substituted nor typed.
            if anchor != 0 {
                let value = Value::Text(text.to_owned());
                self.finished.insert(anchor, Node { at, value });
            }
            if entries.iter().any(|entry| entry.key == text) {
                let fault = Fault::new(at, &join(&self.path(), text), "stands here twice");
                self.faults.add(fault);
                // The value still has to go somewhere; the next event is that of the second key's value.
                self.wait_for(text, at);
                return Ok(());
            }
            *key = Some((text.to_owned(), at));
            return Ok(());
        }
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            _ => Style::Quoted,
        };
        let tag = tag.map(name_of);
        let value =
            substitute(text, self.references).and_then(|text| typed(text, style, tag.as_deref()));
        let value = value.unwrap_or_else(|what| {
            let fault = Fault::new(at, &self.path(), what);
            self.faults.add(fault);
            Value::Null
        });
        let node = Node { at, value };
        if anchor != 0 {
            self.finished.insert(anchor, node.clone());
        }
        self.add(node)
    }

    fn wait_for(&mut self, key: &str, at: At) {
        if let Some(Open {
            items: Items::Map(_, waiting),
            ..
        }) = self.open.last_mut()
        {
            *waiting = Some((key.to_owned(), at));
        }
    }

    fn begin(
        &mut self,
        anchor: usize,
        tag: Option<&Tag>,
        expected: &str,
        items: Items,
        at: At,
    ) -> Result<(), Fault> {
        self.count(1, at)?;
        if self.open.len() >= DEEPEST {
            let what = format!("is nested deeper than {DEEPEST} levels");
            return Err(Fault::new(at, "", what));
        }
        if self.is_key() {
            let what = "has a list or an object for a key";
            return Err(Fault::new(at, &self.path(), what));
        }
        if let Some(tag) = tag.map(name_of)
            && tag != expected
            && tag != "!"
        {
            let fault = Fault::new(at, &self.path(), format!("has the unknown tag {tag}"));
            self.faults.add(fault);
        }
        self.open.push(Open { at, anchor, items });
        Ok(())
    }

    fn end(&mut self, open: Open) -> Result<(), Fault> {
        let value = match open.items {
            Items::List(nodes) => Value::List(nodes),
            Items::Map(entries, _) => Value::Map(entries),
        };
        let node = Node { at: open.at, value };
        if open.anchor != 0 {
            self.finished.insert(open.anchor, node.clone());
        }
        self.add(node)
    }

    fn add(&mut self, node: Node) -> Result<(), Fault> {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open {
                items: Items::List(nodes),
                ..
            }) => nodes.push(node),
            Some(Open {
                items: Items::Map(entries, key),
                ..
            }) => match key.take() {
                Some((key, at)) => entries.push(Entry { key, at, node }),
                None => {
                    let what = "has an alias for a key";
                    return Err(Fault::new(node.at, &self.path(), what));
                }
            },
        }
        Ok(())
    }

    fn is_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                items: Items::Map(_, None),
                ..
            })
        )
    }

    fn count(&mut self, nodes: usize, at: At) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MOST_NODES {
            let what = format!("has more than {MOST_NODES} values, those behind aliases included");
            return Err(Fault::new(at, "", what));
        }
        Ok(())
    }

    /// Where the next value belongs.
    fn path(&self) -> String {
        self.open
            .iter()
            .fold(String::new(), |path, open| match &open.items {
                Items::List(nodes) => format!("{path}[{}]", nodes.len()),
                Items::Map(_, Some((key, _))) => join(&path, key),
                Items::Map(_, None) => path,
            })
    }
}

/// `str` for `!!str`, and the whole tag for one that is not of the core schema.
fn name_of(tag: &Tag) -> String {
    if tag.is_yaml_core_schema() {
        tag.suffix.clone()
    } else if tag.suffix.is_empty() {
        "!".to_owned()
    } else {
        tag.to_string()
    }
}

fn size(node: &Node) -> usize {
    let below: usize = match &node.value {
        Value::List(nodes) => nodes.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|entry| 1 + size(&entry.node)).sum(),
        _ => 0,
    };
    1 + below
}
