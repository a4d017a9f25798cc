//! The search for a value: which texts there are, which of them is taken, which are refused.

use super::parsed::{Fault, Parsed};
use super::reader::Read;
use super::sources::Layer;
use super::variable::{Kind, Variable};
use super::{Env, Origin, Sources, mask};

/// One text that may become the value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) variable: &'static Variable,
    pub(super) text: &'a str,
    pub(super) layer: Layer,
}

/// What was found along a chain.
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) variable: &'static Variable,
    pub(super) origin: Origin,
    pub(super) written: Option<String>,
}

impl<T> Found<T> {
    pub(super) fn read(self, shown: String) -> Read<T> {
        Read {
            value: self.value,
            variable: self.variable,
            origin: self.origin,
            shown,
            written: self.written,
        }
    }
}

/// What was refused on the way to the value.
pub(super) struct Refused {
    pub(super) variable: &'static Variable,
    pub(super) origin: Origin,
    pub(super) shown: Option<String>,
    pub(super) fault: Fault,
}

/// The first good value along `chain`, layer by layer, and what was refused before it.
pub(super) fn search<T>(
    sources: &Sources,
    chain: &[&'static Variable],
    parse: impl Fn(Candidate<'_>) -> Parsed<T>,
) -> (Option<Found<T>>, Vec<Refused>) {
    let mut all_refused = Vec::new();
    for (layer, env) in sources.layers() {
        for &variable in chain {
            let (found, refused) = look(layer, env, variable, &parse);
            all_refused.extend(refused);
            if found.is_some() {
                return (found, all_refused);
            }
        }
    }
    (None, all_refused)
}

/// The value of `variable` in one layer, and what is refused of it.
pub(super) fn look<T>(
    layer: Layer,
    env: &Env,
    variable: &'static Variable,
    parse: impl Fn(Candidate<'_>) -> Parsed<T>,
) -> (Option<Found<T>>, Vec<Refused>) {
    let origin = layer.origin(variable.name);
    if env.is_not_unicode(variable.name) {
        let refused = Refused {
            variable,
            origin,
            shown: None,
            fault: Fault::whole("is not valid UTF-8"),
        };
        return (None, vec![refused]);
    }
    let Some(text) = env.get(variable.name) else {
        return (None, Vec::new());
    };
    let written = show_raw(variable, text);
    let parsed = parse(Candidate {
        variable,
        text,
        layer,
    });
    let refused = parsed.faults.into_iter().map(|fault| Refused {
        variable,
        origin: origin.clone(),
        shown: fault.part.clone().or_else(|| written.clone()),
        fault,
    });
    let refused = refused.collect();
    let found = parsed.value.map(|value| Found {
        value,
        variable,
        origin,
        written,
    });
    (found, refused)
}

/// The raw text of a variable as it may be shown.
pub(super) fn show_raw(variable: &Variable, text: &str) -> Option<String> {
    match variable.kind {
        Kind::Headers => None,
        Kind::Url if text.contains("://") => Some(mask::url(text)),
        Kind::Url => Some(mask::text(&mask::url(text))),
        _ => Some(mask::text(text)),
    }
}
