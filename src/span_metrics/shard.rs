//! Which shard of a cell a thread writes.
//!
//! The first [`OWNED`] threads that record own a shard each and write it by plain load and store. All further threads
//! share one shard and pay for a locked add. A thread gives its shard back when it ends.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

/// Shards with a single writer. More threads than this record at once only where many threads run, and then a locked
/// add is a small part of the cost; each one more costs 8 bytes a series and up to 300 where it is used.
const OWNED: u32 = 15;
/// All shards of a cell, the shared one included.
pub(super) const COUNT: usize = OWNED as usize + 1;

static FREE: AtomicU32 = AtomicU32::new((1 << OWNED) - 1);

/// Where the current thread writes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shard {
    /// No other thread writes this shard.
    Owned(usize),
    /// Other threads may write this shard at the same time.
    Shared,
}

impl Shard {
    /// The shard of the current thread.
    #[inline]
    pub(super) fn current() -> Self {
        // A thread whose locals are gone still closes spans from destructors: it shares.
        LEASE.try_with(Lease::shard).unwrap_or(Self::Shared)
    }

    /// The place of the shard in a cell.
    #[inline]
    pub(super) fn index(self) -> usize {
        match self {
            Self::Owned(index) => index,
            Self::Shared => OWNED as usize,
        }
    }
}

thread_local! {
    static LEASE: Lease = const { Lease(Cell::new(None)) };
}

struct Lease(Cell<Option<Shard>>);

impl Lease {
    #[inline]
    fn shard(&self) -> Shard {
        match self.0.get() {
            Some(shard) => shard,
            None => self.take_shard(),
        }
    }

    #[cold]
    fn take_shard(&self) -> Shard {
        // Acquire: what the last owner of the shard stored must be seen before it is read, added to and stored again.
        let taken = FREE.fetch_update(Ordering::Acquire, Ordering::Relaxed, |free| {
            (free != 0).then(|| free & (free - 1))
        });
        let shard = match taken {
            Ok(free) => Shard::Owned(free.trailing_zeros() as usize),
            Err(_) => Shard::Shared,
        };
        self.0.set(Some(shard));
        shard
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(Shard::Owned(index)) = self.0.get() {
            // Release: pairs with the Acquire of the thread that takes the shard next.
            FREE.fetch_or(1 << index, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_shard() {
        assert_eq!(Shard::current().index(), Shard::current().index());
    }

    #[test]
    fn living_threads_never_own_the_same_shard() {
        let barrier = std::sync::Barrier::new(24);
        let owned: Vec<Option<usize>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..24)
                .map(|_| {
                    scope.spawn(|| {
                        let shard = Shard::current();
                        barrier.wait();
                        match shard {
                            Shard::Owned(index) => Some(index),
                            Shard::Shared => None,
                        }
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|t| t.join().expect("no panic"))
                .collect()
        });
        let mut indices: Vec<usize> = owned.into_iter().flatten().collect();
        let before = indices.len();
        indices.sort_unstable();
        indices.dedup();
        assert_eq!(indices.len(), before);
        assert!(before <= OWNED as usize);
    }
}
