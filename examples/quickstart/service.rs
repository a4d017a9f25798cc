//! The service: four routes, and the work that each of them does.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::routing::{any, get, post};
use tokio::time::sleep;
use tracing::{error, info, instrument};

use crate::http::{Client, answer, http_span, unmatched};

/// A handler inside the server span of its route.
macro_rules! traced {
    ($method:literal, $route:literal) => {
        from_fn(|request: Request, next: Next| {
            answer(http_span!("server", $method, $route), request, next)
        })
    };
}

/// The routes; `client` is how one of them calls another.
pub(crate) fn router(client: Client) -> Router {
    Router::new()
        .route(
            "/users/{id}",
            get(user).layer(traced!("GET", "/users/{id}")),
        )
        .route("/orders", post(order).layer(traced!("POST", "/orders")))
        .route(
            "/payments/{id}",
            post(payment).layer(traced!("POST", "/payments/{id}")),
        )
        .route("/reports", get(report).layer(traced!("GET", "/reports")))
        .fallback_service(any(|| async { StatusCode::NOT_FOUND }).layer(from_fn(
            |request: Request, next: Next| answer(unmatched(&request), request, next),
        )))
        .with_state(client)
}

/// The plain case: one query.
async fn user(Path(id): Path<u64>) -> String {
    select_user(id).await;
    format!("user {id}\n")
}

/// The nested case: work of its own, a call to another service, and a query.
async fn order(State(client): State<Client>) -> Result<&'static str, StatusCode> {
    let total = price_order().await;
    let span = http_span!("client", "GET", "/users/{id}");
    client
        .send(span, Method::GET, "/users/7".to_owned())
        .await
        .map_err(|_| StatusCode::BAD_GATEWAY)?;
    insert_order(total).await;
    Ok("ordered\n")
}

/// The failing case: the bank refuses three payments of ten.
async fn payment(Path(id): Path<u64>) -> Result<&'static str, StatusCode> {
    charge_card(id)
        .await
        .map_err(|Refused| StatusCode::BAD_GATEWAY)?;
    Ok("paid\n")
}

/// The slow case.
async fn report() -> &'static str {
    render_report().await;
    "report\n"
}

#[instrument(name = "SELECT users", fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn select_user(id: u64) {
    sleep(Duration::from_millis(2 + id % 4)).await;
    info!("user found");
}

#[instrument(name = "price order")]
async fn price_order() -> u64 {
    sleep(Duration::from_millis(3)).await;
    1999
}

#[instrument(name = "INSERT orders", fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn insert_order(total: u64) {
    sleep(Duration::from_millis(4)).await;
    info!("order stored");
}

struct Refused;

#[instrument(name = "charge card", skip_all, fields(otel.kind = "client", payment.id = id))]
async fn charge_card(id: u64) -> Result<(), Refused> {
    sleep(Duration::from_millis(8)).await;
    if id % 10 < 3 {
        // An ERROR event marks the span that it happens in as failed.
        error!("card refused");
        return Err(Refused);
    }
    Ok(())
}

#[instrument(name = "render report")]
async fn render_report() {
    sleep(Duration::from_millis(300)).await;
    info!(pages = 12, "report rendered");
}
