//! Names from the OpenTelemetry semantic conventions and the span-metrics connector, each written once.

/// `service.name`
pub(crate) const SERVICE_NAME: &str = "service.name";
