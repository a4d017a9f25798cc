//! Context over process boundaries: the wire formats, and how to write and read them on any carrier.
//!
//! A *propagator* knows a wire format ([`TraceContext`], [`Baggage`], [`B3`], [`Jaeger`], `XRay`); a [`Carrier`] is
//! what travels: HTTP headers, the headers of a queued message, the environment of a child process. [`inject`] and
//! [`extract`] bring the two together through the propagator of the process, [`inject_with`] and [`extract_with`]
//! through one that is passed in.
//!
//! The W3C formats are read by the letter of their grammars, over every value of a header and not just the first.
//! What is malformed is left out, alone where the specification allows it, and never fails the request. Values are
//! not written to logs: baggage may hold what nobody should read there.
//!
//! ```
//! use spanwise::propagation::{self, TraceContext};
//! use opentelemetry::Context;
//! use opentelemetry::trace::TraceContextExt as _;
//!
//! let mut request = http::HeaderMap::new();
//! request.insert("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?);
//! let context = propagation::extract_with(&TraceContext, &Context::new(), &request);
//! assert!(context.span().span_context().is_sampled());
//!
//! let mut message = std::collections::HashMap::new();
//! propagation::inject_with(&TraceContext, &context, &mut message);
//! assert!(message["traceparent"].starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
//! # Ok::<(), http::header::InvalidHeaderValue>(())
//! ```

mod b3;
mod baggage;
mod carrier;
mod environment;
mod jaeger;
mod trace_context;
mod trace_state;
mod wire;
#[cfg(feature = "xray")]
mod xray;

pub use b3::B3;
pub use baggage::Baggage;
pub use carrier::{Carrier, extract, extract_with, inject, inject_with};
pub use environment::Environment;
pub use jaeger::Jaeger;
pub use trace_context::TraceContext;
#[cfg(feature = "xray")]
pub use xray::XRay;
