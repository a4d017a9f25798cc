//! However a process ends, the spans that it made arrive.

use std::env;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use spanwise::Telemetry;
use tokio::runtime::Builder;

use crate::deadline::PATIENCE;
use crate::jaeger::{self, Jaeger};
use crate::process::{Process, directory};
use crate::traces::PROTOCOLS;
use crate::{Outcome, ensure, test};

/// Set in a process that is to be the application, to `ending runtime`.
pub(crate) const SCENARIO: &str = "SPANWISE_E2E_ENDING";

const ENDINGS: [&str; 4] = ["main-returns", "guard-dropped", "panic", "shutdown"];
const RUNTIMES: [&str; 4] = [
    "no-runtime",
    "current-thread",
    "multi-thread-1",
    "multi-thread-4",
];

/// What the whole process may take, from start to end.
const LIMIT: Duration = Duration::from_secs(1);

const SPANS: usize = 10;

pub(crate) fn tests() -> Vec<Trial> {
    let trials = ENDINGS.into_iter().flat_map(|ending| {
        PROTOCOLS.map(|protocol| {
            let name = format!(
                "endings::{}_over_{}_loses_nothing",
                ending.replace('-', "_"),
                protocol.replace('/', "_")
            );
            test(name, move || ending_loses_nothing(ending, protocol))
        })
    });
    trials.collect()
}

fn ending_loses_nothing(ending: &str, protocol: &str) -> Outcome {
    let jaeger = Jaeger::start(jaeger::Options::default())?;
    for runtime in RUNTIMES {
        let mut command = Command::new(env::current_exe()?);
        for (name, _) in
            env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OTEL_"))
        {
            command.env_remove(name);
        }
        command
            .env(SCENARIO, format!("{ending} {runtime}"))
            // To resolve the symbols of a debug build takes longer than all the rest.
            .env("RUST_BACKTRACE", "0")
            .env("OTEL_SERVICE_NAME", runtime)
            .env("OTEL_TRACES_EXPORTER", "otlp")
            .env("OTEL_METRICS_EXPORTER", "none")
            .env("OTEL_LOGS_EXPORTER", "none")
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.endpoint(protocol));
        let start = Instant::now();
        let mut application = Process::start(command, directory(runtime)?)?;
        let status = application.wait(PATIENCE)?;
        let took = start.elapsed();
        let said = application.stderr()?;
        ensure!(
            status.success() == (ending != "panic"),
            "{runtime}: {status}\n{said}"
        );
        jaeger
            .wait_for_spans(runtime, SPANS)
            .map_err(|error| format!("{error}\n{said}"))?;
        println!(
            "{SPANS} of {SPANS} spans, {ending}, {runtime}, {protocol}: {} ms",
            took.as_millis()
        );
        ensure!(took < LIMIT, "{runtime}: {took:?}\n{said}");
    }
    Ok(())
}

/// The application under test: ten spans, then the end that the scenario names.
pub(crate) fn application(scenario: &str) -> ExitCode {
    let (ending, runtime) = scenario.split_once(' ').expect("a scenario has two words");
    let ending = ending.to_owned();
    // The usual `main`: the guard is made before the runtime and outlives it.
    // The other endings make it where the spans are, inside the runtime.
    let telemetry = (ending == "main-returns").then(init);
    let workers = match runtime {
        "no-runtime" => {
            work(&ending);
            return ExitCode::SUCCESS;
        }
        "current-thread" => {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async { work(&ending) });
            return ExitCode::SUCCESS;
        }
        "multi-thread-1" => 1,
        _ => 4,
    };
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .expect("a runtime");
    // On a worker, which an export that borrowed this runtime would wait for.
    let task = runtime.spawn(async move { work(&ending) });
    if let Err(panicked) = runtime.block_on(task) {
        std::panic::resume_unwind(panicked.into_panic());
    }
    drop(runtime);
    drop(telemetry);
    ExitCode::SUCCESS
}

fn init() -> Telemetry {
    Telemetry::builder().init().expect("telemetry")
}

fn work(ending: &str) {
    let telemetry = (ending != "main-returns").then(init);
    for number in 0..SPANS {
        tracing::info_span!("work", number).in_scope(|| tracing::info!("at work"));
    }
    match ending {
        "panic" => panic!("the end that was asked for"),
        "shutdown" => {
            let report = telemetry
                .map(Telemetry::shutdown)
                .expect("a guard")
                .expect("everything delivered");
            println!("{report}");
        }
        _ => drop(telemetry),
    }
}
