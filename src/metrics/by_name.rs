//! Recording by name, for code that has names instead of handles: scripts, configuration, ports of other libraries.
//!
//! Each call looks the name up under a read lock; a handle does that once.

use std::sync::Arc;

use super::{
    Registry,
    cell::{
        Cell, Change, CountCell, DistributionCell, GaugeCell, Refusal, SumCell, UpDownCell,
        WindowCell,
    },
    definition::Kind,
    error::Error,
    family::{AnyFamily, Family},
};

/// The largest whole number up to which every whole number is an `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Registry {
    /// Adds to a counter.
    ///
    /// ```
    /// use spanwise::metrics::{Counter, Definition, Registry};
    ///
    /// const ORDERS: Definition<Counter> = Counter::define("shop.orders").labels(&["status"]);
    ///
    /// let registry = Registry::default();
    /// let orders = registry.register(&ORDERS)?;
    /// registry.increment_counter("shop.orders", 2.0, [("status", "ok")])?;
    /// assert_eq!(orders.get([("status", "ok")]), Some(2));
    ///
    /// let typo = registry.increment_counter("shop.order", 1.0, []).unwrap_err();
    /// assert_eq!(typo.to_string(), "no metric is called \"shop.order\"; did you mean `shop.orders`?");
    /// # Ok::<_, spanwise::metrics::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When no metric has this name, it is of another kind, or the value is negative, not finite, or a fraction for a counter of whole numbers.
    pub fn increment_counter<'a>(
        &self,
        name: &str,
        amount: f64,
        labels: impl AsRef<[(&'a str, &'a str)]>,
    ) -> Result<(), Error> {
        let family = self.of_kind(name, Kind::Counter)?;
        check(&*family, amount, Refusal::unless_positive)?;
        if family.core().spec.number == "f64" {
            return record::<SumCell>(family, amount, labels.as_ref());
        }
        let amount = whole(&*family, amount)?;
        record::<CountCell>(family, amount as u64, labels.as_ref())
    }

    /// Records a value in a histogram or a summary.
    ///
    /// # Errors
    ///
    /// When no metric has this name, it is of another kind, or the value is negative or not finite.
    pub fn record_histogram<'a>(
        &self,
        name: &str,
        value: f64,
        labels: impl AsRef<[(&'a str, &'a str)]>,
    ) -> Result<(), Error> {
        let family = self.find(name)?;
        if family.core().spec.kind == Kind::Summary {
            check(&*family, value, Refusal::unless_positive)?;
            return record::<WindowCell>(family, value, labels.as_ref());
        }
        let family = self.of_kind(name, Kind::Histogram)?;
        check(&*family, value, Refusal::unless_positive)?;
        record::<DistributionCell>(family, value, labels.as_ref())
    }

    /// Sets a gauge.
    ///
    /// # Errors
    ///
    /// When no metric has this name, it is of another kind, or the value is not finite.
    pub fn set_gauge<'a>(
        &self,
        name: &str,
        value: f64,
        labels: impl AsRef<[(&'a str, &'a str)]>,
    ) -> Result<(), Error> {
        let family = self.of_kind(name, Kind::Gauge)?;
        check(&*family, value, Refusal::unless_finite)?;
        record::<GaugeCell>(family, Change::Set(value), labels.as_ref())
    }

    /// Adds to a gauge or an up-down counter.
    ///
    /// # Errors
    ///
    /// When no metric has this name, it is of another kind, or the value is not finite, or a fraction for an up-down counter.
    pub fn increment_gauge<'a>(
        &self,
        name: &str,
        amount: f64,
        labels: impl AsRef<[(&'a str, &'a str)]>,
    ) -> Result<(), Error> {
        let family = self.find(name)?;
        if family.core().spec.kind == Kind::UpDownCounter {
            let amount = whole(&*family, amount)?;
            return record::<UpDownCell>(family, amount as i64, labels.as_ref());
        }
        let family = self.of_kind(name, Kind::Gauge)?;
        check(&*family, amount, Refusal::unless_finite)?;
        record::<GaugeCell>(family, Change::Add(amount), labels.as_ref())
    }

    /// Takes from a gauge or an up-down counter.
    ///
    /// # Errors
    ///
    /// As [`increment_gauge`](Self::increment_gauge).
    pub fn decrement_gauge<'a>(
        &self,
        name: &str,
        amount: f64,
        labels: impl AsRef<[(&'a str, &'a str)]>,
    ) -> Result<(), Error> {
        self.increment_gauge(name, -amount, labels)
    }

    fn of_kind(&self, name: &str, wanted: Kind) -> Result<Arc<dyn AnyFamily>, Error> {
        let family = self.find(name)?;
        let spec = &family.core().spec;
        if spec.kind == wanted {
            return Ok(family);
        }
        Err(Error::WrongKind {
            name: spec.name.to_string(),
            actual: spec.kind,
            wanted,
            there: spec.place,
        })
    }
}

fn check(
    family: &dyn AnyFamily,
    value: f64,
    accept: impl Fn(f64) -> Result<(), Refusal>,
) -> Result<(), Error> {
    accept(value).map_err(|refusal| {
        family.core().refuse(refusal);
        refused(family, value, refusal.reason())
    })
}

fn whole(family: &dyn AnyFamily, value: f64) -> Result<f64, Error> {
    check(family, value, Refusal::unless_finite)?;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        Ok(value)
    } else {
        Err(refused(family, value, "is not a whole number up to 2^53"))
    }
}

fn refused(family: &dyn AnyFamily, value: f64, problem: &'static str) -> Error {
    Error::Value {
        name: family.core().spec.name.to_string(),
        value,
        problem,
    }
}

fn record<C: Cell>(
    family: Arc<dyn AnyFamily>,
    amount: C::Amount,
    labels: &[(&str, &str)],
) -> Result<(), Error> {
    let family: Arc<Family<C>> = family
        .into_any()
        .downcast()
        .expect("kind and number were compared, and they decide the type");
    family.record_with(labels, amount);
    Ok(())
}
