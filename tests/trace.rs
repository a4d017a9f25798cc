//! What application code does with the span that it is in.

use std::collections::HashMap;
use std::fmt;

use opentelemetry::KeyValue;
use spanwise::SpanStatus;
use spanwise::config::{Dimension, Env};
use spanwise::testing::Telemetry;
use spanwise::trace::{self, Status};
use tracing::field::Empty;
use tracing::{info, info_span};

/// How often spans of this name were counted with this status.
fn counted(t: &Telemetry, name: &str, status: &str) -> bool {
    let page = t.inner().render();
    page.contains(&format!(
        r#"span_name="{name}",status_code="STATUS_CODE_{status}"}} 1"#
    ))
}

/// A child of the current span.
fn child() {
    info_span!("child").in_scope(|| info!(tenant = trace::baggage("tenant"), "here"));
}

/// `child` ran in `parent`, with the baggage.
fn is_carried(t: &Telemetry) {
    let parent = t.spans().named("parent").one();
    let child = t.spans().children_of(&parent).one();
    assert_eq!(child.name, "child");
    assert_eq!(
        t.logs().in_span(&child).one().attribute("tenant"),
        Some("acme")
    );
}

fn in_parent<R>(t: &Telemetry, f: impl FnOnce() -> R) -> R {
    t.scope(|| info_span!("parent").in_scope(|| trace::with_baggage([("tenant", "acme")], f)))
}

#[derive(Debug)]
struct Failed(Option<Box<Failed>>, &'static str);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert_ne!(self.1, "unspeakable");
        f.write_str(self.1)
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.as_deref().map(|error| error as _)
    }
}

#[test]
fn attributes_are_set_with_their_type() {
    let t = Telemetry::new();
    t.scope(|| {
        info_span!("work", declared = Empty).in_scope(|| {
            trace::set_attribute("free", 1.5);
            trace::set_attribute("declared", 3);
        });
    });
    let attributes = t.spans().one().attributes;
    assert!(
        attributes.contains(&KeyValue::new("free", 1.5)),
        "{attributes:?}"
    );
    assert!(
        attributes.contains(&KeyValue::new("declared", 3)),
        "{attributes:?}"
    );
}

