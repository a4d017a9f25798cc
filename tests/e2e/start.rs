//! The first look: the quickstart with nothing else installed.

use std::net::TcpListener;

use libtest_mimic::Trial;

use crate::deadline::until;
use crate::quickstart::Quickstart;
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
