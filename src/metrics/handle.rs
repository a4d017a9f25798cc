//! Handles: what code records through.
//!
//! A handle such as [`Counter`] stands for a metric and takes labels with each recording; `bind` gives a [`Bound`] handle to one series, which
//! costs a few nanoseconds and no lookup. Both are cheap to clone, never fail and never panic, whenever they are used: before telemetry starts,
//! after it ended, or while a thread is torn down.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    cell::{Cell, Change, CountCell, DistributionCell, GaugeCell, SumCell, UpDownCell, WindowCell},
    definition::{Definition, Kind},
    family::Family,
    snapshot::{Distribution, Labels, Quantiles, Value},
    table::Series,
};

/// A handle type. Implemented by [`Counter`], [`UpDownCounter`], [`Gauge`], [`Histogram`] and [`Summary`], and by nothing else.
pub trait Metric: sealed::Metric {
    /// What the metric does with values.
    const KIND: Kind;
}

/// A handle type whose values callbacks can observe: counters, up-down counters and gauges.
pub trait Observable: Metric {}

pub(super) mod sealed {
    use super::{Arc, Family};

    pub trait Metric: Sized {
        type Cell: super::super::cell::Cell;
        const NUMBER: &'static str;

        fn from_family(family: Arc<Family<Self::Cell>>) -> Self;
        fn family(&self) -> &Arc<Family<Self::Cell>>;
    }

    /// A number that a counter can count in.
    pub trait Number {
        type Cell: super::super::cell::Cell<Amount = Self>;
        const NAME: &'static str;

        fn from_value(value: super::Value) -> Option<Self>
        where
            Self: Sized;
    }
}

/// A number that a counter can count in: `u64` or `f64`.
pub trait Number: sealed::Number + Copy {}

impl sealed::Number for u64 {
    type Cell = CountCell;
    const NAME: &'static str = "u64";

    fn from_value(value: Value) -> Option<Self> {
        if let Value::Count(value) = value {
            Some(value)
        } else {
            None
        }
    }
}

impl sealed::Number for f64 {
    type Cell = SumCell;
    const NAME: &'static str = "f64";

    fn from_value(value: Value) -> Option<Self> {
        if let Value::Sum(value) = value {
            Some(value)
        } else {
            None
        }
    }
}

impl Number for u64 {}
impl Number for f64 {}

/// A sum that only grows, in whole numbers unless `T` is `f64`.
pub struct Counter<T: Number = u64>(Arc<Family<T::Cell>>);

/// A sum that grows and shrinks.
pub struct UpDownCounter(Arc<Family<UpDownCell>>);

/// The last value.
pub struct Gauge(Arc<Family<GaugeCell>>);

/// Counts of values in buckets.
pub struct Histogram(Arc<Family<DistributionCell>>);

/// Quantiles over a sliding window, on a sketch that is within 1 % of the true value.
///
/// Quantiles of several processes cannot be combined: where that matters, use a [`Histogram`].
pub struct Summary(Arc<Family<WindowCell>>);

/// A handle to one series of a metric.
pub struct Bound<H: Metric> {
    family: Arc<Family<H::Cell>>,
    series: Arc<Series<H::Cell>>,
}

macro_rules! handle {
    ([$($generics:tt)*] $handle:ty, $kind:ident, $cell:ty, $number:expr) => {
        impl<$($generics)*> sealed::Metric for $handle {
            type Cell = $cell;
            const NUMBER: &'static str = $number;

            fn from_family(family: Arc<Family<Self::Cell>>) -> Self {
                Self(family)
            }

            fn family(&self) -> &Arc<Family<Self::Cell>> {
                &self.0
            }
        }

        impl<$($generics)*> Metric for $handle {
            const KIND: Kind = Kind::$kind;
        }

        impl<$($generics)*> $handle {
            /// Begins the definition of such a metric.
            pub const fn define(name: &'static str) -> Definition<Self> {
                Definition::new(name)
            }

            /// A handle to the series with these labels, which exists from now on.
            ///
            /// Beyond the limit of the metric it is the overflow series, and stays it.
            pub fn bind<'a>(&self, labels: impl AsRef<[(&'a str, &'a str)]>) -> Bound<Self> {
                let series = Arc::clone(self.0.find(labels.as_ref()));
                Bound { family: Arc::clone(&self.0), series }
            }
        }

        impl<$($generics)*> Clone for $handle {
            fn clone(&self) -> Self {
                Self(Arc::clone(&self.0))
            }
        }

        impl<$($generics)*> fmt::Debug for $handle {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($kind)).field(&self.0.core.spec.name).finish()
            }
        }
    };
}

handle!([T: Number] Counter<T>, Counter, T::Cell, T::NAME);
handle!([] UpDownCounter, UpDownCounter, UpDownCell, "i64");
handle!([] Gauge, Gauge, GaugeCell, "f64");
handle!([] Histogram, Histogram, DistributionCell, "f64");
handle!([] Summary, Summary, WindowCell, "f64");

impl<T: Number> Observable for Counter<T> {}
impl Observable for UpDownCounter {}
impl Observable for Gauge {}

impl<T: Number> Counter<T> {
    /// Adds to the series with these labels. A fraction has to be finite and not negative; otherwise it is counted as refused.
    #[inline]
    pub fn add<'a>(&self, amount: T, labels: impl AsRef<[(&'a str, &'a str)]>) {
        self.0.record_with(labels.as_ref(), amount);
    }

    /// The sum of the series with exactly these labels, if there is one.
    pub fn get<'a>(&self, labels: impl AsRef<[(&'a str, &'a str)]>) -> Option<T> {
        T::from_value(value(&self.0, labels.as_ref())?)
    }
}

