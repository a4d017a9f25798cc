//! Span metrics as a user sees them: spans in, a page out. Nothing here is global to the process.

use spanwise::config::{Buckets, Dimension, Env, SpanDescription, SpanMetrics};
use spanwise::{SpanStatus, Telemetry};

fn telemetry(vars: &[(&str, &str)]) -> Telemetry {
    telemetry_with(vars, |metrics| metrics)
}

fn telemetry_with(
    vars: &[(&str, &str)],
    change: impl FnOnce(SpanMetrics) -> SpanMetrics + Send + 'static,
) -> Telemetry {
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
        .span_metrics(change)
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

/// The series of a metric: labels and value, as the page has them.
fn series(telemetry: &Telemetry, metric: &str) -> Vec<(String, u64)> {
    let page = telemetry.render();
    let lines = page.lines().filter_map(|line| line.strip_prefix(metric));
    let samples = lines.filter_map(|line| line.strip_prefix('{')?.rsplit_once("} "));
    let samples = samples.map(|(labels, value)| (labels.to_owned(), value));
    samples
        .map(|(labels, value)| (labels, value.parse().expect("a whole number")))
        .collect()
}

/// The labels of the only series of `traces.span.metrics.calls` that a span made, those of every span left out.
fn labels_of(telemetry: &Telemetry) -> String {
    let series = series(telemetry, "traces_span_metrics_calls_total");
    assert_eq!(series.len(), 1, "{series:?}");
    let own = ["service_name=", "span_kind=", "span_name=", "status_code="];
    let labels = series[0].0.split(',');
    let others = labels.filter(|label| own.iter().all(|own| !label.starts_with(own)));
    others.collect::<Vec<_>>().join(",")
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

// --- dimensions ---

const DIMENSIONS: &str = "OTEL_RUST_SPAN_METRICS_DIMENSIONS";

#[test]
fn declared_fields_become_labels_and_others_do_not() {
    let telemetry = telemetry(&[(DIMENSIONS, "tenant,code,vip,ratio")]);
    telemetry.scope(|| {
        tracing::info_span!(
            "a",
            tenant = "t1",
            code = 7,
            vip = true,
            ratio = 0.5,
            other = 1
        )
        .in_scope(|| ());
    });
    let expected = r#"code="7",ratio="0.5",tenant="t1",vip="true""#;
    assert_eq!(labels_of(&telemetry), expected);
}

#[test]
fn a_field_without_a_value_is_left_out_unless_it_has_a_default() {
    let telemetry = telemetry(&[(DIMENSIONS, "missing,empty,region:eu")]);
    telemetry.scope(|| {
        tracing::info_span!("a", empty = tracing::field::Empty).in_scope(|| ());
    });
    assert_eq!(labels_of(&telemetry), r#"region="eu""#);
}

#[test]
fn the_last_value_of_a_field_counts_even_if_it_comes_late() {
    let telemetry = telemetry(&[(DIMENSIONS, "a,b")]);
    telemetry.scope(|| {
        let span = tracing::info_span!("a", a = 1_u64, b = tracing::field::Empty);
        span.in_scope(|| ());
        span.record("b", "first");
        span.record("a", -2);
        span.record("b", "last");
    });
    assert_eq!(labels_of(&telemetry), r#"a="-2",b="last""#);
}

#[test]
fn a_dimension_can_be_renamed_and_a_label_left_out() {
    let telemetry = telemetry(&[(DIMENSIONS, "tenant.id=tenant,-status.code")]);
    telemetry.scope(|| tracing::info_span!("a", tenant.id = "x").in_scope(|| ()));
    let series = series(&telemetry, "traces_span_metrics_calls_total");
    let expected =
        r#"service_name="svc",span_kind="SPAN_KIND_INTERNAL",span_name="a",tenant="x""#.to_owned();
    assert_eq!(series, [(expected, 1)]);
}

#[test]
fn a_dimension_can_be_for_one_name_or_target_only() {
    let telemetry = telemetry_with(&[], |metrics| {
        metrics
            .add_dimension(Dimension::new("x").for_span("named"))
            .add_dimension(Dimension::new("y").for_target("shop"))
    });
    telemetry.scope(|| {
        tracing::info_span!("named", x = 1, y = 1).in_scope(|| ());
        tracing::info_span!(target: "shop::cart", "other", x = 1, y = 1).in_scope(|| ());
        tracing::info_span!(target: "shopping", "third", x = 1, y = 1).in_scope(|| ());
    });
    let series = series(&telemetry, "traces_span_metrics_calls_total");
    let has = |name: &str, label: &str| {
        let mut of_name = series.iter().filter(|(labels, _)| labels.contains(name));
        of_name.all(|(labels, _)| labels.contains(label))
    };
    assert!(
        has(r#""named""#, r#"x="1""#) && !has(r#""named""#, r#"y="1""#),
        "{series:?}"
    );
    assert!(
        has(r#""other""#, r#"y="1""#) && !has(r#""other""#, r#"x="1""#),
        "{series:?}"
    );
    assert!(
        !has(r#""third""#, r#"x="1""#) && !has(r#""third""#, r#"y="1""#),
        "{series:?}"
    );
}

// --- bounds ---

const LIMIT: &str = "OTEL_RUST_SPAN_METRICS_LIMIT";

#[test]
fn spans_beyond_the_limit_are_counted_together_and_totals_stay_right() {
    let telemetry = telemetry(&[(DIMENSIONS, "tenant"), (LIMIT, "10")]);
    telemetry.scope(|| {
        for tenant in 0..100 {
            tracing::info_span!("a", tenant).in_scope(|| ());
        }
        tracing::info_span!("a", tenant = 3).in_scope(|| ());
    });
    let calls = series(&telemetry, "traces_span_metrics_calls_total");
    assert_eq!(calls.len(), 11);
    assert_eq!(calls.iter().map(|(_, count)| count).sum::<u64>(), 101);
    let overflow = r#"otel_metric_overflow="true",service_name="svc""#.to_owned();
    assert_eq!(calls.last(), Some(&(overflow, 90)));
    let overflows = series(&telemetry, "traces_span_metrics_overflows_total");
    let by_label = r#"label="tenant",metric="traces.span.metrics.calls""#.to_owned();
    assert_eq!(overflows, [(by_label, 90)]);
}

#[test]
fn reserved_values_have_a_place_however_many_others_come_first() {
    let telemetry = telemetry_with(&[(DIMENSIONS, "route"), (LIMIT, "10")], |metrics| {
        metrics.add_reserved("route", ["/known"])
    });
    telemetry.scope(|| {
        for n in 0..100 {
            tracing::info_span!("a", route = format!("/scan/{n}")).in_scope(|| ());
        }
        tracing::info_span!("a", route = "/known").in_scope(|| ());
    });
    let calls = series(&telemetry, "traces_span_metrics_calls_total");
    assert!(
        calls
            .iter()
            .any(|(labels, _)| labels.contains(r#"route="/known""#))
    );
}

// --- buckets and units ---

/// The bounds of the duration buckets, by span name.
fn bounds(telemetry: &Telemetry, metric: &str) -> Vec<String> {
    let page = telemetry.render();
    let lines = page.lines().filter_map(|line| line.strip_prefix(metric));
    let bounds = lines.filter_map(|line| line.split("le=\"").nth(1)?.split('"').next());
    bounds.map(str::to_owned).collect()
}

#[test]
fn buckets_can_be_other_for_one_name() {
    let telemetry = telemetry_with(&[("OTEL_RUST_SPAN_METRICS_BUCKETS", "1,10")], |metrics| {
        let import = SpanDescription::new("import").with_buckets(Buckets::Millis(vec![500.0]));
        metrics.add_span(import)
    });
    telemetry.scope(|| {
        for name in ["a", "import", "b"] {
            tracing::info_span!("span", otel.name = name).in_scope(|| ());
        }
    });
    let bounds = bounds(
        &telemetry,
        "traces_span_metrics_duration_milliseconds_bucket",
    );
    assert_eq!(
        bounds,
        ["1", "10", "+Inf", "500", "+Inf", "1", "10", "+Inf"]
    );
}

#[test]
fn durations_can_be_shown_in_seconds() {
    let telemetry = telemetry(&[
        ("OTEL_RUST_SPAN_METRICS_BUCKETS", "requests"),
        ("OTEL_RUST_SPAN_METRICS_UNIT", "s"),
    ]);
    telemetry.scope(|| tracing::info_span!("a").in_scope(|| ()));
    let bounds = bounds(&telemetry, "traces_span_metrics_duration_seconds_bucket");
    assert_eq!(bounds[..2], ["0.005", "0.01"]);
}

// --- in flight, the registry, callbacks ---

#[test]
fn spans_in_flight_are_counted_by_what_was_known_when_they_started() {
    let telemetry = telemetry(&[]);
    let active = |telemetry: &Telemetry| series(telemetry, "traces_span_metrics_active");
    telemetry.scope(|| {
        let span = tracing::info_span!("request", otel.name = "first", otel.kind = "server");
        span.record("otel.name", "second");
        let expected = r#"service_name="svc",span_kind="SPAN_KIND_SERVER",span_name="first""#;
        assert_eq!(active(&telemetry), [(expected.to_owned(), 1)]);
        drop(span);
        assert_eq!(active(&telemetry), [(expected.to_owned(), 0)]);
    });
}

#[test]
fn families_can_be_switched_off() {
    let telemetry = telemetry(&[("OTEL_RUST_SPAN_METRICS_FAMILIES", "none")]);
    telemetry.scope(|| {
        tracing::info_span!(
            "a",
            otel.kind = "server",
            http.request.method = "GET",
            url.scheme = "http"
        )
        .in_scope(|| ());
    });
    let page = telemetry.render();
    assert!(
        !page.contains("active") && !page.contains("http_server"),
        "{page}"
    );
}

#[test]
fn the_registry_lists_every_span_that_was_seen() {
    let telemetry = telemetry_with(&[], |metrics| {
        metrics.add_span(SpanDescription::new("b").with_help("The second."))
    });
    telemetry.scope(|| {
        for _ in 0..3 {
            tracing::info_span!("a", otel.kind = "client").in_scope(|| ());
        }
        tracing::info_span!("b").in_scope(|| tracing::error!("failed"));
        let _open = tracing::info_span!("b").entered();
        let spans = telemetry.spans();
        assert_eq!(spans.len(), 2, "{spans:?}");
        assert_eq!((spans[0].calls, spans[0].errors), (3, 0));
        assert_eq!(spans[0].kind, opentelemetry::trace::SpanKind::Client);
        assert!(spans[0].p50 <= spans[0].p99);
        let b = &spans[1];
        assert_eq!((b.calls, b.errors, b.active), (1, 1, 1));
        assert_eq!(b.help.as_deref(), Some("The second."));
    });
}

#[test]
fn callbacks_see_start_close_and_error_of_the_spans_they_are_for() {
    let telemetry = telemetry(&[(DIMENSIONS, "tenant")]);
    let (sender, seen) = std::sync::mpsc::channel();
    let starts = sender.clone();
    let _start = telemetry.on_start("a", move |span| {
        starts
            .send(format!("start {}", span.name()))
            .expect("a receiver");
    });
    let closes = sender.clone();
    let _close = telemetry.on_close("a", move |span| {
        let tenant = span.dimensions().find(|(label, _)| *label == "tenant");
        assert!(span.trace_id().is_some());
        let tenant = tenant.map(|(_, value)| value.to_owned());
        closes
            .send(format!("close {tenant:?}"))
            .expect("a receiver");
    });
    let _error = telemetry.on_error(spanwise::SpanFilter::all(), move |span| {
        assert_eq!(span.status(), SpanStatus::Error);
        sender
            .send(format!("error {}", span.name()))
            .expect("a receiver");
    });
    telemetry.scope(|| {
        tracing::info_span!("a", tenant = "x").in_scope(|| ());
        tracing::info_span!("b").in_scope(|| tracing::error!("failed"));
    });
    let seen: Vec<String> = seen.try_iter().collect();
    assert_eq!(seen, ["start a", "close Some(\"x\")", "error b"]);
}

#[test]
fn spans_that_a_callback_makes_are_counted_and_call_nobody() {
    let telemetry = telemetry(&[]);
    let _subscription = telemetry.on_close(spanwise::SpanFilter::all(), |_| {
        tracing::info_span!("of the callback").in_scope(|| ());
    });
    telemetry.scope(|| tracing::info_span!("a").in_scope(|| ()));
    assert_eq!(calls(&telemetry, "of the callback", "INTERNAL", "UNSET"), 1);
}

// --- spans of the OpenTelemetry API ---

#[test]
fn spans_of_the_api_are_counted_only_where_that_is_asked_for() {
    use opentelemetry::trace::{Span, SpanKind, Status, Tracer, TracerProvider};

    for (switch, expected) in [("off", 0), ("on", 1)] {
        let telemetry = telemetry(&[("OTEL_RUST_SPAN_METRICS_API_SPANS", switch)]);
        let tracer = telemetry.tracer_provider().tracer("library");
        let builder = tracer
            .span_builder("made by hand")
            .with_kind(SpanKind::Client);
        let mut span = tracer.build(builder);
        span.set_status(Status::error("failed"));
        span.end();
        telemetry.scope(|| tracing::info_span!("traced").in_scope(|| ()));
        assert_eq!(
            calls(&telemetry, "made by hand", "CLIENT", "ERROR"),
            expected
        );
        assert_eq!(calls(&telemetry, "traced", "INTERNAL", "UNSET"), 1);
    }
}
