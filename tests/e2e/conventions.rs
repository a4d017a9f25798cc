//! The HTTP metric of the quickstart is the one of the semantic conventions.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::exposition::samples;
use crate::quickstart::Quickstart;
use crate::{Outcome, ensure, required, test};

const METRIC: &str = "http.server.request.duration";
const FAMILY: &str = "http_server_request_duration_seconds";

pub(crate) fn tests() -> Vec<Trial> {
    vec![test(
        "conventions::http_metric_of_the_quickstart_is_the_standard_one",
        http_metric_of_the_quickstart_is_the_standard_one,
    )]
}

fn http_metric_of_the_quickstart_is_the_standard_one() -> Outcome {
    let Some(metric) = vector()? else {
        return Ok(());
    };
    let mut quickstart = Quickstart::start(&[])?;
    quickstart.load(100)?;
    quickstart.pour(16, 404, |number| format!("/nowhere/{number}"))?;
    let text = quickstart.metrics_as("application/openmetrics-text;version=1.0.0")?;
    quickstart.stop()?;

    ensure!(metric["unit"] == "s", "unit of {metric}");
    for line in [
        format!("# TYPE {FAMILY} histogram"),
        format!("# UNIT {FAMILY} seconds"),
    ] {
        ensure!(text.lines().any(|l| l == line), "no {line:?} in\n{text}");
    }
    let expected: Vec<f64> = array(&metric["buckets"])
        .filter_map(Value::as_f64)
        .collect();
    let known: BTreeSet<String> = array(&metric["attributes"])
        .map(|attribute| label(&attribute["key"]))
        .collect();
    let required: BTreeSet<String> = array(&metric["attributes"])
        .filter(|attribute| attribute["requirement"] == "Required")
        .map(|attribute| label(&attribute["key"]))
        .collect();

    let counts = samples(&text, &format!("{FAMILY}_count"))?;
    let buckets = samples(&text, &format!("{FAMILY}_bucket"))?;
    let (mut failures, mut without_route) = (0, 0);
    for (labels, count) in &counts {
        let names: BTreeSet<String> = labels.keys().cloned().collect();
        ensure!(
            names.is_subset(&known) && required.is_subset(&names),
            "{names:?} instead of some of {known:?}"
        );
        let status = labels.get("http_response_status_code");
        let status: u16 = status.ok_or("no status code")?.parse()?;
        let error = labels.get("error_type").map(String::as_str);
        // A server has failed where it says so itself, not where it refuses.
        let expected_error = (status >= 500).then(|| status.to_string());
        ensure!(
            error == expected_error.as_deref(),
            "error.type of {labels:?}"
        );
        failures += u64::from(error.is_some()) * *count as u64;
        match labels.get("http_route") {
            Some(route) => ensure!(
                ["/users/{id}", "/orders", "/payments/{id}", "/reports"].contains(&route.as_str()),
                "{route} is not a route of the quickstart"
            ),
            None => {
                ensure!(status == 404, "no route in {labels:?}");
                without_route += *count as u64;
            }
        }
        let bounds = buckets.iter().filter_map(|(of, _)| {
            let mut of = of.clone();
            let bound: f64 = of.remove("le")?.parse().ok()?;
            (of == *labels && bound.is_finite()).then_some(bound)
        });
        let bounds: Vec<f64> = bounds.collect();
        ensure!(bounds == expected, "buckets {bounds:?}, not {expected:?}");
    }
    ensure!(
        without_route == 16,
        "{without_route} requests without a route"
    );
    // Twenty payments, of which the bank refuses the first three customers' two.
    ensure!(failures == 6, "{failures} failures");
    println!(
        "{METRIC}: {} series with the attributes, unit and {} buckets of the conventions",
        counts.len(),
        expected.len()
    );
    Ok(())
}

/// What the conventions say of the metric; `None` after saying that nobody knows.
fn vector() -> Outcome<Option<Value>> {
    let Some(vectors) = env::var_os("SPANWISE_VECTORS") else {
        ensure!(
            required().is_none(),
            "SPANWISE_VECTORS has to name the folder of the test vectors"
        );
        println!("NOT CHECKED: SPANWISE_VECTORS is not set");
        return Ok(None);
    };
    let path = Path::new(&vectors).join("semantic-conventions/metrics_extracted.json");
    let metrics: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    let metric = array(&metrics).find(|metric| metric["name"] == METRIC);
    Ok(Some(metric.ok_or("no vector of the metric")?.clone()))
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// An attribute as a label of Prometheus.
fn label(key: &Value) -> String {
    key.as_str().unwrap_or_default().replace('.', "_")
}
