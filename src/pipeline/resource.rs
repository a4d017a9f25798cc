//! The resource: what describes this process on every item of telemetry.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;

use crate::config;
use crate::detect::{self, Environment};
use crate::diagnostics::{Diagnostics, Level};
use crate::semconv;

/// How long detectors may take together. They read a few local files, which is done in less than a millisecond; who
/// takes longer reads from a file server that is gone, and the application must not wait for that.
pub(super) const DETECTION: Duration = Duration::from_millis(500);

/// Builds the resource from nothing, so that no crate below adds what it read from the environment on its own.
///
/// What was asked for wins over what was detected, `custom` by detectors of the application's own, and `service.name` over both.
pub(crate) fn build(
    config: &config::Resource,
    environment: &Environment,
    custom: Vec<KeyValue>,
    diagnostics: &Diagnostics,
) -> Resource {
    let (detected, missing) = detect::run(&config.detectors, environment, DETECTION);
    for missing in missing {
        diagnostics.say(Level::Warn, missing);
    }
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
        .with_attributes(detected)
        .with_attributes(custom)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::Detector;

    /// The value of `key` in the resource of a program `shop -v` on a bare machine.
    fn value(config: &config::Resource, key: &'static str) -> Option<String> {
        let environment = Environment::empty("/nowhere").with_command("/bin/shop", ["shop", "-v"]);
        let (diagnostics, _) = Diagnostics::memory(None, Clock::system());
        let resource = build(config, &environment, Vec::new(), &diagnostics);
        resource.get(&key.into()).map(|value| value.to_string())
    }

    #[test]
    fn what_is_asked_for_wins_over_what_is_detected() {
        let detected = config::Resource::default();
        assert_eq!(
            value(&detected, semconv::PROCESS_COMMAND).as_deref(),
            Some("shop")
        );
        let asked = config::Resource {
            attributes: vec![(semconv::PROCESS_COMMAND.to_owned(), "other".to_owned())],
            ..detected
        };
        assert_eq!(
            value(&asked, semconv::PROCESS_COMMAND).as_deref(),
            Some("other")
        );
    }

    #[test]
    fn service_name_wins_over_the_list() {
        let config = config::Resource {
            service_name: Some("shop".to_owned()),
            attributes: vec![(semconv::SERVICE_NAME.to_owned(), "other".to_owned())],
            ..config::Resource::default()
        };
        assert_eq!(
            value(&config, semconv::SERVICE_NAME).as_deref(),
            Some("shop")
        );
    }

    #[test]
    fn only_the_configured_detectors_run() {
        let config = config::Resource {
            detectors: vec![Detector::ProcessArguments],
            ..config::Resource::default()
        };
        assert_eq!(value(&config, semconv::PROCESS_PID), None);
        assert_eq!(
            value(&config, semconv::PROCESS_COMMAND_ARGS).as_deref(),
            Some("[\"shop\",\"-v\"]")
        );
        let none = config::Resource {
            detectors: Vec::new(),
            ..config::Resource::default()
        };
        assert_eq!(value(&none, semconv::SERVICE_INSTANCE_ID), None);
    }

    #[test]
    fn an_instance_has_an_id_by_default_and_no_arguments() {
        let config = config::Resource::default();
        assert!(value(&config, semconv::SERVICE_INSTANCE_ID).is_some());
        assert_eq!(value(&config, semconv::PROCESS_COMMAND_ARGS), None);
    }
}
