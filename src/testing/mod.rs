//! Telemetry for tests: in memory, beside every other test, with everything that was recorded as plain data.
//!
//! A [`Telemetry`] is a whole pipeline without exporters. Code runs in its [`scope`](Telemetry::scope); what it recorded is there at once,
//! without a flush or a wait. Nothing global is touched, so tests run side by side in one process and see only their own.
//!
//! ```
//! use spanwise::metrics::{Counter, Definition};
//! use spanwise::testing::Telemetry;
//!
//! const ORDERS: Definition<Counter> = Counter::define("orders").labels(&["status"]);
//!
//! let t = Telemetry::new();
//! let orders = t.metrics().register(&ORDERS)?;
//! t.scope(|| {
//!     let _order = tracing::info_span!("order", item = "tea").entered();
//!     tracing::info!("poured");
//!     orders.add(3, [("status", "ok")]);
//! });
//!
//! assert!(t.counter("orders_total", [("status", "ok")]) == 3);
//! assert_eq!(t.spans().named("order").one().attribute("item").as_deref(), Some("tea"));
//! assert_eq!(t.logs().containing("poured").len(), 1);
//! # Ok::<_, spanwise::metrics::Error>(())
//! ```
//!
//! # When a test fails
//!
//! A harness that is dropped by a panic writes everything it has kept, as [`Display`](std::fmt::Display) does, to stderr; a plain `assert!` is enough
//! to get it. Queries that find nothing panic with what there was instead.
//!
//! # Time and ids
//!
//! [`Builder::with_manual_clock`] makes time stand still until [`Telemetry::advance`]; span times, span metrics and log times follow. What
//! the application times itself, such as `Operation`, runs on the clock of the system. [`Builder::with_sequential_ids`] counts trace and span ids
//! from one.
//!
//! # Tasks and threads
//!
//! Those that are started through [`trace`](crate::trace) inherit the harness. For others there are [`Telemetry::instrument`],
//! [`Telemetry::enter`] and [`Telemetry::dispatch`].
//!
//! # What it does not do
//!
//! Spans that are not sampled are counted and not kept. The global providers and propagator of the OpenTelemetry API stay as they are:
//! [`trace::inject`](crate::trace::inject) and its like find those of the harness, and [`Telemetry::inner`] has them.

mod builder;
mod log;
mod reading;
mod show;
mod span;
mod telemetry;
mod timeline;
mod witness;

pub use builder::Builder;
pub use log::{Log, Logs};
pub use reading::Reading;
pub use span::{Event, Span, Spans};
pub use telemetry::Telemetry;
