//! The resource on what arrives.

use crate::receiver::{Receiver, attribute};
use crate::{PLENTY, telemetry};

#[test]
fn what_arrives_says_where_it_comes_from() {
    let receiver = Receiver::start();
    let telemetry = telemetry(&receiver, &[("OTEL_RESOURCE_ATTRIBUTES", "host.name=mine")]);
    telemetry.scope(|| tracing::info_span!("work").in_scope(|| ()));
    telemetry.shutdown_within(PLENTY).expect("all arrives");
    let request = &receiver.requests("traces")[0];
    let resource = &request["resourceSpans"][0]["resource"];
    let text = |key| attribute(resource, key).map(|value| value.to_string());
    assert_eq!(text("service.name").as_deref(), Some("\"shop\""));
    assert_eq!(text("host.name").as_deref(), Some("\"mine\""));
    assert!(text("service.instance.id").is_some(), "{resource:#}");
    assert!(text("process.pid").is_some(), "{resource:#}");
    assert_eq!(text("process.command_args"), None, "{resource:#}");
}

#[test]
fn scrape_has_one_target_info_with_the_instance() {
    let receiver = Receiver::start();
    let telemetry = telemetry(&receiver, &[("OTEL_TRACES_EXPORTER", "none")]);
    let page = telemetry.render();
    let lines: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("target_info{"))
        .collect();
    assert_eq!(lines.len(), 1, "{page}");
    assert!(lines[0].contains("service_instance_id=\""), "{page}");
    assert!(lines[0].contains("service_name=\"shop\""), "{page}");
}
