//! An OTLP receiver that keeps what it is sent, for `http/json`.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use serde_json::Value;

use crate::server::Server;

/// Every request with its signal.
type Kept = Arc<Mutex<Vec<(String, Value)>>>;

/// Listens on a port of its own until it is dropped.
pub(crate) struct Receiver {
    server: Server,
    kept: Kept,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let kept = Kept::default();
        let app = Router::new()
            .route("/v1/{signal}", post(keep))
            .with_state(kept.clone());
        Self {
            server: Server::start(app),
            kept,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Everything that `signal` was sent, in order.
    pub(crate) fn requests(&self, signal: &str) -> Vec<Value> {
        let kept = self.kept.lock().expect("nothing panics with the lock");
        let of_signal = kept.iter().filter(|(kept, _)| kept == signal);
        of_signal.map(|(_, request)| request.clone()).collect()
    }

    /// All spans, in the order of their ends.
    pub(crate) fn spans(&self) -> Vec<Value> {
        items(
            &self.requests("traces"),
            ["resourceSpans", "scopeSpans", "spans"],
        )
    }

    /// All log records.
    pub(crate) fn log_records(&self) -> Vec<Value> {
        items(
            &self.requests("logs"),
            ["resourceLogs", "scopeLogs", "logRecords"],
        )
    }
}

async fn keep(State(kept): State<Kept>, Path(signal): Path<String>, body: String) -> &'static str {
    let request = serde_json::from_str(&body).expect("requests are JSON");
    kept.lock()
        .expect("nothing panics with the lock")
        .push((signal, request));
    "{}"
}

fn items(requests: &[Value], path: [&str; 3]) -> Vec<Value> {
    let mut found: Vec<Value> = requests.to_vec();
    for key in path {
        found = found
            .iter()
            .flat_map(|value| value[key].as_array().cloned().unwrap_or_default())
            .collect();
    }
    found
}

/// The value of the attribute `key`, without its type.
pub(crate) fn attribute<'a>(item: &'a Value, key: &str) -> Option<&'a Value> {
    let attributes = item["attributes"].as_array()?;
    let found = attributes
        .iter()
        .find(|attribute| attribute["key"] == key)?;
    found["value"].as_object()?.values().next()
}
