//! Spans.

use super::exporters::LOG_RECORD_EXPORTER;
use super::metrics::METER_CONFIG;
use super::sampler::SAMPLER;
use super::types::{COUNT, EMPTY, Object, SIZE, TEXT, Type};

pub(super) static BATCH_SPAN_PROCESSOR: Object = Object::closed(&[
    ("schedule_delay", COUNT),
    ("export_timeout", COUNT),
    ("max_queue_size", SIZE),
    ("max_export_batch_size", SIZE),
    ("exporter", Type::Object(&LOG_RECORD_EXPORTER)),
])
.requires(&["exporter"]);

pub(super) static TRACER_CONFIGURATOR: Object = Object::closed(&[
    ("default_config", Type::Object(&METER_CONFIG)),
    (
        "tracers",
        Type::List(&Type::Object(&TRACER_MATCHER_AND_CONFIG), 1),
    ),
]);

pub(super) static TRACER_MATCHER_AND_CONFIG: Object =
    Object::closed(&[("name", TEXT), ("config", Type::Object(&METER_CONFIG))])
        .requires(&["name", "config"]);

pub(super) static ID_GENERATOR: Object = Object::component(&[("random", Type::Object(&EMPTY))]);

pub(super) static SIMPLE_SPAN_PROCESSOR: Object =
    Object::closed(&[("exporter", Type::Object(&LOG_RECORD_EXPORTER))]).requires(&["exporter"]);

pub(super) static SPAN_LIMITS: Object = Object::closed(&[
    ("attribute_value_length_limit", COUNT),
    ("attribute_count_limit", COUNT),
    ("event_count_limit", COUNT),
    ("link_count_limit", COUNT),
    ("event_attribute_count_limit", COUNT),
    ("link_attribute_count_limit", COUNT),
]);

pub(super) static SPAN_PROCESSOR: Object = Object::component(&[
    ("batch", Type::Object(&BATCH_SPAN_PROCESSOR)),
    ("simple", Type::Object(&SIMPLE_SPAN_PROCESSOR)),
]);

pub(super) static TRACER_PROVIDER: Object = Object::closed(&[
    ("processors", Type::List(&Type::Object(&SPAN_PROCESSOR), 1)),
    ("limits", Type::Object(&SPAN_LIMITS)),
    ("sampler", Type::Object(&SAMPLER)),
    ("id_generator", Type::Object(&ID_GENERATOR)),
    (
        "tracer_configurator/development",
        Type::Object(&TRACER_CONFIGURATOR),
    ),
])
.requires(&["processors"]);
