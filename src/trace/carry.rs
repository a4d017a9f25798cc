//! Taking the current span along to other tasks and threads.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::thread;

use opentelemetry::Context;
use opentelemetry::context::{FutureExt, WithContext};
use pin_project_lite::pin_project;
use tracing::instrument::Instrumented;
use tracing::{Dispatch, Instrument, Span, dispatcher};

use crate::pipeline::SpanwiseLayer;

/// Starts a tokio task in the current span. What is current then (span, baggage, subscriber) is current in the task.
///
/// The span stays open until the task ends.
///
/// # Panics
///
/// Outside of a tokio runtime, as [`tokio::spawn`] does.
#[track_caller]
pub fn spawn<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    tokio::spawn(carry_future(future))
}

/// Runs a closure that blocks in the current span, on the threads that tokio has for that.
///
/// # Panics
///
/// Outside of a tokio runtime, as [`tokio::task::spawn_blocking`] does.
#[track_caller]
pub fn spawn_blocking<R: Send + 'static>(
    f: impl FnOnce() -> R + Send + 'static,
) -> tokio::task::JoinHandle<R> {
    tokio::task::spawn_blocking(carry(f))
}

/// Starts a thread in the current span.
///
/// # Panics
///
/// When the operating system gives no thread, as [`std::thread::spawn`] does.
pub fn spawn_thread<R: Send + 'static>(
    f: impl FnOnce() -> R + Send + 'static,
) -> thread::JoinHandle<R> {
    thread::spawn(carry(f))
}

/// The closure with the current span, wherever it runs: in a thread pool, a scoped thread, a callback.
///
/// ```
/// use spanwise::trace::carry;
///
/// std::thread::scope(|scope| {
///     scope.spawn(carry(|| tracing::info_span!("part").in_scope(|| ())));
/// });
/// ```
pub fn carry<R, F: FnOnce() -> R>(f: F) -> impl FnOnce() -> R + use<R, F> {
    let (origin, span, context) = (Origin::current(), Span::current(), Context::current());
    move || {
        origin.run(|| {
            // The span attaches a context of its own; baggage that was added inside of it is in the one that was current.
            span.in_scope(|| {
                let _attached = context.attach();
                f()
            })
        })
    }
}

/// The future with the current span, wherever it runs.
pub fn carry_future<F: Future>(future: F) -> Carried<F> {
    Carried {
        future: future
            .with_context(Context::current())
            .instrument(Span::current()),
        origin: Origin::current(),
    }
}

pin_project! {
    /// A future that takes the span along in which it was made; see [`carry_future`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Carried<F> {
        #[pin]
        future: Instrumented<WithContext<F>>,
        origin: Origin,
    }
}

impl<F: Future> Future for Carried<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.origin.run(|| this.future.poll(task))
    }
}

/// The subscriber that was current.
#[derive(Debug)]
struct Origin(Dispatch);

impl Origin {
    fn current() -> Self {
        Self(dispatcher::get_default(Clone::clone))
    }

    fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        // While any thread has a subscriber of its own, all threads look for one at each span. Where the same telemetry is
        // global, that would cost everyone and change nothing.
        if dispatcher::get_default(|here| self.is(here)) {
            f()
        } else {
            dispatcher::with_default(&self.0, f)
        }
    }

    fn is(&self, other: &Dispatch) -> bool {
        match (SpanwiseLayer::of(&self.0), SpanwiseLayer::of(other)) {
            (Some(own), Some(other)) => std::ptr::eq(own, other),
            _ => false,
        }
    }
}
