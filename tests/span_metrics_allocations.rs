//! What counting a span allocates. A binary of its own, because the counting allocator is one for the whole process.

use allocation_counter::measure;
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
