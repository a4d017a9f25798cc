//! Which shard a thread uses, and sums of `f64` in atomics.

use std::{
    cell::Cell,
    sync::{
        LazyLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread::available_parallelism,
};

/// Shards of a cell that has seen contention: one for each core, at most 16 (2 KiB for a histogram of 15 buckets).
pub(super) static SHARDS: LazyLock<usize> = LazyLock::new(|| {
    let cores = available_parallelism().map_or(1, |cores| cores.get());
    cores.next_power_of_two().clamp(2, 16)
});

thread_local! {
    static INDEX: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// A number that spreads threads over shards. A thread that is being torn down uses the first.
#[inline]
pub(super) fn thread_index() -> usize {
    INDEX
        .try_with(|index| {
            if index.get() == usize::MAX {
                number_thread(index)
            } else {
                index.get()
            }
        })
        .unwrap_or(0)
}

#[cold]
fn number_thread(index: &Cell<usize>) -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // Any distribution is right; consecutive numbers are the even one.
    index.set(NEXT.fetch_add(1, Ordering::Relaxed) & (usize::MAX >> 1));
    index.get()
}

/// Adds to an `f64` kept as bits; `false` when another thread came between the first try.
///
/// Relaxed throughout this room: each atomic is a number on its own, and no other memory is published by it.
#[inline]
pub(super) fn try_add(bits: &AtomicU64, amount: f64) -> bool {
    let seen = bits.load(Ordering::Relaxed);
    let sum = (f64::from_bits(seen) + amount).to_bits();
    bits.compare_exchange(seen, sum, Ordering::Relaxed, Ordering::Relaxed)
        .is_ok()
}

/// Adds to an `f64` kept as bits, however often another thread comes between.
#[inline]
pub(super) fn add(bits: &AtomicU64, amount: f64) {
    while !try_add(bits, amount) {}
}

pub(super) fn load(bits: &AtomicU64) -> f64 {
    f64::from_bits(bits.load(Ordering::Relaxed))
}
