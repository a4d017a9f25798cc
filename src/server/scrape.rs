//! One collection at a time, shared by the scrapes that wait for it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::Mutex;

use super::packing::Packing;
use crate::exposition::Format;

/// Where a page comes from.
pub trait Source: Send + Sync + 'static {
    /// Renders a page. Runs on a blocking thread, never twice at the same time; it may take its time, and may panic:
    /// that scrape is answered with 500, the next one tries again.
    fn render(&self, format: Format) -> String;
}

impl<F: Fn(Format) -> String + Send + Sync + 'static> Source for F {
    fn render(&self, format: Format) -> String {
        self(format)
    }
}

/// How a page is written and packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) format: Format,
    pub(super) packing: Packing,
}

/// The source panicked.
#[derive(Debug)]
pub(super) struct Panicked;

/// Hands out pages.
///
/// A scrape may be answered from a page whose collection began after the scrape arrived: nothing recorded before the
/// request is missing from it. So while one page is being made, everybody who arrives waits for the next and shares it.
#[derive(Clone)]
pub(super) struct Scrapes {
    source: Arc<dyn Source>,
    /// Held while a page is made, also by the blocking thread of a client that has gone: it keeps collections apart.
    last: Arc<Mutex<Option<Page>>>,
    /// Scrapes that wait for the lock. Relaxed: a count that is off by one keeps a page too long or makes one more.
    waiting: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Page {
    began: Instant,
    variant: Variant,
    body: Bytes,
}

impl Scrapes {
    pub(super) fn new(source: Arc<dyn Source>) -> Self {
        Self {
            source,
            last: Arc::default(),
            waiting: Arc::default(),
        }
    }

    /// A page that holds everything recorded before this call.
    pub(super) async fn page(&self, variant: Variant) -> Result<Bytes, Panicked> {
        let arrived = Instant::now();
        let waiting = Waiting::new(&self.waiting);
        let mut last = Arc::clone(&self.last).lock_owned().await;
        drop(waiting);
        if let Some(page) = last.as_ref()
            && page.began >= arrived
            && page.variant == variant
        {
            let body = page.body.clone();
            if self.waiting.load(Ordering::Relaxed) == 0 {
                *last = None;
            }
            return Ok(body);
        }
        let (source, waiting) = (Arc::clone(&self.source), Arc::clone(&self.waiting));
        let made = tokio::task::spawn_blocking(move || {
            *last = None;
            let began = Instant::now();
            let body = variant.packing.pack(source.render(variant.format));
            // Nobody waits: the page, which may be large, is not kept.
            if waiting.load(Ordering::Relaxed) > 0 {
                *last = Some(Page {
                    began,
                    variant,
                    body: body.clone(),
                });
            }
            body
        });
        made.await.map_err(|_| Panicked)
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Scrapes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrapes").finish_non_exhaustive()
    }
}

/// Counts itself while it lives, so that a scrape whose client has gone does not wait for ever.
#[derive(Debug)]
struct Waiting<'s>(&'s AtomicUsize);

impl<'s> Waiting<'s> {
    fn new(count: &'s AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
