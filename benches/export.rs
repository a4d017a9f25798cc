//! What an export costs: spans made at full speed, delivered to a receiver on this machine that takes everything.
//!
//! `cargo bench --bench export --features grpc`. Beside ours runs the SDK's own batch processor with the exporters of
//! opentelemetry-otlp. Every run is a process of its own and the contenders take turns, so that both have the same weather;
//! the receiver, in the process that prints, counts spans without decoding them. Printed are medians.
//!
//! `room` is a queue that holds every span, so what counts is throughput; `defaults` is a burst at 2048 slots, where
//! what counts is how much is lost. CPU is that of the process for each span that arrived. The time ends when shutdown has returned. Ours also keeps RED metrics meanwhile.
//! `SPANWISE_BENCH_SPANS=1000000` makes it long, `SPANWISE_BENCH_ROUNDS` says how often.

#![expect(
    clippy::print_stdout,
    reason = "the table is what this benchmark is for"
)]

#[path = "export/sink.rs"]
mod sink;

use std::env;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use spanwise::Telemetry;
use spanwise::config::Env;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::Registry;

use sink::Sink;

/// Set in a child process: the run that it makes.
const RUN: &str = "SPANWISE_BENCH_RUN";
const ENDPOINT: &str = "SPANWISE_BENCH_ENDPOINT";
const SPANS: &str = "SPANWISE_BENCH_SPANS";
const ROUNDS: &str = "SPANWISE_BENCH_ROUNDS";

const CONTENDERS: [&str; 2] = ["spanwise", "sdk"];
const PROTOCOLS: [&str; 2] = ["http/protobuf", "grpc"];
const QUEUES: [&str; 2] = ["room", "defaults"];
const DEFAULT_QUEUE: usize = 2048;
const LONG: Duration = Duration::from_secs(120);

/// What one run came to.
#[derive(Clone, Copy, Debug)]
struct Figures {
    delivered: u64,
    seconds: f64,
    cpu_seconds: f64,
}

fn main() {
    let spans = number(SPANS, 100_000);
    match env::var(RUN) {
        Ok(run) => child(&run, spans),
        Err(_) => compare(spans),
    }
}

fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |value| value.parse().expect("a number"))
}

