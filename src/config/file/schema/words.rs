//! Words of the schema, where only some are accepted.

pub(super) const SEVERITY_NUMBER: &[&str] = &[
    "trace", "trace2", "trace3", "trace4", "debug", "debug2", "debug3", "debug4", "info", "info2",
    "info3", "info4", "warn", "warn2", "warn3", "warn4", "error", "error2", "error3", "error4",
    "fatal", "fatal2", "fatal3", "fatal4",
];
pub(super) const ATTRIBUTE_TYPE: &[&str] = &[
    "string",
    "bool",
    "int",
    "double",
    "string_array",
    "bool_array",
    "int_array",
    "double_array",
];
pub(super) const EXPORTER_TEMPORALITY_PREFERENCE: &[&str] = &["cumulative", "delta", "low_memory"];
pub(super) const EXPORTER_DEFAULT_HISTOGRAM_AGGREGATION: &[&str] = &[
    "explicit_bucket_histogram",
    "base2_exponential_bucket_histogram",
];
pub(super) const SPAN_KIND: &[&str] = &["internal", "server", "client", "producer", "consumer"];
pub(super) const SPAN_PARENT: &[&str] = &["none", "remote", "local"];
pub(super) const PROMETHEUS_TRANSLATION_STRATEGY: &[&str] = &[
    "underscore_escaping_with_suffixes",
    "underscore_escaping_without_suffixes/development",
    "no_utf8_escaping_with_suffixes/development",
    "no_translation/development",
];
pub(super) const EXEMPLAR_FILTER: &[&str] = &["always_on", "always_off", "trace_based"];
pub(super) const OTLP_HTTP_ENCODING: &[&str] = &["protobuf", "json"];
pub(super) const INSTRUMENT_TYPE: &[&str] = &[
    "counter",
    "gauge",
    "histogram",
    "observable_counter",
    "observable_gauge",
    "observable_up_down_counter",
    "up_down_counter",
];
