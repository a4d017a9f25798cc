//! What a span costs: created with three fields, entered, left and closed, at depth 1 and 3.
//!
//! `cargo bench --bench span` runs every scenario in a process of its own, with the scenario as the global subscriber,
//! because scoped subscribers and mixed callsite caches distort everything. It prints each scenario beside the bare stack
//! (tracing-opentelemetry with its defaults, sampled, a batch processor and an exporter that drops). Ratios carry over to
//! other machines, nanoseconds do not.

#![expect(
    clippy::print_stdout,
    reason = "the table is what this benchmark is for"
)]

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::Criterion;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use spanwise::Telemetry;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::{LookupSpan, Registry};

/// Set in a child process: the scenario that it runs.
const SCENARIO: &str = "SPANWISE_BENCH_SCENARIO";
/// What all others are compared with.
const REFERENCE: &str = "tracing-opentelemetry sampled";
/// How the name of a scenario ends whose spans descend from an unsampled one.
const BELOW: &str = "below an unsampled root";
/// How the name of a scenario ends whose spans have ten thousand users, and so as many series.
const MANY: &str = "10,000 series";
/// How the name of a scenario ends that runs on two threads at once.
const TWICE: &str = "two threads";
const DEPTHS: [usize; 2] = [1, 3];

/// Installs what it measures; the guard is kept for as long.
type Install = fn() -> Option<Telemetry>;

const SCENARIOS: [(&str, Install); 12] = [
    ("no subscriber", || None),
    ("bare registry", || {
        install(Registry::default().with(Nothing))
    }),
    (REFERENCE, || install(opentelemetry(Sampler::AlwaysOn))),
    ("tracing-opentelemetry 1 %", || {
        install(opentelemetry(one_percent()))
    }),
    ("tracing-opentelemetry below an unsampled root", || {
        install(opentelemetry(one_percent()))
    }),
    ("spanwise sampled", || spanwise("always_on")),
    ("spanwise 1 %", || spanwise("parentbased_traceidratio")),
    ("spanwise below an unsampled root", || {
        spanwise("parentbased_traceidratio")
    }),
    ("bare registry, two threads", || {
        install(Registry::default().with(Nothing))
    }),
    ("span metrics alone, three dimensions", span_metrics),
    ("span metrics alone, 10,000 series", span_metrics),
    ("span metrics alone, two threads", span_metrics),
];

fn main() {
    match std::env::var(SCENARIO) {
        Ok(name) => run(&name),
        Err(_) => compare(),
    }
}

/// Measures one scenario in this process.
fn run(name: &str) {
    let (_, install) = SCENARIOS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a known scenario");
    let _telemetry = install();
    let root = name.ends_with(BELOW).then(unsampled_root);
    let _entered = root.as_ref().map(tracing::Span::enter);
    let mut criterion = Criterion::default()
        .configure_from_args()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    let mut group = criterion.benchmark_group(name);
    for depth in DEPTHS {
        group.bench_function(format!("depth {depth}"), |bencher| {
            bencher.iter_custom(|rounds| {
                let users = if name.ends_with(MANY) { 10_000 } else { 1 };
                if name.ends_with(TWICE) {
                    return on_two_threads(|| bursts(rounds, depth, users));
                }
                bursts(rounds, depth, users)
            });
        });
    }
    group.finish();
}

/// A root that the sampler drops; at 1 % the first one most likely is.
fn unsampled_root() -> tracing::Span {
    loop {
        let root = tracing::info_span!("root");
        let sampled = root.in_scope(|| {
            opentelemetry::Context::current()
                .span()
                .span_context()
                .is_sampled()
        });
        if !sampled {
            return root;
        }
    }
}

/// The mean of what both took.
fn on_two_threads(work: impl Fn() -> Duration + Sync) -> Duration {
    std::thread::scope(|scope| {
        let other = scope.spawn(&work);
        let own = work();
        (own + other.join().expect("no panic")) / 2
    })
}

/// Time of `rounds` rounds, in bursts with pauses between them that are not counted: an exporter drains meanwhile, as it
/// does in a service, instead of fighting for the core.
fn bursts(rounds: u64, depth: usize, users: i64) -> Duration {
    const BURST: u64 = 96;
    const PAUSE: Duration = Duration::from_micros(120);
    let mut spent = Duration::ZERO;
    let mut left = rounds;
    let mut user = 0;
    while left > 0 {
        let burst = left.min(BURST);
        let start = Instant::now();
        for _ in 0..burst {
            user = (user + 1) % users;
            nest(black_box(depth), black_box(user));
        }
        spent += start.elapsed();
        left -= burst;
        let pause = Instant::now();
        while pause.elapsed() < PAUSE {
            std::hint::spin_loop();
        }
    }
    spent
}

