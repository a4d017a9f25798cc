//! What we do at each callsite, decided once and found again without a lock.
//!
//! # Hot path
//!
//! [`Callsites::with`] runs for every new span and event: one comparison in a cache of the thread, keyed by the address
//! of the callsite's metadata, which never moves.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tracing::Metadata;

use super::filter::{Filters, enabled, internal_level, is_internal};
use crate::diagnostics;
use crate::span_metrics::{ErrorRule, Plan, SpanMetrics};

/// What we do at one callsite.
#[derive(Debug)]
pub(crate) struct Callsite {
    /// How a span of it is counted; `None` if it is not.
    pub(crate) plan: Option<Arc<Plan>>,
    /// Whether an event of it can make a counted span an error.
    pub(crate) error: ErrorRule,
    /// Whether an event of it is logged, or a span's fields are shown.
    pub(crate) logged: bool,
    /// How loud the SDK speaks of itself here; `None` where the application speaks.
    pub(crate) internal: Option<diagnostics::Level>,
}

/// All callsites that one layer has met.
#[derive(Debug)]
pub(crate) struct Callsites {
    /// Tells the entries of several layers apart in the cache of a thread.
    id: u64,
    filters: Filters,
    metrics: Arc<SpanMetrics>,
    known: RwLock<HashMap<usize, Arc<Callsite>>>,
}

struct Cached {
    callsites: u64,
    address: usize,
    callsite: Arc<Callsite>,
}

/// Entries of the cache of a thread, 24 bytes each.
const CACHE: usize = 256;

thread_local! {
    static SEEN: RefCell<Vec<Option<Cached>>> = const { RefCell::new(Vec::new()) };
}

impl Callsites {
    pub(crate) fn new(filters: Filters, metrics: Arc<SpanMetrics>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            filters,
            metrics,
            known: RwLock::default(),
        }
    }

    /// Calls back with what is to be done at the callsite of `metadata`.
    #[inline]
    pub(crate) fn with<R>(
        &self,
        metadata: &'static Metadata<'static>,
        act: impl FnOnce(&Callsite) -> R,
    ) -> R {
        let address = std::ptr::from_ref(metadata).addr();
        // Metadata lies at least 8 bytes apart and usually in one section: the low bits say nothing.
        let place = (address >> 3) % CACHE;
        let mut act = Some(act);
        // The borrow is shared while `act` runs: it may call the application, which may come back here.
        let done = SEEN.try_with(|seen| {
            let seen = seen.try_borrow().ok()?;
            let cached = seen.get(place)?.as_ref()?;
            if cached.callsites == self.id && cached.address == address {
                return act.take().map(|act| act(&cached.callsite));
            }
            None
        });
        if let Ok(Some(result)) = done {
            return result;
        }
        let callsite = self.find(metadata, address, place);
        match act {
            Some(act) => act(&callsite),
            None => unreachable!("the callback is taken only where its result is returned"),
        }
    }

    #[cold]
    fn find(
        &self,
        metadata: &'static Metadata<'static>,
        address: usize,
        place: usize,
    ) -> Arc<Callsite> {
        let known = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            known.get(&address).cloned()
        };
        let callsite = known.unwrap_or_else(|| {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            known
                .entry(address)
                .or_insert_with(|| Arc::new(self.decide(metadata)))
                .clone()
        });
        // What cannot be cached, in a destructor of the thread or inside a callback, is found the slow way again.
        let _ = SEEN.try_with(|seen| {
            let Ok(mut seen) = seen.try_borrow_mut() else {
                return;
            };
            if seen.is_empty() {
                seen.resize_with(CACHE, || None);
            }
            seen[place] = Some(Cached {
                callsites: self.id,
                address,
                callsite: callsite.clone(),
            });
        });
        callsite
    }

    fn decide(&self, metadata: &'static Metadata<'static>) -> Callsite {
        let counted = enabled(&self.filters.span_metrics, metadata);
        Callsite {
            plan: (counted && metadata.is_span()).then(|| self.metrics.plan(metadata)),
            error: if counted {
                ErrorRule::of(metadata)
            } else {
                ErrorRule::Never
            },
            logged: enabled(&self.filters.logs, metadata) && !is_internal(metadata),
            internal: is_internal(metadata).then(|| internal_level(metadata)),
        }
    }
}
