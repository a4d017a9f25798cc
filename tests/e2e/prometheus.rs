//! A real Prometheus with the configuration of `docker/` and the rules of `dashboards/`.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::Outcome;
use crate::config::settle;
use crate::deadline::until;
use crate::exposition::Sample;
use crate::http::{get_json, get_text};
use crate::process::{Process, directory, free_port};
use crate::tools::{root, tool};

pub(crate) struct Prometheus {
    #[expect(dead_code, reason = "ends with this value")]
    process: Process,
    port: u16,
}

impl Prometheus {
    /// Starts it, scraping `/metrics` of the application at a port once a second.
    pub(crate) fn start(application: u16) -> Outcome<Self> {
        let directory = directory("prometheus")?;
        let port = free_port()?;
        let config = settle(
            &fs::read_to_string(root().join("docker/prometheus.yaml"))?,
            &[
                ("scrape_interval: 5s", "scrape_interval: 1s".to_owned()),
                (
                    "evaluation_interval: 5s",
                    "evaluation_interval: 1s".to_owned(),
                ),
                ("quickstart:9464", format!("127.0.0.1:{application}")),
                // Not a part of these tests.
                ("collector:8888", format!("127.0.0.1:{}", free_port()?)),
            ],
        )?;
        fs::write(directory.join("prometheus.yaml"), config)?;
        fs::create_dir(directory.join("rules"))?;
        for file in ["recording.rules.yaml", "alerting.rules.yaml"] {
            fs::copy(
                root().join("dashboards").join(file),
                directory.join("rules").join(file),
            )?;
        }
        let mut command = Command::new(tool("prometheus"));
        command.args(["--config.file=prometheus.yaml", "--storage.tsdb.path=data"]);
        command.arg("--enable-feature=exemplar-storage");
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let mut process = Process::start_server(command, directory)?;
        until("Prometheus to be ready", || {
            process.alive()?;
            get_text(&format!("http://127.0.0.1:{port}/-/ready"))
        })?;
        Ok(Self { process, port })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What an expression gives now.
    pub(crate) fn query(&self, expression: &str) -> Outcome<Vec<Sample>> {
        let url = format!("http://127.0.0.1:{}/api/v1/query", self.port);
        let mut answer = ureq::post(url).send_form([("query", expression)])?;
        let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
        let samples = answer["data"]["result"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|sample| {
                let labels = sample["metric"].as_object().into_iter().flatten();
                let labels = labels.map(|(name, value)| {
                    (name.clone(), value.as_str().unwrap_or_default().to_owned())
                });
                let value = sample["value"][1].as_str().ok_or("no value")?.parse()?;
                Ok((labels.collect::<BTreeMap<_, _>>(), value))
            });
        samples.collect()
    }

    /// Trace and span of every exemplar that a metric has had in the last ten minutes.
    pub(crate) fn exemplars(&self, metric: &str) -> Outcome<Vec<(String, String)>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let answer = get_json(&format!(
            "http://127.0.0.1:{}/api/v1/query_exemplars?query={metric}&start={}&end={}",
            self.port,
            now - 600,
            now + 60
        ))?;
        let series = answer["data"].as_array().into_iter().flatten();
        let exemplars = series.filter_map(|series| series["exemplars"].as_array());
        let ids = exemplars.flatten().map(|exemplar| {
            let id = |name: &str| exemplar["labels"][name].as_str().map(str::to_owned);
            let ids = id("trace_id").zip(id("span_id"));
            ids.ok_or_else(|| format!("an exemplar without ids: {exemplar}").into())
        });
        ids.collect()
    }

    /// The recording and alerting rules with their state.
    pub(crate) fn rules(&self) -> Outcome<Vec<Value>> {
        let answer = get_json(&format!("http://127.0.0.1:{}/api/v1/rules", self.port))?;
        let groups = answer["data"]["groups"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        Ok(groups
            .iter()
            .filter_map(|group| group["rules"].as_array())
            .flatten()
            .cloned()
            .collect())
    }
}
