//! OpenTelemetry for Rust services in one call: `tracing` spans become traces *and* exact RED metrics, configured by the
//! standard `OTEL_*` variables alone.
//!
//! ```no_run
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let telemetry = spanwise::Telemetry::init()?; // OTEL_* → traces, metrics, logs, /metrics
//!     tracing::info_span!("request", otel.kind = "server").in_scope(|| tracing::info!("served"));
//!     telemetry.shutdown()?; // optional: dropping the guard does it too
//!     Ok(())
//! }
//! ```
//!
//! # For applications
//!
//! [`Telemetry::init`] installs everything for the process and gives the guard that delivers what is left; keep it until the
//! end of `main`. [`Telemetry::builder`] adds settings from code, below and above the environment. All variables, their
//! defaults and what is accepted stand in the README and in [`config::variables`]; [`Telemetry::effective`] says what is in
//! force and where it comes from, [`Telemetry::diagnose`] asks every receiver.
//!
//! | to | use |
//! |---|---|
//! | own the subscriber | [`Builder::build`], then [`Telemetry::layer`] |
//! | serve `/metrics` yourself | [`Builder::without_metrics_listener`], then [`Telemetry::render`] |
//! | end at once, and lose nothing | [`exit`], [`Telemetry::flush`], `Telemetry::signal` (feature `signal`) |
//! | see what was delivered | [`Telemetry::status`], the [`Report`] of [`Telemetry::shutdown`] |
//! | see what spans did | [`Telemetry::spans`], [`Telemetry::on_close`] |
//! | say more about a span, take it along to tasks and threads | [`trace`] |
//! | count things beside spans, with a line for all that there is | [`metrics`] |
//! | watch the process and its machine | `runtime` (feature `runtime`) |
//! | test all that | [`testing`] |
//!
//! # For libraries
//!
//! Instrument with `tracing` alone. A span is exported and counted under the name of its macro; `otel.name`, `otel.kind`,
//! `otel.status_code` and `error` mean what they mean to tracing-opentelemetry. Give names that do not hold values: `GET
//! /users/{id}`, not `GET /users/42`. To carry a trace over a boundary, see [`propagation`] and
//! [`trace`].
//!
//! # Metrics
//!
//! | metric | unit | from |
//! |---|---|---|
//! | `traces.span.metrics.calls`, `traces.span.metrics.duration` | ms | every span, under the names of the Collector's connector |
//! | `traces.span.metrics.active` | | spans that are open |
//! | `http.server.request.duration` and others of the semantic conventions | s | spans that carry their attributes |
//! | `otel.sdk.*` | | what telemetry does itself |
//! | your own | | [`metrics`] and any OpenTelemetry meter |
//! # What is where
//!
//! | to | see |
//! |---|---|
//! | start, look at and end telemetry | [`Telemetry`], [`Builder`], [`config`] |
//! | say more about a span, take it along to tasks and threads, send it on | [`trace`], [`propagation`] |
//! | record metrics of your own; a line for each thing that the registry does | [`metrics`] |
//! | watch the process and its machine (feature `runtime`) | `runtime` |
//! | serve a `/metrics` page yourself | [`exposition`], `server` (feature `prometheus`) |
//! | test code that is instrumented | [`testing`] |

mod banner;
mod builder;
mod clock;
pub mod config;
mod delivery;
pub mod detect;
mod diagnosis;
mod diagnostics;
mod ending;
mod error;
mod export;
pub mod exposition;
mod logs;
pub mod metrics;
mod own_thread;
mod pipeline;
pub mod propagation;
#[cfg(feature = "runtime")]
pub mod runtime;
mod semconv;
#[cfg(feature = "prometheus")]
pub mod server;
#[cfg(feature = "signal")]
mod signal;
mod span_metrics;
mod span_table;
#[cfg(feature = "spool")]
mod spool;
mod telemetry;
pub mod testing;
pub mod trace;

/// The exact versions that this crate is built on, for what its own names do not reach.
pub mod otel {
    pub use opentelemetry;
    pub use opentelemetry_sdk;
    pub use tracing_opentelemetry;
}

pub use builder::Builder;
pub use delivery::{Lost, Report, Status};
pub use diagnosis::{Diagnosis, Probe};
pub use ending::exit;
pub use error::{InitError, PipelineError, ShutdownError};
pub use pipeline::Propagators;
#[cfg(feature = "signal")]
pub use signal::Signal;
pub use span_metrics::{
    ClosedSpan, SpanFilter, SpanSummary, StartedSpan, Status as SpanStatus, Subscription,
};
pub use telemetry::Telemetry;
