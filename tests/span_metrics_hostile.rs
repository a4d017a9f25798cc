//! What spans must not be able to do to the span metrics: hostile values, hostile lifecycles, too much of everything.
//!
//! Everything here is scoped; `init()` has a binary of its own, `span_metrics_global`.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};

use spanwise::Telemetry;
use spanwise::config::Env;
use tracing::{Instrument, info_span};

fn telemetry(vars: &[(&str, &str)]) -> Telemetry {
    let quiet = [
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_RUST_LOG_LINES", "off"),
        ("OTEL_LOG_LEVEL", "none"),
        ("OTEL_RUST_SPAN_METRICS_DIMENSIONS", "x"),
    ];
    Telemetry::builder()
        .with_env(Env::from_pairs(quiet.iter().chain(vars).copied()))
        .strict()
        .build()
        .expect("a valid configuration")
}

fn calls(telemetry: &Telemetry, name: &str) -> u64 {
    let spans = telemetry.spans();
    spans
        .iter()
        .filter(|span| span.name == name)
        .map(|span| span.calls)
        .sum()
}

/// All spans of the connector's metric, those in the overflow included.
fn total(page: &str) -> u64 {
    let lines = page
        .lines()
        .filter(|line| line.starts_with("traces_span_metrics_calls_total{"));
    let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
    values.sum()
}

/// A page that Prometheus would take: each line is a comment or a sample.
fn assert_sound(page: &str) {
    for line in page.lines() {
        let sample = || {
            let (name, value) = line.rsplit_once(' ')?;
            let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            (plain && value.parse::<f64>().is_ok()).then_some(())
        };
        assert!(line.starts_with("# ") || sample().is_some(), "{line:?}");
    }
}

// --- values ---

/// Runs something of the application while it is shown.
struct Shows(fn() -> &'static str);

impl fmt::Debug for Shows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str((self.0)())
    }
}

#[test]
fn a_debug_that_panics_takes_nothing_down_but_its_own_span() {
    let telemetry = telemetry(&[]);
    telemetry.scope(|| {
        // The OpenTelemetry layer shows every field, too, and lets the panic through to whoever made the span.
        let panics = || info_span!("a", x = ?Shows(|| panic!("shown")));
        let _ = catch_unwind(AssertUnwindSafe(|| panics().in_scope(|| ())));
        for _ in 0..3 {
            info_span!("b", x = 1).in_scope(|| ());
        }
        let late = info_span!("c", x = tracing::field::Empty);
        let record = || {
            late.record("x", tracing::field::debug(Shows(|| panic!("shown"))));
        };
        let _ = catch_unwind(AssertUnwindSafe(record));
        late.in_scope(|| ());
        drop(late);
    });
    assert_eq!(calls(&telemetry, "b"), 3);
    assert_eq!(calls(&telemetry, "c"), 1);
    assert_sound(&telemetry.render());
}

#[test]
fn a_debug_that_panics_is_no_value_where_only_metrics_look() {
    let telemetry = telemetry(&[("OTEL_RUST_SPAN_FILTER", "off"), ("RUST_LOG", "off")]);
    telemetry.scope(|| {
        info_span!("a", x = ?Shows(|| panic!("shown"))).in_scope(|| ());
    });
    assert_eq!(calls(&telemetry, "a"), 1);
    assert!(!telemetry.render().contains("x="));
}

