//! Metrics.

use super::exporters::{PULL_METRIC_EXPORTER, PUSH_METRIC_EXPORTER};
use super::root::INCLUDE_EXCLUDE;
use super::types::{
    COUNT, EMPTY, FLAG, FLAG_OR_NULL, NUMBER, Object, SIZE, TEXT, TEXT_OR_NULL, Type, integer,
};
use super::words::{EXEMPLAR_FILTER, INSTRUMENT_TYPE};

pub(super) static AGGREGATION: Object = Object::one_of(&[
    ("default", Type::Object(&EMPTY)),
    ("drop", Type::Object(&EMPTY)),
    (
        "explicit_bucket_histogram",
        Type::Object(&EXPLICIT_BUCKET_HISTOGRAM_AGGREGATION),
    ),
    (
        "base2_exponential_bucket_histogram",
        Type::Object(&BASE2_EXPONENTIAL_BUCKET_HISTOGRAM_AGGREGATION),
    ),
    ("last_value", Type::Object(&EMPTY)),
    ("sum", Type::Object(&EMPTY)),
]);

pub(super) static BASE2_EXPONENTIAL_BUCKET_HISTOGRAM_AGGREGATION: Object = Object::closed(&[
    ("max_scale", integer(-10, 20)),
    ("max_size", integer(2, i64::MAX)),
    ("record_min_max", FLAG_OR_NULL),
])
.nullable();

pub(super) static CARDINALITY_LIMITS: Object = Object::closed(&[
    ("default", SIZE),
    ("counter", SIZE),
    ("gauge", SIZE),
    ("histogram", SIZE),
    ("observable_counter", SIZE),
    ("observable_gauge", SIZE),
    ("observable_up_down_counter", SIZE),
    ("up_down_counter", SIZE),
]);

pub(super) static METER_CONFIG: Object = Object::closed(&[("enabled", FLAG)]);

pub(super) static METER_CONFIGURATOR: Object = Object::closed(&[
    ("default_config", Type::Object(&METER_CONFIG)),
    (
        "meters",
        Type::List(&Type::Object(&METER_MATCHER_AND_CONFIG), 1),
    ),
]);

pub(super) static METER_MATCHER_AND_CONFIG: Object =
    Object::closed(&[("name", TEXT), ("config", Type::Object(&METER_CONFIG))])
        .requires(&["name", "config"]);

pub(super) static EXPLICIT_BUCKET_HISTOGRAM_AGGREGATION: Object = Object::closed(&[
    ("boundaries", Type::List(&NUMBER, 0)),
    ("record_min_max", FLAG_OR_NULL),
])
.nullable();

pub(super) static METER_PROVIDER: Object = Object::closed(&[
    ("readers", Type::List(&Type::Object(&METRIC_READER), 1)),
    ("views", Type::List(&Type::Object(&VIEW), 1)),
    ("exemplar_filter", Type::Word(EXEMPLAR_FILTER)),
    (
        "meter_configurator/development",
        Type::Object(&METER_CONFIGURATOR),
    ),
])
.requires(&["readers"]);

pub(super) static METRIC_PRODUCER: Object =
    Object::component(&[("opencensus", Type::Object(&EMPTY))]);

pub(super) static METRIC_READER: Object = Object::one_of(&[
    ("periodic", Type::Object(&PERIODIC_METRIC_READER)),
    ("pull", Type::Object(&PULL_METRIC_READER)),
]);

pub(super) static PERIODIC_METRIC_READER: Object = Object::closed(&[
    ("interval", COUNT),
    ("timeout", COUNT),
    ("max_export_batch_size/development", SIZE),
    ("exporter", Type::Object(&PUSH_METRIC_EXPORTER)),
    ("producers", Type::List(&Type::Object(&METRIC_PRODUCER), 1)),
    ("cardinality_limits", Type::Object(&CARDINALITY_LIMITS)),
])
.requires(&["exporter"]);

pub(super) static PULL_METRIC_READER: Object = Object::closed(&[
    ("exporter", Type::Object(&PULL_METRIC_EXPORTER)),
    ("producers", Type::List(&Type::Object(&METRIC_PRODUCER), 1)),
    ("cardinality_limits", Type::Object(&CARDINALITY_LIMITS)),
])
.requires(&["exporter"]);

pub(super) static VIEW: Object = Object::closed(&[
    ("selector", Type::Object(&VIEW_SELECTOR)),
    ("stream", Type::Object(&VIEW_STREAM)),
])
.requires(&["selector", "stream"]);

pub(super) static VIEW_SELECTOR: Object = Object::closed(&[
    ("instrument_name", TEXT_OR_NULL),
    ("instrument_type", Type::Word(INSTRUMENT_TYPE)),
    ("unit", TEXT_OR_NULL),
    ("meter_name", TEXT_OR_NULL),
    ("meter_version", TEXT_OR_NULL),
    ("meter_schema_url", TEXT_OR_NULL),
]);

pub(super) static VIEW_STREAM: Object = Object::closed(&[
    ("name", TEXT_OR_NULL),
    ("description", TEXT_OR_NULL),
    ("aggregation", Type::Object(&AGGREGATION)),
    ("aggregation_cardinality_limit", SIZE),
    ("attribute_keys", Type::Object(&INCLUDE_EXCLUDE)),
]);
