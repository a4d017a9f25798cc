//! RED metrics (rate, errors, duration) from spans, counted before sampling.
//!
//! Every span that passes the filter is counted when it closes, whether its trace is exported or not. The series are
//! those of the Collector's span-metrics connector, so that Jaeger's Monitor tab and published dashboards read them:
//! `traces.span.metrics.calls` and `traces.span.metrics.duration` in milliseconds, by `service.name`, `span.name`,
//! `span.kind` and `status.code`.
//!
//! Declared fields become further labels, and spans that carry the attributes of the semantic conventions count in the
//! conventions' own metrics as well.
//!
//! # How it works
//!
//! 1. [`Plan`] says once per callsite which of its fields matter.
//! 2. [`open::OpenSpan`] holds start, last exit, kind, status and values of an open span in atomics, found by span
//!    id without a lock and without an allocation. Values are numbers that [`intern::Interner`] gave.
//! 3. On close the numbers are an [`identity::Identity`]; [`target::Targets`] leads through a cache of the thread to its
//!    series, one in the connector's metrics and perhaps one in a metric of the [`family`].
//! 4. [`cell::Cells`] records count and sum in a shard that the thread owns, by plain load and store.
//! 5. [`SpanMetrics::visit`] adds the shards up, while writers go on.
//!
//! The outcome follows what `tracing-opentelemetry` exports: `otel.status_code`, an event at ERROR, or an event whose
//! `error` field stands without a message. The duration ends at the last exit of the span, as the exported span does.
//!
//! # Bounds
//!
//! A metric has a limit of series; the rest counts in one that says so, and totals stay right. What belongs to no series
//! is forgotten: memory does not grow with the number of different values.
//!
//! It does not decide which spans are exported, and it never reads a span after it closed.

mod active;
mod bounds;
mod cache;
mod cell;
mod exemplar;
mod failure;
mod family;
mod fields;
mod identity;
mod intern;
mod labels;
mod observers;
mod open;
mod options;
mod outcome;
mod place;
mod plan;
mod reading;
mod recorder;
mod series;
mod shard;
mod summary;
mod target;

pub(crate) use bounds::{Bounds, Unit};
pub(crate) use cell::Bucket;
pub(crate) use exemplar::Exemplar;
pub(crate) use failure::ErrorRule;
pub(crate) use family::Domain;
pub(crate) use labels::{Facts, Label};
pub(crate) use observers::Callback;
pub(crate) use options::{Dimension, ExemplarRule, Options, SpanRule};
pub(crate) use outcome::Kind;
pub(crate) use plan::Plan;
pub(crate) use recorder::SpanMetrics;
pub(crate) use series::Point;
pub(crate) use target::Metric;

pub use observers::{ClosedSpan, SpanFilter, StartedSpan, Subscription};
pub use outcome::Status;
pub use summary::SpanSummary;
