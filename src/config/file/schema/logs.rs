//! Log records.

use super::exporters::LOG_RECORD_EXPORTER;
use super::root::ATTRIBUTE_LIMITS;
use super::types::{COUNT, EMPTY, FLAG_OR_NULL, Object, SIZE, TEXT, Type};
use super::words::SEVERITY_NUMBER;

pub(super) static BATCH_LOG_RECORD_PROCESSOR: Object = Object::closed(&[
    ("schedule_delay", COUNT),
    ("export_timeout", COUNT),
    ("max_queue_size", SIZE),
    ("max_export_batch_size", SIZE),
    ("exporter", Type::Object(&LOG_RECORD_EXPORTER)),
])
.requires(&["exporter"]);

pub(super) static LOGGER_CONFIG: Object = Object::closed(&[
    ("enabled", FLAG_OR_NULL),
    ("minimum_severity", Type::Word(SEVERITY_NUMBER)),
    ("trace_based", FLAG_OR_NULL),
]);

pub(super) static LOGGER_CONFIGURATOR: Object = Object::closed(&[
    ("default_config", Type::Object(&LOGGER_CONFIG)),
    (
        "loggers",
        Type::List(&Type::Object(&LOGGER_MATCHER_AND_CONFIG), 1),
    ),
]);

pub(super) static LOGGER_MATCHER_AND_CONFIG: Object =
    Object::closed(&[("name", TEXT), ("config", Type::Object(&LOGGER_CONFIG))])
        .requires(&["name", "config"]);

pub(super) static LOGGER_PROVIDER: Object = Object::closed(&[
    (
        "processors",
        Type::List(&Type::Object(&LOG_RECORD_PROCESSOR), 1),
    ),
    ("limits", Type::Object(&ATTRIBUTE_LIMITS)),
    (
        "logger_configurator/development",
        Type::Object(&LOGGER_CONFIGURATOR),
    ),
])
.requires(&["processors"]);

pub(super) static LOG_RECORD_PROCESSOR: Object = Object::component(&[
    ("batch", Type::Object(&BATCH_LOG_RECORD_PROCESSOR)),
    ("simple", Type::Object(&SIMPLE_LOG_RECORD_PROCESSOR)),
    (
        "event_to_span_event_bridge/development",
        Type::Object(&EMPTY),
    ),
]);

pub(super) static SIMPLE_LOG_RECORD_PROCESSOR: Object =
    Object::closed(&[("exporter", Type::Object(&LOG_RECORD_EXPORTER))]).requires(&["exporter"]);
