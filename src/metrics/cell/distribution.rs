//! Counts of values in buckets.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use super::{
    super::{
        definition::Spec,
        snapshot::{Distribution, Value},
    },
    Cell, Refusal, shard,
};

/// A histogram that splits when threads collide on its sum.
#[derive(Debug)]
pub struct DistributionCell {
    bounds: Arc<[f64]>,
    base: Shard,
    shards: OnceLock<Box<[Shard]>>,
}

/// Aligned so that two threads never write the same line through `sum` and the range; the buckets are an allocation of their own.
#[derive(Debug)]
#[repr(align(64))]
struct Shard {
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
}

impl Cell for DistributionCell {
    type Amount = f64;

    fn new(spec: &Spec) -> Self {
        Self::with_bounds(Arc::clone(&spec.bounds))
    }

    #[inline]
    fn record(&self, value: f64) -> Result<(), Refusal> {
        Refusal::unless_positive(value)?;
        // -0 becomes 0, whose bits are the smallest.
        let value = value + 0.0;
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        match self.shards.get() {
            None => {
                if !self.base.record(bucket, value) {
                    self.split();
                }
            }
            Some(shards) => {
                shards[shard::thread_index() & (shards.len() - 1)].record(bucket, value);
            }
        }
        Ok(())
    }

    fn level(&self, value: f64) -> f64 {
        value
    }

    fn value(&self) -> Option<Value> {
        let mut total = Distribution {
            bounds: Arc::clone(&self.bounds),
            buckets: vec![0; self.bounds.len() + 1],
            sum: 0.0,
            range: None,
        };
        self.base.read_into(&mut total);
        for shard in self.shards.get().map(AsRef::as_ref).unwrap_or(&[]) {
            shard.read_into(&mut total);
        }
        Some(Value::Distribution(total))
    }
}

impl DistributionCell {
    pub(in crate::metrics) fn with_bounds(bounds: Arc<[f64]>) -> Self {
        Self {
            base: Shard::new(bounds.len() + 1),
            shards: OnceLock::new(),
            bounds,
        }
    }

    #[cold]
    fn split(&self) {
        self.shards.get_or_init(|| {
            (0..*shard::SHARDS)
                .map(|_| Shard::new(self.bounds.len() + 1))
                .collect()
        });
    }
}

impl Shard {
    fn new(buckets: usize) -> Self {
        Self {
            buckets: (0..buckets).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
            min: AtomicU64::new(f64::INFINITY.to_bits()),
            max: AtomicU64::new(f64::NEG_INFINITY.to_bits()),
        }
    }

    /// Records, and says whether this thread was alone.
    #[inline]
    fn record(&self, bucket: usize, value: f64) -> bool {
        // Values are not negative, so their bits are ordered as they are, and a plain integer maximum will do. Both are loaded first: after the first
        // few values they hardly ever change.
        if value < shard::load(&self.min) {
            self.min.fetch_min(value.to_bits(), Ordering::Relaxed);
        }
        if value > shard::load(&self.max) {
            self.widen(value);
        }
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let alone = shard::try_add(&self.sum, value);
        if !alone {
            shard::add(&self.sum, value);
        }
        alone
    }

    #[cold]
    fn widen(&self, value: f64) {
        let larger = |bits: u64| (f64::from_bits(bits) < value).then_some(value.to_bits());
        // Refused means that another thread brought a larger one, which is just as well.
        let _ = self
            .max
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, larger);
    }

    /// Adds what is here to `total`. A recording under way may be in one of bucket, sum and range and not yet in another; the next read has it all.
    fn read_into(&self, total: &mut Distribution) {
        for (sum, bucket) in total.buckets.iter_mut().zip(&self.buckets) {
            *sum += bucket.load(Ordering::Relaxed);
        }
        total.sum += shard::load(&self.sum);
        let (min, max) = (shard::load(&self.min), shard::load(&self.max));
        if min <= max {
            let (least, most) = total.range.unwrap_or((min, max));
            total.range = Some((least.min(min), most.max(max)));
        }
    }
}
