//! The harness for tests: what it keeps, what it says, and that many of them do not meet.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry::{SpanId, TraceId};
use spanwise::SpanStatus;
use spanwise::metrics::{Counter, Definition, Gauge, Histogram};
use spanwise::testing::Telemetry;
use tracing::{error, info, info_span, trace, trace_span};

const ORDERS: Definition<Counter> = Counter::define("shop.orders").labels(&["status"]);
const STOCK: Definition<Gauge> = Gauge::define("shop.stock").unit("By");
const WAIT: Definition<Histogram> = Histogram::define("shop.wait").unit("s");

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

/// What a panic says.
fn words(panics: impl FnOnce()) -> String {
    let panicked = catch_unwind(AssertUnwindSafe(panics)).expect_err("a panic");
    let text = panicked.downcast_ref::<String>().cloned();
    text.unwrap_or_else(|| (*panicked.downcast_ref::<&str>().expect("words")).to_owned())
}

#[test]
fn spans_are_kept_with_everything() {
    let t = Telemetry::new();
    t.scope(|| {
        let outer = info_span!("outer", otel.kind = "server", user = "ada").entered();
        let inner = info_span!("inner");
        inner.in_scope(|| error!(code = 7, "broken"));
        drop((inner, outer));
    });
    assert_eq!(t.spans().names(), ["inner", "outer"]);
    let outer = t.spans().named("outer").one();
    let inner = t.spans().children_of(&outer).one();
    assert_eq!(outer.attribute("user").as_deref(), Some("ada"));
    assert_eq!((outer.parent, inner.trace_id), (None, outer.trace_id));
    assert_eq!(inner.status, SpanStatus::Error);
    assert_eq!(
        inner
            .event("broken")
            .and_then(|e| e.attribute("code"))
            .as_deref(),
        Some("7")
    );
    assert_eq!(t.spans().failed().names(), ["inner"]);
    assert_eq!(t.spans().with("user", "ada").names(), ["outer"]);
}

#[test]
fn logs_are_kept_with_their_span() {
    let t = Telemetry::new();
    t.scope(|| info_span!("work").in_scope(|| info!(items = 3, "sorted")));
    let log = t
        .logs()
        .containing("sorted")
        .with("items", "3")
        .at_level("info")
        .one();
    assert_eq!(
        (log.body.as_str(), log.target.as_str()),
        ("sorted", "testing")
    );
    assert_eq!(t.logs().in_span(&t.spans().one()).len(), 1);
}

#[test]
fn metrics_are_read_under_either_name() -> Result {
    let t = Telemetry::new();
    let orders = t.metrics().register(&ORDERS)?;
    t.metrics().register(&STOCK)?.set(7.5, []);
    t.metrics().register(&WAIT)?.record(0.5, []);
    orders.add(3, [("status", "ok")]);
    assert!(t.counter("shop.orders", [("status", "ok")]) == 3);
    assert!(t.counter("shop_orders_total", [("status", "ok")]) == 3);
    assert!(t.counter("shop_orders_total", [("status", "never")]) == 0);
    assert!(t.gauge("shop_stock_bytes", []) == 7.5);
    assert_eq!(t.histogram("shop.wait", []).count(), 1);
    Ok(())
}

#[test]
fn a_name_that_nothing_has_is_said_with_those_that_exist() -> Result {
    let t = Telemetry::new();
    t.metrics().register(&ORDERS)?;
    let said = words(|| assert!(t.counter("shop_order", []) == 0));
    assert_eq!(
        said,
        r#"no metric is called "shop_order"; there are ["shop.orders"]"#
    );
    let said = words(|| assert!(t.gauge("shop.orders", []) == 0));
    assert_eq!(said, "shop.orders has no series []; it has []");
    Ok(())
}

#[test]
fn the_only_span_has_to_be_the_only_one() {
    let t = Telemetry::new();
    t.scope(|| (0..2).for_each(|_| info_span!("twice").in_scope(|| ())));
    let said = words(|| drop(t.spans().one()));
    assert!(
        said.starts_with("expected one span, found 2:\n  twice "),
        "{said}"
    );
    let said = words(|| drop(t.spans().named("never").one()));
    assert_eq!(said, "expected one span, found 0:\n");
}

#[test]
fn a_failed_assertion_shows_the_whole_capture() {
    let shown = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&shown);
    words(move || {
        let t = Telemetry::builder()
            .with_sequential_ids()
            .with_manual_clock()
            .on_failure(move |capture| sink.lock().unwrap().push_str(capture))
            .build();
        t.metrics()
            .register(&ORDERS)
            .expect("new")
            .add(2, [("status", "ok")]);
        t.scope(|| {
            let _span = info_span!("work", item = "tea").entered();
            t.advance(Duration::from_millis(5));
            error!("spilt");
            t.advance(Duration::from_millis(1));
        });
        assert!(t.counter("shop.orders", [("status", "ok")]) == 3);
    });
    assert_eq!(
        *shown.lock().unwrap(),
        r#"--- telemetry of the test
1 spans, as they ended:
  work Internal 00000000000000000000000000000001/0000000000000001 at 0ns for 6ms error item="tea"
    spilt at 5ms level="ERROR" target="testing"

1 log records:
  5ms ERROR testing: spilt in 00000000000000000000000000000001/0000000000000001

1 metrics:
  shop.orders (Counter)
    {status="ok"} 2
"#
    );
}

