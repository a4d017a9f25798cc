//! The listener that Prometheus scrapes: `/metrics` over HTTP/1.1.
//!
//! [`Listener::bind`] takes the port at once, so that a taken one is an error where it can still be handled;
//! [`Listener::serve`] answers from a [`Source`] on a given runtime until [`Running::stop`].
//!
//! - A page is rendered on a blocking thread, one at a time: a slow callback of the application holds up neither the
//!   runtime nor recording. Scrapes that wait meanwhile share the next page.
//! - Everything is bounded: connections, header size, the time a client may take.
//! - `GET /metrics` and `GET /` (and `HEAD`) are all it answers; other paths are 404, other methods 405. With
//!   [`Listener::with_bearer_token`] whoever does not show the token gets 401.
//!
//! Not here: TLS. Whoever needs it renders the page in a server of their own.

mod connection;
mod listener;
mod packing;
mod routes;
mod scrape;
mod token;

#[cfg(test)]
mod tests;

pub use connection::{Running, Stopped};
pub use listener::{Error, Listener};
pub use scrape::Source;
