//! All detectors at once, and not for longer than a given time.

use std::fmt;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;

use super::{Detector, Environment};

/// A detector whose attributes are left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    detector: Detector,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    Late(Duration),
    Failed,
}

impl Missing {
    /// Which detector it is.
    pub fn detector(&self) -> Detector {
        self.detector
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detector = self.detector;
        match self.reason {
            Reason::Late(limit) => write!(
                f,
                "resource detector `{detector}` has no answer after {limit:?}, its attributes are left out"
            ),
            Reason::Failed => write!(
                f,
                "resource detector `{detector}` failed, its attributes are left out"
            ),
        }
    }
}

impl std::error::Error for Missing {}

/// What `detectors` find in `environment` within `limit`, in their order, and who is missing.
///
/// A detector that is late keeps its thread until it ends by itself; nobody listens to it any more.
pub fn run(
    detectors: &[Detector],
    environment: &Environment,
    limit: Duration,
) -> (Vec<KeyValue>, Vec<Missing>) {
    run_each(detectors, environment, limit, super::attributes)
}

fn run_each(
    detectors: &[Detector],
    environment: &Environment,
    limit: Duration,
    detect: fn(Detector, &Environment) -> Vec<KeyValue>,
) -> (Vec<KeyValue>, Vec<Missing>) {
    let end = Instant::now() + limit;
    let (answers, inbox) = mpsc::channel();
    for (index, &detector) in detectors.iter().enumerate() {
        let (answers, environment) = (answers.clone(), environment.clone());
        // A thread that cannot be started gives no answer, and is missing like one that panicked.
        let _ = thread::Builder::new()
            .name(format!("spanwise-{detector}"))
            .spawn(move || answers.send((index, detect(detector, &environment))));
    }
    drop(answers);

    let mut found: Vec<Option<Vec<KeyValue>>> = vec![None; detectors.len()];
    let reason = loop {
        match inbox.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok((index, attributes)) => found[index] = Some(attributes),
            Err(mpsc::RecvTimeoutError::Timeout) => break Reason::Late(limit),
            // All threads are gone: whoever has not answered never will.
            Err(mpsc::RecvTimeoutError::Disconnected) => break Reason::Failed,
        }
    };

    let mut missing = Vec::new();
    let mut attributes = Vec::new();
    for (found, &detector) in found.into_iter().zip(detectors) {
        match found {
            Some(found) => attributes.extend(found),
            None => missing.push(Missing {
                detector,
                reason: reason.clone(),
            }),
        }
    }
    (attributes, missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::environment::tests::shown;

    /// Long enough for any machine; only reached when something is wrong.
    const PLENTY: Duration = Duration::from_secs(60);

    fn named(detector: Detector, _: &Environment) -> Vec<KeyValue> {
        vec![KeyValue::new(detector.name(), true)]
    }

    fn host_hangs(detector: Detector, environment: &Environment) -> Vec<KeyValue> {
        if detector == Detector::Host {
            loop {
                thread::park();
            }
        }
        named(detector, environment)
    }

    fn host_panics(detector: Detector, environment: &Environment) -> Vec<KeyValue> {
        assert_ne!(detector, Detector::Host, "on purpose");
        named(detector, environment)
    }

    const THREE: [Detector; 3] = [Detector::Os, Detector::Host, Detector::Service];

    #[test]
    fn attributes_come_in_the_order_of_the_detectors() {
        let environment = Environment::empty("/nowhere");
        let (attributes, missing) = run_each(&THREE, &environment, PLENTY, named);
        assert_eq!(shown(&attributes), ["os=true", "host=true", "service=true"]);
        assert_eq!(missing, []);
    }

    #[test]
    fn who_is_late_is_left_out_and_named() {
        let environment = Environment::empty("/nowhere");
        let limit = Duration::from_millis(300);
        let (attributes, missing) = run_each(&THREE, &environment, limit, host_hangs);
        assert_eq!(shown(&attributes), ["os=true", "service=true"]);
        let messages: Vec<_> = missing.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            ["resource detector `host` has no answer after 300ms, its attributes are left out"]
        );
    }

    #[test]
    fn who_panics_is_left_out_without_waiting() {
        let environment = Environment::empty("/nowhere");
        let start = Instant::now();
        let (attributes, missing) = run_each(&THREE, &environment, PLENTY, host_panics);
        assert!(start.elapsed() < PLENTY);
        assert_eq!(shown(&attributes), ["os=true", "service=true"]);
        let messages: Vec<_> = missing.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            ["resource detector `host` failed, its attributes are left out"]
        );
    }

    #[test]
    fn in_an_empty_environment_nothing_fails() {
        let environment = Environment::empty("/nowhere");
        let (_, missing) = run(&Detector::ALL, &environment, PLENTY);
        assert_eq!(missing, []);
    }

    #[test]
    fn in_the_real_environment_nothing_fails() {
        let (attributes, missing) =
            run(&Detector::DEFAULT, &Environment::of_this_process(), PLENTY);
        assert_eq!(missing, []);
        let pid = format!("process.pid={}", std::process::id());
        assert!(shown(&attributes).contains(&pid), "{attributes:?}");
    }
}
