//! OTLP as one JSON object a line on standard output, for a collector that reads the logs of containers.

use std::io::Write as _;

use bytes::Bytes;

use super::worker::Receipt;
use crate::delivery::Failure;

/// Writes a request as a line.
pub(super) async fn write(request: Bytes) -> Result<Receipt, Failure> {
    // Off the runtime's thread, because a pipe may be slow.
    let written = tokio::task::spawn_blocking(move || {
        let mut line = request.to_vec();
        line.push(b'\n');
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(&line)?;
        stdout.flush()
    })
    .await;
    match written {
        Ok(Ok(())) => Ok(Receipt::default()),
        Ok(Err(error)) => Err(Failure::new("stdout", format!("standard output: {error}"))),
        Err(error) => Err(Failure::new("stdout", error.to_string())),
    }
}
