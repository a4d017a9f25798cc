//! Delivery to a real Collector behind a proxy that breaks in every way a network has.
//!
//! Spans are made at a steady rate while the proxy goes from one fault to the next with healthy times between. The counts of
//! the status have to add up all the while, the process must not grow, and at the end the file that the Collector wrote
//! is read: whatever was counted as delivered stands in it.
//!
//! `SPANWISE_CHAOS_SECONDS=600` makes it the long run, in which outages also outlast the queue.

mod proxy;

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use spanwise::config::Env;
use spanwise::{Status, Telemetry};

use crate::deadline::until;
use crate::http::get_text;
use crate::process::{Process, directory, free_port};
use crate::tools::tool;
use crate::{Outcome, ensure, test};
use proxy::{Fault, Proxy};

const SPANS_A_SECOND: u64 = 2_000;

/// Five seconds of spans: shorter outages lose nothing.
const QUEUE: &str = "10000";

/// What the process may grow by: 10,000 spans of about 1 KB that wait, a batch on its way, and what allocators keep.
const GROWTH: u64 = 48 << 20;

/// Between two faults, long enough to catch up.
const HEALTHY: Duration = Duration::from_secs(2);

pub(crate) fn tests() -> Vec<Trial> {
    vec![test(
        "chaos::what_counts_as_delivered_is_in_the_file_of_the_collector",
        what_counts_as_delivered_is_in_the_file_of_the_collector,
    )]
}

fn what_counts_as_delivered_is_in_the_file_of_the_collector() -> Outcome {
    let seconds = match env::var("SPANWISE_CHAOS_SECONDS") {
        Ok(seconds) => seconds.parse()?,
        Err(_) => 20,
    };
    let collector = Collector::start()?;
    let proxy = Proxy::start(collector.address)?;
    let telemetry = telemetry(proxy.address)?;
    let load = telemetry.scope(|| load(&telemetry, &proxy, Duration::from_secs(seconds)))?;

    proxy.set(Fault::None);
    // An error says that spans were lost; the status says how many.
    drop(telemetry.flush(Duration::from_secs(30)));
    let status = status(&telemetry)?;
    drop(telemetry);
    let file = collector.spans(load.created)?;
    println!(
        "{seconds} s, {} faults: {status}; {} ids in the file, {} of them more than once, \
         {} although counted as lost; {} looks at the sum; {} KiB grown at most",
        load.faults,
        file.ids,
        file.repeated,
        file.ids.saturating_sub(status.delivered),
        load.looks,
        load.growth >> 10
    );
    ensure!(
        status.created == load.created,
        "{} spans were made: {status}",
        load.created
    );
    ensure!(status.queued == 0, "the Collector is back: {status}");
    ensure!(
        file.ids >= status.delivered,
        "{} ids in the file: {status}",
        file.ids
    );
    ensure!(
        load.growth <= GROWTH,
        "{} bytes grown, {GROWTH} allowed",
        load.growth
    );
    Ok(())
}

/// What happened while spans were made.
struct Load {
    created: u64,
    faults: usize,
    looks: u64,
    growth: u64,
}

/// Makes spans while one fault follows the other, and looks at the counts after each handful.
fn load(telemetry: &Telemetry, proxy: &Proxy, length: Duration) -> Outcome<Load> {
    let start = Instant::now();
    let mut plan = plan();
    let mut next = HEALTHY;
    let mut before = None;
    let mut load = Load {
        created: 0,
        faults: 0,
        looks: 0,
        growth: 0,
    };
    while start.elapsed() < length {
        let due = start.elapsed().as_millis() as u64 * SPANS_A_SECOND / 1000;
        for id in load.created..due {
            // Signed, because tracing-opentelemetry makes text of an unsigned number.
            let id = id.cast_signed();
            tracing::info_span!("work", id).in_scope(|| ());
        }
        load.created = load.created.max(due);
        // `created` of the status is this sum, so it is held against what was made here.
        let status = status(telemetry)?;
        let sum = status.delivered + status.lost.total() + status.queued;
        ensure!(
            sum == load.created && status.created == sum,
            "{} spans were made: {status}",
            load.created
        );
        load.looks += 1;
        if start.elapsed() >= next {
            let (fault, lasts) = plan.next().ok_or("the plan has no end")?;
            proxy.set(fault);
            load.faults += usize::from(fault != Fault::None);
            next += lasts;
            // The first fault finds everything warm.
            let now = resident()?;
            let before = *before.get_or_insert(now);
            load.growth = load.growth.max(now.saturating_sub(before));
        }
        thread::park_timeout(Duration::from_millis(5));
    }
    Ok(load)
}

