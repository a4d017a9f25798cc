//! Callbacks of the application on spans.
//!
//! # Hot path
//!
//! Without a callback a span costs one relaxed load. With one, the list is cloned (one locked add) and the callbacks run
//! one after the other on the thread of the span, with no lock of ours held.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use opentelemetry::trace::SpanKind;
use opentelemetry::{SpanId, TraceId};

use super::labels::Label;
use super::outcome::Status;
use crate::clock::Clock;
use crate::diagnostics::{Diagnostics, Level};

/// How long one call may take: a hundred times what a callback should need, and short enough to save a service.
const BUDGET: Duration = Duration::from_millis(100);

const NOT_RUNNING: u64 = u64::MAX;

/// Which spans a callback is for.
///
/// A name alone is a filter: `"checkout".into()`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpanFilter {
    name: Option<String>,
}

impl SpanFilter {
    /// Every span that is counted.
    pub fn all() -> Self {
        Self::default()
    }

    /// Spans of this name: the one that is exported, which `otel.name` may have changed.
    pub fn name(name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
        }
    }

    fn takes(&self, name: &str) -> bool {
        self.name.as_deref().is_none_or(|wanted| wanted == name)
    }
}

impl From<&str> for SpanFilter {
    fn from(name: &str) -> Self {
        Self::name(name)
    }
}

/// A span that has just started, as a callback sees it.
#[derive(Debug)]
pub struct StartedSpan<'a> {
    pub(super) name: &'a str,
    pub(super) target: &'a str,
    pub(super) kind: SpanKind,
}

impl StartedSpan<'_> {
    /// Its name, as far as it is known at the start.
    pub fn name(&self) -> &str {
        self.name
    }

    /// The target of its callsite.
    pub fn target(&self) -> &str {
        self.target
    }

    /// Its kind, as far as it is known at the start.
    pub fn kind(&self) -> SpanKind {
        self.kind.clone()
    }
}

/// A span that has closed, as a callback sees it.
#[derive(Debug)]
pub struct ClosedSpan<'a> {
    pub(super) name: &'a str,
    pub(super) kind: SpanKind,
    pub(super) status: Status,
    pub(super) duration: Duration,
    pub(super) dimensions: &'a [Label],
    pub(super) ids: Option<(TraceId, SpanId)>,
}

impl ClosedSpan<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        self.name
    }

    /// Its kind.
    pub fn kind(&self) -> SpanKind {
        self.kind.clone()
    }

    /// Its status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// From start to last exit.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// The labels that declared fields gave it; none where it counts in the overflow series.
    pub fn dimensions(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.dimensions.iter();
        labels.map(|(label, value)| (&**label, &**value))
    }

    /// Its trace, sampled or not; `None` if the span is not one that may be exported.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.ids.map(|(trace, _)| trace)
    }

    /// Its id in the trace.
    pub fn span_id(&self) -> Option<SpanId> {
        self.ids.map(|(_, span)| span)
    }
}

/// A callback that is called while this lives.
#[derive(Debug)]
#[must_use = "the callback is removed when this is dropped: keep it as long as the callback is wanted"]
pub struct Subscription {
    observers: Weak<Observers>,
    observer: Weak<Observer>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(observers) = self.observers.upgrade() {
            observers.remove(&self.observer);
        }
    }
}

type OnStart = Box<dyn Fn(&StartedSpan<'_>) + Send + Sync>;
type OnClose = Box<dyn Fn(&ClosedSpan<'_>) + Send + Sync>;

/// What is called, and when.
pub(crate) enum Callback {
    Start(OnStart),
    Close(OnClose),
    /// On close, where the status is an error.
    Error(OnClose),
}

impl Callback {
    const fn bit(&self) -> u8 {
        match self {
            Self::Start(_) => STARTS,
            Self::Close(_) | Self::Error(_) => CLOSES,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Start(_) => "on_start",
            Self::Close(_) => "on_close",
            Self::Error(_) => "on_error",
        }
    }
}

const STARTS: u8 = 1;
const CLOSES: u8 = 2;

struct Observer {
    filter: SpanFilter,
    callback: Callback,
    /// Where it was registered: its name in messages.
    origin: &'static Location<'static>,
    off: AtomicBool,
    /// When a call that has not come back began, or [`NOT_RUNNING`].
    running: AtomicU64,
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.callback.name(), self.origin)
    }
}

