//! OpenTelemetry for Rust services in one call.

pub mod config;
pub mod exposition;
mod semconv;
