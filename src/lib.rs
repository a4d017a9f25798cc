//! OpenTelemetry for Rust services in one call: `tracing` spans become traces *and* exact RED metrics, configured by the
//! standard `OTEL_*` variables alone.

mod clock;
pub mod config;
pub mod exposition;
pub mod propagation;
mod semconv;
#[cfg(feature = "prometheus")]
pub mod server;
mod span_metrics;

