//! From what a closed span was to the series that it counts in.
//!
//! # Hot path
//!
//! [`Targets::record`] looks into a cache of the thread: one comparison for spans that this thread has seen the like of,
//! then one recording a metric. Only what is new to the thread takes the lock, which a scrape holds no longer than it
//! takes to copy a list of pointers.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cache::{Cache, Cached};
use super::family::Family;
use super::identity::Identity;
use super::intern::new_owner;
use super::series::{Series, Store};
use crate::semconv;

/// Where spans of one identity count.
#[derive(Debug)]
pub(super) struct Target {
    owner: u64,
    identity: Identity,
    /// In the connector's metrics.
    pub(super) span: Arc<Series>,
    /// In a metric of the semantic conventions.
    pub(super) family: Option<Arc<Series>>,
}

impl Target {
    /// Adds a duration everywhere; whether a series wants the span as an exemplar.
    #[inline]
    pub(super) fn record(&self, nanos: u64) -> bool {
        let mut wants = self.span.exemplars.wants(self.span.record(nanos));
        if let Some(family) = &self.family {
            wants |= family.exemplars.wants(family.record(nanos));
        }
        wants
    }

    /// For spans that overflow; nobody remembers it, because each of them is new.
    pub(super) fn overflow(
        identity: Identity,
        span: Arc<Series>,
        family: Option<Arc<Series>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            owner: 0,
            identity,
            span,
            family,
        })
    }

    /// All its series.
    pub(super) fn series(&self) -> impl Iterator<Item = &Arc<Series>> {
        [&self.span].into_iter().chain(&self.family)
    }
}

/// One metric made of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    /// Calls and duration, as the connector has them.
    Spans,
    /// A duration of the semantic conventions.
    Family(Family),
}

/// How many metrics there are.
const METRICS: usize = 1 + Family::ALL.len();

impl Metric {
    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let families = Family::ALL.into_iter().map(Self::Family);
        [Self::Spans].into_iter().chain(families)
    }

    /// What it is called; for the connector's two metrics the one that counts.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Spans => semconv::SPAN_METRICS_CALLS,
            Self::Family(family) => family.definition().name,
        }
    }

    /// What its durations are called.
    pub(crate) const fn duration_name(self) -> &'static str {
        match self {
            Self::Spans => semconv::SPAN_METRICS_DURATION,
            Self::Family(family) => family.definition().name,
        }
    }

    /// What its durations are, for people.
    pub(crate) const fn duration_help(self) -> &'static str {
        match self {
            Self::Spans => "Duration of spans that closed, from start to last exit.",
            Self::Family(family) => family.definition().help,
        }
    }

    fn place(self) -> usize {
        match self {
            Self::Spans => 0,
            Self::Family(family) => 1 + family as usize,
        }
    }
}

/// All series, and which spans count where.
#[derive(Debug)]
pub(super) struct Targets {
    /// Whose entries in the cache of a thread are right; another number when series expire.
    owner: AtomicU64,
    known: Mutex<Known>,
}

/// What the lock protects.
#[derive(Debug)]
pub(super) struct Known {
    stores: [Store; METRICS],
    /// For threads that meet an identity for the first time; emptied when it is full.
    by_identity: HashSet<ByIdentity>,
    most: usize,
}

/// A target found by its identity, which it holds.
#[derive(Debug)]
struct ByIdentity(Arc<Target>);

impl Borrow<Identity> for ByIdentity {
    fn borrow(&self) -> &Identity {
        &self.0.identity
    }
}

impl Hash for ByIdentity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Hash::hash(&self.0.identity, state);
    }
}

impl PartialEq for ByIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.0.identity == other.0.identity
    }
}

impl Eq for ByIdentity {}

impl Cached for Arc<Target> {
    fn hash(&self) -> u64 {
        Cached::hash(&self.identity)
    }
}

thread_local! {
    static SEEN: RefCell<Cache<Arc<Target>>> = const { RefCell::new(Cache::new()) };
}

/// What a look for the target of a span gave.
pub(super) enum Looked {
    /// Recorded; the target, if there is more to do.
    Recorded(Option<Arc<Target>>),
    /// New to this thread.
    New,
}

impl Targets {
    /// Nothing yet, with room for `limit` series a metric.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            owner: AtomicU64::new(new_owner()),
            known: Mutex::new(Known {
                stores: std::array::from_fn(|_| Store::new(limit)),
                by_identity: HashSet::new(),
                // Values that matter to no label, a method that is not known, make several identities of one series.
                most: limit.saturating_mul(4).max(1024),
            }),
        }
    }

    /// Adds a duration where spans of this identity count, if this thread knows; `more` says that whoever calls wants the
    /// target, `exemplar` that he wants it if a series wants an exemplar.
    #[inline]
    pub(super) fn record(
        &self,
        identity: &Identity,
        nanos: u64,
        more: bool,
        exemplar: bool,
    ) -> Looked {
        // Relaxed: whoever sees late that series expired records in one that is looked at once more.
        let owner = self.owner.load(Ordering::Relaxed);
        let looked = SEEN.try_with(|seen| {
            let seen = seen.try_borrow().ok()?;
            let target = seen.get(Cached::hash(identity))?;
            if target.owner != owner || !target.identity.is(identity) {
                return None;
            }
            let wants = target.record(nanos);
            Some((more || (exemplar && wants)).then(|| target.clone()))
        });
        match looked {
            Ok(Some(more)) => Looked::Recorded(more),
            _ => Looked::New,
        }
    }

    /// Whatever the lock protects; nothing of the application runs while it is held.
    pub(super) fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets this thread find the target faster next time.
    pub(super) fn remember(&self, target: &Arc<Target>) {
        // What cannot be cached, in a destructor of the thread, is found the slow way again.
        let _ = SEEN.try_with(|seen| {
            if let Ok(mut seen) = seen.try_borrow_mut() {
                seen.put(target.clone(), |other| other.owner == target.owner);
            }
        });
    }

    /// Remembers for all threads where spans of an identity count.
    pub(super) fn add(
        &self,
        known: &mut Known,
        identity: Identity,
        span: Arc<Series>,
        family: Option<Arc<Series>>,
    ) -> Arc<Target> {
        if known.by_identity.len() >= known.most {
            known.by_identity.clear();
        }
        let target = Arc::new(Target {
            // It changes only under the lock, which the caller holds.
            owner: self.owner.load(Ordering::Relaxed),
            identity,
            span,
            family,
        });
        known.by_identity.insert(ByIdentity(target.clone()));
        target
    }

    /// No thread uses what it has remembered any more.
    pub(super) fn forget(&self, known: &mut Known) {
        known.by_identity.clear();
        self.owner.store(new_owner(), Ordering::Relaxed);
    }
}

impl Known {
    pub(super) fn store(&mut self, metric: Metric) -> &mut Store {
        &mut self.stores[metric.place()]
    }

    pub(super) fn target(&self, identity: &Identity) -> Option<Arc<Target>> {
        self.by_identity.get(identity).map(|known| known.0.clone())
    }

    /// The strings that identities name.
    pub(super) fn add_ids(&self, ids: &mut HashSet<u32>) {
        let identities = self.by_identity.iter().map(|known| &known.0.identity);
        ids.extend(identities.flat_map(Identity::ids));
    }
}
