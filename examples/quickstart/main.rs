//! A small web service whose `tracing` spans become traces and RED metrics.
//!
//! ```sh
//! cargo run --example quickstart
//! ```
//!
//! Spans are printed on the console, the metrics are at <http://localhost:9464/metrics>.
//! With a Jaeger or a Collector on this machine, send the traces there instead:
//!
//! ```sh
//! OTEL_TRACES_EXPORTER=otlp cargo run --example quickstart
//! ```
//!
//! Every `OTEL_*` variable works. Four more are for this example alone: `PORT` (8080),
//! `QUICKSTART_HOST` (127.0.0.1), `QUICKSTART_RATE` (requests a second of the built-in load, 5)
//! and `QUICKSTART_REQUESTS` (end after so many; 0 makes no load and only serves).
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

mod http;
mod load;
mod service;

use std::env;
use std::error::Error;
use std::future::IntoFuture;
use std::io;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::time::Duration;

use spanwise::Telemetry;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::timeout;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Defaults for a first look; a variable in the environment wins over each.
    let telemetry = Telemetry::builder()
        .default_var("OTEL_SERVICE_NAME", "quickstart")
        .default_var("OTEL_TRACES_EXPORTER", "console")
        .default_var("OTEL_METRICS_EXPORTER", "prometheus")
        .default_var("OTEL_LOGS_EXPORTER", "none")
        .init()?;

    let rate = setting("QUICKSTART_RATE")?.unwrap_or(5);
    let requests = setting("QUICKSTART_REQUESTS")?;
    let host = setting("QUICKSTART_HOST")?.unwrap_or(Ipv4Addr::LOCALHOST);
    let listener = listen(host, setting("PORT")?.unwrap_or(8080)).await?;
    let address = listener.local_addr()?;
    println!("service: http://{address}/users/42");
    if let Some(url) = telemetry.metrics_url() {
        println!("metrics: {url}");
    }
    println!("traces:  here, or with OTEL_TRACES_EXPORTER=otlp in Jaeger: http://localhost:16686");

    let client = http::Client::new(address);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, service::router(client.clone()))
        .with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(server.into_future());

    tokio::select! {
        () = load::run(client, rate, requests) => {}
        asked = asked_to_stop() => asked?,
    }
    drop(stop);
    // Requests under way are answered; one that hangs does not keep the process.
    drop(timeout(Duration::from_secs(5), server).await);

    // Dropping the guard flushes as well; this also says what was delivered.
    println!("{}", telemetry.shutdown()?);
    Ok(())
}

/// Listens on `port`, or on a free one when it is taken.
async fn listen(host: Ipv4Addr, port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((host, port)).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            println!("port {port} is taken, another one is used; PORT chooses it");
            TcpListener::bind((host, 0)).await
        }
        listener => listener,
    }
}

/// Resolves at Ctrl-C or SIGTERM.
async fn asked_to_stop() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

/// What a variable of this example says; unset and empty are the same.
fn setting<T: FromStr>(variable: &str) -> Result<Option<T>, String> {
    match env::var(variable).ok().filter(|value| !value.is_empty()) {
        Some(value) => match value.parse() {
            Ok(parsed) => Ok(Some(parsed)),
            Err(_) => Err(format!("{variable} cannot be {value:?}")),
        },
        None => Ok(None),
    }
}
