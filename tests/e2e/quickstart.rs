//! The quickstart as a process of its own.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufWriter, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::deadline::{PATIENCE, until};
use crate::exposition::{self, Span};
use crate::http::get_text;
use crate::process::{Process, directory, free_port};
use crate::{Outcome, ensure, tools};

/// Spans of ten requests of [`Quickstart::load`]: five users of two, two orders of six, two payments
/// of two, one report of two.
pub(crate) const SPANS_OF_TEN: usize = 5 * 2 + 2 * 6 + 2 * 2 + 2;

/// Spans of ten requests whose kind is server: an order calls the service once more.
pub(crate) const SERVER_SPANS_OF_TEN: u64 = 12;

/// Requests under way at once.
const CLIENTS: usize = 16;

pub(crate) struct Quickstart {
    process: Process,
    port: u16,
    metrics: u16,
}

impl Quickstart {
    /// Starts it without a load of its own, with variables on top of none from here.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Outcome<Self> {
        let chosen = |variable: &str| -> Outcome<u16> {
            match variables.iter().find(|(name, _)| *name == variable) {
                Some((_, port)) => Ok(port.parse()?),
                None => free_port(),
            }
        };
        let (port, metrics) = (chosen("PORT")?, chosen("OTEL_EXPORTER_PROMETHEUS_PORT")?);
        let mut command = Command::new(tools::quickstart()?);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("OTEL_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command
            .env("PORT", port.to_string())
            .env("QUICKSTART_REQUESTS", "0")
            .env("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1")
            .env("OTEL_EXPORTER_PROMETHEUS_PORT", metrics.to_string())
            .env("OTEL_TRACES_EXPORTER", "none")
            .envs(variables.iter().copied());
        let mut process = Process::start(command, directory("quickstart")?)?;
        until("the quickstart to listen", || {
            process.alive()?;
            TcpStream::connect(("127.0.0.1", port))?;
            Ok(())
        })?;
        Ok(Self {
            process,
            port,
            metrics,
        })
    }

    pub(crate) fn metrics(&self) -> Outcome<String> {
        get_text(&format!("http://127.0.0.1:{}/metrics", self.metrics))
    }

    /// What `/metrics` gives to somebody who accepts a media type.
    pub(crate) fn metrics_as(&self, accept: &str) -> Outcome<String> {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics);
        let mut answer = ureq::get(url).header("accept", accept).call()?;
        Ok(answer.body_mut().read_to_string()?)
    }

    /// The calls that `/metrics` has counted.
    pub(crate) fn calls(&self) -> Outcome<BTreeMap<Span, u64>> {
        exposition::calls(&self.metrics()?)
    }

    /// Sends `count` requests in the mix of the quickstart's own load.
    pub(crate) fn load(&self, count: u64) -> Outcome {
        self.send(count, |number| match number % 10 {
            0..5 => ("GET", format!("/users/{number}")),
            5 | 6 => ("POST", "/orders".to_owned()),
            7 | 8 => ("POST", format!("/payments/{}", number / 10)),
            _ => ("GET", "/reports".to_owned()),
        })
    }

    /// Sends `count` requests, which `request` makes from their numbers.
    pub(crate) fn send(
        &self,
        count: u64,
        request: impl Fn(u64) -> (&'static str, String) + Sync,
    ) -> Outcome {
        let next = AtomicU64::new(0);
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections_per_host(CLIENTS)
            .timeout_global(Some(Duration::from_secs(20)))
            .build()
            .into();
        thread::scope(|scope| {
            let client = || -> Outcome {
                loop {
                    // Only hands out numbers, so the order does not matter.
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return Ok(());
                    }
                    let (method, path) = request(number);
                    let url = format!("http://127.0.0.1:{}{path}", self.port);
                    let mut answer = match method {
                        "GET" => agent.get(&url).call()?,
                        _ => agent.post(&url).send_empty()?,
                    };
                    let expected = [200, 502].contains(&answer.status().as_u16());
                    ensure!(expected, "{method} {path}: {}", answer.status());
                    answer.body_mut().read_to_vec()?;
                }
            };
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
            clients
                .into_iter()
                .try_for_each(|client| client.join().map_err(|_| "a client panicked")?)
        })
    }

    /// Sends `count` GET requests as fast as they are taken: a connection does not wait for one answer
    /// before it asks again.
    pub(crate) fn pour(
        &self,
        count: u64,
        status: u16,
        path: impl Fn(u64) -> String + Sync,
    ) -> Outcome {
        let expected = format!("HTTP/1.1 {status} ");
        let share = count / CLIENTS as u64;
        ensure!(
            share * CLIENTS as u64 == count,
            "{count} requests cannot be shared by {CLIENTS} connections"
        );
        let client = |number: u64| -> Outcome {
            let mut answers = TcpStream::connect(("127.0.0.1", self.port))?;
            answers.set_read_timeout(Some(PATIENCE))?;
            let mut requests = BufWriter::new(answers.try_clone()?);
            let ask = || -> Outcome {
                for number in number * share..(number + 1) * share {
                    let last = number % share == share - 1;
                    let connection = if last { "close" } else { "keep-alive" };
                    let path = path(number);
                    write!(
                        requests,
                        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: {connection}\r\n\r\n"
                    )?;
                }
                Ok(requests.flush()?)
            };
            let mut text = String::new();
            thread::scope(|scope| -> Outcome {
                let asking = scope.spawn(ask);
                answers.read_to_string(&mut text)?;
                asking.join().map_err(|_| "a client panicked")?
            })?;
            let found = text.matches(&expected).count() as u64;
            ensure!(found == share, "{found} of {share} answers are {status}");
            Ok(())
        };
        thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS as u64)
                .map(|number| scope.spawn(move || client(number)))
                .collect();
            clients
                .into_iter()
                .try_for_each(|client| client.join().map_err(|_| "a client panicked")?)
        })
    }

    /// Bytes of memory that it has now.
    pub(crate) fn memory(&self) -> Outcome<u64> {
        self.process.memory()
    }

    /// What it has printed so far.
    pub(crate) fn printed(&self) -> Outcome<String> {
        self.process.stdout()
    }

    /// What it has said on stderr so far.
    pub(crate) fn said(&self) -> Outcome<String> {
        self.process.stderr()
    }

    /// Waits until it ends by itself, and gives back what it printed.
    pub(crate) fn end(&mut self) -> Outcome<String> {
        let status = self.process.wait(PATIENCE)?;
        ensure!(status.success(), "{status}\n{}", self.process.stderr()?);
        self.printed()
    }

    /// Ends it as Ctrl-C or `docker stop` would, and gives back what it printed.
    pub(crate) fn stop(&mut self) -> Outcome<String> {
        self.process.terminate()?;
        self.end()
    }
}
