//! Three filters, none of which moves another, in a subscriber of ours and in one of the application.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use spanwise::Telemetry;
use spanwise::config::Env;
use tracing::{debug, debug_span, error, info, info_span};
use tracing_subscriber::layer::SubscriberExt;

#[derive(Debug, Clone, Default)]
struct Captured(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Captured {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().expect("no panic").extend(batch);
        Ok(())
    }
}

/// What came of some work: exported spans with the names of their events, and counted spans, both sorted.
#[derive(Debug, PartialEq)]
struct Outcome {
    exported: Vec<(String, Vec<String>)>,
    counted: Vec<String>,
}

/// Does the work under the filters, in both kinds of subscriber, which must not make a difference.
fn outcome(filters: &[(&str, &str)], work: fn()) -> Outcome {
    let [ours, theirs] = [true, false].map(|own| {
        let none = [
            "OTEL_TRACES_EXPORTER",
            "OTEL_METRICS_EXPORTER",
            "OTEL_LOGS_EXPORTER",
        ]
        .map(|name| (name, "none"));
        let captured = Captured::default();
        let telemetry = Telemetry::builder()
            .with_env(Env::from_pairs(
                none.into_iter()
                    .chain([("OTEL_RUST_LOG_LINES", "off")])
                    .chain(filters.iter().copied()),
            ))
            .add_span_exporter(captured.clone())
            .strict()
            .build()
            .expect("a valid configuration");
        if own {
            telemetry.scope(work);
        } else {
            let layer = telemetry.layer().expect("the first layer");
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
        }
        telemetry
            .flush(Duration::from_secs(5))
            .expect("nothing is lost");
        let spans = captured.0.lock().expect("no panic");
        let mut exported: Vec<_> = spans
            .iter()
            .map(|span| {
                (
                    span.name.to_string(),
                    span.events
                        .iter()
                        .map(|event| event.name.to_string())
                        .collect(),
                )
            })
            .collect();
        exported.sort();
        Outcome {
            exported,
            counted: telemetry
                .spans()
                .into_iter()
                .map(|span| span.name)
                .collect(),
        }
    });
    assert_eq!(ours, theirs);
    ours
}

fn nested() {
    info_span!("outer").in_scope(|| {
        debug_span!("inner").in_scope(|| {
            info!("told");
            debug!("whispered");
        });
    });
}

fn spans(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn more_logs_export_and_count_no_more() {
    let usual = outcome(&[], nested);
    assert_eq!(usual.exported, [("outer".to_owned(), spans(&["told"]))]);
    assert_eq!(usual.counted, spans(&["outer"]));
    for logs in ["off", "warn", "debug", "trace", "info,filters=trace"] {
        assert_eq!(
            outcome(&[("RUST_LOG", logs)], nested),
            usual,
            "RUST_LOG={logs}"
        );
    }
}

#[test]
fn more_counted_spans_export_no_more() {
    let more = outcome(&[("OTEL_RUST_SPAN_METRICS_FILTER", "debug")], nested);
    assert_eq!(more.exported, [("outer".to_owned(), spans(&["told"]))]);
    assert_eq!(more.counted, spans(&["inner", "outer"]));
}

#[test]
fn more_exported_spans_count_no_more() {
    let more = outcome(&[("OTEL_RUST_SPAN_FILTER", "debug")], nested);
    assert_eq!(
        more.exported,
        [
            ("inner".to_owned(), spans(&["told", "whispered"])),
            ("outer".to_owned(), Vec::new())
        ]
    );
    assert_eq!(more.counted, spans(&["outer"]));
}

#[test]
fn nothing_is_exported_with_the_filter_off_and_all_is_counted() {
    let off = outcome(&[("OTEL_RUST_SPAN_FILTER", "off")], nested);
    assert_eq!(off.exported, []);
    assert_eq!(off.counted, spans(&["outer"]));
}

#[test]
fn targets_decide_for_their_own_signal() {
    fn elsewhere() {
        info_span!(target: "db", "query").in_scope(|| error!(target: "db", "failed"));
        info_span!("request").in_scope(|| ());
    }
    let without_db = outcome(
        &[
            ("OTEL_RUST_SPAN_FILTER", "info,db=off"),
            ("RUST_LOG", "db=trace"),
        ],
        elsewhere,
    );
    assert_eq!(without_db.exported, [("request".to_owned(), Vec::new())]);
    assert_eq!(without_db.counted, spans(&["query", "request"]));
}