fn compare(spans: u64) {
    let sink = Sink::start();
    let rounds = number(ROUNDS, 3) as usize;
    println!("{spans} spans, {rounds} rounds; ratios are ours to theirs");
    println!(
        "{:<14} {:<9} {:<9} {:>10} {:>9} {:>9} {:>7}",
        "protocol", "queue", "", "spans/s", "CPU µs", "lost", "lost %"
    );
    for protocol in PROTOCOLS {
        for queue in QUEUES {
            let mut figures = CONTENDERS.map(|_| Vec::new());
            for _ in 0..rounds {
                for (contender, figures) in CONTENDERS.iter().zip(&mut figures) {
                    figures.push(run(
                        &sink,
                        &format!("{contender} {protocol} {queue}"),
                        spans,
                    ));
                }
            }
            let medians = figures.map(|figures| {
                let of = |value: fn(&Figures) -> f64| median(figures.iter().map(value).collect());
                let delivered = of(|figures| figures.delivered as f64);
                let rate = of(|figures| figures.delivered as f64 / figures.seconds);
                (delivered, rate, of(|figures| figures.cpu_seconds))
            });
            for (contender, (delivered, rate, cpu)) in CONTENDERS.iter().zip(&medians) {
                let lost = spans as f64 - delivered;
                println!(
                    "{protocol:<14} {queue:<9} {contender:<9} {rate:>10.0} {:>9.2} {lost:>9.0} {:>7.1}",
                    cpu / delivered * 1e6,
                    lost / spans as f64 * 100.0
                );
            }
            let [ours, theirs] = medians;
            println!(
                "{:<14} {:<9} {:<9} {:>10.2} {:>9.2}",
                "",
                "",
                "ratio",
                ours.1 / theirs.1,
                (ours.2 / ours.0) / (theirs.2 / theirs.0)
            );
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Makes a run in a process of its own.
fn run(sink: &Sink, name: &str, spans: u64) -> Figures {
    let before = sink.spans();
    let own = env::current_exe().expect("this program");
    let mut command = Command::new(own);
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OTEL_"))
    {
        command.env_remove(name);
    }
    command
        .env(RUN, name)
        .env(SPANS, spans.to_string())
        .env(ENDPOINT, format!("http://{}", sink.address))
        .stderr(Stdio::inherit());
    let output = command.output().expect("a process");
    assert!(output.status.success(), "{name}: {}", output.status);
    let said = String::from_utf8(output.stdout).expect("text");
    let mut words = said
        .split_whitespace()
        .map(|word| word.parse().expect("a number"));
    Figures {
        delivered: sink.spans() - before,
        seconds: words.next().expect("seconds"),
        cpu_seconds: words.next().expect("seconds of CPU"),
    }
}

/// Prints seconds, and seconds of CPU.
fn child(run: &str, spans: u64) {
    let words: Vec<_> = run.split(' ').collect();
    let [contender, protocol, queue] = words[..] else {
        panic!("a run has three words: {run:?}");
    };
    let queue = if queue == "room" {
        spans as usize
    } else {
        DEFAULT_QUEUE
    };
    let endpoint = env::var(ENDPOINT).expect("an endpoint");
    let (seconds, cpu_seconds) = if contender == "spanwise" {
        spanwise(protocol, &endpoint, queue, spans)
    } else {
        sdk(protocol, &endpoint, queue, spans)
    };
    println!("{seconds} {cpu_seconds}");
}

fn spanwise(protocol: &str, endpoint: &str, queue: usize, spans: u64) -> (f64, f64) {
    let queue = queue.to_string();
    let env = [
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_LOG_LEVEL", "none"),
        ("OTEL_RUST_LOG_LINES", "off"),
        ("OTEL_RUST_BANNER", "off"),
        ("OTEL_RUST_RESOURCE_DETECTORS", "none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_BSP_MAX_QUEUE_SIZE", &queue),
    ];
    let builder = Telemetry::builder().with_env(Env::from_pairs(env));
    let telemetry = builder.strict().init().expect("telemetry");
    measure(spans, || {
        // What is lost is counted by the receiver.
        drop(telemetry.shutdown_within(LONG));
    })
}

fn sdk(protocol: &str, endpoint: &str, queue: usize, spans: u64) -> (f64, f64) {
    // tonic wants one around it where the exporter is built.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let exporter = if protocol == "grpc" {
        let _entered = runtime.enter();
        let builder = SpanExporter::builder().with_tonic();
        builder.with_endpoint(endpoint).build()
    } else {
        let builder = SpanExporter::builder().with_http();
        builder
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .build()
    };
    let batch = BatchConfigBuilder::default().with_max_queue_size(queue);
    let processor = BatchSpanProcessor::builder(exporter.expect("an exporter"))
        .with_batch_config(batch.build())
        .build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor)
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    let subscriber = Registry::default().with(layer.with_filter(LevelFilter::INFO));
    tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
    measure(spans, || {
        drop(provider.shutdown_with_timeout(LONG));
    })
}

/// Seconds, and seconds of CPU of this process, until every span is delivered or lost.
fn measure(spans: u64, end: impl FnOnce()) -> (f64, f64) {
    let (start, cpu) = (Instant::now(), cpu_seconds());
    for number in 0..spans.cast_signed() {
        tracing::info_span!(
            "GET /users/{id}",
            otel.kind = "server",
            http.request.method = "GET",
            user.number = number
        )
        .in_scope(|| ());
    }
    end();
    (start.elapsed().as_secs_f64(), cpu_seconds() - cpu)
}

/// Time of all threads, ended ones too, in the kernel and outside.
fn cpu_seconds() -> f64 {
    /// A hundredth of a second on every Linux.
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || -> f64 {
        let field = fields.next().expect("a field");
        field.parse().expect("a number")
    };
    (ticks() + ticks()) / TICKS_A_SECOND
}
