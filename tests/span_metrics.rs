//! Span metrics as a user sees them: spans in, a page out. Nothing here is global to the process.

use spanwise::Telemetry;
use spanwise::config::Env;

fn telemetry(vars: &[(&str, &str)]) -> Telemetry {
    let none = [
        "OTEL_TRACES_EXPORTER",
        "OTEL_METRICS_EXPORTER",
        "OTEL_LOGS_EXPORTER",
    ]
    .map(|name| (name, "none"));
    let quiet = [("OTEL_SERVICE_NAME", "svc"), ("OTEL_RUST_LOG_LINES", "off")];
    let all = none.into_iter().chain(quiet).chain(vars.iter().copied());
    Telemetry::builder()
        .with_env(Env::from_pairs(all))
        .strict()
        .build()
        .expect("a valid configuration")
}

/// The value of `traces_span_metrics_calls_total` for a span, by kind and status.
fn calls(telemetry: &Telemetry, name: &str, kind: &str, status: &str) -> u64 {
    let page = telemetry.render();
    let series = format!(
        "traces_span_metrics_calls_total{{service_name=\"svc\",span_kind=\"SPAN_KIND_{kind}\",\
         span_name=\"{name}\",status_code=\"STATUS_CODE_{status}\"}} "
    );
    page.lines()
        .find_map(|line| line.strip_prefix(&series))
        .map_or(0, |value| value.parse().expect("a whole number"))
}

#[test]
fn every_closed_span_is_counted_by_name_kind_and_status() {
    let telemetry = telemetry(&[]);
    telemetry.scope(|| {
        for _ in 0..3 {
            tracing::info_span!("plain").in_scope(|| ());
        }
        tracing::info_span!("served", otel.kind = "server", otel.status_code = "ok")
            .in_scope(|| ());
        tracing::info_span!("failed", otel.kind = "CLIENT", otel.status_code = "error")
            .in_scope(|| ());
    });
    assert_eq!(calls(&telemetry, "plain", "INTERNAL", "UNSET"), 3);
    assert_eq!(calls(&telemetry, "served", "SERVER", "OK"), 1);
    assert_eq!(calls(&telemetry, "failed", "CLIENT", "ERROR"), 1);
}

#[test]
fn a_span_that_the_sampler_drops_is_counted() {
    let telemetry = telemetry(&[("OTEL_TRACES_SAMPLER", "always_off")]);
    telemetry.scope(|| tracing::info_span!("dropped").in_scope(|| ()));
    assert_eq!(calls(&telemetry, "dropped", "INTERNAL", "UNSET"), 1);
}

#[test]
fn an_error_event_makes_the_span_an_error_even_with_logs_off() {
    let telemetry = telemetry(&[("RUST_LOG", "off")]);
    telemetry.scope(|| {
        tracing::info_span!("outer").in_scope(|| {
            tracing::info_span!("inner").in_scope(|| tracing::error!("failed"));
        });
    });
    assert_eq!(calls(&telemetry, "inner", "INTERNAL", "ERROR"), 1);
    assert_eq!(calls(&telemetry, "outer", "INTERNAL", "UNSET"), 1);
}

#[test]
fn an_error_field_counts_only_without_a_message() {
    let telemetry = telemetry(&[]);
    telemetry.scope(|| {
        tracing::info_span!("bare").in_scope(|| tracing::info!(error = "broken"));
        tracing::info_span!("worded").in_scope(|| tracing::info!(error = "broken", "retrying"));
    });
    assert_eq!(calls(&telemetry, "bare", "INTERNAL", "ERROR"), 1);
    assert_eq!(calls(&telemetry, "worded", "INTERNAL", "UNSET"), 1);
}

#[test]
fn an_error_in_a_span_that_is_only_logged_counts_for_the_counted_one_around_it() {
    let telemetry = telemetry(&[("RUST_LOG", "debug")]);
    telemetry.scope(|| {
        tracing::info_span!("counted").in_scope(|| {
            tracing::debug_span!("logged").in_scope(|| tracing::error!("failed"));
        });
    });
    assert_eq!(calls(&telemetry, "counted", "INTERNAL", "ERROR"), 1);
    assert_eq!(calls(&telemetry, "logged", "INTERNAL", "ERROR"), 0);
}

#[test]
fn name_and_status_can_be_recorded_late() {
    let telemetry = telemetry(&[]);
    telemetry.scope(|| {
        let span = tracing::info_span!(
            "placeholder",
            otel.name = tracing::field::Empty,
            otel.status_code = tracing::field::Empty
        );
        span.record("otel.name", "GET /users/{id}");
        span.in_scope(|| ());
        span.record("otel.status_code", "error");
    });
    assert_eq!(calls(&telemetry, "GET /users/{id}", "INTERNAL", "ERROR"), 1);
}

#[test]
fn a_span_that_was_never_entered_and_one_of_a_cancelled_future_are_counted() {
    use tracing::Instrument;

    let telemetry = telemetry(&[]);
    telemetry.scope(|| {
        drop(tracing::info_span!("never entered"));
        let mut future =
            Box::pin(std::future::pending::<()>().instrument(tracing::info_span!("cancelled")));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
    });
    assert_eq!(calls(&telemetry, "never entered", "INTERNAL", "UNSET"), 1);
    assert_eq!(calls(&telemetry, "cancelled", "INTERNAL", "UNSET"), 1);
}

#[test]
fn span_filters_move_only_what_they_are_for() {
    let exported_off = telemetry(&[("OTEL_RUST_SPAN_FILTER", "off")]);
    exported_off.scope(|| tracing::info_span!("a").in_scope(|| ()));
    assert_eq!(calls(&exported_off, "a", "INTERNAL", "UNSET"), 1);

    let counted_off = telemetry(&[("OTEL_RUST_SPAN_METRICS_FILTER", "off")]);
    counted_off.scope(|| tracing::info_span!("a").in_scope(|| ()));
    assert_eq!(calls(&counted_off, "a", "INTERNAL", "UNSET"), 0);

    let more_counted = telemetry(&[
        ("OTEL_RUST_SPAN_METRICS_FILTER", "debug"),
        ("RUST_LOG", "off"),
    ]);
    more_counted.scope(|| tracing::debug_span!("a").in_scope(|| ()));
    assert_eq!(calls(&more_counted, "a", "INTERNAL", "UNSET"), 1);
}

#[test]
fn the_page_has_the_buckets_of_the_connector() {
    let telemetry = telemetry(&[]);
    telemetry.scope(|| tracing::info_span!("a").in_scope(|| ()));
    let page = telemetry.render();
    let bounds: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("traces_span_metrics_duration_milliseconds_bucket"))
        .filter_map(|line| line.split("le=\"").nth(1)?.split('"').next())
        .collect();
    assert_eq!(
        bounds,
        [
            "2", "4", "6", "8", "10", "50", "100", "200", "400", "800", "1000", "1400", "2000",
            "5000", "10000", "15000", "+Inf"
        ]
    );
}

#[test]
fn spans_closed_on_another_thread_are_counted() {
    let telemetry = telemetry(&[]);
    telemetry.scope(|| {
        let span = tracing::info_span!("moved");
        std::thread::scope(|scope| {
            scope.spawn(|| span.in_scope(|| ()));
        });
        let span = tracing::info_span!("closed elsewhere");
        std::thread::scope(|scope| {
            scope.spawn(move || drop(span));
        });
    });
    assert_eq!(calls(&telemetry, "moved", "INTERNAL", "UNSET"), 1);
    assert_eq!(
        calls(&telemetry, "closed elsewhere", "INTERNAL", "UNSET"),
        1
    );
}
