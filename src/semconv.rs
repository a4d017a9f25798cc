//! Names from the semantic conventions, the span-metrics connector and `tracing-opentelemetry`, each written once.

/// Resource attribute: the logical name of the service.
pub(crate) const SERVICE_NAME: &str = "service.name";
/// Resource attributes that say which SDK and which distribution of it produced the telemetry.
pub(crate) const TELEMETRY_SDK_NAME: &str = "telemetry.sdk.name";
pub(crate) const TELEMETRY_SDK_LANGUAGE: &str = "telemetry.sdk.language";
pub(crate) const TELEMETRY_SDK_VERSION: &str = "telemetry.sdk.version";
pub(crate) const TELEMETRY_DISTRO_NAME: &str = "telemetry.distro.name";
pub(crate) const TELEMETRY_DISTRO_VERSION: &str = "telemetry.distro.version";

/// Labels of the span metrics, as the Collector's span-metrics connector names them.
pub(crate) const SPAN_NAME: &str = "span.name";
pub(crate) const SPAN_KIND: &str = "span.kind";
pub(crate) const STATUS_CODE: &str = "status.code";
/// The label of the series that takes what no longer fits under the limit.
pub(crate) const OVERFLOW: &str = "otel.metric.overflow";

/// The span metrics themselves.
pub(crate) const SPAN_METRICS_CALLS: &str = "traces.span.metrics.calls";
pub(crate) const SPAN_METRICS_DURATION: &str = "traces.span.metrics.duration";

/// Span fields that `tracing-opentelemetry` gives a meaning to.
pub(crate) const FIELD_NAME: &str = "otel.name";
pub(crate) const FIELD_KIND: &str = "otel.kind";
pub(crate) const FIELD_STATUS_CODE: &str = "otel.status_code";
pub(crate) const FIELD_STATUS_DESCRIPTION: &str = "otel.status_description";
/// Event fields with a meaning of their own.
pub(crate) const FIELD_MESSAGE: &str = "message";
pub(crate) const FIELD_ERROR: &str = "error";
