//! What was seen of spans, and callbacks on them.

use std::panic::Location;

use super::Telemetry;
use crate::span_metrics::{
    Callback, ClosedSpan, SpanFilter, SpanSummary, StartedSpan, Subscription,
};

impl Telemetry {
    /// What was seen of every span, by name and kind: calls, errors, duration, how many are in flight, the way to a trace.
    ///
    /// ```
    /// # let telemetry = spanwise::Telemetry::builder()
    /// #     .override_var("OTEL_TRACES_EXPORTER", "none")
    /// #     .override_var("OTEL_METRICS_EXPORTER", "none")
    /// #     .override_var("OTEL_LOGS_EXPORTER", "none")
    /// #     .build()?;
    /// telemetry.scope(|| tracing::info_span!("work").in_scope(|| ()));
    /// let work = &telemetry.spans()[0];
    /// assert_eq!((work.name.as_str(), work.calls, work.errors), ("work", 1, 0));
    /// # Ok::<(), spanwise::InitError>(())
    /// ```
    pub fn spans(&self) -> Vec<SpanSummary> {
        self.pipeline.span_metrics().summaries()
    }

    /// Calls `call` for each span that starts, as long as the subscription lives.
    ///
    /// It runs on the thread that makes the span and holds it up: hand what takes time to another thread. One that panics,
    /// or that takes longer than 100 ms, is switched off and named on stderr, and the others go on. Spans that it makes
    /// itself are counted, but call nobody. Only spans that RED metrics count are seen.
    ///
    /// ```
    /// # let telemetry = spanwise::Telemetry::builder()
    /// #     .override_var("OTEL_TRACES_EXPORTER", "none")
    /// #     .override_var("OTEL_METRICS_EXPORTER", "none")
    /// #     .override_var("OTEL_LOGS_EXPORTER", "none")
    /// #     .build()?;
    /// let (sender, names) = std::sync::mpsc::channel();
    /// let _subscription = telemetry.on_start("checkout", move |span| {
    ///     let _ = sender.send(span.name().to_owned());
    /// });
    /// telemetry.scope(|| drop(tracing::info_span!("checkout")));
    /// assert_eq!(names.try_recv(), Ok("checkout".to_owned()));
    /// # Ok::<(), spanwise::InitError>(())
    /// ```
    #[track_caller]
    pub fn on_start(
        &self,
        filter: impl Into<SpanFilter>,
        call: impl Fn(&StartedSpan<'_>) + Send + Sync + 'static,
    ) -> Subscription {
        self.observe(
            filter.into(),
            Callback::Start(Box::new(call)),
            Location::caller(),
        )
    }

    /// Calls `call` for each span that closes, as long as the subscription lives; the rules are those of
    /// [`on_start`](Self::on_start).
    ///
    /// To know the trace id, a span that was never entered is started as it closes.
    #[track_caller]
    pub fn on_close(
        &self,
        filter: impl Into<SpanFilter>,
        call: impl Fn(&ClosedSpan<'_>) + Send + Sync + 'static,
    ) -> Subscription {
        self.observe(
            filter.into(),
            Callback::Close(Box::new(call)),
            Location::caller(),
        )
    }

    /// Calls `call` for each span that closes with an error, as long as the subscription lives; the rules are those of
    /// [`on_start`](Self::on_start).
    #[track_caller]
    pub fn on_error(
        &self,
        filter: impl Into<SpanFilter>,
        call: impl Fn(&ClosedSpan<'_>) + Send + Sync + 'static,
    ) -> Subscription {
        self.observe(
            filter.into(),
            Callback::Error(Box::new(call)),
            Location::caller(),
        )
    }

    fn observe(
        &self,
        filter: SpanFilter,
        callback: Callback,
        origin: &'static Location<'static>,
    ) -> Subscription {
        let observers = self.pipeline.span_metrics().observers();
        observers.add(filter, callback, origin)
    }
}
