//! Counts of one exporter.
//!
//! # Hot path
//!
//! An item that is pushed adds one to exactly one atomic counter.
//!
//! # Exact at every moment
//!
//! What was created is not counted: it is the sum of what waits, what arrived and what was lost. A push adds to one of these
//! and an export moves items between them under a lock that readers take too, so no reader sees an item twice or not at
//! all, whatever the threads do meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::{Failure, Lost, Status};

/// Counts of one exporter; `created = delivered + lost + queued` at every moment.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Items that wait or are on their way.
    ///
    /// Relaxed like the others: the lock of the queue orders the push of an item before its export.
    queued: AtomicU64,
    /// The part of them that is on disk.
    spooled: AtomicU64,
    queue_full: AtomicU64,
    after_shutdown: AtomicU64,
    /// Part of `queue_full` that nothing has been said about.
    unsaid_drops: AtomicU64,
    settled: Mutex<Settled>,
}

/// What exports came to.
#[derive(Debug, Default)]
struct Settled {
    delivered: u64,
    /// By kind of failure, of which there are few.
    failed: Vec<(&'static str, u64)>,
    rejected: u64,
    /// What is on its way, and since when.
    inflight: Option<(u64, Instant)>,
    failing: bool,
    last_success: Option<SystemTime>,
    last_error: Option<String>,
}

impl Counters {
    /// One more item waits.
    #[inline]
    pub(crate) fn queued(&self) {
        self.add(1);
    }

    /// `items` more wait.
    pub(crate) fn add(&self, items: u64) {
        self.queued.fetch_add(items, Ordering::Relaxed);
    }

    /// So many of those that wait are on disk.
    #[cfg(feature = "spool")]
    pub(crate) fn spooled(&self, items: u64) {
        self.spooled.store(items, Ordering::Relaxed);
    }

    /// `items` that waited are on their way.
    pub(crate) fn begin(&self, items: u64) {
        self.settled().inflight = Some((items, Instant::now()));
    }

    /// An item found the queue full.
    pub(crate) fn queue_full(&self) {
        self.queue_full.fetch_add(1, Ordering::Relaxed);
        self.unsaid_drops.fetch_add(1, Ordering::Relaxed);
    }

    /// Items that the full queue dropped since this was asked last.
    pub(crate) fn take_unsaid_drops(&self) -> u64 {
        self.unsaid_drops.swap(0, Ordering::Relaxed)
    }

    /// An item came after shutdown; whether it is the first.
    pub(crate) fn after_shutdown(&self) -> bool {
        self.after_shutdown.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// The receiver took `items` that waited, and refused `rejected` more of the same request; how long that took.
    pub(crate) fn delivered(&self, items: u64, rejected: u64) -> Option<Duration> {
        let mut settled = self.settled();
        settled.delivered += items;
        settled.rejected += rejected;
        settled.failing = false;
        settled.last_success = Some(SystemTime::now());
        self.queued.fetch_sub(items + rejected, Ordering::Relaxed);
        settled.end()
    }

    /// `items` that waited are lost; how long the export took that failed, if there was one.
    pub(crate) fn failed(&self, items: u64, why: &Failure) -> Option<Duration> {
        let mut settled = self.settled();
        match settled
            .failed
            .iter_mut()
            .find(|(kind, _)| *kind == why.kind)
        {
            Some((_, count)) => *count += items,
            None => settled.failed.push((why.kind, items)),
        }
        settled.failing = true;
        settled.last_error = Some(why.message.clone());
        self.queued.fetch_sub(items, Ordering::Relaxed);
        settled.end()
    }

    /// An export failed and its items go on waiting; how long it took.
    pub(crate) fn kept(&self, why: &Failure) -> Option<Duration> {
        let mut settled = self.settled();
        settled.failing = true;
        settled.last_error = Some(why.message.clone());
        settled.end()
    }

    /// Whether the last export failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.settled().failing
    }

    /// Everything that is counted, as it stands at one moment.
    pub(crate) fn flow(&self) -> Flow {
        self.flow_of(&self.settled())
    }