/// The callbacks of one pipeline.
#[derive(Debug)]
pub(crate) struct Observers {
    /// Which callbacks there are, as bits.
    wanted: AtomicU8,
    list: RwLock<Arc<[Arc<Observer>]>>,
    clock: Clock,
    diagnostics: Diagnostics,
}

thread_local! {
    /// Whether a callback runs on this thread: spans that it makes call nobody.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

impl Observers {
    pub(super) fn new(clock: Clock, diagnostics: Diagnostics) -> Self {
        Self {
            wanted: AtomicU8::new(0),
            list: RwLock::new(Arc::default()),
            clock,
            diagnostics,
        }
    }

    /// Adds a callback; it is called from the next span on.
    pub(crate) fn add(
        self: &Arc<Self>,
        filter: SpanFilter,
        callback: Callback,
        origin: &'static Location<'static>,
    ) -> Subscription {
        let observer = Arc::new(Observer {
            filter,
            callback,
            origin,
            off: AtomicBool::new(false),
            running: AtomicU64::new(NOT_RUNNING),
        });
        let subscription = Subscription {
            observers: Arc::downgrade(self),
            observer: Arc::downgrade(&observer),
        };
        self.change(|list| list.push(observer));
        subscription
    }

    fn remove(&self, observer: &Weak<Observer>) {
        self.change(|list| {
            list.retain(|other| !std::ptr::eq(Arc::as_ptr(other), observer.as_ptr()))
        });
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Observer>>)) {
        let before;
        {
            let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
            let mut changed = list.to_vec();
            change(&mut changed);
            let bits = changed.iter().map(|observer| observer.callback.bit());
            self.wanted
                .store(bits.fold(0, |all, bit| all | bit), Ordering::Relaxed);
            before = std::mem::replace(&mut *list, changed.into());
        }
        // What a callback holds is dropped without the lock: that is the application's code, too.
        drop(before);
    }

    /// Whether anyone wants to know of spans that start.
    #[inline]
    pub(super) fn want_start(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) & STARTS != 0
    }

    /// Whether anyone wants to know of spans that close.
    #[inline]
    pub(super) fn want_close(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) & CLOSES != 0
    }

    pub(super) fn started(&self, span: &StartedSpan<'_>) {
        self.run(span.name, |callback| match callback {
            Callback::Start(call) => {
                call(span);
                true
            }
            _ => false,
        });
    }

    pub(super) fn closed(&self, span: &ClosedSpan<'_>) {
        self.run(span.name, |callback| match callback {
            Callback::Close(call) => {
                call(span);
                true
            }
            Callback::Error(call) if span.status == Status::Error => {
                call(span);
                true
            }
            _ => false,
        });
    }

    /// Runs callbacks for a span; `call` says whether it called.
    fn run(&self, name: &str, call: impl Fn(&Callback) -> bool) {
        if INSIDE.try_with(|inside| inside.replace(true)) != Ok(false) {
            return;
        }
        let list = {
            let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
            list.clone()
        };
        for observer in list.iter().filter(|observer| observer.filter.takes(name)) {
            if !observer.off.load(Ordering::Relaxed) {
                self.run_one(observer, &call);
            }
        }
        let _ = INSIDE.try_with(|inside| inside.set(false));
    }

    fn run_one(&self, observer: &Observer, call: impl Fn(&Callback) -> bool) {
        let began = self.clock.nanos();
        let since = observer.running.load(Ordering::Relaxed);
        if since != NOT_RUNNING && is_over(began.saturating_sub(since)) {
            return self.switch_off(observer, "has not come back from a call on another thread");
        }
        // Of calls at the same time one is watched.
        let watched = observer
            .running
            .compare_exchange(NOT_RUNNING, began, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        let result = catch_unwind(AssertUnwindSafe(|| call(&observer.callback)));
        if watched {
            observer.running.store(NOT_RUNNING, Ordering::Relaxed);
        }
        match result {
            Err(panic) => {
                self.switch_off(observer, format_args!("panicked: {}", message(&*panic)));
                // The payload is the application's, and may panic when it is dropped.
                std::mem::forget(panic);
            }
            Ok(called) => {
                let took = self.clock.nanos().saturating_sub(began);
                if called && is_over(took) {
                    let took = Duration::from_nanos(took);
                    self.switch_off(observer, format_args!("took {took:?}"));
                }
            }
        }
    }

    fn switch_off(&self, observer: &Observer, what: impl fmt::Display) {
        if observer.off.swap(true, Ordering::Relaxed) {
            return;
        }
        let message = format_args!(
            "span callback {observer:?} {what}; it is switched off, the others go on. A callback must return within {BUDGET:?} \
             and must not panic: hand what it needs to a thread of its own"
        );
        self.diagnostics.say(Level::Error, message);
    }
}

