//! Spans in flight, by what was known when they started.
//!
//! # Hot path
//!
//! A number is found through a cache of the thread; then a load, an add and a store in an array that only this thread
//! writes. A span may end on another thread than it started on: only the sum over all threads means something.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::cache::{Cache, Cached, finish, mix};
use super::intern::{self, new_owner};
use super::labels::{self, Label};
use super::outcome::Kind;
use super::shard::{self, Shard};

/// Numbers at most, the one for what no longer fits included: 32 KiB a thread that opens spans, up to 16 of them.
const MOST: usize = 4096;
/// Counts what no longer fits.
const OVERFLOW: u32 = 0;
/// For spans that are not counted here.
pub(super) const NOWHERE: u32 = u32::MAX;

/// How many spans of each name and kind are in flight.
#[derive(Debug)]
pub(super) struct Active {
    owner: u64,
    service_name: Arc<str>,
    limit: usize,
    numbers: RwLock<Numbers>,
    /// By number; wrapping, because one thread may see more ends than starts.
    shards: [OnceLock<Box<[AtomicU64]>>; shard::COUNT],
}

#[derive(Debug, Default)]
struct Numbers {
    by_span: HashMap<(u32, Kind), u32>,
    /// By number; the labels never change.
    labels: Vec<Arc<[Label]>>,
}

struct Known {
    owner: u64,
    name: u32,
    kind: Kind,
    number: u32,
}

impl Cached for Known {
    fn hash(&self) -> u64 {
        hash(self.name, self.kind)
    }
}

fn hash(name: u32, kind: Kind) -> u64 {
    finish(mix(u64::from(name), kind as u64))
}

thread_local! {
    static SEEN: RefCell<Cache<Known>> = const { RefCell::new(Cache::new()) };
}

impl Active {
    /// Counts at most `limit` names and kinds apart.
    pub(super) fn new(service_name: Arc<str>, limit: usize) -> Self {
        let overflow = labels::of_overflow(Some(&service_name)).into();
        Self {
            owner: new_owner(),
            service_name,
            limit: limit.min(MOST - 1),
            numbers: RwLock::new(Numbers {
                by_span: HashMap::new(),
                labels: vec![overflow],
            }),
            shards: [const { OnceLock::new() }; shard::COUNT],
        }
    }

    /// A span starts; `keep` gives its name and an id for it that stays. The result is for [`end`](Self::end).
    #[inline]
    pub(super) fn start(
        &self,
        name: u32,
        kind: Kind,
        keep: impl FnOnce() -> Option<(u32, Arc<str>)>,
    ) -> u32 {
        let seen = SEEN.try_with(|seen| {
            let seen = seen.try_borrow().ok()?;
            let known = seen.get(hash(name, kind))?;
            let same = known.owner == self.owner && known.name == name && known.kind == kind;
            same.then_some(known.number)
        });
        let number = match seen {
            Ok(Some(number)) => number,
            _ => self.number(name, kind, keep),
        };
        self.add(number, 1);
        number
    }

    /// A span ends.
    #[inline]
    pub(super) fn end(&self, number: u32) {
        if number != NOWHERE {
            self.add(number, 1_u64.wrapping_neg());
        }
    }

    #[inline]
    fn add(&self, number: u32, change: u64) {
        let shard = Shard::current();
        let counts = self.shards[shard.index()]
            .get_or_init(|| (0..=self.limit).map(|_| AtomicU64::new(0)).collect());
        let count = &counts[number as usize];
        // Relaxed as in the cells: sums are read as they stand, and an owned shard has one writer.
        match shard {
            Shard::Owned(_) => {
                let changed = count.load(Ordering::Relaxed).wrapping_add(change);
                count.store(changed, Ordering::Relaxed);
            }
            Shard::Shared => {
                count.fetch_add(change, Ordering::Relaxed);
            }
        }
    }

    #[cold]
    fn number(&self, name: u32, kind: Kind, keep: impl FnOnce() -> Option<(u32, Arc<str>)>) -> u32 {
        let known = {
            let numbers = self.numbers.read().unwrap_or_else(PoisonError::into_inner);
            match numbers.by_span.get(&(name, kind)) {
                Some(number) => Some(*number),
                None if numbers.labels.len() > self.limit => return OVERFLOW,
                None => None,
            }
        };
        let number = match known {
            Some(number) => number,
            None => {
                let Some((kept, text)) = keep().filter(|(id, _)| *id != intern::OVERFLOW) else {
                    return OVERFLOW;
                };
                let mut numbers = self.numbers.write().unwrap_or_else(PoisonError::into_inner);
                let labels = labels::of_open_span(&self.service_name, text, kind);
                numbers.add(kept, kind, self.limit, labels)
            }
        };
        let _ = SEEN.try_with(|seen| {
            if let Ok(mut seen) = seen.try_borrow_mut() {
                let known = Known {
                    owner: self.owner,
                    name,
                    kind,
                    number,
                };
                seen.put(known, |other| other.owner == self.owner);
            }
        });
        number
    }

    /// Shows how many spans are in flight where there ever was one, by number.
    pub(super) fn visit(&self, mut visit: impl FnMut(usize, &[Label], u64)) {
        let labels = {
            let numbers = self.numbers.read().unwrap_or_else(PoisonError::into_inner);
            numbers.labels.clone()
        };
        let overflows = labels.len() > self.limit;
        for (number, labels) in labels.iter().enumerate() {
            if number == OVERFLOW as usize && !overflows {
                continue;
            }
            let shards = self.shards.iter().filter_map(OnceLock::get);
            let counts = shards.map(|counts| counts[number].load(Ordering::Relaxed));
            // A start may be seen after its end; there are never fewer than none.
            let sum = counts.fold(0, u64::wrapping_add) as i64;
            visit(number, labels, sum.max(0) as u64);
        }
    }
}

impl Numbers {
    fn add(&mut self, name: u32, kind: Kind, limit: usize, labels: Vec<Label>) -> u32 {
        if let Some(&number) = self.by_span.get(&(name, kind)) {
            return number;
        }
        if self.labels.len() > limit {
            return OVERFLOW;
        }
        let number = self.labels.len() as u32;
        self.labels.push(labels.into());
        self.by_span.insert((name, kind), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(active: &Active) -> Vec<u64> {
        let mut counts = Vec::new();
        active.visit(|_, _, count| counts.push(count));
        counts
    }

    fn start(active: &Active, name: u32) -> u32 {
        active.start(name, Kind::Server, || {
            Some((name, format!("{name}").into()))
        })
    }

    #[test]
    fn a_span_that_ends_on_another_thread_is_no_longer_in_flight() {
        let active = Active::new("svc".into(), 10);
        let numbers: Vec<u32> = (0..3).map(|_| start(&active, 7)).collect();
        assert_eq!(counts(&active), [3]);
        std::thread::scope(|scope| {
            scope.spawn(|| numbers.iter().for_each(|number| active.end(*number)));
        });
        assert_eq!(counts(&active), [0]);
    }

    #[test]
    fn more_names_than_fit_are_counted_together() {
        let active = Active::new("svc".into(), 2);
        for name in 1..=5 {
            start(&active, name);
        }
        assert_eq!(counts(&active), [3, 1, 1]);
    }
}
