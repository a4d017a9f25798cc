//! Declarative configuration: the file that `OTEL_CONFIG_FILE` names, version 1.1 of the schema.
//!
//! Text becomes a tree with places ([`yaml`]), scalars are substituted and typed ([`scalar`]), the tree is held against
//! the schema ([`schema`]), and what keeps to it becomes a [`Config`] ([`mod@build`]). Every mistake is reported at once.
//! What the schema allows and nothing here can do is named; a mistake makes the whole file unusable.

mod build;
mod fault;
mod node;
mod scalar;
mod schema;
mod write;
mod yaml;

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use super::effective::Setting;
use super::{Components, Config, Effective, Features, Resolved, Strictness};
use fault::{Fault, Faults};
use node::{At, Node, Value};

pub(super) use scalar::References;
pub use write::to_yaml;

#[cfg(test)]
mod tests;

/// A hundred times the largest example of the specification; more is not a configuration.
const LARGEST: u64 = 1024 * 1024;

/// What the file at `path` means.
///
/// A file that cannot be used gives a configuration that sends nothing, and at least one [`Severity::Error`](super::Severity::Error).
pub(super) fn resolve(
    path: PathBuf,
    references: &mut References<'_>,
    components: &Components,
    features: Features,
) -> Resolved {
    let path = Arc::new(path);
    let mut faults = Faults::new(Arc::clone(&path));
    let built = read(&path, &mut faults)
        .and_then(|text| build(&text, references, components, features, &mut faults))
        .filter(|_| !faults.is_fatal());
    let (config, settings, strictness) = built.unwrap_or_else(|| {
        let nothing = Config {
            disabled: true,
            ..Config::default()
        };
        (nothing, Vec::new(), Strictness::Strict)
    });
    Resolved {
        effective: Effective::new(&config, settings),
        config,
        problems: faults.into_problems(),
        strictness,
    }
}

fn read(path: &PathBuf, faults: &mut Faults) -> Option<String> {
    let mut fail = |what: String| {
        faults.add(Fault::new(At::FILE, "", what));
        None
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return fail(format!("cannot be opened: {error}")),
    };
    // A pipe that nobody writes to would hold up the start for ever.
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return fail("is not a file".to_owned()),
        Err(error) => return fail(format!("cannot be read: {error}")),
    }
    let mut bytes = Vec::new();
    if let Err(error) = file.take(LARGEST + 1).read_to_end(&mut bytes) {
        return fail(format!("cannot be read: {error}"));
    }
    if bytes.len() as u64 > LARGEST {
        return fail(format!("is larger than {LARGEST} bytes"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(_) => fail("is not valid UTF-8".to_owned()),
    }
}

fn build(
    text: &str,
    references: &mut References<'_>,
    components: &Components,
    features: Features,
    faults: &mut Faults,
) -> Option<(Config, Vec<Setting>, Strictness)> {
    let document = yaml::parse(text, references, faults)?;
    schema::check(&document, &schema::ROOT, "", faults);
    check_version(&document, faults);
    // What does not keep to the schema cannot be built, and would only be reported a second time.
    if faults.is_fatal() {
        return None;
    }
    Some(build::config(&document, components, features, faults))
}

/// Another major version is refused, a newer minor one read as far as it is known.
fn check_version(document: &Node, faults: &mut Faults) {
    let Some(node) = document.get("file_format") else {
        return;
    };
    let Value::Text(text) = &node.value else {
        return;
    };
    let (numbers, _) = text.split_once('-').unwrap_or((text, ""));
    let version = numbers.split_once('.').and_then(|(major, minor)| {
        let number = |text: &str| text.parse::<u32>().ok();
        Some((number(major)?, number(minor)?))
    });
    let mut fault = Fault::new(node.at, "file_format", String::new());
    match version {
        Some((1, 0 | 1)) => return,
        Some((1, _)) => {
            fault.what = format!("is {text}, newer than the 1.1 that is known here");
            "reading it as far as it is known".clone_into(&mut fault.instead);
            fault.severity = super::Severity::Warning;
            faults.accept_unknown();
        }
        Some(_) => fault.what = format!("is {text}, and only 1.0 and 1.1 can be read"),
        None => fault.what = "is not a version such as \"1.1\"".to_owned(),
    }
    faults.add(fault);
}
