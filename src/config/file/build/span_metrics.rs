//! RED metrics from spans, as our own part of the file says.

use super::Builder;
use super::place::Place;
use crate::config::resolve::span_metrics::{Labels, buckets, show_buckets};
use crate::config::{
    Buckets, Dimension, DurationUnit, Filter, Reserved, SpanDescription, SpanFamily, SpanMetrics,
    table,
};

pub(super) fn span_metrics(
    builder: &mut Builder<'_>,
    place: &Place<'_>,
    filter: Filter,
) -> SpanMetrics {
    let defaults = SpanMetrics::default();
    let dimensions_at = place.get("dimensions");
    let mut labels = Labels {
        dropped: texts(&place.get("dropped_labels")),
        ..Labels::default()
    };
    for item in dimensions_at.items() {
        if let Err(what) = labels.declare(dimension(&item)) {
            builder.reject(&item, what);
        }
    }
    builder.record(
        &table::SPAN_METRICS_DIMENSIONS,
        labels.show(),
        &dimensions_at,
    );
    let buckets_at = place.get("buckets");
    let buckets = read_buckets(builder, &buckets_at).unwrap_or(defaults.buckets);
    let shown = show_buckets(&buckets);
    builder.record(&table::SPAN_METRICS_BUCKETS, shown, &buckets_at);
    let api_spans_at = place.get("api_spans");
    let api_spans = api_spans_at.flag().unwrap_or(defaults.api_spans);
    let shown = if api_spans { "on" } else { "off" };
    builder.record(&table::SPAN_METRICS_API_SPANS, shown, &api_spans_at);
    SpanMetrics {
        filter,
        dimensions: labels.dimensions,
        dropped_labels: labels.dropped,
        buckets,
        unit: unit(builder, &place.get("unit")),
        limit: builder.size(
            &place.get("limit"),
            &table::SPAN_METRICS_LIMIT,
            defaults.limit,
        ),
        expiration: builder.millis(
            &place.get("expiration"),
            &table::SPAN_METRICS_EXPIRATION,
            defaults.expiration,
        ),
        families: families(builder, &place.get("families")),
        api_spans,
        spans: spans(builder, &place.get("spans")),
        reserved: reserved(&place.get("reserved")),
    }
}

fn dimension(place: &Place<'_>) -> Dimension {
    let text = |key: &str| place.get(key).text().map(str::to_owned);
    Dimension {
        label: text("label"),
        default: text("default"),
        span: text("span"),
        target: text("target"),
        ..Dimension::new(text("field").unwrap_or_default())
    }
}

fn unit(builder: &mut Builder<'_>, place: &Place<'_>) -> DurationUnit {
    let word = place.text().unwrap_or("ms");
    builder.record(&table::SPAN_METRICS_UNIT, word, place);
    match word {
        "s" => DurationUnit::Seconds,
        _ => DurationUnit::Milliseconds,
    }
}

/// Unset means all; an empty list none.
fn families(builder: &mut Builder<'_>, place: &Place<'_>) -> Vec<SpanFamily> {
    let mut families = SpanFamily::ALL.to_vec();
    if place.is_set() {
        let names = texts(place);
        let by_name = |name: &String| SpanFamily::ALL.into_iter().find(|f| f.name() == name);
        families = names.iter().filter_map(by_name).collect();
    }
    let names = families.iter().map(|family| family.name()).collect();
    super::traces::record_names(builder, &table::SPAN_METRICS_FAMILIES, names, place);
    families
}

fn spans(builder: &mut Builder<'_>, place: &Place<'_>) -> Vec<SpanDescription> {
    let mut spans = Vec::new();
    for item in place.items() {
        let Some(name) = item.get("name").text() else {
            continue;
        };
        let mut labels = Labels::default();
        for declared in item.get("dimensions").items() {
            if let Err(what) = labels.declare(dimension(&declared).for_span(name)) {
                builder.reject(&declared, what);
            }
        }
        spans.push(SpanDescription {
            name: name.to_owned(),
            help: item.get("help").text().map(str::to_owned),
            dimensions: labels.dimensions,
            buckets: read_buckets(builder, &item.get("buckets")),
            dropped_labels: texts(&item.get("dropped_labels")),
        });
    }
    spans
}

fn reserved(place: &Place<'_>) -> Vec<Reserved> {
    let items = place.items().into_iter();
    items
        .filter_map(|item| {
            Some(Reserved {
                label: item.get("label").text()?.to_owned(),
                values: texts(&item.get("values")),
            })
        })
        .collect()
}

/// In the syntax of the variable, which knows names and bounds.
fn read_buckets(builder: &mut Builder<'_>, place: &Place<'_>) -> Option<Buckets> {
    let accepted = table::SPAN_METRICS_BUCKETS.kind.accepted();
    let parsed = buckets(place.text()?, &accepted);
    builder.parse(place, parsed)
}

fn texts(place: &Place<'_>) -> Vec<String> {
    let items = place.items().into_iter();
    items
        .filter_map(|item| item.text().map(str::to_owned))
        .collect()
}
