//! Exemplars: from a bucket to a trace that was exported.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use spanwise::Telemetry;
use spanwise::config::Env;
use spanwise::exposition::Format;
use tracing::info_span;

/// Keeps what is exported.
#[derive(Debug, Clone, Default)]
struct Captured(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Captured {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().expect("no panic").extend(batch);
        Ok(())
    }
}

fn telemetry(vars: &[(&str, &str)]) -> (Telemetry, Captured) {
    let quiet = [
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_RUST_LOG_LINES", "off"),
    ];
    let captured = Captured::default();
    let telemetry = Telemetry::builder()
        .with_env(Env::from_pairs(quiet.iter().chain(vars).copied()))
        .add_span_exporter(captured.clone())
        .strict()
        .build()
        .expect("a valid configuration");
    (telemetry, captured)
}

/// Trace and span ids of the exemplars of a metric.
fn exemplars(telemetry: &Telemetry, metric: &str) -> Vec<(String, String)> {
    let page = telemetry.render_as(Format::OpenMetrics);
    let lines = page.lines().filter(|line| line.starts_with(metric));
    let ids = lines.filter_map(|line| {
        let (_, exemplar) = line.split_once(" # {trace_id=\"")?;
        let (trace, rest) = exemplar.split_once("\",span_id=\"")?;
        Some((trace.to_owned(), rest.split_once('"')?.0.to_owned()))
    });
    ids.collect()
}

const DURATION: &str = "traces_span_metrics_duration_milliseconds_bucket";

#[test]
fn a_bucket_leads_to_a_span_that_was_exported() {
    let (telemetry, captured) = telemetry(&[]);
    telemetry.scope(|| {
        let outer = info_span!(
            "outer",
            otel.kind = "server",
            http.request.method = "GET",
            url.scheme = "http"
        );
        outer.in_scope(|| info_span!("inner").in_scope(|| ()));
    });
    let durations = exemplars(&telemetry, DURATION);
    let conventions = exemplars(&telemetry, "http_server_request_duration_seconds_bucket");
    telemetry
        .flush(Duration::from_secs(5))
        .expect("nothing is lost");
    let exported = captured.0.lock().expect("no panic");
    let id = |name: &str| {
        let mut spans = exported.iter();
        let span = spans
            .find(|span| span.name == name)
            .expect("an exported span");
        let context = &span.span_context;
        (
            context.trace_id().to_string(),
            context.span_id().to_string(),
        )
    };
    assert_eq!(durations, [id("inner"), id("outer")]);
    assert_eq!(conventions, [id("outer")]);
}

#[test]
fn the_layer_in_a_subscriber_of_the_application_leads_there_too() {
    use tracing_subscriber::layer::SubscriberExt;

    let (telemetry, captured) = telemetry(&[("RUST_LOG", "off")]);
    let subscriber =
        tracing_subscriber::registry().with(telemetry.layer().expect("the first layer"));
    tracing::subscriber::with_default(subscriber, || info_span!("work").in_scope(|| ()));
    telemetry
        .flush(Duration::from_secs(5))
        .expect("nothing is lost");
    let exported = captured.0.lock().expect("no panic");
    let context = &exported.first().expect("an exported span").span_context;
    let ids = (
        context.trace_id().to_string(),
        context.span_id().to_string(),
    );
    assert_eq!(exemplars(&telemetry, DURATION), [ids]);
    assert!(telemetry.layer::<tracing_subscriber::Registry>().is_err());
}

#[test]
fn of_a_few_sampled_traces_every_exemplar_was_exported_and_every_span_is_counted() {
    let (telemetry, captured) = telemetry(&[
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.05"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100000"),
    ]);
    telemetry.scope(|| {
        for n in 0..2000 {
            let name = format!("span {}", n % 7);
            info_span!("request", otel.name = name).in_scope(|| {
                info_span!("child").in_scope(|| ());
            });
        }
    });
    let found = exemplars(&telemetry, DURATION);
    assert!(!found.is_empty(), "a hundred traces are sampled");
    telemetry
        .flush(Duration::from_secs(5))
        .expect("nothing is lost");
    let exported = captured.0.lock().expect("no panic");
    for (trace, span) in found {
        let mut ids = exported.iter().map(|span| &span.span_context);
        assert!(
            ids.any(|id| id.trace_id().to_string() == trace && id.span_id().to_string() == span),
            "{trace} {span} was not exported"
        );
    }
    let calls: u64 = telemetry.spans().iter().map(|span| span.calls).sum();
    assert_eq!(calls, 4000);
}

#[test]
fn the_filter_decides_which_spans_may_be_exemplars() {
    for (filter, sampler, expected) in [
        ("trace_based", "always_on", 1),
        ("trace_based", "always_off", 0),
        ("always_off", "always_on", 0),
        ("always_on", "always_off", 1),
    ] {
        let (telemetry, _) = telemetry(&[
            ("OTEL_METRICS_EXEMPLAR_FILTER", filter),
            ("OTEL_TRACES_SAMPLER", sampler),
        ]);
        telemetry.scope(|| info_span!("a").in_scope(|| ()));
        assert_eq!(
            exemplars(&telemetry, DURATION).len(),
            expected,
            "{filter} {sampler}"
        );
    }
}

#[test]
fn after_a_scrape_a_newer_span_takes_the_place() {
    let (telemetry, _) = telemetry(&[]);
    let round = || {
        telemetry.scope(|| info_span!("a").in_scope(|| ()));
        exemplars(&telemetry, DURATION)
    };
    let first = round();
    assert_eq!(first.len(), 1);
    assert_ne!(round(), first);
}

#[test]
fn spans_that_go_nowhere_are_no_exemplars() {
    let telemetry = Telemetry::builder()
        .with_env(Env::from_pairs([
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "none"),
        ]))
        .build()
        .expect("a valid configuration");
    telemetry.scope(|| info_span!("a").in_scope(|| ()));
    assert_eq!(exemplars(&telemetry, DURATION), []);
}

#[test]
fn the_text_format_has_no_exemplars() {
    let (telemetry, _) = telemetry(&[]);
    telemetry.scope(|| info_span!("a").in_scope(|| ()));
    assert!(!telemetry.render().contains("trace_id"));
}

#[test]
fn the_registry_knows_the_newest_trace() {
    let (telemetry, _) = telemetry(&[]);
    telemetry.scope(|| info_span!("a").in_scope(|| ()));
    let shown = exemplars(&telemetry, DURATION);
    let (trace, span) = telemetry.spans()[0].last_exemplar.expect("an exemplar");
    assert_eq!(shown, [(trace.to_string(), span.to_string())]);
}
