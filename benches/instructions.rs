//! How many instructions the thread of the application executes for a span, below bounds that are written down.
//!
//! `cargo bench --profile instructions --bench instructions` runs every scenario under callgrind, twice with different
//! numbers of rounds: the difference is what a round costs, without what starting costs. Unlike nanoseconds, the count is
//! the same on a busy machine. It fails where one is above its bound in `benches/instructions.txt` by more than the
//! tolerance; what `callgrind_annotate` reads is left in `target/tmp`.
//!
//! Needs `valgrind`. `benches/span.rs` has the same spans in nanoseconds.

#![expect(
    clippy::print_stdout,
    reason = "the table is what this benchmark is for"
)]

use std::collections::HashMap;
use std::hint::black_box;
use std::process::{Command, ExitCode};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use spanwise::Telemetry;
use tracing::{Span, debug, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

/// Set in a child process: the scenario that it runs, and how often.
const SCENARIO: &str = "SPANWISE_BENCH_SCENARIO";
const ROUNDS: &str = "SPANWISE_BENCH_ROUNDS";
/// Both below what the queue of an exporter holds: a span that is dropped costs less.
const FEW: u64 = 200;
const MANY: u64 = 1200;
const BOUNDS: &str = include_str!("instructions.txt");
/// Another compiler may inline otherwise, and the exporter's thread may find the queue in another state.
const TOLERANCE: f64 = 0.05;

/// Installs what it measures; the guard is kept for as long.
type Install = fn() -> Option<Telemetry>;
/// What runs before the count, and what is counted with it.
type Work = (fn() -> Span, fn(&Span));

const SCENARIOS: [(&str, Install, Work); 7] = [
    ("registry", registry, (Span::none, span)),
    (
        "tracing-opentelemetry sampled",
        reference,
        (Span::none, span),
    ),
    ("spanwise sampled", sampled, (Span::none, span)),
    ("spanwise unsampled root", unsampled, (Span::none, span)),
    ("spanwise below an unsampled root", unsampled, (root, span)),
    (
        "spanwise entering below an unsampled root",
        unsampled,
        (child, enter),
    ),
    (
        "spanwise event below an unsampled root",
        unsampled,
        (child, event),
    ),
];

fn main() -> ExitCode {
    match std::env::var(SCENARIO) {
        Ok(name) => run(&name),
        // `cargo test --benches` measures nothing.
        Err(_) if std::env::args().any(|arg| arg == "--bench") => return compare(),
        Err(_) => {}
    }
    ExitCode::SUCCESS
}

/// Runs one scenario in this process.
fn run(name: &str) {
    let rounds = std::env::var(ROUNDS).expect("a number of rounds");
    let rounds: u64 = rounds.parse().expect("a number of rounds");
    let (_, install, (before, work)) = SCENARIOS
        .into_iter()
        .find(|(known, ..)| *known == name)
        .expect("a known scenario");
    let _telemetry = install();
    let span = before();
    let _entered = span.enter();
    counted(rounds, &span, work);
}

/// The only function that callgrind counts in, with what it calls.
#[inline(never)]
fn counted(rounds: u64, outer: &Span, work: fn(&Span)) {
    for _ in 0..rounds {
        work(black_box(outer));
    }
}

fn span(_: &Span) {
    let span = info_span!(
        "op",
        http.method = black_box("GET"),
        user.id = black_box(42_i64),
        cache.hit = black_box(true)
    );
    drop(span.entered());
}

fn enter(outer: &Span) {
    drop(outer.enter());
}

/// Nobody has asked for this level.
fn event(_: &Span) {
    debug!(answer = black_box(42_i64), "unheard");
}

fn root() -> Span {
    info_span!("root")
}

fn child() -> Span {
    root().in_scope(|| info_span!("child"))
}

/// Counts every scenario, prints the table and compares it with the bounds.
fn compare() -> ExitCode {
    let mut bounds = bounds();
    let mut passed = true;
    println!(
        "instructions per round, and the bound (+ {} %):",
        TOLERANCE * 100.0
    );
    for (name, ..) in SCENARIOS {
        let counts = [FEW, MANY].map(|rounds| collected(name, rounds));
        let count = (counts[1] - counts[0]) as f64 / (MANY - FEW) as f64;
        let Some(bound) = bounds.remove(name) else {
            println!("  {name:44} {count:8.0}");
            continue;
        };
        let ratio = count / bound;
        let verdict = match ratio {
            r if r > 1.0 + TOLERANCE => "too many",
            r if r < 1.0 - TOLERANCE => "fewer: lower the bound",
            _ => "",
        };
        passed &= ratio <= 1.0 + TOLERANCE;
        println!("  {name:44} {count:8.0} {bound:8.0}  {ratio:5.2}  {verdict}");
    }
    assert!(bounds.is_empty(), "bounds of no scenario: {bounds:?}");
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Lines of a number and a name; `#` starts a comment.
fn bounds() -> HashMap<&'static str, f64> {
    let lines = BOUNDS.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.map(|line| line.split_once(' ').expect("a bound and a name"));
    pairs
        .map(|(bound, name)| (name.trim(), bound.parse().expect("a number")))
        .collect()
}

/// What callgrind counts in a run of `rounds` rounds.
fn collected(name: &str, rounds: u64) -> u64 {
    let file = format!("callgrind.{}.out", name.replace(' ', "-"));
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .arg("--toggle-collect=*instructions*counted*")
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(std::env::current_exe().expect("the path of this benchmark"))
        .env(SCENARIO, name)
        .env(ROUNDS, rounds.to_string())
        .output()
        .expect("valgrind, which is in the package of the same name");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{said}", output.status);
    said.lines()
        .find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
        .unwrap_or_else(|| panic!("{name}: no count in what valgrind said:\n{said}"))
}

fn registry() -> Option<Telemetry> {
    install(Registry::default().with(Nothing))
}

fn reference() -> Option<Telemetry> {
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(Null)
        .build();
    install(
        Registry::default()
            .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"))),
    )
}

fn install(subscriber: impl tracing::Subscriber + Send + Sync) -> Option<Telemetry> {
    tracing::subscriber::set_global_default(subscriber).expect("the first subscriber");
    None
}

/// The registry frees closed spans only under a layer.
struct Nothing;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Nothing {}

fn sampled() -> Option<Telemetry> {
    spanwise("1")
}

fn unsampled() -> Option<Telemetry> {
    let telemetry = spanwise("0");
    let context = root().context();
    let context = opentelemetry::trace::TraceContextExt::span(&context)
        .span_context()
        .clone();
    assert!(context.is_valid() && !context.is_sampled(), "{context:?}");
    telemetry
}

/// Span metrics, log lines and exported spans on, as by default; only the receiver is missing.
fn spanwise(ratio: &str) -> Option<Telemetry> {
    let telemetry = Telemetry::builder()
        .override_var("OTEL_TRACES_EXPORTER", "none")
        .override_var("OTEL_METRICS_EXPORTER", "none")
        .override_var("OTEL_LOGS_EXPORTER", "none")
        .override_var("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
        .override_var("OTEL_TRACES_SAMPLER_ARG", ratio)
        .override_var("OTEL_RUST_BANNER", "off")
        .add_span_exporter(Null)
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
