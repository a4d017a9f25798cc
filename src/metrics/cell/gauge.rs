//! The last value.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{
    super::{definition::Spec, snapshot::Value},
    Cell, Refusal,
};

/// What is done to a gauge.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// It is this.
    Set(f64),
    /// It moved by this.
    Add(f64),
}

/// A gauge; not a number until it is first set, which no recording can make it.
#[derive(Debug)]
pub struct GaugeCell(AtomicU64);

impl Cell for GaugeCell {
    type Amount = Change;

    fn new(_: &Spec) -> Self {
        Self(AtomicU64::new(f64::NAN.to_bits()))
    }

    #[inline]
    fn record(&self, change: Change) -> Result<(), Refusal> {
        match change {
            Change::Set(value) => {
                Refusal::unless_finite(value)?;
                self.0.store(value.to_bits(), Ordering::Relaxed);
                Ok(())
            }
            Change::Add(amount) => {
                Refusal::unless_finite(amount)?;
                self.add(amount)
            }
        }
    }

    fn level(&self, _: Change) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn value(&self) -> Option<Value> {
        let value = f64::from_bits(self.0.load(Ordering::Relaxed));
        (!value.is_nan()).then_some(Value::Gauge(value))
    }
}

impl GaugeCell {
    fn add(&self, amount: f64) -> Result<(), Refusal> {
        let added = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bits| {
                let value = f64::from_bits(bits);
                let sum = if value.is_nan() {
                    amount
                } else {
                    value + amount
                };
                sum.is_finite().then_some(sum.to_bits())
            });
        added.map(drop).map_err(|_| Refusal::Infinite)
    }
}
