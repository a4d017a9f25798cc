//! From a [`Config`](crate::config::Config) to running telemetry: the only place where objects of the SDK are made.
//!
//! [`Pipeline::build`] touches no global. Everything that waits, sends or listens runs on a private runtime whose
//! threads are marked, so that nothing of an export becomes telemetry itself.

mod api_spans;
#[cfg(feature = "otlp-http")]
mod backoff;
mod breaker;
mod build;
mod callsite;
mod capture;
mod caught;
mod custom;
mod detectors;
mod diagnose;
mod drain;
#[cfg(feature = "otlp-http")]
mod explain;
mod exporters;
mod filter;
mod finish;
mod gate;
#[cfg(feature = "grpc")]
mod grpc;
mod guarded;
#[cfg(feature = "otlp-http")]
mod http;
mod layer;
mod layers;
mod logs;
mod meters;
mod metrics;
#[cfg(feature = "otlp-http")]
mod otlp;
#[cfg(feature = "spool")]
mod overflow;
#[cfg(not(feature = "spool"))]
#[path = "overflow_off.rs"]
mod overflow;
#[cfg(feature = "otlp-http")]
mod partial_success;
mod pending;
#[cfg(feature = "otlp-http")]
pub(crate) mod probe;
mod propagators;
mod provided;
mod queue;
mod registry;
mod resource;
mod runtime;
mod sampler;
mod scrape;
mod self_metrics;
mod span_metrics;
#[cfg(feature = "http-json")]
mod stdout;
#[cfg(feature = "otlp-http")]
mod tls;
mod traces;
#[cfg(feature = "otlp-http")]
mod transport;
mod weight;
mod worker;

pub(crate) use build::{Additions, Error, Pipeline};
pub(crate) use capture::{Capture, Ids};
pub(crate) use custom::Custom;
pub(crate) use layer::SpanwiseLayer;
pub(crate) use logs::Record;
pub use propagators::Propagators;
pub(crate) use resource::service_name;

/// The instrumentation scope of everything that comes from us.
const SCOPE: &str = "spanwise";
/// The version of the SDK that this crate is built on; the manifest pins the same line.
const SDK_VERSION: &str = "0.33.1";
/// How we introduce ourselves to receivers: the distribution first, then the exporter, as the specification asks.
#[cfg(feature = "otlp-http")]
const USER_AGENT: &str = concat!(
    "spanwise/",
    env!("CARGO_PKG_VERSION"),
    " OTel-OTLP-Exporter-Rust/0.33.1"
);
