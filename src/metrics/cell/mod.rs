//! Where the value of one series lives.
//!
//! # Hot path
//!
//! Recording touches one cell: no lock (except in a summary), no allocation. Whole-number sums and histograms begin as one set of atomics and split
//! into shards, one cache line or more each, the first time two threads are seen to collide: a series that one thread uses stays small, a hot one scales.
//! `benches/handles.rs` measures it, `tests/registry.rs` pins that nothing is allocated.

mod distribution;
mod gauge;
mod shard;
mod sum;
mod window;

pub(super) use self::{
    distribution::DistributionCell,
    gauge::{Change, GaugeCell},
    sum::{CountCell, SumCell, UpDownCell},
    window::{QUANTILES, WindowCell},
};
use super::{definition::Spec, snapshot::Value};

/// Storage of one series.
pub trait Cell: std::fmt::Debug + Send + Sync + 'static {
    /// What one recording carries.
    type Amount: Copy;

    fn new(spec: &Spec) -> Self;

    /// Records, or says why not.
    fn record(&self, amount: Self::Amount) -> Result<(), Refusal>;

    /// What a watch compares: the recorded value, or for sums where they stand now.
    fn level(&self, amount: Self::Amount) -> f64;

    /// The value now; `None` before a gauge is first set.
    fn value(&self) -> Option<Value>;
}

/// Why a value is not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    NotANumber,
    Infinite,
    Negative,
}

impl Refusal {
    /// Accepts finite numbers.
    #[inline]
    pub(super) fn unless_finite(value: f64) -> Result<(), Self> {
        if value.is_finite() {
            Ok(())
        } else if value.is_nan() {
            Err(Self::NotANumber)
        } else {
            Err(Self::Infinite)
        }
    }

    /// Accepts finite numbers from zero.
    #[inline]
    pub(super) fn unless_positive(value: f64) -> Result<(), Self> {
        if (0.0..f64::INFINITY).contains(&value) {
            Ok(())
        } else {
            Self::unless_finite(value).and(Err(Self::Negative))
        }
    }

    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::NotANumber => "is not a number",
            Self::Infinite => "is infinite",
            Self::Negative => "is negative",
        }
    }
}
