//! Metrics that the application records itself: definitions, handles, callbacks, and reading them back.
//!
//! # How it works
//!
//! A `const` [`Definition`] says what a metric is. [`Registry::register`] checks it and gives a typed handle; recording through a handle goes
//! into a cell of ours, one for each label set. A scrape reads the cells ([`Registry::snapshot`]); for push exporters they are drained into
//! instruments of an OpenTelemetry meter whenever its provider collects ([`Registry::bind`]).
//!
//! ```
//! use spanwise::metrics::{Counter, Definition, Registry};
//!
//! const ORDERS: Definition<Counter> = Counter::define("shop.orders").unit("{order}").help("Orders taken").labels(&["status"]);
//!
//! let registry = Registry::default();
//! let orders = registry.register(&ORDERS)?;
//! orders.add(1, [("status", "ok")]);
//!
//! let failed = orders.bind([("status", "failed")]);
//! failed.add(2);
//! assert_eq!((orders.get([("status", "ok")]), orders.get([("status", "failed")])), (Some(1), Some(2)));
//! # Ok::<_, spanwise::metrics::Error>(())
//! ```
//!
//! # Why cells of our own
//!
//! Recording straight into SDK instruments would be less code. Cells are here because with them
//!
//! - a handle works before telemetry starts with nothing to buffer and nothing to lose: what is recorded is in its cell, whenever a provider
//!   comes to fetch it. The bound is the series limit, before as after;
//! - values can be read back, in code, in tests and by the scrape, without a second pipeline;
//! - several readers see the same values, and callbacks run once for all of them;
//! - a series beyond the limit is reported with the label that did it, where the SDK says nothing, and an unused limit costs nothing, where the SDK
//!   allocates 138 kB for an instrument;
//! - a lookup with labels takes no lock, does not depend on their order, and two threads do not wait for each other.
//!
//! The price: a histogram is replayed value by value into the SDK when a push exporter collects (`sink`).
//!
//! # What it does not do
//!
//! No exemplars, no exponential histograms, no attributes other than strings. Instruments made from a plain OpenTelemetry meter are not in a registry; they
//! are collected beside it.

mod by_name;
mod callback;
mod catalogue;
mod cell;
mod core;
mod definition;
mod error;
mod families;
mod family;
mod handle;
mod name;
mod options;
mod registry;
mod report;
mod sink;
pub mod snapshot;
mod sync;
mod table;
mod watch;

#[doc(inline)]
pub use self::{
    callback::{Callback, Observer},
    catalogue::Entry,
    core::{MAX_VALUE, OVERFLOW},
    definition::{Definition, Kind, MAX_LABELS, buckets},
    error::{Error, Place},
    handle::{
        Bound, Counter, Gauge, Histogram, Metric, Number, Observable, Summary, UpDownCounter,
    },
    options::Options,
    registry::{Registry, global},
    report::{Problem, Report},
    snapshot::Snapshot,
    watch::{Condition, Measurement, Watch, above, below},
};
