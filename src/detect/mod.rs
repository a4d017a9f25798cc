//! What the process can say about itself: resource attributes, found out from the system.
//!
//! [`run`] asks each [`Detector`] on a thread of its own and waits for all of them together, at most for the time it
//! is given. Whoever is late, because `/etc` hangs on a dead file server, say, is left out and named. Nothing is
//! written, no program is started, and no network is used: everything comes from [`Environment`], which tests replace.
//!
//! The detectors are ours. Of the crate opentelemetry-resource-detectors 0.13, which has most of them, the values of
//! `host.arch` and `os.type` are not those of the semantic conventions, the host detector starts a program, the process
//! detector exports the arguments of the command line, and the Kubernetes detector takes any machine for a pod.

mod container;
mod deadline;
mod environment;
mod host;
mod kubernetes;
mod mounts;
mod os;
mod process;
mod service;

pub use deadline::{Missing, run};
pub use environment::Environment;

pub use crate::config::Detector;

/// What `detector` finds in `environment`.
fn attributes(detector: Detector, environment: &Environment) -> Vec<opentelemetry::KeyValue> {
    match detector {
        Detector::Service => service::attributes(),
        Detector::Host => host::attributes(environment),
        Detector::Os => os::attributes(environment),
        Detector::Process => process::attributes(environment),
        Detector::ProcessArguments => process::arguments(environment),
        Detector::Container => container::attributes(environment),
        Detector::Kubernetes => kubernetes::attributes(environment),
    }
}
