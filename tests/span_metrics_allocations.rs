//! What a span allocates: counted, skipped and exported. A binary of its own, because the counting allocator is one for the whole process.

use allocation_counter::measure;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use spanwise::Telemetry;
use spanwise::config::Env;
use tracing::info_span;

fn telemetry() -> Telemetry {
    Telemetry::builder()
        .with_env(Env::from_pairs([
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_RUST_LOG_LINES", "off"),
            // Only what counting costs: the OpenTelemetry layer allocates for every span that it lets through.
            ("OTEL_RUST_SPAN_FILTER", "off"),
            ("OTEL_RUST_SPAN_METRICS_DIMENSIONS", "tenant,code,vip"),
        ]))
        .strict()
        .build()
        .expect("a valid configuration")
}

fn assert_none(what: &str, work: impl Fn()) {
    let telemetry = telemetry();
    telemetry.scope(|| {
        // Tables, caches and series are made; a string is cached when it is met again.
        (0..1000).for_each(|_| work());
        let count = measure(|| (0..1000).for_each(|_| work())).count_total;
        assert_eq!(count, 0, "{what} allocated");
    });
}

#[test]
fn a_known_series_allocates_nothing() {
    assert_none("a plain span", || info_span!("plain").in_scope(|| ()));
    assert_none("a span with dimensions", || {
        info_span!("a", tenant = "t", code = 200, vip = true, other = "x").in_scope(|| ())
    });
    assert_none("a value recorded late", || {
        let span = info_span!(
            "a",
            tenant = tracing::field::Empty,
            otel.name = tracing::field::Empty
        );
        span.record("otel.name", "named");
        span.record("tenant", "t");
        span.in_scope(|| ());
    });
    assert_none("a formatted value", || {
        info_span!("a", tenant = ?Some("t"), code = %200).in_scope(|| ())
    });
    assert_none("a span of the conventions", || {
        let span = info_span!(
            "request",
            otel.kind = "server",
            http.request.method = "GET",
            url.scheme = "http",
            http.route = "/users/{id}",
            http.response.status_code = tracing::field::Empty
        );
        span.record("http.response.status_code", 200);
        span.in_scope(|| ());
    });
}

/// Everything on as by default; only receivers are missing.
fn defaults(ratio: &str) -> Telemetry {
    Telemetry::builder()
        .with_env(Env::from_pairs([
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", ratio),
            // Whatever comes has to fit: a span that is dropped allocates less.
            ("OTEL_BSP_MAX_QUEUE_SIZE", "10000"),
        ]))
        .add_span_exporter(Null)
        .strict()
        .build()
        .expect("a valid configuration")
}

/// Takes everything and keeps nothing.
#[derive(Debug)]
struct Null;

impl SpanExporter for Null {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}

fn three_fields() {
    info_span!("op", method = "GET", user = 42, hit = true).in_scope(|| ());
}

#[test]
fn a_span_below_an_unsampled_root_allocates_nothing() {
    let telemetry = defaults("0");
    telemetry.scope(|| {
        info_span!("root").in_scope(|| {
            (0..1000).for_each(|_| three_fields());
            let count = measure(|| (0..1000).for_each(|_| three_fields())).count_total;
            assert_eq!(count, 0);
        });
    });
}

#[test]
fn an_exported_span_allocates_seven_times() {
    const SPANS: u64 = 1000;
    let telemetry = defaults("1");
    telemetry.scope(|| {
        (0..SPANS).for_each(|_| three_fields());
        let count = measure(|| (0..SPANS).for_each(|_| three_fields())).count_total;
        // Seven a span; queues and tables grow now and then.
        let most = 7 * SPANS + 100;
        assert!(count <= most, "{count} allocations of {SPANS} spans");
    });
}

#[test]
fn hundred_thousand_values_leave_the_memory_flat() {
    let telemetry = telemetry();
    telemetry.scope(|| {
        let round = |from: usize| {
            for n in from..from + 50_000 {
                info_span!("a", tenant = n).in_scope(|| ());
            }
        };
        round(0);
        let held = measure(|| round(50_000)).bytes_current;
        assert!(held.abs() < 500_000, "{held} bytes more");
    });
}

#[test]
fn a_live_series_takes_little_memory() {
    const SERIES: usize = 1000;
    let telemetry = telemetry();
    telemetry.scope(|| {
        let round = |from: usize| {
            for n in from..from + SERIES {
                info_span!("a", tenant = n).in_scope(|| ());
            }
        };
        // Tables and caches are made.
        round(0);
        round(0);
        let held = measure(|| round(SERIES)).bytes_current / SERIES as i64;
        assert!(held < 1100, "{held} bytes a series");
    });
}
