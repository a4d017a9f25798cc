//! Components that the application provides, as a configuration file names them.

use std::collections::BTreeSet;
use std::fmt;

use crate::config::Origin;

/// A component of the application's own: its name, and what the file says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// The name that it is registered under.
    pub name: String,
    /// What stands below its name.
    pub properties: Property,
    /// The path of the property in the file.
    pub path: String,
    /// Where it stands.
    pub origin: Origin,
}

/// A value in a configuration file, after substitution and typed by YAML 1.2.
///
/// `Debug` shows no text: it may be a credential.
///
/// ```
/// use spanwise::config::Property;
///
/// let properties = Property::Object(vec![("ratio".to_owned(), Property::Number(0.5))]);
/// assert_eq!(properties.get("ratio").and_then(Property::as_number), Some(0.5));
/// assert_eq!(properties.get("rate"), None);
/// ```
#[derive(Clone, PartialEq)]
pub enum Property {
    /// Nothing.
    Null,
    /// True or false.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction or an exponent.
    Number(f64),
    /// A text.
    Text(String),
    /// Values in order.
    List(Vec<Property>),
    /// Values by name, in the order of the file.
    Object(Vec<(String, Property)>),
}

impl Property {
    /// The property `key` of an object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(entries) = self else {
            return None;
        };
        let mut entries = entries.iter();
        entries
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// True or false.
    pub fn as_flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A whole number.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Any number; a whole one above 2^53 is rounded.
    #[expect(clippy::cast_precision_loss, reason = "said in the documentation")]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Flag(flag) => flag.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(_) => f.write_str("***"),
            Self::List(items) => f.debug_list().entries(items).finish(),
            Self::Object(entries) => {
                let entries = entries.iter().map(|(name, value)| (name, value));
                f.debug_map().entries(entries).finish()
            }
        }
    }
}

/// What a component of the application's own can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ComponentKind {
    /// Decides which traces are kept.
    Sampler,
    /// Sends spans somewhere.
    SpanExporter,
    /// Sends log records somewhere.
    LogExporter,
    /// Sees spans start and end.
    SpanProcessor,
    /// Carries context over a process boundary.
    Propagator,
    /// Finds out about the process.
    Detector,
}

impl fmt::Display for ComponentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sampler => "sampler",
            Self::SpanExporter => "span exporter",
            Self::LogExporter => "log exporter",
            Self::SpanProcessor => "span processor",
            Self::Propagator => "propagator",
            Self::Detector => "resource detector",
        })
    }
}

/// Names that a configuration file may use beside those of the specification, which always mean the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Components(BTreeSet<(ComponentKind, String)>);

impl Components {
    /// Makes `name` known.
    pub fn insert(&mut self, kind: ComponentKind, name: impl Into<String>) {
        self.0.insert((kind, name.into()));
    }

    /// Whether `name` is known.
    pub fn contains(&self, kind: ComponentKind, name: &str) -> bool {
        self.0.contains(&(kind, name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_text() {
        let text = Property::Text("s3cret".to_owned());
        let object = Property::Object(vec![("token".to_owned(), Property::List(vec![text]))]);
        let shown = format!("{object:?}");
        assert!(
            shown.contains("token") && !shown.contains("s3cret"),
            "{shown}"
        );
    }
}
