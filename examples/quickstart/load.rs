//! The load: the same mix of requests every time.

use std::future;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use crate::http::{Client, http_span};

/// Requests under way at once; a service that is too slow for the rate slows the load.
const AT_ONCE: usize = 64;

/// Sends `rate` requests a second, until `requests` of them are answered or without end.
pub(crate) async fn run(client: Client, rate: u32, requests: Option<u64>) {
    if requests == Some(0) {
        return future::pending().await;
    }
    let mut tick = interval(Duration::from_secs(1) / rate.max(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut under_way = JoinSet::new();
    for number in 0..requests.unwrap_or(u64::MAX) {
        tick.tick().await;
        while under_way.try_join_next().is_some() {}
        let place = places.clone().acquire_owned().await;
        let client = client.clone();
        under_way.spawn(async move {
            send(&client, number).await;
            drop(place);
        });
    }
    under_way.join_all().await;
}

/// Of ten requests five read a user, two order, two pay and one wants a report.
async fn send(client: &Client, number: u64) {
    let (span, method, path) = match number % 10 {
        0..5 => (
            http_span!("client", "GET", "/users/{id}"),
            Method::GET,
            format!("/users/{number}"),
        ),
        5 | 6 => (
            http_span!("client", "POST", "/orders"),
            Method::POST,
            "/orders".to_owned(),
        ),
        7 | 8 => (
            http_span!("client", "POST", "/payments/{id}"),
            Method::POST,
            format!("/payments/{}", number / 10),
        ),
        _ => (
            http_span!("client", "GET", "/reports"),
            Method::GET,
            "/reports".to_owned(),
        ),
    };
    if let Err(error) = client.send(span, method, path).await {
        warn!(error, "no answer");
    }
}
