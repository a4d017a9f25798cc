//! What application code does with the span that it is in: says things about it, takes it along, sends it on.
//!
//! | to | use |
//! |---|---|
//! | set an attribute of the current span | [`set_attribute`] |
//! | add an event to it | [`add_event`] |
//! | record an error with everything that caused it | [`record_error`] |
//! | say how it went | [`set_status`] |
//! | start a task or a thread in it | [`spawn`], [`spawn_blocking`], [`JoinSet`], [`spawn_thread`] |
//! | take it anywhere else | [`carry`], [`carry_future`] |
//! | send its context on, and continue one that came | [`inject`], [`extract`], [`within`] |
//! | send values along with it | [`with_baggage`], [`with_baggage_async`], [`baggage`] |
//!
//! All of them work on the current `tracing` span and do nothing where there is none, or no telemetry: libraries can call them.
//!
//! ```
//! use spanwise::testing::Telemetry;
//! use spanwise::trace;
//! use tracing::info_span;
//!
//! let t = Telemetry::new();
//! t.scope(|| {
//!     let _checkout = info_span!("checkout").entered();
//!     trace::set_attribute("cart.items", 3);
//!     if let Err(error) = "twelve".parse::<u32>() {
//!         trace::record_error(&error);
//!     }
//! });
//! let checkout = t.spans().one();
//! assert_eq!(checkout.attribute("cart.items").as_deref(), Some("3"));
//! assert_eq!(checkout.message, "invalid digit found in string");
//! ```
//!
//! # What it does not do
//!
//! It writes no log lines: an error that people should read is an event, `error!`, which marks its span just as well.

mod carry;
mod context;
mod current;
mod join_set;

pub use carry::{Carried, carry, carry_future, spawn, spawn_blocking, spawn_thread};
pub use context::{baggage, extract, inject, with_baggage, with_baggage_async, within};
pub use current::{add_event, record_error, set_attribute, set_status};
pub use join_set::JoinSet;
pub use opentelemetry::trace::Status;