impl UpDownCounter {
    /// Adds to the series with these labels.
    #[inline]
    pub fn add<'a>(&self, amount: i64, labels: impl AsRef<[(&'a str, &'a str)]>) {
        self.0.record_with(labels.as_ref(), amount);
    }

    /// The sum of the series with exactly these labels, if there is one.
    pub fn get<'a>(&self, labels: impl AsRef<[(&'a str, &'a str)]>) -> Option<i64> {
        if let Value::UpDown(value) = value(&self.0, labels.as_ref())? {
            Some(value)
        } else {
            None
        }
    }
}

impl Gauge {
    /// Sets the series with these labels to a finite value.
    #[inline]
    pub fn set<'a>(&self, value: f64, labels: impl AsRef<[(&'a str, &'a str)]>) {
        self.0.record_with(labels.as_ref(), Change::Set(value));
    }

    /// Moves the series with these labels by a finite amount, from zero when it was not set.
    #[inline]
    pub fn add<'a>(&self, amount: f64, labels: impl AsRef<[(&'a str, &'a str)]>) {
        self.0.record_with(labels.as_ref(), Change::Add(amount));
    }

    /// The value of the series with exactly these labels, if it was set.
    pub fn get<'a>(&self, labels: impl AsRef<[(&'a str, &'a str)]>) -> Option<f64> {
        if let Value::Gauge(value) = value(&self.0, labels.as_ref())? {
            Some(value)
        } else {
            None
        }
    }
}

impl Histogram {
    /// Records a finite value that is not negative.
    #[inline]
    pub fn record<'a>(&self, value: f64, labels: impl AsRef<[(&'a str, &'a str)]>) {
        self.0.record_with(labels.as_ref(), value);
    }

    /// Records a time in the unit of the metric: `s`, `ms`, `us` or `ns`, otherwise seconds.
    #[inline]
    pub fn record_duration<'a>(&self, time: Duration, labels: impl AsRef<[(&'a str, &'a str)]>) {
        self.record(in_unit(time, &self.0.core.spec.unit), labels);
    }

    /// The buckets of the series with exactly these labels, if there is one.
    pub fn get<'a>(&self, labels: impl AsRef<[(&'a str, &'a str)]>) -> Option<Distribution> {
        if let Value::Distribution(value) = value(&self.0, labels.as_ref())? {
            Some(value)
        } else {
            None
        }
    }
}

impl Summary {
    /// Records a finite value that is not negative.
    pub fn record<'a>(&self, value: f64, labels: impl AsRef<[(&'a str, &'a str)]>) {
        self.0.record_with(labels.as_ref(), value);
    }

    /// Records a time in the unit of the metric: `s`, `ms`, `us` or `ns`, otherwise seconds.
    pub fn record_duration<'a>(&self, time: Duration, labels: impl AsRef<[(&'a str, &'a str)]>) {
        self.record(in_unit(time, &self.0.core.spec.unit), labels);
    }

    /// The quantiles of the series with exactly these labels, if there is one.
    pub fn get<'a>(&self, labels: impl AsRef<[(&'a str, &'a str)]>) -> Option<Quantiles> {
        if let Value::Quantiles(value) = value(&self.0, labels.as_ref())? {
            Some(value)
        } else {
            None
        }
    }
}

impl<H: Metric> Bound<H> {
    /// The value now; `None` for a gauge that was never set.
    pub fn value(&self) -> Option<Value> {
        self.series.cell.value()
    }

    /// The labels, constant ones included.
    pub fn labels(&self) -> &Labels {
        &self.series.labels
    }
}

impl<T: Number> Bound<Counter<T>> {
    /// Adds to the series.
    #[inline]
    pub fn add(&self, amount: T) {
        self.family.record(&self.series, amount);
    }
}

impl Bound<UpDownCounter> {
    /// Adds to the series.
    #[inline]
    pub fn add(&self, amount: i64) {
        self.family.record(&self.series, amount);
    }
}

impl Bound<Gauge> {
    /// Sets the series to a finite value.
    #[inline]
    pub fn set(&self, value: f64) {
        self.family.record(&self.series, Change::Set(value));
    }

    /// Moves the series by a finite amount, from zero when it was not set.
    #[inline]
    pub fn add(&self, amount: f64) {
        self.family.record(&self.series, Change::Add(amount));
    }
}

impl Bound<Histogram> {
    /// Records a finite value that is not negative.
    #[inline]
    pub fn record(&self, value: f64) {
        self.family.record(&self.series, value);
    }

    /// Records a time in the unit of the metric: `s`, `ms`, `us` or `ns`, otherwise seconds.
    #[inline]
    pub fn record_duration(&self, time: Duration) {
        self.record(in_unit(time, &self.family.core.spec.unit));
    }
}

impl Bound<Summary> {
    /// Records a finite value that is not negative.
    pub fn record(&self, value: f64) {
        self.family.record(&self.series, value);
    }
}

impl<H: Metric> Clone for Bound<H> {
    fn clone(&self) -> Self {
        Self {
            family: Arc::clone(&self.family),
            series: Arc::clone(&self.series),
        }
    }
}

impl<H: Metric> fmt::Debug for Bound<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bound")
            .field(&self.family.core.spec.name)
            .field(&self.series.labels)
            .finish()
    }
}

fn value<C: Cell>(family: &Family<C>, labels: &[(&str, &str)]) -> Option<Value> {
    family.peek(labels)?.cell.value()
}

#[inline]
fn in_unit(time: Duration, unit: &str) -> f64 {
    let seconds = time.as_secs_f64();
    match unit {
        "ms" => seconds * 1e3,
        "us" => seconds * 1e6,
        "ns" => seconds * 1e9,
        _ => seconds,
    }
}
