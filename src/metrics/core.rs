//! What every metric has, whatever its kind: definition, switch, label rules, and the account of what went wrong.

use std::{
    borrow::Cow,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
};

use super::{
    cell::Refusal,
    definition::Spec,
    observed::Observed,
    report::{Problem, Report, Reports},
    sink::Sink,
    snapshot::Labels,
    watch::Watches,
};

/// The longest label value in bytes. A longer one is cut before the last character that would not fit, and ends in `…`.
pub const MAX_VALUE: usize = 1024;

/// The label of the series that takes what is beyond the limit.
pub const OVERFLOW: &str = "otel.metric.overflow";

/// Whether recordings are taken, and whether somebody wants to hear of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Switch {
    Off,
    On,
    Watched,
}

/// What does not depend on the kind of metric.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) spec: Spec,
    switch: AtomicU8,
    pub(super) trouble: Trouble,
    reported: AtomicU32,
    reports: Arc<Reports>,
    pub(super) watches: Watches,
    /// What callbacks observed.
    pub(super) observed: Observed,
    pub(super) sink: RwLock<Option<Sink>>,
}

/// How often a recording was not taken as it was given.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    pub(super) refused: AtomicU64,
    pub(super) overflowed: AtomicU64,
    pub(super) changed: AtomicU64,
    pub(super) ignored: AtomicU64,
}

impl Core {
    pub(super) fn new(spec: Spec, enabled: bool, reports: Arc<Reports>) -> Self {
        Self {
            spec,
            switch: AtomicU8::new(u8::from(enabled)),
            trouble: Trouble::default(),
            reported: AtomicU32::new(0),
            reports,
            watches: Watches::default(),
            observed: Observed::default(),
            sink: RwLock::default(),
        }
    }

    #[inline]
    pub(super) fn switch(&self) -> Switch {
        // Relaxed: a recording that sees the old position is as if it had come a moment earlier.
        match self.switch.load(Ordering::Relaxed) {
            0 => Switch::Off,
            1 => Switch::On,
            _ => Switch::Watched,
        }
    }

    pub(super) fn turn(&self, enabled: bool) {
        let position = if enabled { Switch::On } else { Switch::Off };
        self.switch.store(position as u8, Ordering::Relaxed);
        self.mind_watches();
    }

    /// Makes recordings look at the watches, or not, after their number changed. A metric that is off stays off.
    pub(super) fn mind_watches(&self) {
        let (from, to) = match self.watches.is_empty() {
            true => (Switch::Watched, Switch::On),
            false => (Switch::On, Switch::Watched),
        };
        let _ = self.switch.compare_exchange(
            from as u8,
            to as u8,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// Reports a problem the first time that it happens.
    pub(super) fn report(&self, problem: Problem, text: impl FnOnce() -> String) {
        // The bit guards nothing but itself.
        if self.reported.fetch_or(problem.bit(), Ordering::Relaxed) & problem.bit() == 0 {
            self.report_again(problem, text());
        }
    }

    /// Reports a problem that can have more than one cause within one metric.
    pub(super) fn report_again(&self, problem: Problem, text: String) {
        self.reports.add(Report {
            metric: Arc::clone(&self.spec.name),
            problem,
            text,
        });
    }

    #[cold]
    pub(super) fn refuse(&self, refusal: Refusal) {
        self.trouble.refused.fetch_add(1, Ordering::Relaxed);
        self.report(Problem::RefusedValue, || {
            format!(
                "{} `{}` was given a value that {}; it was not recorded, further ones are only counted",
                self.spec.kind,
                self.spec.name,
                refusal.reason(),
            )
        });
    }

    /// The labels as they are exported.
    pub(super) fn labels(&self, values: &[Arc<str>]) -> Labels {
        let given = self.spec.keys.iter().cloned().zip(values.iter().cloned());
        let mut labels: Vec<_> = self.spec.constant.iter().cloned().chain(given).collect();
        labels.retain(|(_, value)| !value.is_empty());
        labels.sort();
        labels.into()
    }

    pub(super) fn overflow_labels(&self) -> Labels {
        let mut labels: Vec<_> = self.spec.constant.to_vec();
        labels.push((OVERFLOW.into(), "true".into()));
        labels.sort();
        labels.into()
    }

    /// One value for each key, cut and cleaned; what had to be changed is counted.
    pub(super) fn canonical<'a>(&self, labels: &[(&str, &'a str)]) -> Vec<Cow<'a, str>> {
        let mut values = vec![Cow::Borrowed(""); self.spec.keys.len()];
        for (at, (key, value)) in labels.iter().enumerate() {
            match position(&self.spec.keys, at, key) {
                Some(position) => values[position] = self.clean(key, value),
                None => self.ignore(key),
            }
        }
        values
    }

    fn clean<'a>(&self, key: &str, value: &'a str) -> Cow<'a, str> {
        if is_clean(value) {
            return Cow::Borrowed(value);
        }
        self.trouble.changed.fetch_add(1, Ordering::Relaxed);
        self.report(Problem::ChangedLabel, || {
            format!(
                "label `{key}` of metric `{}` was given a value of {} bytes{}; values are cut at {MAX_VALUE} bytes, and control characters become `\u{FFFD}`",
                self.spec.name,
                value.len(),
                if value.contains(char::is_control) { " with control characters" } else { "" },
            )
        });
        let mut clean = String::new();
        for c in value.chars() {
            let c = if c.is_control() { '\u{FFFD}' } else { c };
            if clean.len() + c.len_utf8() > MAX_VALUE - '…'.len_utf8() {
                clean.push('…');
                break;
            }
            clean.push(c);
        }
        Cow::Owned(clean)
    }

    fn ignore(&self, key: &str) {
        self.trouble.ignored.fetch_add(1, Ordering::Relaxed);
        self.report(Problem::UnknownLabel, || {
            format!(
                "metric `{}` has no label {}, its labels are {:?}; the label was left out, the value was recorded (defined at {})",
                self.spec.name,
                super::error::quoted(key),
                self.spec.keys,
                self.spec.place,
            )
        });
    }
}

/// Where a key is in the definition; most callers give labels in that order, so that place is tried first.
#[inline]
pub(super) fn position(keys: &[Arc<str>], at: usize, key: &str) -> Option<usize> {
    match keys.get(at) {
        Some(expected) if **expected == *key => Some(at),
        _ => keys.iter().position(|known| **known == *key),
    }
}

pub(super) fn is_clean(value: &str) -> bool {
    value.len() <= MAX_VALUE && !value.contains(char::is_control)
}