    fn flow_of(&self, settled: &Settled) -> Flow {
        Flow {
            queued: self.queued.load(Ordering::Relaxed),
            inflight: settled.inflight.map_or(0, |(items, _)| items),
            delivered: settled.delivered,
            failed: settled.failed.clone(),
            rejected: settled.rejected,
            queue_full: self.queue_full.load(Ordering::Relaxed),
            after_shutdown: self.after_shutdown.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn status(&self, signal: &'static str, exporter: &str) -> Status {
        let settled = self.settled();
        let flow = self.flow_of(&settled);
        let lost = Lost {
            queue_full: flow.queue_full,
            failed: flow.failed.iter().map(|(_, count)| count).sum(),
            rejected: flow.rejected,
            after_shutdown: flow.after_shutdown,
        };
        Status {
            signal,
            exporter: exporter.to_owned(),
            created: flow.delivered + lost.total() + flow.queued,
            delivered: flow.delivered,
            queued: flow.queued,
            // Counted apart: what was sent leaves the disk a moment before it counts as delivered.
            spooled: self.spooled.load(Ordering::Relaxed).min(flow.queued),
            lost,
            last_success: settled.last_success,
            last_error: settled.last_error.clone(),
        }
    }

    fn settled(&self) -> MutexGuard<'_, Settled> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Settled {
    /// Nothing is on its way any more.
    fn end(&mut self) -> Option<Duration> {
        self.inflight.take().map(|(_, begun)| begun.elapsed())
    }
}

/// Items by what became of them.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    /// They wait or are on their way.
    pub(crate) queued: u64,
    /// The part of them that is on its way.
    pub(crate) inflight: u64,
    pub(crate) delivered: u64,
    /// By kind of failure.
    pub(crate) failed: Vec<(&'static str, u64)>,
    pub(crate) rejected: u64,
    pub(crate) queue_full: u64,
    pub(crate) after_shutdown: u64,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;
    use crate::delivery::Report;

    #[test]
    fn what_is_neither_delivered_nor_lost_is_queued() {
        let counters = Counters::default();
        (0..9).for_each(|_| counters.queued());
        counters.queue_full();
        counters.delivered(4, 1);
        counters.failed(2, &Failure::deadline(None));
        let status = counters.status("traces", "otlp");
        assert_eq!(
            (
                status.created,
                status.delivered,
                status.lost.total(),
                status.queued
            ),
            (10, 4, 4, 2)
        );
        assert_eq!(Report::new(vec![status]).lost(), 6);
    }

    #[test]
    fn a_report_names_every_reason_and_the_last_error() {
        let counters = Counters::default();
        (0..3).for_each(|_| counters.queued());
        counters.delivered(1, 0);
        counters.failed(2, &Failure::new("refused", "connection refused"));
        assert_eq!(
            counters
                .status("traces", "otlp http://localhost:4318/v1/traces")
                .to_string(),
            "traces: 1 of 3 delivered to otlp http://localhost:4318/v1/traces, 2 lost (2 export failed): connection refused"
        );
    }

    /// Pushes and exports from several threads while another reads: what was created is never less than what was pushed
    /// before the look, and never more than what was begun before its end.
    #[test]
    fn the_sum_holds_at_every_moment() {
        const PUSHES: u64 = 20_000;
        let counters = Counters::default();
        let (begun, done) = (AtomicU64::new(0), AtomicU64::new(0));
        let waiting = AtomicU64::new(0);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let pushers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        for n in 0..PUSHES {
                            begun.fetch_add(1, Ordering::SeqCst);
                            if n % 7 == 0 {
                                counters.queue_full();
                            } else {
                                counters.queued();
                                waiting.fetch_add(1, Ordering::SeqCst);
                            }
                            done.fetch_add(1, Ordering::SeqCst);
                        }
                    })
                })
                .collect();
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    match waiting.swap(0, Ordering::SeqCst) {
                        0 => thread::yield_now(),
                        count if count % 2 == 0 => drop(counters.delivered(count - 1, 1)),
                        count => drop(counters.failed(count, &Failure::deadline(None))),
                    }
                }
            });
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    let least = done.load(Ordering::SeqCst);
                    let status = counters.status("traces", "test");
                    let most = begun.load(Ordering::SeqCst);
                    assert!((least..=most).contains(&status.created), "{status:?}");
                    assert_eq!(
                        status.created,
                        status.delivered + status.lost.total() + status.queued
                    );
                }
            });
            for pusher in pushers {
                pusher.join().expect("pushing does not panic");
            }
            over.store(true, Ordering::SeqCst);
        });
        let status = counters.status("traces", "test");
        assert_eq!(status.created, 2 * PUSHES);
    }
}
