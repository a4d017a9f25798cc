//! RED metrics (rate, errors, duration) from spans, counted before sampling.
//!
//! Every span that passes the filter is counted when it closes, whether its trace is exported or not. The series are
//! those of the Collector's span-metrics connector, so that Jaeger's Monitor tab and published dashboards read them:
//! `traces.span.metrics.calls` and `traces.span.metrics.duration` in milliseconds, by `service.name`, `span.name`,
//! `span.kind` and `status.code`.
//!
//! # How it works
//!
//! 1. [`Plan`] says once per callsite which of its fields matter.
//! 2. [`open::OpenSpans`] holds start, last exit, kind, status and dimensions of every open span in atomics, keyed by
//!    span id, without a lock and without an allocation.
//! 3. On close the values name a series; [`series::SeriesMap`] finds it through a cache of the thread.
//! 4. [`cell::Cells`] records count and sum in a shard that the thread owns, by plain load and store.
//! 5. [`SpanMetrics::visit`] adds the shards up, while writers go on.
//!
//! The outcome follows what `tracing-opentelemetry` exports: `otel.status_code`, an event at ERROR, or an event whose
//! `error` field stands without a message. The duration ends at the last exit of the span, as the exported span does.
//!
//! It does not decide which spans are exported, and it never reads a span after it closed.

mod cell;
mod intern;
mod open;
mod outcome;
mod plan;
mod recorder;
mod series;
mod shard;

pub(crate) use cell::Bucket;
pub(crate) use plan::{ErrorRule, Plan};
pub(crate) use recorder::{Options, SpanMetrics};
pub(crate) use series::Point;
