//! One metric: its definition, its series, and what befell its recordings.
//!
//! # Hot path
//!
//! [`Family::record`] runs for each recording: one relaxed load to see whether the metric is on and unwatched, then the cell.
//! [`Family::find`] runs before it when labels are given. Both allocate nothing for a series that exists.

use std::{
    any::Any,
    borrow::Cow,
    collections::HashSet,
    fmt::Debug,
    sync::{Arc, Mutex, OnceLock, atomic::Ordering},
    time::SystemTime,
};

use super::{
    cell::Cell,
    core::{Core, MAX_VALUE, OVERFLOW, Switch, is_clean, position},
    report::Problem,
    snapshot::{Labels, Value},
    table::{Series, Table},
};

#[derive(Debug)]
pub struct Family<C> {
    pub(super) core: Core,
    table: Table<C>,
    overflow: OnceLock<Arc<Series<C>>>,
}

/// A family whatever its kind.
pub(super) trait AnyFamily: Debug + Send + Sync {
    fn core(&self) -> &Core;
    fn len(&self) -> usize;
    fn visit(&self, each: &mut dyn FnMut(&dyn AnySeries));
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// A series whatever its kind.
pub(super) trait AnySeries {
    fn labels(&self) -> &Labels;
    fn value(&self) -> Option<Value>;
    fn started(&self) -> SystemTime;
    fn is_overflow(&self) -> bool;
    fn drained(&self) -> &Mutex<Option<Box<Value>>>;
}

impl<C: Cell> Family<C> {
    pub(super) fn new(core: Core) -> Self {
        Self {
            core,
            table: Table::new(),
            overflow: OnceLock::new(),
        }
    }

    #[inline]
    pub(super) fn record(&self, series: &Arc<Series<C>>, amount: C::Amount) {
        match self.core.switch() {
            Switch::On => {
                if let Err(refusal) = series.cell.record(amount) {
                    self.core.refuse(refusal);
                }
            }
            Switch::Off => {}
            Switch::Watched => self.record_watched(series, amount),
        }
    }

    #[inline]
    pub(super) fn record_with(&self, labels: &[(&str, &str)], amount: C::Amount) {
        if self.core.switch() != Switch::Off {
            self.record_found(labels, amount);
        }
    }

    /// Apart, so that a caller whose metric is off has one load and one branch inlined, and nothing else.
    #[inline(never)]
    fn record_found(&self, labels: &[(&str, &str)], amount: C::Amount) {
        self.record(self.find(labels), amount);
    }

    #[cold]
    fn record_watched(&self, series: &Arc<Series<C>>, amount: C::Amount) {
        match series.cell.record(amount) {
            Ok(()) => {
                let level = series.cell.level(amount);
                let key = Arc::as_ptr(series) as usize;
                self.core
                    .watches
                    .notify(&self.core, key, &series.labels, level);
            }
            Err(refusal) => self.core.refuse(refusal),
        }
    }

    /// The series with these labels; made when it is new, the overflow series when there is no room.
    #[inline]
    pub(super) fn find(&self, labels: &[(&str, &str)]) -> &Arc<Series<C>> {
        match self.find_known(labels) {
            Some(series) => series,
            None => self.find_cleaned(labels),
        }
    }

    #[inline]
    fn find_known(&self, labels: &[(&str, &str)]) -> Option<&Arc<Series<C>>> {
        let keys = &*self.core.spec.keys;
        let (mut hash, mut seen, mut given) = (0_u64, 0_u32, 0);
        for (at, (key, value)) in labels.iter().enumerate() {
            let position = position(keys, at, key)?;
            let bit = 1 << position;
            if seen & bit != 0 || value.len() > MAX_VALUE {
                return None;
            }
            seen |= bit;
            if !value.is_empty() {
                given += 1;
                hash = self.table.hash(position, value).wrapping_add(hash);
            }
        }
        self.table.find(hash, |series| {
            series.given == given
                && labels.iter().enumerate().all(|(at, (key, value))| {
                    position(keys, at, key)
                        .is_some_and(|position| &*series.values[position] == *value)
                })
        })
    }

