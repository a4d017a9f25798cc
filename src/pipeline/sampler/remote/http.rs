//! The strategy over HTTP, as JSON.

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::strategy::Strategy;
use super::{Client, MAX_ANSWER};
use crate::delivery::Failure;
use crate::pipeline::USER_AGENT;
use crate::pipeline::explain::deepest;

#[derive(Debug)]
pub(super) struct Source {
    client: Client,
    uri: Uri,
}

impl Source {
    pub(super) fn new(endpoint: &Uri, service_name: &str) -> Result<Self, Failure> {
        let separator = if endpoint.query().is_some() { '&' } else { '?' };
        let service = utf8_percent_encode(service_name, NON_ALPHANUMERIC);
        let uri = format!("{endpoint}{separator}service={service}");
        Ok(Self {
            client: super::client(super::Version::Http1, endpoint)?,
            uri: uri
                .parse()
                .map_err(|error| Failure::new("sampler", format!("{uri}: {error}")))?,
        })
    }

    pub(super) async fn ask(&self) -> Result<Strategy, String> {
        let Self { client, uri } = self;
        let failed = |error: &dyn std::fmt::Display| format!("GET {uri}: {error}");
        let request = Request::get(uri)
            .header(http::header::USER_AGENT, USER_AGENT)
            .body(Full::new(Bytes::new()))
            .map_err(|error| failed(&error))?;
        let response = client.request(request).await;
        let response = response.map_err(|error| failed(&deepest(&error)))?;
        let status = response.status();
        if !status.is_success() {
            return Err(failed(&status));
        }
        let body = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await
            .map_err(|error| failed(&deepest(&*error)))?;
        Strategy::from_json(&body.to_bytes()).map_err(|what| failed(&what))
    }
}