fn nest(depth: usize, user: i64) {
    let span = tracing::info_span!(
        "op",
        http.method = black_box("GET"),
        user.id = user,
        cache.hit = black_box(true)
    );
    let _entered = span.enter();
    if depth > 1 {
        nest(depth - 1, user);
    }
}

/// Runs every scenario in a process of its own and prints the table.
fn compare() {
    let me = std::env::current_exe().expect("the path of this benchmark");
    for (name, _) in SCENARIOS {
        let status = Command::new(&me)
            .args(std::env::args_os().skip(1))
            .env(SCENARIO, name)
            .env("OTEL_TRACES_SAMPLER_ARG", "0.01")
            .status()
            .expect("a child process");
        assert!(status.success(), "{name}: {status}");
    }
    let per_span = |name: &str, depth: usize| median(name, depth).map(|nanos| nanos / depth as f64);
    println!("\nper span, beside {REFERENCE:?} = 1.00:");
    for depth in DEPTHS {
        let Some(reference) = per_span(REFERENCE, depth) else {
            // `cargo test --benches` runs everything once and measures nothing.
            return;
        };
        for (name, _) in SCENARIOS {
            if let Some(nanos) = per_span(name, depth) {
                println!(
                    "  depth {depth}  {name:46} {nanos:8.1} ns  {:5.2}",
                    nanos / reference
                );
            }
        }
    }
}

/// The median that criterion has left behind for a scenario.
fn median(name: &str, depth: usize) -> Option<f64> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
        std::path::PathBuf::from,
    );
    let estimates = target
        .join("criterion")
        .join(name)
        .join(format!("depth {depth}"))
        .join("new/estimates.json");
    let estimates: serde_json::Value =
        serde_json::from_slice(&std::fs::read(estimates).ok()?).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}

fn install(subscriber: impl tracing::Subscriber + Send + Sync) -> Option<Telemetry> {
    tracing::subscriber::set_global_default(subscriber).expect("the first subscriber");
    None
}

/// The registry frees closed spans only under a layer.
struct Nothing;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Nothing {}

fn one_percent() -> Sampler {
    Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(0.01)))
}

fn opentelemetry(
    sampler: Sampler,
) -> impl tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync {
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_batch_exporter(Null)
        .build();
    Registry::default().with(tracing_opentelemetry::layer().with_tracer(provider.tracer("bench")))
}

/// Span metrics, log lines and exported spans on, as by default; only the receiver is missing.
fn spanwise(sampler: &str) -> Option<Telemetry> {
    let telemetry = Telemetry::builder()
        .override_var("OTEL_TRACES_EXPORTER", "none")
        .override_var("OTEL_METRICS_EXPORTER", "none")
        .override_var("OTEL_LOGS_EXPORTER", "none")
        .override_var("OTEL_TRACES_SAMPLER", sampler)
        .override_var("OTEL_RUST_BANNER", "off")
        .add_span_exporter(Null)
        .init();
    Some(telemetry.expect("no other telemetry"))
}

/// RED with the three fields as labels, and nothing else.
fn span_metrics() -> Option<Telemetry> {
    let telemetry = Telemetry::builder()
        .override_var("OTEL_TRACES_EXPORTER", "none")
        .override_var("OTEL_METRICS_EXPORTER", "none")
        .override_var("OTEL_LOGS_EXPORTER", "none")
        .override_var("OTEL_RUST_BANNER", "off")
        .override_var("OTEL_RUST_LOG_LINES", "off")
        .override_var("OTEL_RUST_SPAN_FILTER", "off")
        .override_var("OTEL_RUST_SPAN_METRICS_LIMIT", "20000")
        .override_var(
            "OTEL_RUST_SPAN_METRICS_DIMENSIONS",
            "http.method,user.id,cache.hit",
        )
        .init();
    Some(telemetry.expect("no other telemetry"))
}

/// Takes everything and keeps nothing.
#[derive(Debug)]
struct Null;

impl SpanExporter for Null {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}
