//! A batch between the queue and its receiver.

use super::queue::{Chunk, Inner};
use crate::delivery::Failure;

/// The kind of failure of a request that took too long.
pub(super) const TIMEOUT: &str = "timeout";

/// A batch on its way.
#[derive(Debug)]
pub(super) struct Pending<R> {
    pub(super) request: R,
    pub(super) items: u64,
    /// Bytes that it takes of the queue's.
    pub(super) bytes: usize,
    pub(super) tries: u32,
    /// Whether it is on disk, too, until it is settled.
    pub(super) is_on_disk: bool,
}

/// A batch as a request, or `None` if it is lost; code that is not ours may panic in between.
pub(super) fn encoded<T, R>(
    inner: &Inner<T>,
    chunk: Chunk<T>,
    encode: impl FnOnce(Vec<T>) -> Result<R, Failure>,
    bytes: impl FnOnce(&R) -> Option<usize>,
) -> Option<Pending<R>> {
    let items = chunk.items.len() as u64;
    let batch = chunk.items;
    let encoded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| encode(batch)));
    match encoded.unwrap_or_else(|_| Err(panicked("while it encoded a batch"))) {
        Ok(request) => {
            // Encoded it is smaller: what that frees can be taken by others.
            let bytes = bytes(&request).unwrap_or(chunk.bytes);
            inner.release(chunk.bytes.saturating_sub(bytes));
            Some(Pending {
                request,
                items,
                bytes: bytes.min(chunk.bytes),
                tries: 0,
                is_on_disk: false,
            })
        }
        Err(failure) => {
            inner.release(chunk.bytes);
            inner.subject.exported(items, Err(failure));
            None
        }
    }
}

/// Code that is not ours did.
pub(super) fn panicked(words: &str) -> Failure {
    Failure::new("panic", format!("the exporter panicked: {words}"))
}
