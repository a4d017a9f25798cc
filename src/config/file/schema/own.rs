//! Our own settings, below `instrumentation/development.rust.spanwise`.

use super::types::{FLAG_OR_NULL, Object, TEXT_OR_NULL, Type};

pub(in crate::config::file) static OWN: Object = Object::closed(&[
    ("log_filter", TEXT_OR_NULL),
    ("log_lines", Type::Word(&["auto", "pretty", "json", "off"])),
    ("span_filter", TEXT_OR_NULL),
    ("sampler_rules", TEXT_OR_NULL),
    ("span_metrics_filter", TEXT_OR_NULL),
    ("skip_unsampled", FLAG_OR_NULL),
    ("banner", FLAG_OR_NULL),
    ("config", Type::Word(&["lenient", "strict"])),
])
.nullable();
