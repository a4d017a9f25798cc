//! A subscriber that nobody uses, so that no test hides the spans of another.
//!
//! tracing keeps for each callsite whether anyone wants it. While there is one subscriber only, tracing-core 0.1.36 asks the thread that meets
//! a callsite first: if that thread has no subscriber, the callsite is off for all threads until another subscriber is made. With a second
//! subscriber that wants to be asked each time, it asks both and keeps "sometimes".

use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Makes sure that the second subscriber exists. Takes no lock once it does.
pub(super) fn call() {
    static WITNESS: OnceLock<Dispatch> = OnceLock::new();
    WITNESS.get_or_init(|| Dispatch::new(Witness));
}

struct Witness;

impl Subscriber for Witness {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
