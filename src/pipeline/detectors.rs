//! Resource detectors of the application's own: all at once, and not for longer than a given time.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;

use super::provided::Provided;
use crate::config::Component;
use crate::delivery::Failure;
use crate::diagnostics::{Diagnostics, Level};

/// What `detectors` find within `limit`, in their order; who is missing is said.
///
/// One that is late keeps its thread until it ends by itself; nobody listens to it any more.
pub(super) fn run(
    detectors: &[Component],
    provided: &Provided,
    limit: Duration,
    diagnostics: &Diagnostics,
) -> Result<Vec<KeyValue>, Failure> {
    let end = Instant::now() + limit;
    let mut answers = Vec::new();
    for component in detectors {
        let detector = provided.detectors.make(component)?;
        let (answer, inbox) = mpsc::channel();
        // A thread that cannot be started gives no answer, and is missing like one that panicked.
        let _ = thread::Builder::new()
            .name("spanwise-detector".to_owned())
            .spawn(move || answer.send(detector.detect()));
        answers.push((&component.name, inbox));
    }
    let mut attributes = Vec::new();
    for (name, inbox) in answers {
        let why = match inbox.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(resource) => {
                let found = resource.iter();
                attributes
                    .extend(found.map(|(key, value)| KeyValue::new(key.clone(), value.clone())));
                continue;
            }
            Err(mpsc::RecvTimeoutError::Timeout) => format!("has no answer after {limit:?}"),
            Err(mpsc::RecvTimeoutError::Disconnected) => "failed".to_owned(),
        };
        let message = format_args!("resource detector `{name}` {why}, its attributes are left out");
        diagnostics.say(Level::Warn, message);
    }
    Ok(attributes)
}
