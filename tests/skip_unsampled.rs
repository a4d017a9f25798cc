//! Descendants of an unsampled span skip the OpenTelemetry layer, and nobody notices but the clock.
//!
//! Every rule runs twice: with the gate, which is the default, and without it. What others see must be the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use spanwise::Telemetry;
use spanwise::config::Env;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACE: TraceId = TraceId::from_bytes([7; 16]);

/// Telemetry that keeps roots, and drops what comes from an unsampled parent.
struct Fixture {
    telemetry: Telemetry,
    exported: Arc<Mutex<Vec<SpanData>>>,
}

impl Fixture {
    fn new(skip: bool) -> Self {
        let exported = Arc::default();
        let telemetry = Telemetry::builder()
            .with_env(Env::from_pairs([
                ("OTEL_TRACES_EXPORTER", "none"),
                ("OTEL_METRICS_EXPORTER", "none"),
                ("OTEL_LOGS_EXPORTER", "none"),
                ("OTEL_RUST_LOG_LINES", "off"),
                ("OTEL_RUST_SKIP_UNSAMPLED", if skip { "on" } else { "off" }),
            ]))
            .add_span_exporter(Captured(Arc::clone(&exported)))
            .strict()
            .build()
            .expect("a valid configuration");
        Self {
            telemetry,
            exported,
        }
    }

    /// Names of the exported spans, sorted.
    fn exported(&self) -> Vec<String> {
        self.telemetry
            .flush(Duration::from_secs(5))
            .expect("nothing is lost");
        let mut names: Vec<String> = self
            .spans()
            .into_iter()
            .map(|span| span.name.into_owned())
            .collect();
        names.sort();
        names
    }

    fn spans(&self) -> Vec<SpanData> {
        self.exported.lock().expect("no panic").clone()
    }

    /// How often a span was counted.
    fn calls(&self, name: &str) -> usize {
        let page = self.telemetry.render();
        let of_name = format!("span_name=\"{name}\"");
        page.lines()
            .filter(|line| {
                line.starts_with("traces_span_metrics_calls_total{") && line.contains(&of_name)
            })
            .filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok())
            .sum()
    }

    /// The `traceparent` that goes out with `context`.
    fn traceparent(&self, context: &Context) -> String {
        let mut carrier = HashMap::new();
        self.telemetry
            .propagator()
            .inject_context(context, &mut carrier);
        carrier.remove("traceparent").unwrap_or_default()
    }
}

#[derive(Debug)]
struct Captured(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Captured {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().expect("no panic").extend(batch);
        Ok(())
    }
}

/// Runs a rule with the gate and without it.
fn both(rule: impl Fn(&Fixture)) {
    for skip in [true, false] {
        let fixture = Fixture::new(skip);
        fixture.telemetry.scope(|| rule(&fixture));
    }
}

/// A local root that the sampler drops: its remote parent is not sampled.
fn unsampled_root() -> Span {
    let span = info_span!("root");
    span.set_parent(remote(TRACE, TraceFlags::default(), TraceState::default()))
        .expect("a span that has not started");
    span
}

fn remote(trace: TraceId, flags: TraceFlags, state: TraceState) -> Context {
    Context::new().with_remote_span_context(SpanContext::new(
        trace,
        SpanId::from_bytes([9; 8]),
        flags,
        true,
        state,
    ))
}

#[test]
fn descendants_are_counted_and_not_exported() {
    both(|fixture| {
        unsampled_root()
            .in_scope(|| info_span!("child").in_scope(|| info_span!("grandchild").in_scope(|| ())));
        assert_eq!(fixture.exported(), [""; 0]);
        assert_eq!(
            (
                fixture.calls("root"),
                fixture.calls("child"),
                fixture.calls("grandchild")
            ),
            (1, 1, 1)
        );
    });
}

