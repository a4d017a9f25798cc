//! The mark of the threads that export: what happens on them is never telemetry of the application.
//!
//! Layers ask [`is_current`] instead of comparing target names, so that the application's own hyper, h2 and tonic spans
//! are kept while those of an export are not.

use std::cell::Cell;

thread_local! {
    static MARKED: Cell<bool> = const { Cell::new(false) };
}

/// Marks the current thread for the rest of its life.
pub(crate) fn mark() {
    MARKED.with(|marked| marked.set(true));
}

/// Whether the current thread is one of ours.
#[inline]
pub(crate) fn is_current() -> bool {
    // A thread that is being torn down has lost the mark; only application threads get that far with spans.
    MARKED.try_with(Cell::get).unwrap_or(false)
}
