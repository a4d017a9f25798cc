//! Asks a server.

use std::time::Duration;

use serde_json::Value;

use crate::Outcome;

/// The body of an answer that is not an error.
pub(crate) fn get_text(url: &str) -> Outcome<String> {
    let request = ureq::get(url)
        .config()
        .timeout_global(Some(Duration::from_secs(20)))
        .build();
    let mut answer = request
        .call()
        .map_err(|error| format!("GET {url}: {error}"))?;
    // Jaeger's answer with all spans of a test is larger than the limit of the client.
    Ok(answer
        .body_mut()
        .with_config()
        .limit(1 << 30)
        .read_to_string()?)
}

pub(crate) fn get_json(url: &str) -> Outcome<Value> {
    Ok(serde_json::from_str(&get_text(url)?)?)
}