fn is_over(nanos: u64) -> bool {
    Duration::from_nanos(nanos) > BUDGET
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::clock::Hand;

    fn observers() -> (Arc<Observers>, Hand, Arc<Mutex<String>>) {
        let (clock, hand) = Clock::manual();
        let (diagnostics, said) = Diagnostics::memory(Some(Level::Info), clock.clone());
        (Arc::new(Observers::new(clock, diagnostics)), hand, said)
    }

    fn on_close(
        observers: &Arc<Observers>,
        filter: SpanFilter,
        call: impl Fn(&ClosedSpan<'_>) + Send + Sync + 'static,
    ) -> Subscription {
        let callback = Callback::Close(Box::new(call));
        observers.add(filter, callback, Location::caller())
    }

    fn close(observers: &Observers, name: &str) {
        observers.closed(&ClosedSpan {
            name,
            kind: SpanKind::Internal,
            status: Status::Unset,
            duration: Duration::ZERO,
            dimensions: &[],
            ids: None,
        });
    }

    fn counter() -> (Arc<AtomicUsize>, impl Fn(&ClosedSpan<'_>) + Send + Sync) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        (count, move |_: &ClosedSpan<'_>| {
            counted.fetch_add(1, Ordering::Relaxed);
        })
    }

    #[test]
    fn a_callback_is_called_for_its_name_until_it_is_dropped() {
        let (observers, ..) = observers();
        let (count, call) = counter();
        let subscription = on_close(&observers, "a".into(), call);
        assert!(observers.want_close() && !observers.want_start());
        close(&observers, "a");
        close(&observers, "b");
        drop(subscription);
        close(&observers, "a");
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(!observers.want_close());
    }

    #[test]
    fn a_callback_that_panics_is_named_and_switched_off_and_others_go_on() {
        let (observers, _, said) = observers();
        let (count, call) = counter();
        let _bad = on_close(&observers, SpanFilter::all(), |_| panic!("broken"));
        let _good = on_close(&observers, SpanFilter::all(), call);
        close(&observers, "a");
        close(&observers, "a");
        assert_eq!(count.load(Ordering::Relaxed), 2);
        let said = said.lock().unwrap();
        assert_eq!(said.matches("panicked: broken").count(), 1, "{said}");
        assert!(said.contains("observers.rs"), "{said}");
    }

    #[test]
    fn a_callback_that_stalls_is_named_and_switched_off() {
        let (observers, hand, said) = observers();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let _slow = on_close(&observers, SpanFilter::all(), move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            hand.advance(BUDGET * 2);
        });
        close(&observers, "a");
        close(&observers, "a");
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert!(said.lock().unwrap().contains("took 200ms"));
    }

    #[test]
    fn a_callback_that_never_comes_back_is_switched_off_by_others() {
        let (observers, hand, said) = observers();
        let (entered, leave) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
        let barriers = Arc::new((entered, leave));
        let inside = barriers.clone();
        let _stuck = on_close(&observers, SpanFilter::all(), move |_| {
            inside.0.wait();
            inside.1.wait();
        });
        std::thread::scope(|scope| {
            scope.spawn(|| close(&observers, "a"));
            barriers.0.wait();
            hand.advance(BUDGET * 2);
            close(&observers, "a");
            assert!(said.lock().unwrap().contains("has not come back"));
            barriers.1.wait();
        });
    }

    #[test]
    fn a_callback_may_unsubscribe_and_make_spans() {
        let (observers, ..) = observers();
        let (count, call) = counter();
        let other = Mutex::new(Some(on_close(&observers, SpanFilter::all(), call)));
        let inner = observers.clone();
        let _outer = on_close(&observers, SpanFilter::all(), move |_| {
            close(&inner, "of the callback");
            drop(other.lock().unwrap().take());
        });
        close(&observers, "a");
        close(&observers, "a");
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }
}
