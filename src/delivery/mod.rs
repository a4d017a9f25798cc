//! What became of telemetry: counts while it runs, a report at the end.

mod counters;
mod failure;
mod report;

pub(crate) use counters::Counters;
pub(crate) use failure::Failure;
pub use report::{Lost, Report, Status};