#[test]
fn a_declared_dimension_reaches_span_metrics() {
    let t = Telemetry::builder()
        .configure(|builder| builder.span_metrics(|m| m.add_dimension(Dimension::new("tenant"))))
        .build();
    t.scope(|| {
        info_span!("work", tenant = Empty).in_scope(|| trace::set_attribute("tenant", "acme"));
    });
    assert!(t.inner().render().contains(r#"tenant="acme""#));
}

#[test]
fn events_go_to_the_span_and_not_to_the_logs() {
    let t = Telemetry::new();
    t.scope(|| info_span!("work").in_scope(|| trace::add_event("miss", [KeyValue::new("n", 1)])));
    let event = t.spans().one().event("miss").cloned().expect("an event");
    assert_eq!(
        (event.attribute("n").as_deref(), t.logs().len()),
        (Some("1"), 0)
    );
}

#[test]
fn an_error_is_recorded_with_its_sources_and_counted() {
    let t = Telemetry::new();
    let cause = Failed(Some(Box::new(Failed(None, "no route"))), "cannot connect");
    let error = Failed(Some(Box::new(cause)), "cannot save");
    t.scope(|| info_span!("work").in_scope(|| trace::record_error(&error)));
    let span = t.spans().failed().one();
    let event = span.event("exception").expect("an event");
    assert_eq!(span.message, "cannot save");
    assert_eq!(
        event.attribute("exception.message").as_deref(),
        Some("cannot save")
    );
    assert_eq!(
        event.attribute("exception.type").as_deref(),
        Some("trace::Failed")
    );
    assert_eq!(
        event.attribute("exception.stacktrace").as_deref(),
        Some("caused by: cannot connect\ncaused by: no route")
    );
    assert!(counted(&t, "work", "ERROR"), "{}", t.inner().render());
}

#[test]
fn an_error_that_has_lost_its_type_and_panics_is_recorded() {
    let t = Telemetry::new();
    let error: Box<dyn std::error::Error> = Box::new(Failed(None, "unspeakable"));
    t.scope(|| info_span!("work").in_scope(|| trace::record_error(&*error)));
    let span = t.spans().failed().one();
    assert_eq!(span.message, "an error that cannot be shown");
    assert_eq!(
        span.event("exception")
            .and_then(|e| e.attribute("exception.type")),
        None
    );
}

#[test]
fn ok_is_final_for_the_span_and_its_metrics() {
    let t = Telemetry::new();
    t.scope(|| {
        info_span!("work").in_scope(|| {
            trace::set_status(Status::error("first"));
            trace::set_status(Status::Ok);
            trace::record_error(&Failed(None, "late"));
        });
    });
    assert_eq!(t.spans().one().status, SpanStatus::Ok);
    assert!(counted(&t, "work", "OK"), "{}", t.inner().render());
}

#[test]
fn a_subscriber_of_the_application_is_told_too() {
    use tracing_subscriber::layer::SubscriberExt;

    let telemetry = spanwise::Telemetry::builder()
        .with_env(Env::from_pairs(
            ["TRACES", "METRICS", "LOGS"].map(|s| (format!("OTEL_{s}_EXPORTER"), "none")),
        ))
        .build()
        .expect("a valid configuration");
    let subscriber = tracing_subscriber::registry().with(telemetry.layer().expect("the first"));
    tracing::subscriber::with_default(subscriber, || {
        info_span!("work").in_scope(|| trace::set_status(Status::error("late")));
    });
    let page = telemetry.render();
    let error = r#"span_name="work",status_code="STATUS_CODE_ERROR"} 1"#;
    assert!(page.contains(error), "{page}");
}

#[test]
fn outside_of_a_span_nothing_happens() {
    let t = Telemetry::new();
    let all = || {
        trace::set_attribute("key", 1);
        trace::add_event("event", []);
        trace::record_error(&Failed(None, "lost"));
        trace::carry(|| trace::set_status(Status::Ok))();
        trace::inject(&mut HashMap::new());
    };
    all();
    t.scope(all);
    assert!(t.spans().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_carry_span_baggage_and_harness() {
    let t = Telemetry::new();
    let work = async {
        tokio::task::yield_now().await;
        child();
    };
    in_parent(&t, || trace::spawn(work))
        .await
        .expect("no panic");
    is_carried(&t);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocking_tasks_carry_them() {
    let t = Telemetry::new();
    in_parent(&t, || trace::spawn_blocking(child))
        .await
        .expect("no panic");
    is_carried(&t);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn join_sets_carry_them() {
    let t = Telemetry::new();
    let mut set = trace::JoinSet::new();
    in_parent(&t, || {
        set.spawn(async { child() });
        set.spawn_blocking(child);
    });
    assert_eq!(set.len(), 2);
    set.join_all().await;
    let parent = t.spans().named("parent").one();
    assert_eq!(t.spans().children_of(&parent).names(), ["child", "child"]);
}

#[test]
fn threads_carry_them() {
    let t = Telemetry::new();
    in_parent(&t, || trace::spawn_thread(child))
        .join()
        .expect("no panic");
    is_carried(&t);
}

#[test]
fn a_thread_is_as_it_was_after_what_it_carried() {
    let t = Telemetry::new();
    let carried = in_parent(&t, || trace::carry(child));
    std::thread::spawn(|| {
        carried();
        child();
        assert_eq!(trace::baggage("tenant"), None);
    })
    .join()
    .expect("no panic");
    assert_eq!(t.spans().named("child").len(), 1);
}

#[test]
fn a_trace_goes_on_in_the_next_service() {
    let (here, there) = (Telemetry::new(), Telemetry::new());
    let mut headers = HashMap::new();
    in_parent(&here, || trace::inject(&mut headers));
    there.scope(|| {
        let served = trace::within(trace::extract(&headers), || {
            info_span!("served", otel.kind = "server")
        });
        served.in_scope(child);
    });
    let (parent, served) = (here.spans().one(), there.spans().named("served").one());
    assert_eq!(
        (served.trace_id, served.parent),
        (parent.trace_id, Some(parent.span_id))
    );
    assert_eq!(there.logs().one().attribute("tenant"), Some("acme"));
}

#[tokio::test]
async fn baggage_is_added_to_what_there_is() {
    let both = async { (trace::baggage("one"), trace::baggage("two")) };
    let both = trace::with_baggage([("one", "1"), ("two", "old")], || {
        trace::with_baggage_async([("two", "2")], both)
    });
    assert_eq!(both.await, (Some("1".to_owned()), Some("2".to_owned())));
    assert_eq!(trace::baggage("one"), None);
}
