//! The current context over process boundaries, and values that travel with it.

use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::context::{FutureExt, WithContext};
use opentelemetry::{Context, Key, StringValue};
use tracing::dispatcher;

use crate::pipeline::SpanwiseLayer;
use crate::propagation::{self, Carrier};

/// Writes the current context to `carrier`: headers of a request, of a message, the environment of a child process.
///
/// With the propagators of the telemetry that the current thread uses, and with those of the process where that is none of ours. See
/// [`propagation::inject`].
///
/// ```
/// let mut headers = http::HeaderMap::new();
/// spanwise::trace::inject(&mut headers);
/// ```
pub fn inject(carrier: &mut (impl Carrier + ?Sized)) {
    // A clone, because a carrier is the application's and may open spans.
    let subscriber = dispatcher::get_default(Clone::clone);
    match SpanwiseLayer::of(&subscriber) {
        Some(layer) => {
            propagation::inject_with(layer.propagators(), &Context::current(), carrier);
        }
        None => propagation::inject(carrier),
    }
}

/// The context that `carrier` holds, on top of the current one; [`within`] it, spans continue the trace that came.
///
/// The propagators are those of [`inject`].
pub fn extract(carrier: &(impl Carrier + ?Sized)) -> Context {
    let subscriber = dispatcher::get_default(Clone::clone);
    match SpanwiseLayer::of(&subscriber) {
        Some(layer) => propagation::extract_with(layer.propagators(), &Context::current(), carrier),
        None => propagation::extract(carrier),
    }
}

/// Runs `f` in a context that came from elsewhere. The first span that `f` makes is a child of the remote one.
///
/// ```
/// use spanwise::trace::{extract, within};
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?);
/// let span = within(extract(&headers), || tracing::info_span!("request", otel.kind = "server"));
/// # drop(span);
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
pub fn within<R>(context: Context, f: impl FnOnce() -> R) -> R {
    let _attached = context.attach();
    f()
}

/// Runs `f` with values that are sent on with every context from inside of it. They are not secret, and receivers see them.
pub fn with_baggage<K, V, R>(values: impl IntoIterator<Item = (K, V)>, f: impl FnOnce() -> R) -> R
where
    K: Into<Key>,
    V: Into<StringValue>,
{
    within(current_with(values), f)
}

/// The same for a future.
pub fn with_baggage_async<K, V, F>(
    values: impl IntoIterator<Item = (K, V)>,
    future: F,
) -> WithContext<F>
where
    K: Into<Key>,
    V: Into<StringValue>,
    F: Future,
{
    future.with_context(current_with(values))
}

/// The current context with more values in its baggage; those that it has stay, unless a new one has their name.
fn current_with<K, V>(values: impl IntoIterator<Item = (K, V)>) -> Context
where
    K: Into<Key>,
    V: Into<StringValue>,
{
    let current = Context::current();
    let mut baggage = Baggage::new();
    for (key, (value, metadata)) in current.baggage() {
        baggage.insert_with_metadata(key.clone(), value.clone(), metadata.clone());
    }
    for (key, value) in values {
        baggage.insert(key, value);
    }
    current.with_baggage(baggage)
}

/// A value of the current baggage.
pub fn baggage(name: &str) -> Option<String> {
    Context::map_current(|current| current.baggage().get(name).map(ToString::to_string))
}
