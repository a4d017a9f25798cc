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
//! # What is where
//!
//! | to | use |
//! |---|---|
//! | define a metric, once, in a `const` | [`Counter::define`], [`UpDownCounter::define`], [`Gauge::define`], [`Histogram::define`], [`Summary::define`] |
//! | get a handle; bind it to one series | [`Registry::register`]; [`Counter::bind`] and its like give a [`Bound`] |
//! | record before telemetry starts | the same handles: nothing is lost |
//! | record by name | [`Registry::increment_counter`], [`record_histogram`](Registry::record_histogram), [`set_gauge`](Registry::set_gauge), [`increment_gauge`](Registry::increment_gauge), [`decrement_gauge`](Registry::decrement_gauge) |
//! | be asked for values | [`Registry::observe`]; dropping the [`Callback`] unregisters it |
//! | be called when a value crosses a line | [`Registry::on_record`] with [`above`] or [`below`]; [`Condition::until`], [`Condition::for_at_least`], [`Condition::cooldown`] |
//! | prefix names, label everything, switch off | [`Options`], [`Registry::disable`] |
//! | keep pipelines apart | a [`Registry::new`] each; [`global`] is that of the process; [`Builder::with_registry`](crate::Builder::with_registry) |
//! | read values back | [`Counter::get`] and its like, [`Registry::snapshot`], [`Distribution::quantile`](snapshot::Distribution::quantile), [`Telemetry::render`](crate::Telemetry::render) |
//! | see what exists and what went wrong | [`Registry::catalogue`], [`Registry::take_reports`] |
//! | feed a meter provider | [`Registry::bind`] |
//! | show the metrics of other libraries | [`Registry::include`]; `prometheus::include` and `prometheus::Collector` (feature `prometheus-registry`); `facade::Recorder` (feature `metrics`) |
//! | test all of this | [`testing::Telemetry`](crate::testing::Telemetry) |
//!
//! Values that cannot be recorded (not a number, infinite, negative where sums only grow) are refused and counted. Label values are cut at
//! [`MAX_VALUE`] bytes and lose control characters. A metric has at most [`MAX_LABELS`] label keys and as many series as its limit; what is
//! beyond goes to the series `otel.metric.overflow="true"`. Each of these is reported once for a metric, in words, and counted always.
//!
//! # Helpers
//!
//! Metrics that many applications need, with their names, labels and boundaries. Each documents what it emits, and is made from the same
//! handles that applications use.
//!
//! | for | use | with |
//! |---|---|---|
//! | a unit of work | [`Registry::track`], [`Operation`] | [`run`](Operation::run) and [`try_run`](Operation::try_run) for closures, [`future`](Operation::future), [`stream`](Operation::stream); [`start`](Operation::start) is the timer that ends when it is dropped, [`in_flight`](Operation::in_flight) counts only; [`records`](operation::Run::records), [`bytes`](operation::Run::bytes), [`retry`](operation::Run::retry) |
//! | a cache | [`Cache`] | hits and misses by [`lookup`](Cache::lookup), [`evict`](Cache::evict), [`size`](Cache::size) |
//! | a pool | [`Pool`] | used, limit and waiters by [`wait`](Pool::wait), [`resize`](Pool::resize) |
//! | a queue | [`Queue`] | depth and wait time by [`enter`](Queue::enter) |
//! | a circuit breaker | [`CircuitBreaker`] | state and trips by [`enter`](CircuitBreaker::enter), [`reject`](CircuitBreaker::reject) |
//! | language models | [`GenAi`] | [`tokens`](gen_ai::Call::tokens) by type, duration, time to the first [`chunk`](gen_ai::Call::chunk), cost from [`Prices`](gen_ai::Prices); the conventions are in development |
//! | quantiles of the last while | [`Summary`] | a Prometheus summary on the page, gauges with the label `quantile` over OTLP |
//! | writing to a stream | [`stream::Producer`] | records, bytes and errors of a [`flush`](stream::Producer::flush), [`throttled`](stream::Producer::throttled), [`queued`](stream::Producer::queued) |
//! | reading from a stream | [`stream::Consumer`] | [`lag`](stream::Consumer::lag), [`iterator_age`](stream::Consumer::iterator_age), [`checkpoint`](stream::Consumer::checkpoint), [`process`](stream::Consumer::process), [`shards`](stream::Consumer::shards) with resharding |
//! | the process and its machine | `runtime::observe` (feature `runtime`) | process, CPU, memory, disk, network, tokio and build, a switch each |
//! | the span that code is in | [`trace`](crate::trace) | attributes, events, errors, status; tasks and threads; context and baggage |
//!
//! # Other libraries
//!
//! With the feature `metrics`, `facade::Recorder` takes what the macros of the `metrics` crate record. With `prometheus-registry`,
//! `prometheus::include` shows the metrics of a `prometheus::Registry` beside ours, and `prometheus::Collector` ours in such a registry.
//! [`Registry::include`] is the door for everything else.
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
//! A bound counter costs about as much as a bare atomic, a lookup with three labels half of what the SDK needs, a disabled handle less than a
//! nanosecond (`benches/handles.rs`). A series with three labels takes 500 bytes as a counter and 800 as a histogram of 15 buckets; the SDK
//! takes 1,200.
//!
//! The price: a histogram is replayed value by value into the SDK when a push exporter collects (`sink`).
//!
//! # What it does not do
//!
//! No exemplars, no exponential histograms, no attributes other than strings. Instruments made from a plain OpenTelemetry meter are not in a registry; they
//! are collected beside it.

mod by_name;
mod cache;
mod callback;
mod catalogue;
mod cell;
pub mod circuit_breaker;
mod core;
mod definition;
mod error;
#[cfg(feature = "metrics")]
pub mod facade;
mod families;
mod family;
pub mod gen_ai;
mod handle;
mod inner;
mod name;
mod observed;
pub mod operation;
mod options;
pub mod pool;
#[cfg(feature = "prometheus-registry")]
pub mod prometheus;
pub mod queue;
mod registry;
mod report;
mod sink;
pub mod snapshot;
mod source;
pub mod stream;
mod sync;
mod table;
mod watch;

#[doc(inline)]
pub use self::{
    cache::Cache,
    callback::{Callback, Observer},
    catalogue::Entry,
    circuit_breaker::CircuitBreaker,
    core::{MAX_VALUE, OVERFLOW},
    definition::{Definition, Kind, MAX_LABELS, buckets},
    error::{Error, Place},
    gen_ai::GenAi,
    handle::{
        Bound, Counter, Gauge, Histogram, Metric, Number, Observable, Summary, UpDownCounter,
    },
    operation::Operation,
    options::Options,
    pool::Pool,
    queue::Queue,
    registry::{Registry, global},
    report::{Problem, Report},
    snapshot::Snapshot,
    watch::{Condition, Measurement, Watch, above, below},
};
