//! Metrics as text for Prometheus: the 0.0.4 text format and OpenMetrics 1.0.0.
//!
//! [`Format::negotiate`] picks the format from an `Accept` header, an [`Encoder`] writes families into one growing
//! buffer, and [`Encoder::finish`] hands the buffer back with the [`Problem`]s met on the way. Two doors lead in:
//!
//! - [`Encoder::counter`], [`gauge`](Encoder::gauge), [`histogram`](Encoder::histogram) and
//!   [`summary`](Encoder::summary) write series whose [`Labels`] were rendered once, when the series was made;
//! - [`Encoder::resource_metrics`] writes everything that an SDK reader collected.
//!
//! What Prometheus would refuse never leaves: names are translated, label keys made valid, series that became equal
//! are merged, and families that cannot share a name are left out and reported.
//!
//! Not here: native histograms, which need protobuf, and UTF-8 names. An exponential histogram is written as a
//! classic one at its own bucket boundaries.

mod encoder;
mod family;
mod format;
mod labels;
mod names;
mod number;
mod problem;
mod sdk;
mod series;

#[cfg(test)]
mod golden;

pub use encoder::{Encoder, Rendered};
pub use family::{Counter, Exemplar, Gauge, Histogram, Summary};
pub use format::Format;
pub use labels::Labels;
pub use number::Number;
pub use problem::{Kind, Problem};
pub use sdk::Scopes;
