//! The compose stack of `docker/`, as far as it can be shown without Docker.

use std::fs;
use std::process::Command;

use libtest_mimic::Trial;

use crate::config::settle;
use crate::deadline::until;
use crate::http::get_text;
use crate::jaeger::{self, Jaeger};
use crate::process::{Process, directory, free_port};
use crate::quickstart::{Quickstart, SPANS_OF_TEN};
use crate::tools::{root, tool};
use crate::{Outcome, ensure, test};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test(
            "stack::images_are_pinned_and_ports_are_local",
            images_are_pinned_and_ports_are_local,
        ),
        test(
            "stack::traces_reach_jaeger_through_the_collector",
            traces_reach_jaeger_through_the_collector,
        ),
        test(
            "stack::the_compose_file_is_valid",
            the_compose_file_is_valid,
        ),
    ]
}

fn images_are_pinned_and_ports_are_local() -> Outcome {
    let compose = fs::read_to_string(root().join("docker/compose.yaml"))?;
    let dockerfile = fs::read_to_string(root().join("docker/Dockerfile"))?;
    let images = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("image: "))
        .chain(
            dockerfile
                .lines()
                .filter_map(|line| line.strip_prefix("FROM ")),
        );
    for image in images {
        let tag = image
            .split_whitespace()
            .next()
            .and_then(|name| name.split_once(':'));
        let pinned = tag.is_some_and(|(_, tag)| {
            tag == "bookworm-slim" || tag.contains(|c: char| c.is_ascii_digit())
        });
        ensure!(pinned, "{image} has no version");
    }
    for line in compose.lines().skip_while(|line| !line.contains("ports:")) {
        let number = line
            .trim()
            .strip_prefix("- \"")
            .and_then(|port| port.strip_suffix('"'));
        if let Some(port) =
            number.filter(|port| port.chars().all(|c| c.is_ascii_digit() || ".:".contains(c)))
        {
            ensure!(
                port.starts_with("127.0.0.1:"),
                "{port} is open to the network"
            );
        }
    }
    Ok(())
}

fn traces_reach_jaeger_through_the_collector() -> Outcome {
    let jaeger = Jaeger::start(jaeger::Options::default())?;
    let (health, http) = (free_port()?, free_port()?);
    let config = settle(
        &fs::read_to_string(root().join("docker/collector.yaml"))?,
        &[
            ("0.0.0.0:13133", format!("127.0.0.1:{health}")),
            ("0.0.0.0:4317", format!("127.0.0.1:{}", free_port()?)),
            ("0.0.0.0:4318", format!("127.0.0.1:{http}")),
            (
                "jaeger:4317",
                jaeger.endpoint("grpc").replace("http://", ""),
            ),
            ("host: 0.0.0.0", "host: 127.0.0.1".to_owned()),
            ("port: 8888", format!("port: {}", free_port()?)),
        ],
    )?;
    let directory = directory("collector")?;
    fs::write(directory.join("collector.yaml"), config)?;
    let mut command = Command::new(tool("otelcol"));
    command.arg("--config=collector.yaml");
    let mut collector = Process::start_server(command, directory)?;
    until("the Collector to be ready", || {
        collector.alive()?;
        get_text(&format!("http://127.0.0.1:{health}/"))
    })?;

    let endpoint = format!("http://127.0.0.1:{http}");
    let mut quickstart = Quickstart::start(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
    ])?;
    quickstart.load(10)?;
    quickstart.stop()?;
    jaeger.wait_for_spans("quickstart", SPANS_OF_TEN)?;
    until("log records in the Collector's output", || {
        let log = collector.stderr()?;
        if log.contains("report rendered") {
            Ok(())
        } else {
            Err(log.into())
        }
    })
}

/// Asks the docker client, where there is one that knows compose.
fn the_compose_file_is_valid() -> Outcome {
    let file = root().join("docker/compose.yaml");
    for compose in [&["docker", "compose"][..], &["docker-compose"][..]] {
        let run = |arguments: &[&str]| {
            Command::new(compose[0])
                .args(&compose[1..])
                .arg("-f")
                .arg(&file)
                .args(arguments)
                .output()
        };
        if run(&["version"]).is_ok_and(|output| output.status.success()) {
            let output = run(&["config", "--quiet"])?;
            ensure!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            return Ok(());
        }
    }
    println!("no docker compose here, so docker/compose.yaml is checked only as text");
    Ok(())
}
