//! What the process, the machine and the tokio runtime are doing.

#![cfg(feature = "runtime")]

use spanwise::{
    metrics::{Kind, Registry, snapshot::Value},
    runtime::{self, Build, Options, Runtime},
};

fn everything(registry: &Registry) -> Runtime {
    let build = Build {
        version: "1.2.3",
        ..Build::default()
    };
    let options = Options {
        process: true,
        cpu: true,
        memory: true,
        disk: true,
        network: true,
        tokio: tokio::runtime::Handle::try_current().ok(),
        build: Some(build),
    };
    runtime::observe(registry, options).expect("the names are free")
}

#[tokio::test]
async fn tokio_runtime_is_observed() {
    let registry = Registry::default();
    let _runtime = everything(&registry);
    let task = tokio::spawn(std::future::pending::<()>());
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.get("tokio.workers", []), Some(&Value::UpDown(1)));
    assert!(
        snapshot
            .get("tokio.tasks.alive", [])
            .is_some_and(|tasks| tasks.as_f64() >= 1.0)
    );
    assert!(
        snapshot
            .get("tokio.worker.busy.time", [("tokio.worker", "0")])
            .is_some()
    );
    task.abort();
}

#[test]
fn build_is_a_gauge_of_one() {
    let registry = Registry::default();
    let _runtime = everything(&registry);
    let snapshot = registry.snapshot();
    let series = &snapshot.family("build.info").unwrap().series[0];
    assert_eq!(series.value, Value::Gauge(1.0));
    assert!(
        series
            .labels
            .iter()
            .any(|(key, value)| (&**key, &**value) == ("version", "1.2.3"))
    );
}

#[cfg(target_os = "linux")]
#[test]
fn process_is_observed() {
    let registry = Registry::default();
    let runtime = everything(&registry);
    let snapshot = registry.snapshot();
    let value = |name| snapshot.get(name, []).map_or(0.0, Value::as_f64);
    assert!(value("process.memory.usage") > 100_000.0);
    assert!(value("process.memory.virtual") > value("process.memory.usage"));
    assert!(value("process.thread.count") >= 2.0);
    assert!(value("process.unix.file_descriptor.count") >= 3.0);
    assert!((0.0..3600.0).contains(&value("process.uptime")));
    assert!(value("system.memory.limit") > value("process.memory.usage"));
    assert!(
        snapshot
            .get("system.cpu.time", [("cpu.mode", "idle")])
            .is_some()
    );
    assert!(runtime.unavailable().is_empty());
    assert!(registry.take_reports().is_empty());
}

#[test]
fn dropped_observation_ends() {
    let registry = Registry::default();
    drop(everything(&registry));
    assert!(
        registry
            .snapshot()
            .families
            .iter()
            .all(|family| family.series.is_empty())
    );
}

/// Names, kinds, units and labels, against the machine-readable conventions.
#[test]
fn definitions_are_those_of_the_conventions() {
    let Ok(vectors) = std::env::var("SPANWISE_VECTORS") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "SPANWISE_VECTORS has to be set in CI"
        );
        return eprintln!("NOT TESTED: set SPANWISE_VECTORS to the directory of the test vectors");
    };
    let path = format!("{vectors}/semantic-conventions/metrics_extracted.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let conventions: serde_json::Value = serde_json::from_str(&text).unwrap();
    let conventions = conventions
        .as_array()
        .or_else(|| conventions["metrics"].as_array())
        .unwrap();
    let registry = Registry::default();
    let _runtime = everything(&registry);
    for entry in registry.catalogue() {
        if !entry.name.starts_with("process.") && !entry.name.starts_with("system.") {
            continue;
        }
        let convention = conventions
            .iter()
            .find(|metric| metric["name"] == *entry.name);
        let convention =
            convention.unwrap_or_else(|| panic!("{} is not in the conventions", entry.name));
        let kind = match entry.kind {
            Kind::Counter => "Counter",
            Kind::UpDownCounter => "UpDownCounter",
            Kind::Gauge => "Gauge",
            Kind::Histogram | Kind::Summary => "Histogram",
        };
        assert_eq!(convention["instrument"], kind, "{}", entry.name);
        assert_eq!(convention["unit"], *entry.unit, "{}", entry.name);
        let keys: Vec<_> = convention["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|label| &label["key"])
            .collect();
        for label in &*entry.labels {
            assert!(
                keys.iter().any(|key| *key == &**label),
                "{}: {label} is not one of {keys:?}",
                entry.name
            );
        }
    }
}
