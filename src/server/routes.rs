//! What is answered to which request.

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, VARY,
    WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;

use super::packing::Packing;
use super::scrape::{Scrapes, Variant};
use super::token::Token;
use crate::exposition::Format;

const INDEX: &str =
    "<!doctype html><title>spanwise</title><p><a href=\"/metrics\">metrics</a></p>\n";
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Answers requests.
#[derive(Debug, Clone)]
pub(super) struct Routes {
    scrapes: Scrapes,
    token: Option<Token>,
}

impl Routes {
    pub(super) fn new(scrapes: Scrapes, token: Option<Token>) -> Self {
        Self { scrapes, token }
    }

    /// Answers one request; its body is not read. A `HEAD` is answered like a `GET`, hyper leaves the body out.
    pub(super) async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>> {
        if let Some(token) = &self.token
            && !token.is_shown(request.headers())
        {
            let mut refusal = text(StatusCode::UNAUTHORIZED, "a bearer token is needed here\n");
            refusal
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return refusal;
        }
        let known = matches!(request.uri().path(), "/" | "/metrics");
        if !known {
            return text(
                StatusCode::NOT_FOUND,
                "not found: the metrics are at /metrics\n",
            );
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refusal = text(
                StatusCode::METHOD_NOT_ALLOWED,
                "only GET and HEAD are answered here\n",
            );
            refusal
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refusal;
        }
        if request.uri().path() == "/" {
            return response(StatusCode::OK, HTML, Bytes::from_static(INDEX.as_bytes()));
        }
        self.metrics(request.headers()).await
    }

    async fn metrics(&self, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let variant = Variant {
            format: Format::negotiate(whole(headers, ACCEPT).as_deref()),
            packing: Packing::negotiate(whole(headers, ACCEPT_ENCODING).as_deref()),
        };
        let Ok(page) = self.scrapes.page(variant).await else {
            let words = "the metrics could not be collected: a callback panicked, see the standard error of the process\n";
            return text(StatusCode::INTERNAL_SERVER_ERROR, words);
        };
        let content_type = HeaderValue::from_static(variant.format.content_type());
        let mut response = response(StatusCode::OK, content_type, page);
        response
            .headers_mut()
            .insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
        if let Some(name) = variant.packing.name() {
            response
                .headers_mut()
                .insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        response
    }
}

/// All lines of a header as one list; lines that are not text are passed over.
fn whole(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let lines: Vec<&str> = headers
        .get_all(name)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

fn text(status: StatusCode, words: &'static str) -> Response<Full<Bytes>> {
    response(status, PLAIN, Bytes::from_static(words.as_bytes()))
}

fn response(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