#[test]
fn a_test_that_passes_shows_nothing() {
    let shown = Arc::new(Mutex::new(0));
    let sink = Arc::clone(&shown);
    let t = Telemetry::builder()
        .on_failure(move |_| *sink.lock().unwrap() += 1)
        .build();
    drop(t);
    assert_eq!(*shown.lock().unwrap(), 0);
}

#[test]
fn ids_and_times_are_the_same_on_each_run() {
    let run = || {
        let t = Telemetry::builder()
            .with_sequential_ids()
            .with_manual_clock()
            .build();
        t.scope(|| {
            t.advance(Duration::from_secs(1));
            let outer = info_span!("outer").entered();
            t.advance(Duration::from_secs(2));
            info_span!("inner").in_scope(|| t.advance(Duration::from_secs(3)));
            drop(outer);
            info_span!("next").in_scope(|| ());
        });
        (
            t.spans(),
            t.inner()
                .spans()
                .iter()
                .map(|s| (s.name.clone(), s.p50))
                .collect::<Vec<_>>(),
        )
    };
    let first = run();
    assert_eq!(first, run());
    let spans: Vec<_> = first
        .0
        .iter()
        .map(|s| (s.trace_id, s.span_id, s.start, s.duration))
        .collect();
    let (trace, span, s) = (TraceId::from, SpanId::from, Duration::from_secs);
    let expected = [
        (trace(1), span(2), s(3), s(3)),
        (trace(1), span(1), s(1), s(5)),
        (trace(2), span(3), s(6), s(0)),
    ];
    assert_eq!(spans, expected);
}

#[test]
fn the_clock_of_the_system_cannot_be_moved() {
    let t = Telemetry::new();
    assert!(words(|| t.advance(Duration::ZERO)).contains("with_manual_clock"));
}

#[test]
fn span_metrics_follow_the_manual_clock() {
    let t = Telemetry::builder().with_manual_clock().build();
    t.scope(|| info_span!("slow").in_scope(|| t.advance(Duration::from_secs(2))));
    let page = t.inner().render();
    let sum = r#"span_name="slow",status_code="STATUS_CODE_UNSET"} 2000"#;
    assert!(page.contains(sum), "{page}");
}

#[test]
fn every_level_is_seen_unless_a_variable_says_otherwise() {
    let see = |t: Telemetry| {
        t.scope(|| trace_span!("quiet").in_scope(|| trace!("whisper")));
        (t.spans().len(), t.logs().len())
    };
    assert_eq!(see(Telemetry::new()), (1, 1));
    let info = Telemetry::builder()
        .with_var("RUST_LOG", "info")
        .with_var("OTEL_RUST_SPAN_FILTER", "info");
    assert_eq!(see(info.build()), (0, 0));
}

#[test]
fn clearing_forgets_spans_and_logs() {
    let t = Telemetry::new();
    t.scope(|| info_span!("before").in_scope(|| info!("before")));
    t.clear();
    t.scope(|| info_span!("after").in_scope(|| ()));
    assert_eq!((t.spans().names(), t.logs().len()), (vec!["after"], 0));
}

#[tokio::test]
async fn a_test_on_one_thread_can_enter() {
    let t = Telemetry::new();
    let _entered = t.enter();
    tracing::Instrument::instrument(tokio::task::yield_now(), info_span!("work")).await;
    assert_eq!(t.spans().names(), ["work"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instrumented_task_belongs_to_the_harness() -> Result {
    let t = Telemetry::new();
    let task = async {
        tokio::task::yield_now().await;
        info_span!("task").in_scope(|| ());
    };
    tokio::spawn(t.instrument(task)).await?;
    assert_eq!(t.spans().names(), ["task"]);
    Ok(())
}

#[test]
fn a_callsite_that_a_thread_without_a_harness_meets_first_is_seen() {
    fn work() {
        info_span!("shared callsite").in_scope(|| ());
    }
    let t = Telemetry::new();
    std::thread::spawn(work).join().expect("no panic");
    t.scope(work);
    assert_eq!(t.spans().names(), ["shared callsite"]);
}

/// The same callsites from 64 threads at once, a harness each, beside threads that have none.
#[test]
fn sixty_four_tests_at_once_see_only_their_own() {
    fn work(t: &Telemetry, thread: usize) {
        let orders = t.metrics().register(&ORDERS).expect("a new registry");
        t.scope(|| {
            let outer = info_span!("outer", thread).entered();
            info_span!("inner").in_scope(|| info!(thread, "at work"));
            orders.add(thread as u64, [("status", "ok")]);
            drop(outer);
        });
    }

    fn check(t: &Telemetry, thread: usize) {
        let thread_text = thread.to_string();
        assert_eq!(t.spans().names(), ["inner", "outer"]);
        let outer = t.spans().with("thread", &thread_text).one();
        assert_eq!(outer.span_id, SpanId::from(1));
        let inner = t.spans().children_of(&outer).one();
        assert_eq!(
            t.logs().in_span(&inner).one().attribute("thread"),
            Some(&*thread_text)
        );
        assert!(t.counter("shop.orders", [("status", "ok")]) == thread);
        assert_eq!(t.inner().spans().len(), 2);
    }

    let start = Instant::now();
    for _ in 0..100 {
        std::thread::scope(|scope| {
            for thread in 0..64 {
                scope.spawn(move || {
                    let t = Telemetry::builder().with_sequential_ids().build();
                    work(&t, thread);
                    check(&t, thread);
                });
            }
            scope.spawn(|| (0..64).for_each(|_| info_span!("nobody's").in_scope(|| ())));
        });
    }
    let took = start.elapsed();
    // Shown with `--nocapture`; a limit would only measure the machine.
    eprintln!("6400 harnesses in {took:.1?}");
}
