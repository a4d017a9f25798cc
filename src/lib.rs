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
mod telemetry;
pub mod testing;

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
