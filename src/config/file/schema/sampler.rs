//! Which traces are kept.

use super::types::{COUNT, EMPTY, Object, RATIO, TEXT, Type};
use super::words::{SPAN_KIND, SPAN_PARENT};

pub(super) static COMPOSABLE_PARENT_THRESHOLD_SAMPLER: Object =
    Object::closed(&[("root", Type::Object(&COMPOSABLE_SAMPLER))]).requires(&["root"]);

pub(super) static COMPOSABLE_PROBABILITY_SAMPLER: Object =
    Object::closed(&[("ratio", RATIO)]).nullable();

pub(super) static COMPOSABLE_RULE_BASED_SAMPLER: Object = Object::closed(&[(
    "rules",
    Type::List(&Type::Object(&COMPOSABLE_RULE_BASED_SAMPLER_RULE), 1),
)])
.nullable();

pub(super) static COMPOSABLE_RULE_BASED_SAMPLER_RULE: Object = Object::closed(&[
    (
        "attribute_values",
        Type::Object(&COMPOSABLE_RULE_BASED_SAMPLER_RULE_ATTRIBUTE_VALUES),
    ),
    (
        "attribute_patterns",
        Type::Object(&COMPOSABLE_RULE_BASED_SAMPLER_RULE_ATTRIBUTE_PATTERNS),
    ),
    ("span_kinds", Type::List(&Type::Word(SPAN_KIND), 1)),
    ("parent", Type::List(&Type::Word(SPAN_PARENT), 1)),
    ("sampler", Type::Object(&COMPOSABLE_SAMPLER)),
])
.requires(&["sampler"]);

pub(super) static COMPOSABLE_RULE_BASED_SAMPLER_RULE_ATTRIBUTE_PATTERNS: Object =
    Object::closed(&[
        ("key", TEXT),
        ("included", Type::List(&TEXT, 1)),
        ("excluded", Type::List(&TEXT, 1)),
    ])
    .requires(&["key"]);

pub(super) static COMPOSABLE_RULE_BASED_SAMPLER_RULE_ATTRIBUTE_VALUES: Object =
    Object::closed(&[("key", TEXT), ("values", Type::List(&TEXT, 1))]).requires(&["key", "values"]);

pub(super) static COMPOSABLE_SAMPLER: Object = Object::component(&[
    ("always_off", Type::Object(&EMPTY)),
    ("always_on", Type::Object(&EMPTY)),
    (
        "parent_threshold",
        Type::Object(&COMPOSABLE_PARENT_THRESHOLD_SAMPLER),
    ),
    ("probability", Type::Object(&COMPOSABLE_PROBABILITY_SAMPLER)),
    ("rule_based", Type::Object(&COMPOSABLE_RULE_BASED_SAMPLER)),
]);

pub(super) static JAEGER_REMOTE_SAMPLER: Object = Object::closed(&[
    ("endpoint", TEXT),
    ("interval", COUNT),
    ("initial_sampler", Type::Object(&SAMPLER)),
])
.nullable()
.requires(&["endpoint", "initial_sampler"]);

pub(super) static PARENT_BASED_SAMPLER: Object = Object::closed(&[
    ("root", Type::Object(&SAMPLER)),
    ("remote_parent_sampled", Type::Object(&SAMPLER)),
    ("remote_parent_not_sampled", Type::Object(&SAMPLER)),
    ("local_parent_sampled", Type::Object(&SAMPLER)),
    ("local_parent_not_sampled", Type::Object(&SAMPLER)),
])
.nullable();

pub(super) static SAMPLER: Object = Object::component(&[
    ("always_off", Type::Object(&EMPTY)),
    ("always_on", Type::Object(&EMPTY)),
    ("composite/development", Type::Object(&COMPOSABLE_SAMPLER)),
    (
        "jaeger_remote/development",
        Type::Object(&JAEGER_REMOTE_SAMPLER),
    ),
    ("parent_based", Type::Object(&PARENT_BASED_SAMPLER)),
    (
        "probability/development",
        Type::Object(&COMPOSABLE_PROBABILITY_SAMPLER),
    ),
    (
        "trace_id_ratio_based",
        Type::Object(&COMPOSABLE_PROBABILITY_SAMPLER),
    ),
]);