    #[cold]
    fn find_cleaned(&self, labels: &[(&str, &str)]) -> &Arc<Series<C>> {
        // Clean labels that are not in a full table can only overflow: no need to allocate to find that out again and again.
        let full = self.table.len() >= self.core.spec.limit;
        if full
            && labels
                .iter()
                .all(|(key, value)| is_clean(value) && self.has_key(key))
        {
            return self.overflow();
        }
        let values = self.core.canonical(labels);
        let matches = |series: &Series<C>| is_same(&series.values, &values);
        let make = || self.series(&values);
        self.table
            .find_or_add(self.hash(&values), self.core.spec.limit, matches, make)
            .unwrap_or_else(|| self.overflow())
    }

    /// The series with these labels, if there is one.
    pub(super) fn peek(&self, labels: &[(&str, &str)]) -> Option<&Arc<Series<C>>> {
        if let [(OVERFLOW, "true")] = labels {
            return self.overflow.get();
        }
        if !labels.iter().all(|(key, _)| self.has_key(key)) {
            return None;
        }
        let values = self.core.canonical(labels);
        self.table.find(self.hash(&values), |series| {
            is_same(&series.values, &values)
        })
    }

    fn has_key(&self, key: &str) -> bool {
        self.core.spec.keys.iter().any(|known| &**known == key)
    }

    fn hash(&self, values: &[Cow<'_, str>]) -> u64 {
        let given = values
            .iter()
            .enumerate()
            .filter(|(_, value)| !value.is_empty());
        given.fold(0, |sum, (position, value)| {
            self.table.hash(position, value).wrapping_add(sum)
        })
    }

    fn series(&self, values: &[Cow<'_, str>]) -> Series<C> {
        let values: Box<[Arc<str>]> = values
            .iter()
            .map(|value| Arc::from(value.as_ref()))
            .collect();
        let labels = self.core.labels(&values);
        self.new_series(values, labels, false)
    }

    fn new_series(&self, values: Box<[Arc<str>]>, labels: Labels, overflow: bool) -> Series<C> {
        Series {
            given: values.iter().filter(|value| !value.is_empty()).count(),
            values,
            labels,
            overflow,
            started: SystemTime::now(),
            cell: C::new(&self.core.spec),
            drained: Mutex::new(None),
        }
    }

    fn overflow(&self) -> &Arc<Series<C>> {
        self.core.trouble.overflowed.fetch_add(1, Ordering::Relaxed);
        self.core
            .report(Problem::Overflow, || self.overflow_report());
        self.overflow.get_or_init(|| {
            Arc::new(self.new_series(Box::new([]), self.core.overflow_labels(), true))
        })
    }

    fn overflow_report(&self) -> String {
        let spec = &self.core.spec;
        let distinct = |key: usize| {
            self.table
                .iter()
                .map(|series| &series.values[key])
                .collect::<HashSet<_>>()
                .len()
        };
        let (largest, count) = (0..spec.keys.len())
            .map(|key| (&*spec.keys[key], distinct(key)))
            .max_by_key(|(_, count)| *count)
            .unwrap_or(("", 0));
        format!(
            "metric `{}` reached {} series, of which label `{largest}` alone has {count} values; further ones are recorded as {OVERFLOW}=\"true\" (defined at {})",
            spec.name,
            self.table.len(),
            spec.place,
        )
    }
}

impl<C: Cell> AnyFamily for Family<C> {
    fn core(&self) -> &Core {
        &self.core
    }

    fn len(&self) -> usize {
        self.table.len()
    }

    fn visit(&self, each: &mut dyn FnMut(&dyn AnySeries)) {
        for series in self.table.iter().chain(self.overflow.get()) {
            each(&**series);
        }
        for point in self.core.observed.points() {
            // Where both a handle and a callback feed one series, the handle has it.
            if !self
                .table
                .iter()
                .any(|series| series.labels == *point.labels())
            {
                each(&*point);
            }
        }
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl<C: Cell> AnySeries for Series<C> {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn value(&self) -> Option<Value> {
        self.cell.value()
    }

    fn started(&self) -> SystemTime {
        self.started
    }

    fn is_overflow(&self) -> bool {
        self.overflow
    }

    fn drained(&self) -> &Mutex<Option<Box<Value>>> {
        &self.drained
    }
}

fn is_same(series: &[Arc<str>], values: &[Cow<'_, str>]) -> bool {
    series.iter().zip(values).all(|(a, b)| **a == **b)
}
