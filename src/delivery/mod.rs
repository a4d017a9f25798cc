//! What became of telemetry: counts while it runs, a report at the end.

mod counters;
mod failure;
mod report;

pub(crate) use counters::{Counters, Flow};
pub(crate) use failure::Failure;
pub use report::{Lost, Report, Status};