#[test]
fn a_debug_that_logs_and_opens_spans_is_shown_as_any_other() {
    let telemetry = telemetry(&[]);
    telemetry.scope(|| {
        let value = Shows(|| {
            tracing::error!("shown");
            info_span!("inner", x = ?Shows(|| "deep")).in_scope(|| ());
            "outer value"
        });
        info_span!("outer", x = ?value).in_scope(|| ());
    });
    // A scoped dispatcher ignores what is traced meanwhile; the global one does not, see `span_metrics_global`.
    assert_eq!(calls(&telemetry, "outer"), 1);
    assert!(telemetry.render().contains(r#"x="outer value""#));
}

#[test]
fn a_value_of_ten_megabytes_is_cut() {
    let telemetry = telemetry(&[]);
    telemetry.scope(|| {
        let long = "é".repeat(5_000_000);
        info_span!("text", x = long.as_str()).in_scope(|| ());
        info_span!("shown", x = %long).in_scope(|| ());
        info_span!("named", otel.name = long.as_str()).in_scope(|| ());
    });
    let page = telemetry.render();
    assert!(page.len() < 100_000, "{} bytes", page.len());
    assert_eq!(total(&page), 3);
    assert_sound(&page);
}

#[test]
fn control_characters_and_quotes_do_not_break_the_page() {
    let telemetry = telemetry(&[]);
    telemetry.scope(|| {
        for value in [
            "\n",
            "\"} 1\nfake_metric 7",
            "\\",
            "\0",
            "\u{1b}[31m",
            "\r\n",
            "\u{202e}",
            "#",
        ] {
            info_span!("a", x = value, otel.name = value).in_scope(|| ());
        }
    });
    let page = telemetry.render();
    assert_eq!(total(&page), 8);
    assert!(!page.lines().any(|line| line.starts_with("fake_metric")));
}

#[test]
fn an_invalid_kind_counts_as_internal() {
    let telemetry = telemetry(&[]);
    telemetry.scope(|| {
        for kind in ["", "servers", "\n", "ｓｅｒｖｅｒ"] {
            info_span!("a", otel.kind = kind).in_scope(|| ());
        }
        info_span!("a", otel.kind = 7).in_scope(|| ());
    });
    let spans = telemetry.spans();
    assert_eq!(spans.len(), 1, "{spans:?}");
    assert_eq!(spans[0].calls, 5);
}

// --- too much ---

#[test]
fn a_hundred_thousand_names_end_in_the_overflow_and_none_is_lost() {
    let telemetry = telemetry(&[("OTEL_RUST_SPAN_FILTER", "off")]);
    telemetry.scope(|| {
        info_span!("known").in_scope(|| ());
        for n in 0..100_000 {
            info_span!("a", otel.name = format!("name {n}")).in_scope(|| ());
        }
        info_span!("known").in_scope(|| ());
    });
    assert_eq!(calls(&telemetry, "known"), 2);
    let page = telemetry.render();
    assert_eq!(total(&page), 100_002);
    let series = page
        .lines()
        .filter(|line| line.starts_with("traces_span_metrics_calls_total"));
    assert_eq!(series.count(), 2001);
}

#[test]
fn a_hundred_thousand_values_from_two_threads_are_all_counted() {
    let telemetry = telemetry(&[("OTEL_RUST_SPAN_FILTER", "off")]);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let telemetry = &telemetry;
            scope.spawn(move || {
                telemetry.scope(|| {
                    for n in 0..50_000 {
                        info_span!("a", x = format!("{thread} {n}")).in_scope(|| ());
                        info_span!("steady", x = n % 7).in_scope(|| ());
                    }
                });
            });
        }
    });
    assert_eq!(total(&telemetry.render()), 200_000);
}

#[test]
fn spans_beyond_every_table_are_counted_or_said() {
    let telemetry = telemetry(&[("OTEL_RUST_SPAN_FILTER", "off")]);
    telemetry.scope(|| {
        let open: Vec<_> = (0..60_000).map(|_| info_span!("a", x = 1)).collect();
        let active = telemetry.spans()[0].active;
        assert_eq!(active, 60_000);
        drop(open);
    });
    assert_eq!(calls(&telemetry, "a"), 60_000);
    assert_eq!(telemetry.spans()[0].active, 0);
}

// --- lifecycles ---

#[test]
fn a_span_that_several_threads_enter_at_once_is_counted_once() {
    let telemetry = telemetry(&[]);
    telemetry.scope(|| {
        let span = info_span!("shared", x = tracing::field::Empty);
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let (inside, together) = (&span, Barrier::new(4));
        std::thread::scope(|scope| {
            for n in 0..4 {
                let (dispatch, together) = (dispatch.clone(), &together);
                scope.spawn(move || {
                    tracing::dispatcher::with_default(&dispatch, || {
                        inside.in_scope(|| {
                            together.wait();
                            inside.record("x", n);
                            tracing::error!("failed");
                        });
                    });
                });
            }
        });
    });
    let spans = telemetry.spans();
    assert_eq!((spans[0].calls, spans[0].errors), (1, 1));
}

#[test]
fn links_and_explicit_parents_do_not_matter() {
    let telemetry = telemetry(&[]);
    telemetry.scope(|| {
        let cause = info_span!("cause");
        let follower = info_span!("follower");
        follower.follows_from(&cause);
        let child = info_span!(parent: &cause, "child");
        drop(cause);
        let root = info_span!(parent: None, "root");
        follower.in_scope(|| child.in_scope(|| root.in_scope(|| ())));
    });
    for name in ["cause", "follower", "child", "root"] {
        assert_eq!(calls(&telemetry, name), 1, "{name}");
    }
}

#[test]
fn a_cancelled_future_and_one_that_moves_between_threads_are_counted_once() {
    let telemetry = telemetry(&[]);
    telemetry.scope(|| {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut moved = Box::pin(std::future::pending::<()>().instrument(info_span!("moved")));
        assert!(moved.as_mut().poll(&mut context).is_pending());
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                assert!(moved.as_mut().poll(&mut context).is_pending());
            });
        });
    });
    assert_eq!(calls(&telemetry, "moved"), 1);
}

