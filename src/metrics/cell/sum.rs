//! Sums: whole numbers up, whole numbers both ways, fractions up.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use super::{
    super::{definition::Spec, snapshot::Value},
    Cell, Refusal, shard,
};

/// A sum of whole numbers that splits when threads collide. It wraps at 2⁶⁴.
#[derive(Debug, Default)]
struct Split {
    base: AtomicU64,
    shards: OnceLock<Box<[Shard]>>,
}

/// A cache line of its own; 128 bytes, because x86 fetches lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(AtomicU64);

impl Split {
    #[inline]
    fn add(&self, amount: u64) {
        match self.shards.get() {
            None => {
                let seen = self.base.load(Ordering::Relaxed);
                let sum = seen.wrapping_add(amount);
                let swap =
                    self.base
                        .compare_exchange(seen, sum, Ordering::Relaxed, Ordering::Relaxed);
                if swap.is_err() {
                    self.split().fetch_add(amount, Ordering::Relaxed);
                }
            }
            Some(shards) => {
                let shard = &shards[shard::thread_index() & (shards.len() - 1)];
                shard.0.fetch_add(amount, Ordering::Relaxed);
            }
        }
    }

    #[cold]
    fn split(&self) -> &AtomicU64 {
        let shards = self
            .shards
            .get_or_init(|| (0..*shard::SHARDS).map(|_| Shard::default()).collect());
        &shards[shard::thread_index() & (shards.len() - 1)].0
    }

    fn sum(&self) -> u64 {
        let base = self.base.load(Ordering::Relaxed);
        let shards = self.shards.get().map(AsRef::as_ref).unwrap_or(&[]);
        shards.iter().fold(base, |sum, shard| {
            sum.wrapping_add(shard.0.load(Ordering::Relaxed))
        })
    }
}

/// A counter of whole numbers.
#[derive(Debug)]
pub struct CountCell(Split);

impl Cell for CountCell {
    type Amount = u64;

    fn new(_: &Spec) -> Self {
        Self(Split::default())
    }

    #[inline]
    fn record(&self, amount: u64) -> Result<(), Refusal> {
        self.0.add(amount);
        Ok(())
    }

    fn level(&self, _: u64) -> f64 {
        self.0.sum() as f64
    }

    fn value(&self) -> Option<Value> {
        Some(Value::Count(self.0.sum()))
    }
}

/// An up-down counter: the same sum, read as a signed number.
#[derive(Debug)]
pub struct UpDownCell(Split);

impl Cell for UpDownCell {
    type Amount = i64;

    fn new(_: &Spec) -> Self {
        Self(Split::default())
    }

    #[inline]
    fn record(&self, amount: i64) -> Result<(), Refusal> {
        self.0.add(amount as u64);
        Ok(())
    }

    fn level(&self, _: i64) -> f64 {
        self.0.sum() as i64 as f64
    }

    fn value(&self) -> Option<Value> {
        Some(Value::UpDown(self.0.sum() as i64))
    }
}

/// A counter of fractions.
#[derive(Debug)]
pub struct SumCell(AtomicU64);

impl Cell for SumCell {
    type Amount = f64;

    fn new(_: &Spec) -> Self {
        Self(AtomicU64::new(0))
    }

    #[inline]
    fn record(&self, amount: f64) -> Result<(), Refusal> {
        Refusal::unless_positive(amount)?;
        shard::add(&self.0, amount);
        Ok(())
    }

    fn level(&self, _: f64) -> f64 {
        shard::load(&self.0)
    }

    fn value(&self) -> Option<Value> {
        Some(Value::Sum(shard::load(&self.0)))
    }
}
