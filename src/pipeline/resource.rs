//! The resource: what describes this process on every item of telemetry.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;

use crate::config;
use crate::semconv;

/// Builds the resource from nothing, so that no crate below adds what it read from the environment on its own.
pub(crate) fn build(config: &config::Resource) -> Resource {
    let fixed = [
        (semconv::TELEMETRY_SDK_NAME, "opentelemetry"),
        (semconv::TELEMETRY_SDK_LANGUAGE, "rust"),
        (semconv::TELEMETRY_SDK_VERSION, super::SDK_VERSION),
        (semconv::TELEMETRY_DISTRO_NAME, env!("CARGO_PKG_NAME")),
        (semconv::TELEMETRY_DISTRO_VERSION, env!("CARGO_PKG_VERSION")),
    ];
    let asked = config
        .attributes
        .iter()
        .map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    Resource::builder_empty()
        .with_attributes(fixed.map(|(key, value)| KeyValue::new(key, value)))
        .with_attributes(asked)
        .with_attribute(KeyValue::new(semconv::SERVICE_NAME, service_name(config)))
        .build()
}

/// `service.name` as asked, or `unknown_service:` and the name of the executable, as the specification has it.
pub(crate) fn service_name(config: &config::Resource) -> String {
    if let Some(name) = &config.service_name {
        return name.clone();
    }
    let executable = std::env::current_exe().ok();
    let name = executable
        .as_deref()
        .and_then(|path| path.file_name())
        .map(|name| name.to_string_lossy().into_owned());
    match name {
        Some(name) => format!("unknown_service:{name}"),
        None => "unknown_service".to_owned(),
    }
}
