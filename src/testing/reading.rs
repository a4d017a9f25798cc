//! A number that was read from a metric.

use std::fmt;

/// A number that was read from a metric; compares with any number.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub struct Reading(f64);

impl Reading {
    pub(super) fn new(value: f64) -> Self {
        Self(value)
    }

    /// The number.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! compare {
    ($($number:ty)*) => {$(
        impl PartialEq<$number> for Reading {
            fn eq(&self, other: &$number) -> bool {
                self.0 == *other as f64
            }
        }

        impl PartialOrd<$number> for Reading {
            fn partial_cmp(&self, other: &$number) -> Option<std::cmp::Ordering> {
                self.0.partial_cmp(&(*other as f64))
            }
        }
    )*};
}

compare!(i32 u32 i64 u64 usize f64);
