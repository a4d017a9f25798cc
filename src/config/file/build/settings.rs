//! Our own settings and what is told to instrumentation libraries.

use super::super::schema::{self, OWN};
use super::Builder;
use super::place::Place;
use super::span_metrics::span_metrics;
use crate::config::features::needs;
use crate::config::resolve::filter::directives;
use crate::config::resolve::rules;
use crate::config::variable::Variable;
use crate::config::{Batch, Filter, LogLines, SamplingRule, SpanMetrics, Spool, Strictness, table};

/// What stands below `instrumentation/development.rust.spanwise`.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) log_filter: Filter,
    pub(super) log_lines: LogLines,
    pub(super) span_filter: Filter,
    pub(super) span_metrics: SpanMetrics,
    pub(super) sampler_rules: Vec<SamplingRule>,
    pub(super) skip_unsampled: bool,
    queue_bytes: Option<usize>,
    pub(super) spool: Spool,
    pub(super) banner: bool,
    pub(super) strictness: Strictness,
}

impl Own {
    pub(super) fn read(builder: &mut Builder<'_>, root: &Place<'_>) -> Self {
        let instrumentation = root.get("instrumentation/development");
        let general = instrumentation.get("general");
        builder.unsupported(
            &general,
            "instrumentation libraries are not configured here",
        );
        let own = instrumentation.get("rust").get("spanwise");
        if let Some(node) = own.node() {
            // The official schema accepts any object here; ours is as strict as the rest.
            schema::check(node, &OWN, &own.path, builder.faults);
        }
        let counted = filter(
            builder,
            &own.get("span_metrics_filter"),
            &table::SPAN_METRICS_FILTER,
        );
        Self {
            log_filter: filter(builder, &own.get("log_filter"), &table::LOG_FILTER),
            log_lines: log_lines(builder, &own.get("log_lines")),
            span_filter: filter(builder, &own.get("span_filter"), &table::SPAN_FILTER),
            span_metrics: span_metrics(builder, &own.get("span_metrics"), counted),
            sampler_rules: sampler_rules(builder, &own.get("sampler_rules")),
            skip_unsampled: switch(builder, &own.get("skip_unsampled"), &table::SKIP_UNSAMPLED),
            queue_bytes: queue_bytes(builder, &own.get("queue_bytes")),
            spool: spool(builder, &own.get("spool")),
            banner: switch(builder, &own.get("banner"), &table::BANNER),
            strictness: strictness(builder, &own.get("config")),
        }
    }

    /// `defaults`, bounded in bytes as it is said here: whoever does that bounds the number only by asking for it.
    pub(super) fn batch(&self, defaults: Batch) -> Batch {
        match self.queue_bytes {
            Some(max_queue_bytes) => Batch {
                max_queue_bytes,
                max_queue_size: usize::MAX,
                ..defaults
            },
            None => defaults,
        }
    }
}

fn queue_bytes(builder: &mut Builder<'_>, place: &Place<'_>) -> Option<usize> {
    let bytes = builder
        .number(place)
        .and_then(|bytes| usize::try_from(bytes).ok());
    let shown = bytes.unwrap_or(Batch::spans().max_queue_bytes);
    builder.record(&table::QUEUE_BYTES, shown.to_string(), place);
    bytes
}

fn spool(builder: &mut Builder<'_>, spool: &Place<'_>) -> Spool {
    let place = spool.get("directory");
    let mut directory = place.text();
    if directory.is_some() && !builder.features.spool {
        builder.warn(&place, needs("spool"), "keeping what waits in memory only");
        directory = None;
    }
    builder.record(&table::SPOOL_DIRECTORY, directory.unwrap_or("none"), &place);
    let defaults = Spool::default();
    Spool {
        directory: directory.map(Into::into),
        bytes: builder.size(&spool.get("bytes"), &table::SPOOL_BYTES, defaults.bytes),
        age: builder.millis(&spool.get("age"), &table::SPOOL_AGE, defaults.age),
    }
}

fn filter(builder: &mut Builder<'_>, place: &Place<'_>, variable: &'static Variable) -> Filter {
    let parsed = place.text().map(directives);
    let filter = parsed.and_then(|parsed| builder.parse(place, parsed));
    let filter = filter.unwrap_or_default();
    builder.record(variable, filter.directives.clone(), place);
    filter
}

/// In the syntax of the variable: rules are one line there, and would be ten here.
fn sampler_rules(builder: &mut Builder<'_>, place: &Place<'_>) -> Vec<SamplingRule> {
    let parsed = place.text().map(rules::parse);
    let parsed = parsed.and_then(|parsed| builder.parse(place, parsed));
    let found = parsed.unwrap_or_default();
    builder.record(&table::SAMPLER_RULES, rules::show(&found), place);
    found
}

/// What is on unless it is said otherwise.
fn switch(builder: &mut Builder<'_>, place: &Place<'_>, variable: &'static Variable) -> bool {
    let is_on = place.flag().unwrap_or(true);
    builder.record(variable, if is_on { "on" } else { "off" }, place);
    is_on
}

fn log_lines(builder: &mut Builder<'_>, place: &Place<'_>) -> LogLines {
    let word = place.text().unwrap_or("auto");
    builder.record(&table::LOG_LINES, word, place);
    match word {
        "pretty" => LogLines::Pretty,
        "json" => LogLines::Json,
        "off" => LogLines::Off,
        _ => LogLines::Auto,
    }
}

fn strictness(builder: &mut Builder<'_>, place: &Place<'_>) -> Strictness {
    let word = place.text().unwrap_or("lenient");
    builder.record(&table::CONFIG, word, place);
    match word {
        "strict" => Strictness::Strict,
        _ => Strictness::Lenient,
    }
}
