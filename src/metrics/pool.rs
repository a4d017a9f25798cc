//! A pool of things that are borrowed and given back.

use std::time::Instant;

use super::{Bound, Definition, Error, Gauge, Histogram, Registry, UpDownCounter};

const NAME: &str = "pool.name";

const USED: Definition<UpDownCounter> = UpDownCounter::define("pool.used")
    .unit("{resource}")
    .help("Resources that are borrowed")
    .labels(&[NAME]);
const LIMIT: Definition<Gauge> = Gauge::define("pool.limit")
    .unit("{resource}")
    .help("Resources that the pool may have")
    .labels(&[NAME]);
const WAITERS: Definition<UpDownCounter> = UpDownCounter::define("pool.waiters")
    .unit("{waiter}")
    .help("Who waits for a resource")
    .labels(&[NAME]);
const WAIT: Definition<Histogram> = Histogram::define("pool.wait.duration")
    .unit("s")
    .help("How long it took to get a resource")
    .labels(&[NAME]);
const USE: Definition<Histogram> = Histogram::define("pool.use.duration")
    .unit("s")
    .help("How long resources were borrowed")
    .labels(&[NAME]);

/// A pool. Clones share their series.
///
/// | metric | what it says |
/// |---|---|
/// | `pool.used`, `pool.limit` | resources borrowed, and how many there may be |
/// | `pool.waiters` | who waits now |
/// | `pool.wait.duration`, `pool.use.duration` | how long it took to get one, how long it was kept |
///
/// ```
/// use spanwise::metrics::{Pool, Registry};
///
/// let registry = Registry::default();
/// let connections = Pool::new(&registry, "orders-db", 10)?;
///
/// let waiting = connections.wait();       // a waiter, until it has one or gives up
/// let using = waiting.acquired();         // in use, until it is dropped
/// let pool = [("pool.name", "orders-db")];
/// assert_eq!(registry.snapshot().get("pool.used", pool).unwrap().as_f64(), 1.0);
/// drop(using);
/// assert_eq!(registry.snapshot().get("pool.used", pool).unwrap().as_f64(), 0.0);
/// # Ok::<_, spanwise::metrics::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pool {
    used: Bound<UpDownCounter>,
    limit: Bound<Gauge>,
    waiters: Bound<UpDownCounter>,
    wait: Bound<Histogram>,
    kept: Bound<Histogram>,
}

/// Somebody who waits for a resource; dropping it is giving up.
#[derive(Debug)]
#[must_use = "dropping it ends the wait"]
pub struct Waiting {
    pool: Pool,
    since: Instant,
}

/// A resource in use; dropping it gives it back.
#[derive(Debug)]
#[must_use = "dropping it gives the resource back"]
pub struct Using {
    pool: Pool,
    since: Instant,
}

impl Pool {
    /// A pool of this name with at most `limit` resources.
    ///
    /// # Errors
    ///
    /// As [`Registry::register`].
    #[track_caller]
    pub fn new(registry: &Registry, name: &str, limit: usize) -> Result<Self, Error> {
        let label = [(NAME, name)];
        let pool = Self {
            used: registry.register(&USED)?.bind(label),
            limit: registry.register(&LIMIT)?.bind(label),
            waiters: registry.register(&WAITERS)?.bind(label),
            wait: registry.register(&WAIT)?.bind(label),
            kept: registry.register(&USE)?.bind(label),
        };
        pool.resize(limit);
        Ok(pool)
    }

    /// Says how many resources there may be from now on.
    pub fn resize(&self, limit: usize) {
        self.limit.set(limit as f64);
    }

    /// Begins to wait for a resource.
    pub fn wait(&self) -> Waiting {
        self.waiters.add(1);
        Waiting {
            pool: self.clone(),
            since: Instant::now(),
        }
    }
}

impl Waiting {
    /// Ends the wait with a resource.
    pub fn acquired(self) -> Using {
        self.pool.wait.record_duration(self.since.elapsed());
        self.pool.used.add(1);
        Using {
            pool: self.pool.clone(),
            since: Instant::now(),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pool.waiters.add(-1);
    }
}

impl Drop for Using {
    fn drop(&mut self) {
        self.pool.used.add(-1);
        self.pool.kept.record_duration(self.since.elapsed());
    }
}
