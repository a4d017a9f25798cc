//! Says what telemetry would do in this environment, and whether it would work:
//!
//! ```sh
//! cargo run --example doctor
//! OTEL_EXPORTER_OTLP_ENDPOINT=https://collector.example:4318 cargo run --example doctor
//! ```
//!
//! Run it with the variables of a service, in the place where the service runs. It lists every value and its source, sends
//! an empty export to each receiver, and explains what comes back. Nothing is installed, and no port is opened.

use std::io::Write;

use spanwise::Telemetry;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = Telemetry::builder()
        // The service may be running beside this and have the port of `/metrics`.
        .without_metrics_listener()
        // What the banner says is in the diagnosis.
        .default_var("OTEL_RUST_BANNER", "off")
        .build()?;
    let diagnosis = telemetry.diagnose();
    let mut stdout = std::io::stdout().lock();
    write!(stdout, "{diagnosis}")?;
    if diagnosis.is_healthy() {
        writeln!(stdout, "all is well")?;
    }
    Ok(())
}
