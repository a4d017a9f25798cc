//! Mistakes in a file, each with its place.

use std::path::PathBuf;
use std::sync::Arc;

use super::node::At;
use crate::config::{Origin, Problem, Severity, mask};

/// One mistake.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    pub(super) at: At,
    /// The path of the property; empty for the whole file.
    pub(super) path: String,
    pub(super) what: String,
    pub(super) instead: String,
    pub(super) severity: Severity,
    /// Whether it is a property that a later version of the schema may know.
    pub(super) is_unknown: bool,
}

impl Fault {
    /// What makes the file unusable.
    pub(super) fn new(at: At, path: &str, what: impl Into<String>) -> Self {
        Self {
            at,
            path: path.to_owned(),
            what: what.into(),
            instead: String::new(),
            severity: Severity::Error,
            is_unknown: false,
        }
    }

    /// A property that is not in the schema.
    pub(super) fn unknown(at: At, path: &str, what: impl Into<String>) -> Self {
        Self {
            is_unknown: true,
            ..Self::new(at, path, what)
        }
    }
}

/// All mistakes of one file. More than a screenful helps nobody, so the rest is only counted.
#[derive(Debug)]
pub(super) struct Faults {
    file: Arc<PathBuf>,
    faults: Vec<Fault>,
    more: usize,
}

const MOST: usize = 100;

impl Faults {
    pub(super) fn new(file: Arc<PathBuf>) -> Self {
        Self {
            file,
            faults: Vec::new(),
            more: 0,
        }
    }

    pub(super) fn add(&mut self, fault: Fault) {
        if self.faults.len() < MOST {
            self.faults.push(fault);
        } else {
            self.more += 1;
        }
    }

    /// A file of a later version may hold properties that this one does not know.
    pub(super) fn accept_unknown(&mut self) {
        for fault in &mut self.faults {
            if fault.is_unknown {
                fault.severity = Severity::Warning;
                "ignoring it".clone_into(&mut fault.instead);
            }
        }
    }

    pub(super) fn is_fatal(&self) -> bool {
        self.more > 0
            || self
                .faults
                .iter()
                .any(|fault| fault.severity == Severity::Error)
    }

    pub(super) fn origin(&self, at: At) -> Origin {
        Origin::File {
            path: Arc::clone(&self.file),
            line: at.line,
            column: at.column,
        }
    }

    /// As problems, in the order of the file.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.faults
            .sort_by_key(|fault| (fault.at.line, fault.at.column));
        if self.more > 0 {
            let last = self.faults.last().map_or(At::FILE, |fault| fault.at);
            let what = format!("has {} more mistakes", self.more);
            self.faults.push(Fault::new(last, "", what));
        }
        let faults = std::mem::take(&mut self.faults);
        faults
            .into_iter()
            .map(|fault| Problem {
                key: mask::line(match fault.path.as_str() {
                    "" => "the configuration file".to_owned(),
                    path => path.to_owned(),
                }),
                value: None,
                origin: self.origin(fault.at),
                what: mask::line(fault.what),
                instead: mask::line(fault.instead),
                severity: fault.severity,
            })
            .collect()
    }
}
