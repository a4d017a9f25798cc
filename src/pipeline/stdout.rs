//! OTLP as one JSON object a line on standard output, for a collector that reads the logs of containers.

use std::io::Write as _;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};

/// Writes the body of each request instead of sending it.
#[derive(Debug)]
pub(crate) struct Stdout;

#[async_trait::async_trait]
impl HttpClient for Stdout {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // opentelemetry-otlp writes JSON over many lines; the format wants one.
        let request: serde_json::Value = serde_json::from_slice(request.body())?;
        let line = format!("{request}\n");
        // Off the runtime's thread, because a pipe may be slow.
        tokio::task::spawn_blocking(move || std::io::stdout().lock().write_all(line.as_bytes()))
            .await??;
        Ok(Response::new(Bytes::new()))
    }
}
