//! OpenTelemetry for Rust services in one call.

pub mod config;
pub mod exposition;
pub mod propagation;
mod semconv;
#[cfg(feature = "prometheus")]
pub mod server;