#[test]
fn a_span_that_is_made_and_closed_while_a_thread_ends_is_counted() {
    struct AtEnd(tracing::Dispatch);

    impl Drop for AtEnd {
        fn drop(&mut self) {
            tracing::dispatcher::with_default(&self.0, || {
                info_span!("at the end", x = 1).in_scope(|| ());
            });
        }
    }

    thread_local! {
        static AT_END: std::cell::RefCell<Option<AtEnd>> = const { std::cell::RefCell::new(None) };
    }

    let telemetry = telemetry(&[]);
    let dispatch = telemetry.scope(|| tracing::dispatcher::get_default(Clone::clone));
    let thread = std::thread::spawn(move || {
        AT_END.with(|at_end| *at_end.borrow_mut() = Some(AtEnd(dispatch.clone())));
        tracing::dispatcher::with_default(&dispatch, || info_span!("before").in_scope(|| ()));
    });
    // A dispatcher that is gone for the thread counts nothing; a panic would end the process.
    thread.join().expect("no panic");
    assert_eq!(calls(&telemetry, "before"), 1);
}

#[test]
fn a_callsite_that_is_off_is_not_counted_and_does_not_disturb_those_around_it() {
    let telemetry = telemetry(&[]);
    telemetry.scope(|| {
        info_span!("outer").in_scope(|| {
            tracing::trace_span!("off", x = 1).in_scope(|| {
                info_span!("inner").in_scope(|| tracing::error!("failed"));
            });
        });
    });
    assert_eq!(calls(&telemetry, "off"), 0);
    let errors: Vec<u64> = telemetry.spans().iter().map(|span| span.errors).collect();
    assert_eq!(errors, [1, 0]);
}

#[test]
fn the_filter_of_another_layer_changes_nothing() {
    use tracing_subscriber::Layer;
    use tracing_subscriber::filter::LevelFilter;
    use tracing_subscriber::layer::SubscriberExt;

    struct Other;

    impl<S: tracing::Subscriber> Layer<S> for Other {}

    let telemetry = telemetry(&[]);
    let subscriber = tracing_subscriber::registry()
        .with(telemetry.layer().expect("the first layer"))
        .with(Other.with_filter(LevelFilter::OFF))
        .with(Other.with_filter(LevelFilter::TRACE));
    tracing::subscriber::with_default(subscriber, || {
        info_span!("a").in_scope(|| tracing::trace_span!("b").in_scope(|| ()));
    });
    assert_eq!(calls(&telemetry, "a"), 1);
    assert_eq!(calls(&telemetry, "b"), 0);
}

#[test]
fn an_opentelemetry_layer_of_the_application_exports_and_spans_are_counted() {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    let exported = Exported::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exported.clone())
        .build();
    let theirs = tracing_opentelemetry::layer().with_tracer(provider.tracer("theirs"));
    let telemetry = telemetry(&[]);
    let subscriber = tracing_subscriber::registry()
        .with(theirs)
        .with(telemetry.layer().expect("the first layer"));
    tracing::subscriber::with_default(subscriber, || {
        info_span!("a").in_scope(|| tracing::info!("inside"));
    });
    assert_eq!(calls(&telemetry, "a"), 1);
    assert_eq!(exported.0.load(Ordering::Relaxed), 1);
}

/// Counts what is exported.
#[derive(Debug, Clone, Default)]
struct Exported(Arc<AtomicUsize>);

impl opentelemetry_sdk::trace::SpanExporter for Exported {
    async fn export(
        &self,
        batch: Vec<opentelemetry_sdk::trace::SpanData>,
    ) -> opentelemetry_sdk::error::OTelSdkResult {
        self.0.fetch_add(batch.len(), Ordering::Relaxed);
        Ok(())
    }
}

// --- callbacks ---

#[test]
fn a_callback_that_panics_disturbs_neither_the_span_nor_other_callbacks() {
    let telemetry = telemetry(&[]);
    let (sender, seen) = std::sync::mpsc::channel();
    let _panics = telemetry.on_close(spanwise::SpanFilter::all(), |_| panic!("callback"));
    let _good = telemetry.on_close(spanwise::SpanFilter::all(), move |_| {
        let _ = sender.send(());
    });
    telemetry.scope(|| {
        info_span!("a").in_scope(|| ());
        info_span!("a").in_scope(|| ());
    });
    assert_eq!(calls(&telemetry, "a"), 2);
    assert_eq!(seen.try_iter().count(), 2);
}

#[test]
fn a_callback_may_read_the_metrics_and_end_its_own_subscription() {
    let telemetry = Arc::new(telemetry(&[]));
    let own = Arc::new(Mutex::new(None));
    let (reads, ends) = (telemetry.clone(), own.clone());
    let subscription = telemetry.on_close("a", move |_| {
        assert!(!reads.render().is_empty());
        drop(ends.lock().map(|mut own| own.take()));
    });
    *own.lock().expect("no panic") = Some(subscription);
    telemetry.scope(|| {
        info_span!("a").in_scope(|| ());
        info_span!("a").in_scope(|| ());
    });
    assert_eq!(calls(&telemetry, "a"), 2);
    assert!(own.lock().expect("no panic").is_none());
}
