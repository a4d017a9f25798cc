//! Sampling as a Jaeger collector says: asked at start and from time to time, on the private runtime.
//!
//! Until the first answer a fixed share is kept, and a collector that stops answering leaves the last good answer in
//! force. The specification has the collector speak gRPC; Jaeger's HTTP endpoint is asked where the URL has a path.

#[cfg(feature = "grpc")]
mod grpc;
mod http;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ::http::Uri;
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingResult, ShouldSample};
use tokio::time::MissedTickBehavior;

use super::Parts;
use super::strategy::{Active, Strategy};
use crate::clock::Clock;
use crate::config::{JaegerRemote, TlsFiles};
use crate::delivery::Failure;
use crate::diagnostics::{Diagnostics, Level};
use crate::pipeline::tls;

/// How long one question may take; the answer is small and the collector near.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes read of an answer: room for thousands of operations.
const MAX_ANSWER: usize = 1 << 20;

/// Decides by the last answer; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    active: Arc<RwLock<Arc<Active>>>,
    clock: Clock,
}

/// A sampler that follows the collector, which is asked from now on.
pub(super) fn start(config: &JaegerRemote, parts: Parts<'_>) -> Result<Remote, Failure> {
    let initial = Strategy::Ratio(config.initial_rate);
    let remote = Remote {
        active: Arc::new(RwLock::new(Arc::new(Active::new(initial)))),
        clock: parts.clock.clone(),
    };
    let Some(source) = Source::new(config, parts.service_name)? else {
        return Ok(remote);
    };
    let follow = remote.clone().follow(
        source,
        config.interval,
        format!("sampling strategy of {}", config.endpoint),
        parts.diagnostics.clone(),
    );
    parts.runtime.spawn(follow);
    Ok(remote)
}

impl Remote {
    /// Asks until the runtime ends.
    async fn follow(
        self,
        source: Source,
        interval: Duration,
        subject: String,
        diagnostics: Diagnostics,
    ) {
        // Without a pause it would do nothing else, and tokio has no word for that but a panic.
        let mut ticks = tokio::time::interval(interval.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let answer = tokio::time::timeout(TIMEOUT, source.ask()).await;
            let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {TIMEOUT:?}")));
            match answer {
                Ok(strategy) => {
                    self.adopt(strategy);
                    diagnostics.recover(&subject);
                }
                Err(why) => {
                    let message = format_args!("{why}; sampling goes on as before");
                    diagnostics.fail(Level::Warn, &subject, "strategy", message);
                }
            }
        }
    }

    /// Follows `strategy` from now on; the same as before keeps its memory, or each answer would bring a burst.
    fn adopt(&self, strategy: Strategy) {
        if self.active().strategy == strategy {
            return;
        }
        let active = Arc::new(Active::new(strategy));
        *self.active.write().unwrap_or_else(PoisonError::into_inner) = active;
    }

    fn active(&self) -> Arc<Active> {
        self.active
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl ShouldSample for Remote {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let kept = self.active().keeps(trace_id, name, self.clock.nanos());
        super::result(super::keep_if(kept), parent)
    }
}

/// Who is asked.
#[derive(Debug)]
enum Source {
    Http(http::Source),
    #[cfg(feature = "grpc")]
    Grpc(grpc::Source),
}

impl Source {
    /// `None` where that server cannot be asked, which the configuration has said.
    fn new(config: &JaegerRemote, service_name: &str) -> Result<Option<Self>, Failure> {
        let uri: Uri = config
            .endpoint
            .parse()
            .map_err(|error| Failure::new("sampler", format!("{}: {error}", config.endpoint)))?;
        if !cfg!(feature = "tls") && uri.scheme_str() != Some("http") {
            return Ok(None);
        }
        if !matches!(uri.path(), "" | "/") {
            let source = http::Source::new(&uri, service_name)?;
            return Ok(Some(Self::Http(source)));
        }
        #[cfg(feature = "grpc")]
        return Ok(Some(Self::Grpc(grpc::Source::new(&uri, service_name)?)));
        #[cfg(not(feature = "grpc"))]
        Ok(None)
    }

    async fn ask(&self) -> Result<Strategy, String> {
        match self {
            Self::Http(source) => source.ask().await,
            #[cfg(feature = "grpc")]
            Self::Grpc(source) => source.ask().await,
        }
    }
}

type Client = legacy::Client<tls::Connector<HttpConnector>, Full<Bytes>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Http1,
    #[cfg(feature = "grpc")]
    Http2,
}

fn client(version: Version, endpoint: &Uri) -> Result<Client, Failure> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    let http2 = version != Version::Http1;
    let secure = endpoint.scheme_str() == Some("https");
    let files = TlsFiles::default();
    let connector = tls::connector(http, secure.then_some(&files), http2)?;
    let new = || legacy::Client::builder(TokioExecutor::new());
    #[cfg(feature = "grpc")]
    if http2 {
        return Ok(new().http2_only(true).build(connector));
    }
    Ok(new().build(connector))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_did_not_change_brings_no_burst() {
        let (clock, _hand) = Clock::manual();
        let remote = Remote {
            active: Arc::new(RwLock::new(Arc::new(Active::new(Strategy::Rate(1.0))))),
            clock,
        };
        let keeps = || remote.active().keeps(TraceId::from(1), "", 0);
        assert!(keeps());
        remote.adopt(Strategy::Rate(1.0));
        assert!(!keeps());
        remote.adopt(Strategy::Rate(2.0));
        assert!(keeps());
    }
}
