//! Components of the application's own.

use super::{Writer, quoted, upper};
use crate::config::{Component, Property};

impl Writer {
    /// `component` in one line; `start` begins it.
    ///
    /// Texts stay out of the file: only the component knows which of them is a credential.
    pub(super) fn component(&mut self, depth: usize, start: &str, component: &Component) {
        let value = self.property(&component.properties, &upper(&component.name));
        let name = key(&component.name);
        self.field(depth, &format!("{start}{name}"), &value);
    }

    fn property(&mut self, property: &Property, variable: &str) -> String {
        match property {
            Property::Null => "null".to_owned(),
            Property::Flag(flag) => flag.to_string(),
            Property::Integer(number) => number.to_string(),
            Property::Number(number) if number.is_nan() => ".nan".to_owned(),
            Property::Number(number) if number.is_infinite() => {
                if *number > 0.0 { ".inf" } else { "-.inf" }.to_owned()
            }
            // With a fraction or an exponent, so that it stays what it is.
            Property::Number(number) => format!("{number:?}"),
            Property::Text(_) => self.refer_apart(variable),
            Property::List(items) => {
                let items: Vec<_> = items
                    .iter()
                    .map(|item| self.property(item, variable))
                    .collect();
                format!("[{}]", items.join(", "))
            }
            Property::Object(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(name, value)| {
                        let variable = format!("{variable}_{}", upper(name));
                        format!("{}: {}", key(name), self.property(value, &variable))
                    })
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    /// A reference to `variable`, or to a numbered one where that is taken.
    fn refer_apart(&mut self, variable: &str) -> String {
        let mut name = variable.to_owned();
        let mut number = 1;
        while self.references.contains(&name) {
            number += 1;
            name = format!("{variable}_{number}");
        }
        self.refer(name)
    }
}

/// Keys are not substituted, so `$` stands for itself there.
fn key(name: &str) -> String {
    quoted(name).replace("$$", "$")
}
