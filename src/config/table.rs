//! The variable table: every `OTEL_*` variable of the specification, and ours.
//!
//! The rows drive the parser, the problems, the listing of effective values, the table in the README and the tests.
//! A variable that is not here does not exist; one that is here is honoured or says why it is not.

use super::Signal::{Logs, Metrics, Traces};
use super::variable::{Applies, Family, Kind, Support, Variable};

use Applies::{Always, Exported, Otlp};
use Support::{Honoured, Refused, Unneeded};

/// `static NAME: Variable` for each row, and [`SINGLES`] with all of them in order.
macro_rules! singles {
    ($($id:ident = $name:literal, $kind:expr, $default:literal, $applies:expr, $support:expr, $doc:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`")]
            pub(super) static $id: Variable = Variable {
                name: $name, kind: $kind, default: $default, doc: $doc, applies: $applies, support: $support,
            };
        )*
        static SINGLES: &[&Variable] = &[$(&$id),*];
    };
}

/// `static NAME: Family` for each row, and [`FAMILIES`] with all of them in order.
macro_rules! families {
    ($($id:ident = $suffix:literal, $kind:expr, $default:literal, $doc:literal;)*) => {
        $(
            #[doc = concat!("`OTEL_EXPORTER_OTLP_", $suffix, "` and its three signal variables")]
            pub(super) static $id: Family = Family {
                general: otlp(concat!("OTEL_EXPORTER_OTLP_", $suffix), $kind, $default, Always, $doc),
                signals: [
                    otlp(concat!("OTEL_EXPORTER_OTLP_TRACES_", $suffix), $kind, $default, Otlp(Traces), $doc),
                    otlp(concat!("OTEL_EXPORTER_OTLP_METRICS_", $suffix), $kind, $default, Otlp(Metrics), $doc),
                    otlp(concat!("OTEL_EXPORTER_OTLP_LOGS_", $suffix), $kind, $default, Otlp(Logs), $doc),
                ],
            };
        )*
        static FAMILIES: &[&Family] = &[$(&$id),*];
    };
}

const fn otlp(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    applies: Applies,
    doc: &'static str,
) -> Variable {
    Variable {
        name,
        kind,
        default,
        doc,
        applies,
        support: Honoured,
    }
}

const DETECTORS: &[&str] = &[
    "service",
    "host",
    "os",
    "process",
    "process_args",
    "container",
    "k8s",
];

const SPAN_FAMILIES: &[&str] = &["active", "http", "rpc", "db", "messaging", "gen_ai"];

const SAMPLERS: &[&str] = &[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
    "jaeger_remote",
    "parentbased_jaeger_remote",
    "ratelimiting",
    "parentbased_ratelimiting",
];

singles! {
    SDK_DISABLED = "OTEL_SDK_DISABLED", Kind::Flag, "false", Always, Honoured,
        "Turns every signal off; propagators stay";
    CONFIG_FILE = "OTEL_CONFIG_FILE", Kind::Path, "", Always, Honoured,
        "Declarative configuration (feature `config-file`); all other variables are then ignored";
    SERVICE_NAME = "OTEL_SERVICE_NAME", Kind::Text, "", Always, Honoured,
        "`service.name`; unset means `unknown_service:` and the name of the executable";
    RESOURCE_ATTRIBUTES = "OTEL_RESOURCE_ATTRIBUTES", Kind::Attributes, "", Always, Honoured,
        "Attributes of the resource; refused whole when a part cannot be read";
    LOG_LEVEL = "OTEL_LOG_LEVEL", Kind::Choice(&["none", "error", "warn", "info", "debug"]), "info", Always, Honoured,
        "Least severe of our own messages on stderr";
    PROPAGATORS = "OTEL_PROPAGATORS", Kind::List(&["tracecontext", "baggage", "b3", "b3multi", "jaeger", "xray"]),
        "tracecontext,baggage", Always, Honoured,
        "How context crosses process boundaries";

    TRACES_EXPORTER = "OTEL_TRACES_EXPORTER", Kind::List(&["otlp", "console", "otlp/stdout"]), "otlp", Always, Honoured,
        "Where spans go";
    TRACES_SAMPLER = "OTEL_TRACES_SAMPLER", Kind::Choice(SAMPLERS), "parentbased_always_on", Exported(Traces), Honoured,
        "Which traces are kept; RED metrics count all of them";
    TRACES_SAMPLER_ARG = "OTEL_TRACES_SAMPLER_ARG", Kind::SamplerArgument, "", Applies::SamplerArgument, Honoured,
        "A ratio from 0 to 1, traces a second, or `endpoint=..,pollingIntervalMs=..,initialSamplingRate=..` of a remote sampler";
    BSP_SCHEDULE_DELAY = "OTEL_BSP_SCHEDULE_DELAY", Kind::Duration, "5000", Exported(Traces), Honoured,
        "Longest wait before spans are sent";
    BSP_EXPORT_TIMEOUT = "OTEL_BSP_EXPORT_TIMEOUT", Kind::Timeout, "30000", Exported(Traces), Honoured,
        "Time for one batch of spans";
    BSP_MAX_QUEUE_SIZE = "OTEL_BSP_MAX_QUEUE_SIZE", Kind::Size, "2048", Exported(Traces), Honoured,
        "Spans held at most; more are dropped and counted";
    BSP_MAX_EXPORT_BATCH_SIZE = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", Kind::Size, "512", Exported(Traces), Honoured,
        "Spans in one request, never more than the queue holds";
    ATTRIBUTE_COUNT_LIMIT = "OTEL_ATTRIBUTE_COUNT_LIMIT", Kind::Limit, "128", Always, Honoured,
        "Attributes on a span, event, link or log record, where nothing more specific is set";
    ATTRIBUTE_VALUE_LENGTH_LIMIT = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", Kind::Limit, "", Always, Honoured,
        "Characters in an attribute value, where nothing more specific is set; unset means no limit";
    SPAN_ATTRIBUTE_COUNT_LIMIT = "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", Kind::Limit, "128", Exported(Traces), Honoured,
        "Attributes on a span";
    SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT = "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", Kind::Limit, "", Exported(Traces),
        Honoured, "Characters in an attribute value of a span, event or link; unset means no limit";
    SPAN_EVENT_COUNT_LIMIT = "OTEL_SPAN_EVENT_COUNT_LIMIT", Kind::Limit, "128", Exported(Traces), Honoured,
        "Events on a span";
    SPAN_LINK_COUNT_LIMIT = "OTEL_SPAN_LINK_COUNT_LIMIT", Kind::Limit, "128", Exported(Traces), Honoured,
        "Links on a span";
    EVENT_ATTRIBUTE_COUNT_LIMIT = "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", Kind::Limit, "128", Exported(Traces), Honoured,
        "Attributes on a span event";
    LINK_ATTRIBUTE_COUNT_LIMIT = "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", Kind::Limit, "128", Exported(Traces), Honoured,
        "Attributes on a link";

    METRICS_EXPORTER = "OTEL_METRICS_EXPORTER", Kind::List(&["otlp", "prometheus", "console", "otlp/stdout"]), "otlp",
        Always, Honoured, "Where metrics go";
    METRIC_EXPORT_INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL", Kind::Duration, "60000", Exported(Metrics), Honoured,
        "Time between two exports of metrics";
    METRIC_EXPORT_TIMEOUT = "OTEL_METRIC_EXPORT_TIMEOUT", Kind::Timeout, "30000", Exported(Metrics), Honoured,
        "Time for one export of metrics";
    METRICS_EXEMPLAR_FILTER = "OTEL_METRICS_EXEMPLAR_FILTER", Kind::Choice(&["always_on", "always_off", "trace_based"]),
        "trace_based", Always, Honoured, "Which measurements may become exemplars";
    PROMETHEUS_HOST = "OTEL_EXPORTER_PROMETHEUS_HOST", Kind::Text, "localhost", Applies::Prometheus, Honoured,
        "Host name or address that `/metrics` listens on";
    PROMETHEUS_PORT = "OTEL_EXPORTER_PROMETHEUS_PORT", Kind::Port, "9464", Applies::Prometheus, Honoured,
        "Port that `/metrics` listens on; 0, from code only, takes a free one";
    OTLP_METRICS_TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        Kind::Choice(&["cumulative", "delta", "lowmemory"]), "cumulative", Otlp(Metrics), Honoured,
        "Whether sums and histograms restart at each export";
    OTLP_METRICS_HISTOGRAM = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        Kind::Choice(&["explicit_bucket_histogram", "base2_exponential_bucket_histogram"]), "explicit_bucket_histogram",
        Otlp(Metrics), Honoured, "How histograms aggregate";

    LOGS_EXPORTER = "OTEL_LOGS_EXPORTER", Kind::List(&["otlp", "console", "otlp/stdout"]), "otlp", Always, Honoured,
        "Where log records go";
    BLRP_SCHEDULE_DELAY = "OTEL_BLRP_SCHEDULE_DELAY", Kind::Duration, "1000", Exported(Logs), Honoured,
        "Longest wait before log records are sent";
    BLRP_EXPORT_TIMEOUT = "OTEL_BLRP_EXPORT_TIMEOUT", Kind::Timeout, "30000", Exported(Logs), Honoured,
        "Time for one batch of log records";
    BLRP_MAX_QUEUE_SIZE = "OTEL_BLRP_MAX_QUEUE_SIZE", Kind::Size, "2048", Exported(Logs), Honoured,
        "Log records held at most; more are dropped and counted";
    BLRP_MAX_EXPORT_BATCH_SIZE = "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", Kind::Size, "512", Exported(Logs), Honoured,
        "Log records in one request, never more than the queue holds";
    LOGRECORD_ATTRIBUTE_COUNT_LIMIT = "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", Kind::Limit, "128", Exported(Logs),
        Honoured, "Attributes on a log record";
    LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT = "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", Kind::Limit, "",
        Exported(Logs), Honoured, "Characters in an attribute value of a log record; unset means no limit";

    LOG_FILTER = "RUST_LOG", Kind::Directives, "info", Always, Honoured,
        "Which events become log records and lines; moves nothing else";
    SPAN_FILTER = "OTEL_RUST_SPAN_FILTER", Kind::Directives, "info", Always, Honoured,
        "Which spans may be exported, in the syntax of `RUST_LOG`";
    SPAN_METRICS_FILTER = "OTEL_RUST_SPAN_METRICS_FILTER", Kind::Directives, "info", Always, Honoured,
        "Which spans are counted in RED metrics, in the syntax of `RUST_LOG`";
    SKIP_UNSAMPLED = "OTEL_RUST_SKIP_UNSAMPLED", Kind::Choice(&["on", "off"]), "on", Always, Honoured,
        "Spans below an unsampled one cost next to nothing; `off` sends them through the OpenTelemetry layer";
    SPAN_METRICS_DIMENSIONS = "OTEL_RUST_SPAN_METRICS_DIMENSIONS", Kind::Dimensions, "", Always, Honoured,
        "Span fields that become labels of RED metrics, and labels that are left out";
    SPAN_METRICS_BUCKETS = "OTEL_RUST_SPAN_METRICS_BUCKETS", Kind::Buckets, "connector", Always, Honoured,
        "Buckets of the duration of spans";
    SPAN_METRICS_UNIT = "OTEL_RUST_SPAN_METRICS_UNIT", Kind::Choice(&["ms", "s"]), "ms", Always, Honoured,
        "Unit of the duration of spans; Jaeger's Monitor tab expects `ms`";
    SPAN_METRICS_LIMIT = "OTEL_RUST_SPAN_METRICS_LIMIT", Kind::Size, "2000", Always, Honoured,
        "Series of one span metric at most; the rest counts in one with `otel.metric.overflow=\"true\"`";
    SPAN_METRICS_EXPIRATION = "OTEL_RUST_SPAN_METRICS_EXPIRATION", Kind::Timeout, "0", Always, Honoured,
        "Time after which a series without a span is forgotten";
    SPAN_METRICS_FAMILIES = "OTEL_RUST_SPAN_METRICS_FAMILIES", Kind::List(SPAN_FAMILIES),
        "active,http,rpc,db,messaging,gen_ai", Always, Honoured,
        "Metrics from spans beside calls and duration: spans in flight, and those of the semantic conventions";
    SPAN_METRICS_API_SPANS = "OTEL_RUST_SPAN_METRICS_API_SPANS", Kind::Choice(&["on", "off"]), "off", Always, Honoured,
        "Whether RED metrics count sampled spans of the OpenTelemetry API, too";
    RESOURCE_DETECTORS = "OTEL_RUST_RESOURCE_DETECTORS", Kind::List(DETECTORS), "service,host,os,process,container,k8s",
        Always, Honoured, "What the process finds out about itself; `process_args` may hold secrets";
    SAMPLER_RULES = "OTEL_RUST_TRACES_SAMPLER_RULES", Kind::SamplerRules, "", Exported(Traces), Honoured,
        "What decides instead of the sampler at the start of a trace, or instead of its root; the first rule that matches";
    LOG_LINES = "OTEL_RUST_LOG_LINES", Kind::Choice(&["auto", "pretty", "json", "off"]), "auto", Always, Honoured,
        "Log lines on stderr; `auto` is pretty on a terminal and JSON otherwise";
    BANNER = "OTEL_RUST_BANNER", Kind::Choice(&["on", "off"]), "on", Always, Honoured,
        "The block at start that says what was configured";
    QUEUE_BYTES = "OTEL_RUST_QUEUE_BYTES", Kind::Size, "", Always, Honoured,
        "Bytes that wait at most for an exporter of spans or log records, whatever the default number of items; unset means 32 MiB beside that number";
    SPOOL_DIRECTORY = "OTEL_RUST_SPOOL_DIRECTORY", Kind::Path, "", Always, Honoured,
        "Where spans and log records wait on disk while their receiver is away (feature `spool`); unset means in memory only";
    SPOOL_BYTES = "OTEL_RUST_SPOOL_BYTES", Kind::Size, "268435456", Always, Honoured,
        "Bytes on disk at most, for each OTLP exporter of a process";
    SPOOL_AGE = "OTEL_RUST_SPOOL_AGE", Kind::Duration, "86400000", Always, Honoured,
        "How long what is on disk is worth sending";
    CONFIG = "OTEL_RUST_CONFIG", Kind::Choice(&["lenient", "strict"]), "lenient", Always, Honoured,
        "`strict` makes the start fail with a list of every problem";

    ZIPKIN_ENDPOINT = "OTEL_EXPORTER_ZIPKIN_ENDPOINT", Kind::Url, "", Always, Refused(NO_ZIPKIN), "Zipkin";
    ZIPKIN_TIMEOUT = "OTEL_EXPORTER_ZIPKIN_TIMEOUT", Kind::Timeout, "", Always, Refused(NO_ZIPKIN), "Zipkin";
    ENTITIES = "OTEL_ENTITIES", Kind::Text, "", Always,
        Refused("entities are in development and the Rust SDK has none; use OTEL_RESOURCE_ATTRIBUTES"), "Entities";
    EXPERIMENTAL_CONFIG_FILE = "OTEL_EXPERIMENTAL_CONFIG_FILE", Kind::Path, "", Always,
        Refused("it was renamed; use OTEL_CONFIG_FILE"), "Old name of `OTEL_CONFIG_FILE`";
    BSP_MAX_CONCURRENT_EXPORTS = "OTEL_BSP_MAX_CONCURRENT_EXPORTS", Kind::Size, "", Always,
        Refused("batches are sent one after the other, as the specification asks"), "Exports at the same time";
    OTLP_SPAN_INSECURE = "OTEL_EXPORTER_OTLP_SPAN_INSECURE", Kind::Flag, "", Always,
        Refused("it is obsolete; use OTEL_EXPORTER_OTLP_TRACES_INSECURE"), "Old name";
    OTLP_METRIC_INSECURE = "OTEL_EXPORTER_OTLP_METRIC_INSECURE", Kind::Flag, "", Always,
        Refused("it is obsolete; use OTEL_EXPORTER_OTLP_METRICS_INSECURE"), "Old name";
    SEMCONV_STABILITY_OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN", Kind::Text, "", Always,
        Unneeded("only stable conventions are emitted, never the old ones"), "Choice between old and stable conventions";
}

families! {
    OTLP_ENDPOINT = "ENDPOINT", Kind::Url, "http://localhost:4318",
        "Base URL, to which `/v1/<signal>` is added over HTTP; the variable of a signal is used as it is";
    OTLP_PROTOCOL = "PROTOCOL", Kind::Choice(&["grpc", "http/protobuf", "http/json"]), "http/protobuf",
        "Wire format and transport (features `grpc`, `http-json`); `grpc` makes the default endpoint `http://localhost:4317`";
    OTLP_HEADERS = "HEADERS", Kind::Headers, "",
        "Headers of every request, such as `authorization=Bearer%20..`; values are never shown";
    OTLP_TIMEOUT = "TIMEOUT", Kind::Timeout, "10000",
        "Time for one export, retries included";
    OTLP_COMPRESSION = "COMPRESSION", Kind::Choice(&["none", "gzip"]), "none",
        "Compression of requests (feature `gzip`)";
    OTLP_INSECURE = "INSECURE", Kind::Flag, "false",
        "Plain text for gRPC endpoints without a scheme";
    OTLP_CERTIFICATE = "CERTIFICATE", Kind::Path, "",
        "PEM file with the authorities to trust";
    OTLP_CLIENT_KEY = "CLIENT_KEY", Kind::Path, "",
        "PEM file with our private key, for servers that ask who we are";
    OTLP_CLIENT_CERTIFICATE = "CLIENT_CERTIFICATE", Kind::Path, "",
        "PEM file with our certificate chain, for servers that ask who we are";
}

const NO_ZIPKIN: &str =
    "the specification deprecates the Zipkin exporter; use otlp, through a Collector if need be";

/// All rows that stand for themselves, in the order in which they are documented.
pub(super) fn singles() -> impl Iterator<Item = &'static Variable> {
    SINGLES.iter().copied()
}

/// All general variables with a variant for each signal.
pub(super) fn families() -> impl Iterator<Item = &'static Family> {
    FAMILIES.iter().copied()
}

/// Every variable that is known, refused ones included.
pub fn variables() -> impl Iterator<Item = &'static Variable> {
    singles().chain(families().flat_map(|family| {
        let [traces, metrics, logs] = &family.signals;
        [&family.general, traces, metrics, logs]
    }))
}

/// The row called `name`.
pub(super) fn find(name: &str) -> Option<&'static Variable> {
    variables().find(|variable| variable.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn detectors_are_named_as_in_the_model() {
        use crate::config::Detector;

        assert_eq!(Detector::ALL.map(Detector::name), DETECTORS);
        let default = Detector::DEFAULT.map(Detector::name).join(",");
        assert_eq!(RESOURCE_DETECTORS.default, default);
    }

    #[test]
    fn span_families_are_named_as_in_the_model() {
        use crate::config::SpanFamily;

        assert_eq!(SpanFamily::ALL.map(SpanFamily::name), SPAN_FAMILIES);
        assert_eq!(SPAN_METRICS_FAMILIES.default, SPAN_FAMILIES.join(","));
    }

    #[test]
    fn no_variable_stands_twice() {
        let mut seen = HashSet::new();
        for variable in variables() {
            assert!(seen.insert(variable.name), "{} twice", variable.name);
        }
    }
}
