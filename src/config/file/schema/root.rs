//! The whole file, what describes the process, and propagators.

use super::instrumentation::INSTRUMENTATION;
use super::logs::LOGGER_PROVIDER;
use super::metrics::METER_PROVIDER;
use super::traces::TRACER_PROVIDER;
use super::types::{COUNT, EMPTY, FLAG_OR_NULL, Object, TEXT, TEXT_OR_NULL, Type};
use super::words::{ATTRIBUTE_TYPE, SEVERITY_NUMBER};

pub(in crate::config::file) static ROOT: Object = Object::open(&[
    ("file_format", TEXT),
    ("disabled", FLAG_OR_NULL),
    ("log_level", Type::Word(SEVERITY_NUMBER)),
    ("attribute_limits", Type::Object(&ATTRIBUTE_LIMITS)),
    ("logger_provider", Type::Object(&LOGGER_PROVIDER)),
    ("meter_provider", Type::Object(&METER_PROVIDER)),
    ("propagator", Type::Object(&PROPAGATOR)),
    ("tracer_provider", Type::Object(&TRACER_PROVIDER)),
    ("resource", Type::Object(&RESOURCE)),
    (
        "instrumentation/development",
        Type::Object(&INSTRUMENTATION),
    ),
    ("distribution", Type::Object(&DISTRIBUTION)),
])
.requires(&["file_format"]);

pub(super) static ATTRIBUTE_LIMITS: Object = Object::closed(&[
    ("attribute_value_length_limit", COUNT),
    ("attribute_count_limit", COUNT),
]);

pub(super) static ATTRIBUTE_NAME_VALUE: Object = Object::closed(&[
    ("name", TEXT),
    ("value", Type::AttributeValue),
    ("type", Type::Word(ATTRIBUTE_TYPE)),
])
.requires(&["name", "value"]);

pub(super) static DISTRIBUTION: Object = Object::objects(&[]).at_least_one();

pub(super) static RESOURCE_DETECTION: Object = Object::closed(&[
    ("attributes", Type::Object(&INCLUDE_EXCLUDE)),
    (
        "detectors",
        Type::List(&Type::Object(&RESOURCE_DETECTOR), 1),
    ),
]);

pub(super) static RESOURCE_DETECTOR: Object = Object::component(&[
    ("container", Type::Object(&EMPTY)),
    ("host", Type::Object(&EMPTY)),
    ("process", Type::Object(&EMPTY)),
    ("service", Type::Object(&EMPTY)),
]);

pub(super) static INCLUDE_EXCLUDE: Object = Object::closed(&[
    ("included", Type::List(&TEXT, 1)),
    ("excluded", Type::List(&TEXT, 1)),
]);

pub(super) static PROPAGATOR: Object = Object::closed(&[
    (
        "composite",
        Type::List(&Type::Object(&TEXT_MAP_PROPAGATOR), 1),
    ),
    ("composite_list", TEXT_OR_NULL),
]);

pub(super) static RESOURCE: Object = Object::closed(&[
    (
        "attributes",
        Type::List(&Type::Object(&ATTRIBUTE_NAME_VALUE), 1),
    ),
    ("detection/development", Type::Object(&RESOURCE_DETECTION)),
    ("schema_url", TEXT_OR_NULL),
    ("attributes_list", TEXT_OR_NULL),
]);

pub(super) static TEXT_MAP_PROPAGATOR: Object = Object::component(&[
    ("tracecontext", Type::Object(&EMPTY)),
    ("baggage", Type::Object(&EMPTY)),
    ("b3", Type::Object(&EMPTY)),
    ("b3multi", Type::Object(&EMPTY)),
]);
