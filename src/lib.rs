//! OpenTelemetry for Rust services in one call.

pub mod config;
mod semconv;