#[test]
fn sampled_traces_are_exported_whole() {
    both(|fixture| {
        info_span!("root")
            .in_scope(|| info_span!("child").in_scope(|| info_span!("grandchild").in_scope(|| ())));
        assert_eq!(fixture.exported(), ["child", "grandchild", "root"]);
        let traces: std::collections::HashSet<_> = fixture
            .spans()
            .iter()
            .map(|span| span.span_context.trace_id())
            .collect();
        assert_eq!(traces.len(), 1);
    });
}

#[test]
fn outgoing_headers_carry_the_trace_and_the_flag() {
    both(|fixture| {
        unsampled_root().in_scope(|| {
            let child = info_span!("child");
            child.in_scope(|| {
                let expected = format!("00-{TRACE}-");
                for context in [
                    Context::current(),
                    child.context(),
                    Span::current().context(),
                ] {
                    let header = fixture.traceparent(&context);
                    assert!(
                        header.starts_with(&expected) && header.ends_with("-00"),
                        "{header:?}"
                    );
                }
            });
        });
    });
}

#[test]
fn a_call_takes_its_trace_along_wherever_its_context_is_read() {
    both(|fixture| {
        for kind in ["client", "producer"] {
            let call = unsampled_root()
                .in_scope(|| info_span!("work").in_scope(|| info_span!("call", otel.kind = kind)));
            let header = fixture.traceparent(&call.context());
            assert!(
                header.starts_with(&format!("00-{TRACE}-")),
                "{kind}: {header:?}"
            );
            assert!(header.ends_with("-00"), "{kind}: {header:?}");
        }
        assert_eq!(fixture.exported(), [""; 0]);
    });
}

#[test]
fn a_context_that_is_injected_outside_of_any_span_stays_empty() {
    both(|fixture| assert_eq!(fixture.traceparent(&Context::new()), ""));
}

#[test]
fn a_span_that_moves_to_another_thread_takes_its_trace_along() {
    both(|fixture| {
        let state = TraceState::from_key_value([("vendor", "value")]).expect("a valid state");
        let parent = remote(TRACE, TraceFlags::default(), state)
            .with_baggage([KeyValue::new("tenant", "acme")]);
        let root = info_span!("root");
        root.set_parent(parent)
            .expect("a span that has not started");
        let moved = root.in_scope(|| info_span!("moved"));
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                tracing::dispatcher::with_default(&dispatch, || {
                    moved.in_scope(|| {
                        let current = Context::current();
                        let span = current.span().span_context().clone();
                        assert_eq!((span.trace_id(), span.is_sampled()), (TRACE, false));
                        assert_eq!(span.trace_state().get("vendor"), Some("value"));
                        assert_eq!(
                            current
                                .baggage()
                                .get("tenant")
                                .map(ToString::to_string)
                                .as_deref(),
                            Some("acme")
                        );
                        info_span!("below").in_scope(|| ());
                    });
                    assert!(!Context::current().has_active_span());
                });
            });
        });
        drop((moved, root));
        assert_eq!(fixture.exported(), [""; 0]);
        assert_eq!(fixture.calls("below"), 1);
    });
}

#[test]
fn a_skipped_span_inside_a_sampled_one_keeps_to_its_own_trace() {
    both(|fixture| {
        let unsampled = unsampled_root();
        let skipped = unsampled.in_scope(|| info_span!("skipped"));
        info_span!("sampled").in_scope(|| {
            let outside = Context::current().span().span_context().trace_id();
            skipped.in_scope(|| {
                assert_eq!(Context::current().span().span_context().trace_id(), TRACE);
                info_span!("below skipped").in_scope(|| ());
            });
            assert_eq!(Context::current().span().span_context().trace_id(), outside);
            info_span!("below sampled").in_scope(|| ());
        });
        assert_eq!(fixture.exported(), ["below sampled", "sampled"]);
    });
}

