//! Our own settings, below `instrumentation/development.rust.spanwise`.

use super::types::{COUNT, FLAG_OR_NULL, Object, SIZE, TEXT, TEXT_OR_NULL, Type};

pub(in crate::config::file) static OWN: Object = Object::closed(&[
    ("log_filter", TEXT_OR_NULL),
    ("log_lines", Type::Word(&["auto", "pretty", "json", "off"])),
    ("span_filter", TEXT_OR_NULL),
    ("sampler_rules", TEXT_OR_NULL),
    ("span_metrics_filter", TEXT_OR_NULL),
    ("span_metrics", Type::Object(&SPAN_METRICS)),
    ("skip_unsampled", FLAG_OR_NULL),
    ("queue_bytes", SIZE),
    ("spool", Type::Object(&SPOOL)),
    ("banner", FLAG_OR_NULL),
    ("config", Type::Word(&["lenient", "strict"])),
])
.nullable();

static SPOOL: Object =
    Object::closed(&[("directory", TEXT_OR_NULL), ("bytes", SIZE), ("age", COUNT)]).nullable();

static SPAN_METRICS: Object = Object::closed(&[
    ("dimensions", Type::List(&Type::Object(&DIMENSION), 0)),
    ("dropped_labels", Type::List(&TEXT, 0)),
    ("buckets", TEXT_OR_NULL),
    ("unit", Type::Word(&["ms", "s"])),
    ("limit", SIZE),
    ("expiration", COUNT),
    (
        "families",
        Type::List(
            &Type::Word(&["active", "http", "rpc", "db", "messaging", "gen_ai"]),
            0,
        ),
    ),
    ("api_spans", FLAG_OR_NULL),
    ("spans", Type::List(&Type::Object(&SPAN), 0)),
    ("reserved", Type::List(&Type::Object(&RESERVED), 0)),
])
.nullable();

static DIMENSION: Object = Object::closed(&[
    ("field", TEXT),
    ("label", TEXT_OR_NULL),
    ("default", TEXT_OR_NULL),
    ("span", TEXT_OR_NULL),
    ("target", TEXT_OR_NULL),
])
.requires(&["field"]);

static SPAN: Object = Object::closed(&[
    ("name", TEXT),
    ("help", TEXT_OR_NULL),
    ("dimensions", Type::List(&Type::Object(&DIMENSION), 0)),
    ("buckets", TEXT_OR_NULL),
    ("dropped_labels", Type::List(&TEXT, 0)),
])
.requires(&["name"]);

static RESERVED: Object = Object::closed(&[("label", TEXT), ("values", Type::List(&TEXT, 1))])
    .requires(&["label", "values"]);
