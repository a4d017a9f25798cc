//! The dashboard and the rules of `dashboards/`: every query finds data in a real run.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::deadline::until;
use crate::process::{directory, free_port};
use crate::prometheus::Prometheus;
use crate::quickstart::Quickstart;
use crate::tools::{root, tool};
use crate::{Outcome, ensure, test};

/// What Grafana puts in the place of its variables.
const VARIABLES: [(&str, &str); 5] = [
    ("$service", "quickstart"),
    ("$span_kind", "SPAN_KIND_SERVER"),
    ("$span_name", ".*"),
    ("$__rate_interval", "30s"),
    ("$__range", "5m"),
];

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test(
            "rules::promtool_accepts_rules_and_configuration",
            promtool_accepts_rules_and_configuration,
        ),
        test("rules::dashboard_is_well_formed", dashboard_is_well_formed),
        test("rules::every_query_finds_data", every_query_finds_data),
    ]
}

fn promtool_accepts_rules_and_configuration() -> Outcome {
    let directory = directory("promtool")?;
    fs::create_dir(directory.join("rules"))?;
    for file in ["recording.rules.yaml", "alerting.rules.yaml"] {
        fs::copy(
            root().join("dashboards").join(file),
            directory.join("rules").join(file),
        )?;
    }
    fs::copy(
        root().join("docker/prometheus.yaml"),
        directory.join("prometheus.yaml"),
    )?;
    // The configuration as it stands in the container, which includes the rules.
    promtool(
        Command::new(tool("promtool"))
            .args(["check", "config", "prometheus.yaml"])
            .current_dir(directory),
    )?;
    promtool(
        Command::new(tool("promtool"))
            .args(["test", "rules", "rules.test.yaml"])
            .current_dir(root().join("dashboards")),
    )
}

fn promtool(command: &mut Command) -> Outcome {
    let output = command.output()?;
    let said = [output.stdout, output.stderr].concat();
    ensure!(
        output.status.success(),
        "{command:?}\n{}",
        String::from_utf8_lossy(&said)
    );
    Ok(())
}

fn dashboard_is_well_formed() -> Outcome {
    let dashboard = dashboard()?;
    let mut ids = BTreeSet::new();
    for panel in panels(&dashboard) {
        ensure!(
            ids.insert(panel["id"].as_u64()),
            "a panel id is used twice: {}",
            panel["id"]
        );
        for key in ["title", "description"] {
            ensure!(
                panel[key].as_str().is_some_and(|text| !text.is_empty()),
                "no {key}: {panel}"
            );
        }
        let targets = panel["targets"]
            .as_array()
            .ok_or("a panel without targets")?;
        let references: BTreeSet<_> = targets
            .iter()
            .map(|target| target["refId"].as_str())
            .collect();
        ensure!(
            references.len() == targets.len(),
            "a refId is used twice in {}",
            panel["title"]
        );
        for of in targets.iter().chain([panel]) {
            ensure!(
                of["datasource"]["uid"] == "${datasource}",
                "a fixed data source in {}",
                panel["title"]
            );
        }
    }
    Ok(())
}

fn every_query_finds_data() -> Outcome {
    let metrics = free_port()?;
    let prometheus = Prometheus::start(metrics)?;
    let mut quickstart = Quickstart::start(&[
        ("OTEL_EXPORTER_PROMETHEUS_PORT", &metrics.to_string()),
        ("QUICKSTART_REQUESTS", ""),
        ("QUICKSTART_RATE", "50"),
    ])?;
    let dashboard = dashboard()?;
    let mut queries = Vec::new();
    for panel in panels(&dashboard) {
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push(
                target["expr"]
                    .as_str()
                    .ok_or("a target without a query")?
                    .to_owned(),
            );
        }
    }
    for variable in dashboard["templating"]["list"]
        .as_array()
        .into_iter()
        .flatten()
    {
        // label_values(series, label) asks for the values of a label.
        let labels = variable["query"]["query"]
            .as_str()
            .and_then(|query| query.strip_prefix("label_values("));
        if let Some((series, _)) = labels.and_then(|inner| inner.rsplit_once(',')) {
            queries.push(series.to_owned());
        }
    }
    ensure!(
        queries.len() > 10,
        "only {} queries found in the dashboard",
        queries.len()
    );
    for query in &mut queries {
        for (variable, value) in VARIABLES {
            *query = query.replace(variable, value);
        }
        ensure!(!query.contains('$'), "an unknown variable in {query}");
    }
    for rule in until("the rules to be loaded", || {
        prometheus.rules().and_then(at_least_one)
    })? {
        let query = rule["query"].as_str().ok_or("a rule without a query")?;
        queries.push(if rule["type"] == "alerting" {
            without_thresholds(query)?
        } else {
            query.to_owned()
        });
    }
    for query in &queries {
        until(&format!("data for {query}"), || {
            let samples = prometheus.query(query)?;
            if samples.iter().any(|(_, value)| value.is_finite()) {
                Ok(())
            } else {
                Err(format!("{samples:?}").into())
            }
        })?;
    }
    for rule in prometheus.rules()? {
        ensure!(rule["health"] == "ok", "{rule}");
    }
    println!("{} queries found data", queries.len());
    quickstart.stop()?;
    Ok(())
}

/// What an alert compares: it finds data also when nothing is wrong.
fn without_thresholds(query: &str) -> Outcome<String> {
    let words: Vec<_> = query.split_whitespace().collect();
    let mut kept = Vec::new();
    let mut thresholds = 0;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if [">", "<", "==", ">=", "<="].contains(word) {
            rest.next()
                .ok_or("a comparison with nothing")?
                .parse::<f64>()?;
            thresholds += 1;
        } else {
            kept.push(*word);
        }
    }
    ensure!(thresholds > 0, "an alert that compares nothing: {query}");
    Ok(kept.join(" "))
}

fn at_least_one(rules: Vec<Value>) -> Outcome<Vec<Value>> {
    if rules.is_empty() {
        Err("there are none".into())
    } else {
        Ok(rules)
    }
}

fn dashboard() -> Outcome<Value> {
    Ok(serde_json::from_str(&fs::read_to_string(
        root().join("dashboards/red.json"),
    )?)?)
}

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().into_iter().flatten()
}