#[test]
fn a_span_that_is_entered_twice_keeps_its_trace_until_the_last_exit() {
    both(|fixture| {
        let skipped = unsampled_root().in_scope(|| info_span!("skipped"));
        skipped.in_scope(|| {
            skipped.in_scope(|| ());
            assert_eq!(Context::current().span().span_context().trace_id(), TRACE);
            info_span!("below").in_scope(|| ());
        });
        assert!(!Context::current().has_active_span());
        drop(skipped);
        assert_eq!(fixture.exported(), [""; 0]);
    });
}

#[test]
fn explicit_parents_decide() {
    both(|fixture| {
        let sampled = info_span!("sampled");
        sampled.in_scope(|| ());
        let root = unsampled_root();
        root.in_scope(|| {
            let skipped = info_span!("skipped");
            info_span!(parent: &sampled, "below sampled")
                .in_scope(|| info_span!("deeper").in_scope(|| ()));
            info_span!(parent: &skipped, "below skipped").in_scope(|| ());
            info_span!(parent: None, "new root").in_scope(|| ());
        });
        drop(sampled);
        assert_eq!(
            fixture.exported(),
            ["below sampled", "deeper", "new root", "sampled"]
        );
        let spans = fixture.spans();
        let of = |name: &str| {
            spans
                .iter()
                .find(|span| span.name == name)
                .expect("exported")
                .clone()
        };
        assert_eq!(
            of("below sampled").parent_span_id,
            of("sampled").span_context.span_id()
        );
        assert_eq!(
            of("deeper").parent_span_id,
            of("below sampled").span_context.span_id()
        );
        assert_eq!(of("new root").parent_span_id, SpanId::INVALID);
    });
}

#[test]
fn a_consumer_may_get_a_sampled_parent_inside_an_unsampled_span() {
    both(|fixture| {
        unsampled_root().in_scope(|| {
            let message = remote(
                TraceId::from_bytes([3; 16]),
                TraceFlags::SAMPLED,
                TraceState::default(),
            );
            let consumer = info_span!("consume", otel.kind = "consumer");
            consumer
                .set_parent(message)
                .expect("a span that has not started");
            consumer.in_scope(|| info_span!("work").in_scope(|| ()));
        });
        assert_eq!(fixture.exported(), ["consume", "work"]);
        assert!(
            fixture
                .spans()
                .iter()
                .all(|span| span.span_context.trace_id() == TraceId::from_bytes([3; 16]))
        );
    });
}

#[test]
fn fields_events_and_links_on_a_skipped_span_do_no_harm() {
    both(|fixture| {
        unsampled_root().in_scope(|| {
            let other = info_span!("other");
            let span = info_span!("child", late = tracing::field::Empty);
            span.record("late", 1);
            span.follows_from(&other);
            span.set_attribute("key", "value");
            span.in_scope(|| tracing::error!("failed"));
            tracing::info!(parent: &span, "after");
        });
        assert_eq!(fixture.exported(), [""; 0]);
        assert!(
            fixture
                .telemetry
                .render()
                .contains(r#"span_name="child",status_code="STATUS_CODE_ERROR""#)
        );
    });
}

#[test]
fn a_future_polled_on_several_threads_keeps_its_trace() {
    use tracing::Instrument;

    both(|fixture| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .expect("a runtime");
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let span = unsampled_root().in_scope(|| info_span!("task"));
        let work = async {
            for _ in 0..50 {
                tokio::task::yield_now().await;
                let current = Context::current().span().span_context().clone();
                assert_eq!((current.trace_id(), current.is_sampled()), (TRACE, false));
                info_span!("step").in_scope(|| ());
            }
        };
        let task =
            tracing::instrument::WithSubscriber::with_subscriber(work.instrument(span), dispatch);
        runtime.block_on(runtime.spawn(task)).expect("no panic");
        assert_eq!(fixture.exported(), [""; 0]);
        assert_eq!(fixture.calls("step"), 50);
    });
}