/// Every fault with a healthy time after it; later rounds outlast the queue at times.
fn plan() -> impl Iterator<Item = (Fault, Duration)> {
    (0..).flat_map(|round: u64| {
        let lasts = Duration::from_secs(2 + round * 7 % 11);
        Fault::ALL
            .into_iter()
            .flat_map(move |fault| [(fault, lasts), (Fault::None, HEALTHY)])
    })
}

fn telemetry(address: SocketAddr) -> Outcome<Telemetry> {
    let endpoint = format!("http://{address}");
    let env = [
        ("OTEL_SERVICE_NAME", "chaos"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_LOG_LEVEL", "none"),
        ("OTEL_RUST_LOG_LINES", "off"),
        ("OTEL_RUST_BANNER", "off"),
        ("OTEL_RUST_RESOURCE_DETECTORS", "none"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000"),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", QUEUE),
    ];
    let builder = Telemetry::builder().with_env(Env::from_pairs(env));
    Ok(builder.strict().build()?)
}

fn status(telemetry: &Telemetry) -> Outcome<Status> {
    let status = telemetry.status().into_iter().next();
    Ok(status.ok_or("spans are exported")?)
}

/// Bytes of memory that this process has.
fn resident() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.ok_or("no VmRSS")?.parse::<u64>()? << 10)
}

/// A Collector that answers when what it took is in a file.
struct Collector {
    process: Process,
    address: SocketAddr,
    file: PathBuf,
}

/// What a file of the Collector holds.
struct Spans {
    /// Different ids.
    ids: u64,
    /// Ids that stand there more than once.
    repeated: u64,
}

impl Collector {
    fn start() -> Outcome<Self> {
        let (health, http) = (free_port()?, free_port()?);
        let directory = directory("chaos")?;
        let config = format!(
            "extensions: {{health_check: {{endpoint: \"127.0.0.1:{health}\"}}}}\n\
             receivers: {{otlp: {{protocols: {{http: {{endpoint: \"127.0.0.1:{http}\"}}}}}}}}\n\
             exporters: {{file: {{path: spans.json}}}}\n\
             service:\n  extensions: [health_check]\n  telemetry: {{metrics: {{level: none}}}}\n  \
             pipelines: {{traces: {{receivers: [otlp], exporters: [file]}}}}\n"
        );
        fs::write(directory.join("collector.yaml"), config)?;
        let file = directory.join("spans.json");
        let mut command = Command::new(tool("otelcol"));
        command.arg("--config=collector.yaml");
        let mut process = Process::start_server(command, directory)?;
        until("the Collector to be ready", || {
            process.alive()?;
            get_text(&format!("http://127.0.0.1:{health}/"))
        })?;
        Ok(Self {
            process,
            address: SocketAddr::from(([127, 0, 0, 1], http)),
            file,
        })
    }

    /// Stops it, so that nothing of the file is still in its buffers, and reads the ids of at most `created` spans.
    fn spans(mut self, created: u64) -> Outcome<Spans> {
        const BEFORE_ID: &str = r#"{"key":"id","value":{"intValue":""#;
        self.process.terminate()?;
        self.process.wait(Duration::from_secs(30))?;
        let mut times = vec![0_u8; usize::try_from(created)?];
        for line in BufReader::new(File::open(&self.file)?).lines() {
            for after in line?.split(BEFORE_ID).skip(1) {
                let id = after.split('"').next().unwrap_or_default();
                let times = times
                    .get_mut(id.parse::<usize>()?)
                    .ok_or_else(|| format!("span {id} was never made"))?;
                *times = times.saturating_add(1);
            }
        }
        let count = |least: u8| times.iter().filter(|times| **times >= least).count() as u64;
        Ok(Spans {
            ids: count(1),
            repeated: count(2),
        })
    }
}
