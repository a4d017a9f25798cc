//! What instrumentation libraries are told.

use super::types::{COUNT, FLAG_OR_NULL, Object, TEXT, TEXT_OR_NULL, Type};

pub(super) static CODE_INSTRUMENTATION: Object =
    Object::closed(&[("semconv", Type::Object(&SEMCONV_CONFIG))]);

pub(super) static GENERAL_INSTRUMENTATION: Object = Object::closed(&[
    ("http", Type::Object(&HTTP_INSTRUMENTATION)),
    ("code", Type::Object(&CODE_INSTRUMENTATION)),
    ("db", Type::Object(&CODE_INSTRUMENTATION)),
    ("gen_ai", Type::Object(&CODE_INSTRUMENTATION)),
    ("messaging", Type::Object(&CODE_INSTRUMENTATION)),
    ("rpc", Type::Object(&CODE_INSTRUMENTATION)),
    ("sanitization", Type::Object(&SANITIZATION)),
    ("stability_opt_in_list", TEXT_OR_NULL),
]);

pub(super) static HTTP_CLIENT_INSTRUMENTATION: Object = Object::closed(&[
    ("request_captured_headers", Type::List(&TEXT, 1)),
    ("response_captured_headers", Type::List(&TEXT, 1)),
    ("known_methods", Type::List(&TEXT, 0)),
]);

pub(super) static HTTP_INSTRUMENTATION: Object = Object::closed(&[
    ("semconv", Type::Object(&SEMCONV_CONFIG)),
    ("client", Type::Object(&HTTP_CLIENT_INSTRUMENTATION)),
    ("server", Type::Object(&HTTP_CLIENT_INSTRUMENTATION)),
]);

pub(super) static INSTRUMENTATION: Object = Object::closed(&[
    ("general", Type::Object(&GENERAL_INSTRUMENTATION)),
    ("cpp", Type::Object(&LANGUAGE_SPECIFIC_INSTRUMENTATION)),
    ("dotnet", Type::Object(&LANGUAGE_SPECIFIC_INSTRUMENTATION)),
    ("erlang", Type::Object(&LANGUAGE_SPECIFIC_INSTRUMENTATION)),
    ("go", Type::Object(&LANGUAGE_SPECIFIC_INSTRUMENTATION)),
    ("java", Type::Object(&LANGUAGE_SPECIFIC_INSTRUMENTATION)),
    ("js", Type::Object(&LANGUAGE_SPECIFIC_INSTRUMENTATION)),
    ("php", Type::Object(&LANGUAGE_SPECIFIC_INSTRUMENTATION)),
    ("python", Type::Object(&LANGUAGE_SPECIFIC_INSTRUMENTATION)),
    ("ruby", Type::Object(&LANGUAGE_SPECIFIC_INSTRUMENTATION)),
    ("rust", Type::Object(&LANGUAGE_SPECIFIC_INSTRUMENTATION)),
    ("swift", Type::Object(&LANGUAGE_SPECIFIC_INSTRUMENTATION)),
]);

pub(super) static LANGUAGE_SPECIFIC_INSTRUMENTATION: Object = Object::objects(&[]);

pub(super) static SANITIZATION: Object =
    Object::closed(&[("url", Type::Object(&URL_SANITIZATION))]);

pub(super) static SEMCONV_CONFIG: Object = Object::closed(&[
    ("version", COUNT),
    ("experimental", FLAG_OR_NULL),
    ("dual_emit", FLAG_OR_NULL),
]);

pub(super) static URL_SANITIZATION: Object =
    Object::closed(&[("sensitive_query_parameters", Type::List(&TEXT, 0))]);
