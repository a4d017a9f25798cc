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

pub(crate) const SPAN_METRICS_ACTIVE: &str = "traces.span.metrics.active";
/// Spans that counted in an overflow series, by metric and by the label whose value was new.
pub(crate) const SPAN_METRICS_OVERFLOWS: &str = "traces.span.metrics.overflows";
pub(crate) const METRIC: &str = "metric";
pub(crate) const LABEL: &str = "label";
/// Units.
pub(crate) const UNIT_MILLISECONDS: &str = "ms";
pub(crate) const UNIT_SECONDS: &str = "s";

/// Attributes of the semantic conventions whose values we look at; the others are named where their metric is defined.
pub(crate) const ERROR_TYPE: &str = "error.type";
pub(crate) const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub(crate) const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
pub(crate) const NETWORK_PROTOCOL_NAME: &str = "network.protocol.name";
pub(crate) const SERVER_ADDRESS: &str = "server.address";
pub(crate) const SERVER_PORT: &str = "server.port";
pub(crate) const NETWORK_PEER_PORT: &str = "network.peer.port";
pub(crate) const RPC_SYSTEM_NAME: &str = "rpc.system.name";
pub(crate) const DB_SYSTEM_NAME: &str = "db.system.name";
pub(crate) const MESSAGING_SYSTEM: &str = "messaging.system";
pub(crate) const MESSAGING_OPERATION_TYPE: &str = "messaging.operation.type";
pub(crate) const GEN_AI_OPERATION_NAME: &str = "gen_ai.operation.name";
/// The value of [`MESSAGING_OPERATION_TYPE`] for spans that process.
pub(crate) const MESSAGING_PROCESS: &str = "process";
/// What stands for every value that the conventions do not know.
pub(crate) const OTHER: &str = "_OTHER";
/// The methods that the conventions know.
pub(crate) const HTTP_METHODS: [&str; 10] = [
    "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE", "QUERY",
];
/// The attributes whose values are whole numbers.
pub(crate) const INTEGERS: [&str; 3] = [HTTP_RESPONSE_STATUS_CODE, SERVER_PORT, NETWORK_PEER_PORT];

/// The event of a span that records an error, and its attributes.
pub(crate) const EXCEPTION: &str = "exception";
pub(crate) const EXCEPTION_TYPE: &str = "exception.type";
pub(crate) const EXCEPTION_MESSAGE: &str = "exception.message";
pub(crate) const EXCEPTION_STACKTRACE: &str = "exception.stacktrace";

/// Span fields that `tracing-opentelemetry` gives a meaning to.
pub(crate) const FIELD_NAME: &str = "otel.name";
pub(crate) const FIELD_KIND: &str = "otel.kind";
pub(crate) const FIELD_STATUS_CODE: &str = "otel.status_code";
pub(crate) const FIELD_STATUS_DESCRIPTION: &str = "otel.status_description";
/// Event fields with a meaning of their own.
pub(crate) const FIELD_MESSAGE: &str = "message";
pub(crate) const FIELD_ERROR: &str = "error";
/// `service.instance.id`
pub(crate) const SERVICE_INSTANCE_ID: &str = "service.instance.id";
/// `host.name`
pub(crate) const HOST_NAME: &str = "host.name";
/// `host.id`
pub(crate) const HOST_ID: &str = "host.id";
/// `host.arch`
pub(crate) const HOST_ARCH: &str = "host.arch";
/// `os.type`
pub(crate) const OS_TYPE: &str = "os.type";
/// `os.name`
pub(crate) const OS_NAME: &str = "os.name";
/// `os.version`
pub(crate) const OS_VERSION: &str = "os.version";
/// `os.description`
pub(crate) const OS_DESCRIPTION: &str = "os.description";
/// `process.pid`
pub(crate) const PROCESS_PID: &str = "process.pid";
/// `process.executable.name`
pub(crate) const PROCESS_EXECUTABLE_NAME: &str = "process.executable.name";
/// `process.executable.path`
pub(crate) const PROCESS_EXECUTABLE_PATH: &str = "process.executable.path";
/// `process.command`
pub(crate) const PROCESS_COMMAND: &str = "process.command";
/// `process.command_args`
pub(crate) const PROCESS_COMMAND_ARGS: &str = "process.command_args";
/// `process.owner`
pub(crate) const PROCESS_OWNER: &str = "process.owner";
/// `process.runtime.name`
pub(crate) const PROCESS_RUNTIME_NAME: &str = "process.runtime.name";
/// `container.id`
pub(crate) const CONTAINER_ID: &str = "container.id";
/// `k8s.namespace.name`
pub(crate) const K8S_NAMESPACE_NAME: &str = "k8s.namespace.name";
/// `k8s.pod.name`
pub(crate) const K8S_POD_NAME: &str = "k8s.pod.name";
/// `k8s.pod.uid`
pub(crate) const K8S_POD_UID: &str = "k8s.pod.uid";
/// `k8s.container.name`
pub(crate) const K8S_CONTAINER_NAME: &str = "k8s.container.name";
/// `k8s.node.name`
pub(crate) const K8S_NODE_NAME: &str = "k8s.node.name";

/// Attributes of the metrics about ourselves.
pub(crate) const COMPONENT_TYPE: &str = "otel.component.type";
pub(crate) const COMPONENT_NAME: &str = "otel.component.name";
/// The durations among them.
pub(crate) const SDK_EXPORT_DURATION: &str = "otel.sdk.exporter.operation.duration";
pub(crate) const SDK_COLLECTION_DURATION: &str = "otel.sdk.metric_reader.collection.duration";

/// The names of the metrics about one signal's way out.
#[derive(Debug)]
pub(crate) struct SdkMetrics {
    pub(crate) unit: &'static str,
    pub(crate) exported: &'static str,
    pub(crate) inflight: &'static str,
    /// Size, capacity and processed items of the queue, where there is one.
    pub(crate) queue: Option<[&'static str; 3]>,
}

pub(crate) const SDK_SPANS: SdkMetrics = SdkMetrics {
    unit: "{span}",
    exported: "otel.sdk.exporter.span.exported",
    inflight: "otel.sdk.exporter.span.inflight",
    queue: Some([
        "otel.sdk.processor.span.queue.size",
        "otel.sdk.processor.span.queue.capacity",
        "otel.sdk.processor.span.processed",
    ]),
};
pub(crate) const SDK_LOGS: SdkMetrics = SdkMetrics {
    unit: "{log_record}",
    exported: "otel.sdk.exporter.log.exported",
    inflight: "otel.sdk.exporter.log.inflight",
    queue: Some([
        "otel.sdk.processor.log.queue.size",
        "otel.sdk.processor.log.queue.capacity",
        "otel.sdk.processor.log.processed",
    ]),
};
pub(crate) const SDK_METRICS: SdkMetrics = SdkMetrics {
    unit: "{data_point}",
    exported: "otel.sdk.exporter.metric_data_point.exported",
    inflight: "otel.sdk.exporter.metric_data_point.inflight",
    queue: None,
};
