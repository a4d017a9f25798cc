//! Span metrics behind `init()`: the global dispatcher lets the application trace from inside our callbacks, the scoped one
//! does not. One test, because there is one global.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use spanwise::config::Env;
use spanwise::{InitError, SpanFilter, Telemetry};
use tracing::info_span;

/// Logs and opens spans, with a value of the same kind, while it is shown.
struct Traces(u32);

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(deeper) = self.0.checked_sub(1) {
            tracing::error!(x = ?Traces(deeper), "shown");
            info_span!("inside", x = ?Traces(deeper)).in_scope(|| ());
        }
        write!(f, "level {}", self.0)
    }
}

#[test]
fn everything_is_counted_once_whatever_traces_meanwhile() {
    let telemetry = Telemetry::builder()
        .with_env(Env::from_pairs([
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_RUST_LOG_LINES", "off"),
            ("OTEL_RUST_SPAN_METRICS_DIMENSIONS", "x"),
            ("OTEL_RUST_SPAN_FILTER", "info,quiet=off"),
        ]))
        .init()
        .expect("nothing is installed");
    let calls = |name: &str| -> u64 {
        let spans = telemetry.spans();
        spans
            .iter()
            .filter(|span| span.name == name)
            .map(|span| span.calls)
            .sum()
    };

    // A value that traces while it is shown, in spans that are exported and in one that is not.
    info_span!("outside", x = ?Traces(2)).in_scope(|| ());
    info_span!(target: "quiet", "outside", x = ?Traces(2)).in_scope(|| ());
    let late = info_span!("outside", x = tracing::field::Empty);
    late.record("x", tracing::field::debug(Traces(2)));
    drop(late);
    assert_eq!(calls("outside"), 3);
    assert!(calls("inside") >= 2);
    assert!(telemetry.render().contains(r#"x="level 2""#));

    // A callback that traces.
    let closed = Arc::new(AtomicU64::new(0));
    let counted = closed.clone();
    let subscription = telemetry.on_close(SpanFilter::all(), move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        info_span!("of the callback").in_scope(|| tracing::error!("heard"));
    });
    for _ in 0..100 {
        info_span!("observed").in_scope(|| ());
    }
    drop(subscription);
    info_span!("observed").in_scope(|| ());
    assert_eq!(closed.load(Ordering::Relaxed), 100);
    assert_eq!((calls("observed"), calls("of the callback")), (101, 100));

    // Threads that the application starts have the same subscriber.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..10_000 {
                    info_span!("busy", x = n % 5).in_scope(|| ());
                }
            });
        }
    });
    assert_eq!(calls("busy"), 40_000);
    assert!(telemetry.spans().iter().all(|span| span.active == 0));

    // A second one is refused, and the first goes on.
    let second = Telemetry::builder().init();
    assert!(matches!(second, Err(InitError::AlreadyInstalled)));
    info_span!("after").in_scope(|| ());
    assert_eq!(calls("after"), 1);
}
