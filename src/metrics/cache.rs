//! A cache: hits, misses, evictions, size.

use super::{Bound, Counter, Definition, Error, Gauge, Registry};

const NAME: &str = "cache.name";
const RESULT: &str = "cache.result";
const REASON: &str = "cache.eviction.reason";

const REQUESTS: Definition<Counter> = Counter::define("cache.requests")
    .unit("{request}")
    .help("Lookups, by result")
    .labels(&[NAME, RESULT]);
const EVICTIONS: Definition<Counter> = Counter::define("cache.evictions")
    .unit("{entry}")
    .help("Entries removed, by reason")
    .labels(&[NAME, REASON]);
const SIZE: Definition<Gauge> = Gauge::define("cache.size")
    .unit("{entry}")
    .help("Entries in the cache")
    .labels(&[NAME]);

/// A cache. Clones share their series.
///
/// | metric | what it says |
/// |---|---|
/// | `cache.requests` | lookups, by `cache.result` (`hit`, `miss`) |
/// | `cache.evictions` | entries removed, by `cache.eviction.reason` |
/// | `cache.size` | entries now |
///
/// ```
/// use std::collections::HashMap;
/// use spanwise::metrics::{Cache, Registry};
///
/// let registry = Registry::default();
/// let sessions = Cache::new(&registry, "sessions")?;
/// let mut entries = HashMap::from([("ada", 1)]);
///
/// assert_eq!(sessions.lookup(entries.get("ada")), Some(&1));
/// assert_eq!(sessions.lookup(entries.get("bob")), None);
/// entries.clear();
/// sessions.evict("expired");
/// sessions.size(entries.len());
///
/// let hits = [("cache.name", "sessions"), ("cache.result", "hit")];
/// assert_eq!(registry.snapshot().get("cache.requests", hits).unwrap().as_f64(), 1.0);
/// # Ok::<_, spanwise::metrics::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Cache {
    name: String,
    hits: Bound<Counter>,
    misses: Bound<Counter>,
    evictions: Counter,
    size: Bound<Gauge>,
}

impl Cache {
    /// A cache of this name.
    ///
    /// # Errors
    ///
    /// As [`Registry::register`].
    #[track_caller]
    pub fn new(registry: &Registry, name: &str) -> Result<Self, Error> {
        let requests = registry.register(&REQUESTS)?;
        Ok(Self {
            hits: requests.bind([(NAME, name), (RESULT, "hit")]),
            misses: requests.bind([(NAME, name), (RESULT, "miss")]),
            evictions: registry.register(&EVICTIONS)?,
            size: registry.register(&SIZE)?.bind([(NAME, name)]),
            name: name.to_owned(),
        })
    }

    /// Counts a lookup by what it found, and hands that on.
    pub fn lookup<T>(&self, found: Option<T>) -> Option<T> {
        match found {
            Some(_) => self.hit(),
            None => self.miss(),
        }
        found
    }

    /// Counts a lookup that found something.
    pub fn hit(&self) {
        self.hits.add(1);
    }

    /// Counts a lookup that found nothing.
    pub fn miss(&self) {
        self.misses.add(1);
    }

    /// Counts an entry removed for a reason, such as `size` or `expired`.
    pub fn evict(&self, reason: &str) {
        self.evictions
            .add(1, [(NAME, &*self.name), (REASON, reason)]);
    }

    /// Says how many entries there are.
    pub fn size(&self, entries: usize) {
        self.size.set(entries as f64);
    }
}
