//! Values out of the sources, with what was wrong and where each came from.

use std::time::Duration;

use super::effective::Setting;
use super::lookup::{Candidate, Found, Refused, look, search};
use super::parsed::{self, Parsed};
use super::sources::Layer;
use super::variable::{Kind, Variable};
use super::{Features, Origin, Problem, Severity, Sources, mask};

/// Reads variables and remembers every problem and every effective value.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) sources: &'a Sources,
    pub(super) features: Features,
    settings: Vec<Setting>,
    problems: Vec<Problem>,
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Read<T> {
    pub(super) value: T,
    /// The variable that gave it, or the one whose default it is.
    pub(super) variable: &'static Variable,
    pub(super) origin: Origin,
    /// The value as it may be shown.
    pub(super) shown: String,
    /// What was written for it, as it may be shown; `None` for a default and for secrets.
    pub(super) written: Option<String>,
}

impl<T> Read<T> {
    pub(super) fn is_default(&self) -> bool {
        self.origin == Origin::Default
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(sources: &'a Sources, features: Features) -> Self {
        Self {
            sources,
            features,
            settings: Vec::new(),
            problems: Vec::new(),
        }
    }

    pub(super) fn into_parts(self) -> (Vec<Setting>, Vec<Problem>) {
        (self.settings, self.problems)
    }

    // --- one method a kind ---

    pub(super) fn flag(&mut self, chain: &[&'static Variable]) -> Read<bool> {
        self.required(chain, |c| parsed::flag(c.text), bool::to_string)
    }

    pub(super) fn duration(&mut self, chain: &[&'static Variable]) -> Read<Duration> {
        self.required(
            chain,
            |c| parsed::millis(c.text, &c.variable.kind.accepted()),
            |duration| duration.as_millis().to_string(),
        )
    }

    pub(super) fn size(&mut self, chain: &[&'static Variable]) -> Read<usize> {
        self.required(
            chain,
            |c| parsed::size(c.text, &c.variable.kind.accepted()),
            usize::to_string,
        )
    }

    /// A size that need not be set; `unset` says what its absence means.
    pub(super) fn optional_size(
        &mut self,
        variable: &'static Variable,
        unset: &str,
    ) -> Option<usize> {
        let parse = |c: Candidate<'_>| parsed::size(c.text, &c.variable.kind.accepted());
        let read = self.optional(&[variable], parse, usize::to_string, unset)?;
        Some(read.value)
    }

    pub(super) fn limit(&mut self, chain: &[&'static Variable]) -> Read<u32> {
        self.required(
            chain,
            |c| parsed::limit(c.text, &c.variable.kind.accepted()),
            u32::to_string,
        )
    }

    pub(super) fn length(&mut self, chain: &[&'static Variable]) -> Option<usize> {
        let read = self.optional(
            chain,
            |c| parsed::limit(c.text, &c.variable.kind.accepted()),
            u32::to_string,
            "no limit",
        )?;
        usize::try_from(read.value).ok()
    }

    pub(super) fn choice(&mut self, chain: &[&'static Variable]) -> Read<&'static str> {
        self.required(
            chain,
            |c| match c.variable.kind {
                Kind::Choice(words) => parsed::word(c.text, words, &c.variable.kind.accepted()),
                kind => Parsed::bad(format!("is not {}", kind.accepted())),
            },
            |word| (*word).to_owned(),
        )
    }

    pub(super) fn list(
        &mut self,
        variable: &'static Variable,
        when_refused: parsed::WhenRefused,
    ) -> Read<Vec<&'static str>> {
        self.required(
            &[variable],
            |c| match c.variable.kind {
                Kind::List(words) => parsed::list(c.text, words, when_refused),
                kind => Parsed::bad(format!("is not {}", kind.accepted())),
            },
            |words| show_list(words),
        )
    }

    pub(super) fn text(
        &mut self,
        chain: &[&'static Variable],
        unset: &str,
    ) -> Option<Read<String>> {
        self.optional(
            chain,
            |c| parsed::text(c.text),
            |text| mask::text(text),
            unset,
        )
    }

    // --- the search ---

    /// The first good value along `chain`, or the default of the table.
    pub(super) fn required<T>(
        &mut self,
        chain: &[&'static Variable],
        parse: impl Fn(Candidate<'_>) -> Parsed<T>,
        show: impl Fn(&T) -> String,
    ) -> Read<T> {
        let last = chain[chain.len() - 1];
        let default = || {
            parse(Candidate {
                variable: last,
                text: last.default,
                layer: Layer::CodeDefault,
            })
            .value
            .expect("the defaults of the table are valid")
        };
        self.or_else(chain, &parse, &show, default)
    }

    /// The first good value along `chain`, or `default`.
    pub(super) fn or_else<T>(
        &mut self,
        chain: &[&'static Variable],
        parse: impl Fn(Candidate<'_>) -> Parsed<T>,
        show: impl Fn(&T) -> String,
        default: impl FnOnce() -> T,
    ) -> Read<T> {
        let (found, refused) = search(self.sources, chain, parse);
        let found = found.unwrap_or_else(|| Found {
            value: default(),
            variable: chain[chain.len() - 1],
            origin: Origin::Default,
            written: None,
        });
        let shown = show(&found.value);
        self.report(refused, &format!("using {shown}"));
        self.record(chain[0], shown.clone(), found.origin.clone());
        found.read(shown)
    }

    /// The first good value along `chain`; `unset` says what its absence means.
    pub(super) fn optional<T>(
        &mut self,
        chain: &[&'static Variable],
        parse: impl Fn(Candidate<'_>) -> Parsed<T>,
        show: impl Fn(&T) -> String,
        unset: &str,
    ) -> Option<Read<T>> {
        let (found, refused) = search(self.sources, chain, parse);
        let (shown, origin) = match &found {
            Some(found) => (show(&found.value), found.origin.clone()),
            None => (unset.to_owned(), Origin::Default),
        };
        self.report(refused, &format!("using {shown}"));
        self.record(chain[0], shown.clone(), origin);
        found.map(|found| found.read(shown))
    }

    /// The good values of each layer, the weakest first.
    pub(super) fn per_layer<T>(
        &mut self,
        variable: &'static Variable,
        parse: impl Fn(Candidate<'_>) -> Parsed<T>,
        instead: &str,
    ) -> Vec<(Layer, T)> {
        let mut values = Vec::new();
        for (layer, env) in self.sources.layers().into_iter().rev() {
            let (found, refused) = look(layer, env, variable, &parse);
            self.report(refused, instead);
            values.extend(found.map(|found| (layer, found.value)));
        }
        values
    }

    /// What is written for `variable` where nothing reads it; the strongest layer that has it.
    pub(super) fn peek(&self, variable: &'static Variable) -> Option<Read<()>> {
        let anything = |_: Candidate<'_>| Parsed::good(());
        let mut layers = self.sources.layers().into_iter();
        let found = layers.find_map(|(layer, env)| look(layer, env, variable, anything).0)?;
        Some(found.read(String::new()))
    }

    fn report(&mut self, refused: Vec<Refused>, instead: &str) {
        for Refused {
            variable,
            origin,
            shown,
            fault,
        } in refused
        {
            self.push(Problem {
                key: variable.name.to_owned(),
                value: shown,
                origin,
                what: fault.what,
                instead: fault.instead.unwrap_or_else(|| instead.to_owned()),
                severity: Severity::Warning,
            });
        }
    }

    // --- problems found by comparing values ---

    /// A problem with a value that was read well.
    pub(super) fn warn<T>(&mut self, read: &Read<T>, what: impl Into<String>, instead: &str) {
        self.complain(read, what.into(), instead, Severity::Warning);
    }

    /// The same, for what is legal but may not be meant.
    pub(super) fn notice<T>(&mut self, read: &Read<T>, what: impl Into<String>, instead: &str) {
        self.complain(read, what.into(), instead, Severity::Notice);
    }

    fn complain<T>(&mut self, read: &Read<T>, what: String, instead: &str, severity: Severity) {
        self.push(Problem {
            key: read.variable.name.to_owned(),
            value: match read.origin {
                Origin::Default => Some(read.shown.clone()),
                _ => read.written.clone(),
            },
            origin: read.origin.clone(),
            what,
            instead: instead.to_owned(),
            severity,
        });
    }

    /// Remembers `problem` unless the same is known: a general variable is read once a signal.
    pub(super) fn push(&mut self, mut problem: Problem) {
        problem.key = mask::line(problem.key);
        problem.value = problem.value.map(mask::line);
        problem.what = mask::line(problem.what);
        problem.instead = mask::line(problem.instead);
        let known = self.problems.iter().any(|known| {
            known.key == problem.key
                && known.origin == problem.origin
                && known.what == problem.what
                && known.value == problem.value
        });
        if !known {
            self.problems.push(problem);
        }
    }

    // --- effective values ---

    /// Remembers the effective value of `variable`.
    pub(super) fn record(&mut self, variable: &'static Variable, value: String, origin: Origin) {
        self.settings.push(Setting {
            variable,
            value: mask::line(value),
            origin,
        });
    }

    /// Replaces the shown value of `variable`, where a later step changed it.
    pub(super) fn amend(&mut self, variable: &'static Variable, value: impl Into<String>) {
        if let Some(setting) = self.setting(variable) {
            setting.value = mask::line(value.into());
        }
    }

    /// The same, where another source won.
    pub(super) fn replace(&mut self, variable: &'static Variable, value: String, origin: Origin) {
        if let Some(setting) = self.setting(variable) {
            setting.value = mask::line(value);
            setting.origin = origin;
        }
    }

    fn setting(&mut self, variable: &'static Variable) -> Option<&mut Setting> {
        let mut settings = self.settings.iter_mut();
        settings.find(|setting| setting.variable.name == variable.name)
    }
}

/// Words as they would be written, `none` for no word.
pub(super) fn show_list(words: &[&'static str]) -> String {
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(",")
    }
}
