//! Where telemetry goes.

use super::root::INCLUDE_EXCLUDE;
use super::types::{COUNT, EMPTY, FLAG_OR_NULL, INTEGER, Object, TEXT, TEXT_OR_NULL, Type};
use super::words::{
    EXPORTER_DEFAULT_HISTOGRAM_AGGREGATION, EXPORTER_TEMPORALITY_PREFERENCE, OTLP_HTTP_ENCODING,
    PROMETHEUS_TRANSLATION_STRATEGY,
};

pub(super) static CONSOLE_METRIC_EXPORTER: Object = Object::closed(&[
    (
        "temporality_preference",
        Type::Word(EXPORTER_TEMPORALITY_PREFERENCE),
    ),
    (
        "default_histogram_aggregation",
        Type::Word(EXPORTER_DEFAULT_HISTOGRAM_AGGREGATION),
    ),
])
.nullable();

pub(super) static OTLP_FILE_EXPORTER: Object =
    Object::closed(&[("output_stream", TEXT_OR_NULL)]).nullable();

pub(super) static OTLP_FILE_METRIC_EXPORTER: Object = Object::closed(&[
    ("output_stream", TEXT_OR_NULL),
    (
        "temporality_preference",
        Type::Word(EXPORTER_TEMPORALITY_PREFERENCE),
    ),
    (
        "default_histogram_aggregation",
        Type::Word(EXPORTER_DEFAULT_HISTOGRAM_AGGREGATION),
    ),
])
.nullable();

pub(super) static PROMETHEUS_METRIC_EXPORTER: Object = Object::closed(&[
    ("host", TEXT_OR_NULL),
    ("port", INTEGER),
    ("scope_info_enabled", FLAG_OR_NULL),
    ("target_info_enabled/development", FLAG_OR_NULL),
    ("resource_constant_labels", Type::Object(&INCLUDE_EXCLUDE)),
    (
        "translation_strategy",
        Type::Word(PROMETHEUS_TRANSLATION_STRATEGY),
    ),
])
.nullable();

pub(super) static GRPC_TLS: Object = Object::closed(&[
    ("ca_file", TEXT_OR_NULL),
    ("key_file", TEXT_OR_NULL),
    ("cert_file", TEXT_OR_NULL),
    ("insecure", FLAG_OR_NULL),
])
.nullable();

pub(super) static HTTP_TLS: Object = Object::closed(&[
    ("ca_file", TEXT_OR_NULL),
    ("key_file", TEXT_OR_NULL),
    ("cert_file", TEXT_OR_NULL),
])
.nullable();

pub(super) static LOG_RECORD_EXPORTER: Object = Object::component(&[
    ("otlp_http", Type::Object(&OTLP_HTTP_EXPORTER)),
    ("otlp_grpc", Type::Object(&OTLP_GRPC_EXPORTER)),
    ("otlp_file/development", Type::Object(&OTLP_FILE_EXPORTER)),
    ("console", Type::Object(&EMPTY)),
]);

pub(super) static NAME_STRING_VALUE_PAIR: Object =
    Object::closed(&[("name", TEXT), ("value", TEXT_OR_NULL)]).requires(&["name", "value"]);

pub(super) static OTLP_GRPC_EXPORTER: Object = Object::closed(&[
    ("endpoint", TEXT_OR_NULL),
    ("tls", Type::Object(&GRPC_TLS)),
    (
        "headers",
        Type::List(&Type::Object(&NAME_STRING_VALUE_PAIR), 1),
    ),
    ("headers_list", TEXT_OR_NULL),
    ("compression", TEXT_OR_NULL),
    ("timeout", COUNT),
])
.nullable();

pub(super) static OTLP_GRPC_METRIC_EXPORTER: Object = Object::closed(&[
    ("endpoint", TEXT_OR_NULL),
    ("tls", Type::Object(&GRPC_TLS)),
    (
        "headers",
        Type::List(&Type::Object(&NAME_STRING_VALUE_PAIR), 1),
    ),
    ("headers_list", TEXT_OR_NULL),
    ("compression", TEXT_OR_NULL),
    ("timeout", COUNT),
    (
        "temporality_preference",
        Type::Word(EXPORTER_TEMPORALITY_PREFERENCE),
    ),
    (
        "default_histogram_aggregation",
        Type::Word(EXPORTER_DEFAULT_HISTOGRAM_AGGREGATION),
    ),
])
.nullable();

pub(super) static OTLP_HTTP_EXPORTER: Object = Object::closed(&[
    ("endpoint", TEXT_OR_NULL),
    ("tls", Type::Object(&HTTP_TLS)),
    (
        "headers",
        Type::List(&Type::Object(&NAME_STRING_VALUE_PAIR), 1),
    ),
    ("headers_list", TEXT_OR_NULL),
    ("compression", TEXT_OR_NULL),
    ("timeout", COUNT),
    ("encoding", Type::Word(OTLP_HTTP_ENCODING)),
])
.nullable();

pub(super) static OTLP_HTTP_METRIC_EXPORTER: Object = Object::closed(&[
    ("endpoint", TEXT_OR_NULL),
    ("tls", Type::Object(&HTTP_TLS)),
    (
        "headers",
        Type::List(&Type::Object(&NAME_STRING_VALUE_PAIR), 1),
    ),
    ("headers_list", TEXT_OR_NULL),
    ("compression", TEXT_OR_NULL),
    ("timeout", COUNT),
    ("encoding", Type::Word(OTLP_HTTP_ENCODING)),
    (
        "temporality_preference",
        Type::Word(EXPORTER_TEMPORALITY_PREFERENCE),
    ),
    (
        "default_histogram_aggregation",
        Type::Word(EXPORTER_DEFAULT_HISTOGRAM_AGGREGATION),
    ),
])
.nullable();

pub(super) static PULL_METRIC_EXPORTER: Object = Object::component(&[(
    "prometheus/development",
    Type::Object(&PROMETHEUS_METRIC_EXPORTER),
)]);

pub(super) static PUSH_METRIC_EXPORTER: Object = Object::component(&[
    ("otlp_http", Type::Object(&OTLP_HTTP_METRIC_EXPORTER)),
    ("otlp_grpc", Type::Object(&OTLP_GRPC_METRIC_EXPORTER)),
    (
        "otlp_file/development",
        Type::Object(&OTLP_FILE_METRIC_EXPORTER),
    ),
    ("console", Type::Object(&CONSOLE_METRIC_EXPORTER)),
]);
