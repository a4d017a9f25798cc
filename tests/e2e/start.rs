//! The first look: the quickstart with nothing else installed.

use std::net::TcpListener;

use libtest_mimic::Trial;

use crate::deadline::until;
use crate::process::free_port;
use crate::quickstart::{Quickstart, SPANS_OF_TEN};
use crate::{Outcome, ensure, test};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test(
            "start::spans_are_on_the_console_and_the_end_is_reported",
            spans_are_on_the_console_and_the_end_is_reported,
        ),
        test(
            "start::taken_port_is_replaced_and_said",
            taken_port_is_replaced_and_said,
        ),
        test(
            "start::nothing_listening_is_said_with_the_fix",
            nothing_listening_is_said_with_the_fix,
        ),
    ]
}

fn spans_are_on_the_console_and_the_end_is_reported() -> Outcome {
    // Empty counts as unset, so the defaults of the example hold.
    let mut quickstart = Quickstart::start(&[
        ("OTEL_TRACES_EXPORTER", ""),
        ("QUICKSTART_REQUESTS", "20"),
        ("QUICKSTART_RATE", "100"),
    ])?;
    let printed = quickstart.end()?;
    for expected in [
        "service: http://127.0.0.1:",
        "metrics: http://",
        "SELECT users",
        "GET /reports",
    ] {
        ensure!(printed.contains(expected), "no {expected:?} in\n{printed}");
    }
    let report = printed.lines().last().unwrap_or_default();
    ensure!(!report.is_empty(), "no report at the end of\n{printed}");
    Ok(())
}

fn taken_port_is_replaced_and_said() -> Outcome {
    let taken = TcpListener::bind(("127.0.0.1", 0))?;
    let port = taken.local_addr()?.port().to_string();
    let mut quickstart = Quickstart::start(&[("PORT", &port)])?;
    let printed = until("the address of the service", || {
        let printed = quickstart.printed()?;
        if printed.contains("service: ") {
            Ok(printed)
        } else {
            Err(printed.into())
        }
    })?;
    ensure!(
        printed.contains(&format!("port {port} is taken")),
        "it does not say so:\n{printed}"
    );
    ensure!(
        !printed.contains(&format!("http://127.0.0.1:{port}/")),
        "the taken port is shown:\n{printed}"
    );
    quickstart.stop()?;
    Ok(())
}

fn nothing_listening_is_said_with_the_fix() -> Outcome {
    let endpoint = format!("http://127.0.0.1:{}", free_port()?);
    let mut quickstart = Quickstart::start(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        // Our own words do not pass through the filter of the application.
        ("RUST_LOG", "off"),
    ])?;
    quickstart.load(10)?;
    let line = until("a line about the endpoint", || {
        let said = quickstart.said()?;
        let line = said
            .lines()
            .find(|line| line.contains("nothing listens"))
            .map(str::to_owned);
        line.ok_or_else(|| said.into())
    })?;
    for expected in [
        &format!("{endpoint}/v1/traces"),
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ] {
        ensure!(line.contains(expected), "no {expected} in {line}");
    }
    quickstart.load(10)?;
    let calls: u64 = quickstart.calls()?.values().sum();
    ensure!(
        calls == 2 * SPANS_OF_TEN as u64,
        "{calls} calls counted without a receiver"
    );
    let lines = quickstart.said()?.matches("nothing listens").count();
    ensure!(lines == 1, "said {lines} times:\n{}", quickstart.said()?);
    let ended = quickstart.stop();
    ensure!(
        ended.is_err(),
        "it ended as if nothing was lost:\n{ended:?}"
    );
    Ok(())
}
