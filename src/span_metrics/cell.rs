//! The numbers of one series: a histogram in shards, recorded without a lock.
//!
//! # Hot path
//!
//! [`Cells::record`] runs once per closed span: a search over the bounds, then a load, an add and a store for count and
//! sum in a shard that only this thread writes. No allocation but the first time a thread meets a series. `benches/span.rs`
//! and the tests below guard it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::bounds::Bounds;
use super::shard::{self, Shard};

/// Count and sum of one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bucket {
    /// Spans that fell into it.
    pub(crate) count: u64,
    /// Their durations added up, in nanoseconds.
    pub(crate) sum: u64,
}

#[derive(Debug, Default)]
struct AtomicBucket {
    count: AtomicU64,
    sum: AtomicU64,
}

/// Count and sum by bucket, of one shard; made once a thread has written it.
type Buckets = OnceLock<Box<[AtomicBucket]>>;

/// Shards that every series has room for. The first threads of a service do most of its work, and room for all shards
/// would be half of what a series takes.
const FIRST: usize = 2;

/// A histogram in shards.
#[derive(Debug)]
pub(super) struct Cells {
    first: [Buckets; FIRST],
    others: OnceLock<Box<[Buckets; shard::COUNT - FIRST]>>,
}

impl Cells {
    pub(super) fn new() -> Self {
        Self {
            first: [const { OnceLock::new() }; FIRST],
            others: OnceLock::new(),
        }
    }

    #[inline]
    fn shard(&self, shard: Shard) -> &Buckets {
        let index = shard.index();
        self.first.get(index).unwrap_or_else(|| {
            let new = || Box::new([const { OnceLock::new() }; shard::COUNT - FIRST]);
            &self.others.get_or_init(new)[index - FIRST]
        })
    }

    /// Adds one duration and tells which bucket it fell into.
    #[inline]
    pub(super) fn record(&self, bounds: &Bounds, nanos: u64) -> usize {
        let shard = Shard::current();
        let buckets = self.shard(shard).get_or_init(|| {
            (0..bounds.buckets())
                .map(|_| AtomicBucket::default())
                .collect()
        });
        let index = bounds.bucket(nanos);
        let bucket = &buckets[index];
        // Relaxed throughout: a reader may see the count before the sum or the other way round, never a torn value,
        // and the next read has both. Owned: no other thread stores, so load and store lose nothing.
        match shard {
            Shard::Owned(_) => {
                let count = bucket.count.load(Ordering::Relaxed);
                bucket.count.store(count + 1, Ordering::Relaxed);
                let sum = bucket.sum.load(Ordering::Relaxed);
                bucket.sum.store(sum.wrapping_add(nanos), Ordering::Relaxed);
            }
            Shard::Shared => {
                bucket.count.fetch_add(1, Ordering::Relaxed);
                bucket.sum.fetch_add(nanos, Ordering::Relaxed);
            }
        }
        index
    }

    /// Adds what another series held.
    pub(super) fn add(&self, held: &[Bucket]) {
        let new = || held.iter().map(|_| AtomicBucket::default()).collect();
        // The shared shard takes adds of any thread.
        let buckets = self.shard(Shard::Shared).get_or_init(new);
        for (bucket, held) in buckets.iter().zip(held) {
            bucket.count.fetch_add(held.count, Ordering::Relaxed);
            bucket.sum.fetch_add(held.sum, Ordering::Relaxed);
        }
    }

    /// Adds all shards to `buckets`, which has one place a bucket.
    pub(super) fn read(&self, buckets: &mut [Bucket]) {
        let others = self
            .others
            .get()
            .into_iter()
            .flat_map(|others| others.iter());
        for shard in self.first.iter().chain(others).filter_map(OnceLock::get) {
            for (total, bucket) in buckets.iter_mut().zip(shard) {
                total.count += bucket.count.load(Ordering::Relaxed);
                total.sum = total.sum.wrapping_add(bucket.sum.load(Ordering::Relaxed));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &Cells, bounds: &Bounds) -> Vec<Bucket> {
        let mut buckets = vec![Bucket::default(); bounds.buckets()];
        cells.read(&mut buckets);
        buckets
    }

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        let bounds = Bounds::from_millis(&[2.0, 4.0]);
        let cells = Cells::new();
        for nanos in [0, 2_000_000, 2_000_001, 4_000_000, 4_000_001] {
            cells.record(&bounds, nanos);
        }
        let counts: Vec<u64> = read(&cells, &bounds).iter().map(|b| b.count).collect();
        assert_eq!(counts, [2, 2, 1]);
    }

    #[test]
    fn more_threads_than_shards_lose_nothing() {
        let bounds = Bounds::from_millis(&[1.0]);
        let cells = Cells::new();
        std::thread::scope(|scope| {
            for _ in 0..2 * shard::COUNT {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        cells.record(&bounds, 3);
                    }
                });
            }
        });
        let total = 2 * shard::COUNT as u64 * 10_000;
        let first = read(&cells, &bounds)[0];
        assert_eq!(
            first,
            Bucket {
                count: total,
                sum: 3 * total
            }
        );
    }
}
