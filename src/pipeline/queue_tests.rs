//! Rules of the queue and its worker, with an exporter that does as it is told and a clock that stands still.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::metrics::MeterProvider as _;

use super::*;
use crate::clock::Clock;
use crate::config::Signal;
use crate::delivery::{Failure, Status};
use crate::diagnostics::{Diagnostics, Level as Loudness};
#[cfg(feature = "spool")]
use crate::pipeline::overflow::Spooling;
use crate::pipeline::self_metrics::{Component, Durations};
use crate::pipeline::worker::Receipt;

/// An item of the given weight.
struct Item(usize);

impl Weight for Item {
    fn bytes(&self) -> usize {
        self.0
    }
}

/// What the exporter does with one request.
#[derive(Clone)]
enum Act {
    Take,
    Hang,
    Panic,
    Fail(Failure),
}

/// Does what the script says, and takes everything after its end.
#[derive(Clone, Default)]
struct Scripted {
    script: Arc<Mutex<VecDeque<Act>>>,
    taken: Arc<Mutex<Vec<usize>>>,
    sent: Arc<AtomicUsize>,
}

impl Export<Item> for Scripted {
    type Request = usize;

    fn encode(&mut self, batch: Vec<Item>) -> Result<usize, Failure> {
        Ok(batch.len())
    }

    async fn send(&mut self, request: &mut usize) -> Result<Receipt, Failure> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let act = self.script.lock().unwrap().pop_front();
        match act.unwrap_or(Act::Take) {
            Act::Take => {
                self.taken.lock().unwrap().push(*request);
                Ok(Receipt::default())
            }
            Act::Hang => std::future::pending().await,
            Act::Panic => panic!("scripted"),
            Act::Fail(failure) => Err(failure),
        }
    }

    #[cfg(feature = "spool")]
    fn spooling(&self) -> Option<Spooling<Item, usize>> {
        Some(Spooling {
            encode: Box::new(|batch| Ok(batch.len())),
            to_bytes: |request| vec![*request as u8].into(),
            from_bytes: |bytes| usize::from(bytes[0]),
            encoding: "test".to_owned(),
        })
    }
}

struct Fixture {
    queue: Queue<Item>,
    exporter: Scripted,
    said: Arc<Mutex<String>>,
}

const BATCH: Batch = Batch {
    schedule_delay: Duration::from_secs(5),
    max_queue_size: 10,
    max_queue_bytes: 1000,
    max_export_batch_size: 4,
    export_timeout: Duration::from_secs(30),
};

fn start(batch: Batch, script: impl IntoIterator<Item = Act>) -> Fixture {
    start_at(None, batch, script)
}

fn start_at(place: Option<Place>, batch: Batch, script: impl IntoIterator<Item = Act>) -> Fixture {
    let exporter = Scripted::default();
    exporter.script.lock().unwrap().extend(script);
    let (diagnostics, said) = Diagnostics::memory(Some(Loudness::Info), Clock::system());
    let meter = opentelemetry_sdk::metrics::SdkMeterProvider::default().meter("test");
    let subject = Subject::new(
        Signal::Traces,
        "test",
        Component::new(Signal::Traces, "test", None, 0),
        &Durations::new(&meter),
        &diagnostics,
    );
    let (queue, task) = Queue::new(batch, subject, exporter.clone(), place);
    tokio::spawn(task);
    Fixture {
        queue,
        exporter,
        said,
    }
}

impl Fixture {
    fn push(&self, count: usize) {
        (0..count).for_each(|_| self.queue.push(Item(10)));
    }

    fn status(&self) -> Status {
        self.queue.inner.subject.status()
    }

    /// Orders a flush, or the end, and waits for the answer.
    async fn ask(&self, within: Duration, last: bool) {
        let (done, answer) = oneshot::channel();
        let command = Command {
            deadline: Instant::now() + within,
            last,
            done,
        };
        self.queue
            .commands
            .send(command)
            .expect("the worker listens");
        answer.await.expect("the worker answers");
    }

    fn taken(&self) -> Vec<usize> {
        self.exporter.taken.lock().unwrap().clone()
    }
}

/// Lets the worker do what it can without time passing.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn refused() -> Act {
    Act::Fail(Failure::passing("unreachable", "connection refused"))
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_full_batch_goes_at_once_and_the_rest_after_the_delay() {
    let fixture = start(BATCH, []);
    fixture.push(6);
    settle().await;
    assert_eq!(fixture.taken(), [4]);
    tokio::time::sleep(BATCH.schedule_delay).await;
    settle().await;
    assert_eq!(fixture.taken(), [4, 2]);
}

#[tokio::test(start_paused = true)]
async fn items_beyond_the_bound_are_dropped_and_counted() {
    let fixture = start(BATCH, []);
    fixture.push(12);
    let status = fixture.status();
    assert_eq!(
        (status.created, status.queued, status.lost.queue_full),
        (12, 10, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn bytes_are_bounded_with_those_on_their_way() {
    let bytes = Batch {
        max_queue_size: usize::MAX,
        max_queue_bytes: 50,
        ..BATCH
    };
    let fixture = start(bytes, [Act::Hang]);
    fixture.push(4);
    settle().await;
    assert_eq!(
        fixture.exporter.sent.load(Ordering::Relaxed),
        1,
        "on its way"
    );
    // The bytes of a request count as what it takes encoded, or as its items' where that is not known.
    fixture.push(3);
    assert_eq!(fixture.status().lost.queue_full, 2);
}

#[tokio::test(start_paused = true)]
async fn an_item_above_the_bound_is_dropped_alone() {
    let fixture = start(BATCH, []);
    fixture.queue.push(Item(2000));
    fixture.push(1);
    fixture.ask(MINUTE, false).await;
    let status = fixture.status();
    assert_eq!((status.delivered, status.lost.queue_full), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_batch_ends_before_it_is_too_big_for_a_message() {
    let big = Batch {
        max_queue_bytes: usize::MAX,
        ..BATCH
    };
    let fixture = start(big, []);
    (0..3).for_each(|_| fixture.queue.push(Item(BATCH_BYTES / 2 + 1)));
    fixture.ask(MINUTE, false).await;
    assert_eq!(fixture.taken(), [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_sent_is_kept_and_sent_first() {
    let fixture = start(BATCH, [refused(), refused(), refused()]);
    fixture.push(6);
    settle().await;
    assert_eq!(fixture.status().queued, 6, "nothing is lost");
    tokio::time::sleep(MINUTE).await;
    settle().await;
    assert_eq!(fixture.taken(), [4, 2]);
    let said = fixture.said.lock().unwrap().clone();
    assert_eq!(
        said,
        "spanwise: traces to test: 4 wait to be sent again: connection refused\n\
         spanwise: traces to test: works again\n"
    );
}

#[tokio::test(start_paused = true)]
async fn an_outage_costs_few_attempts_and_loses_only_the_overflow() {
    let fixture = start(BATCH, std::iter::repeat_n(refused(), 1000));
    for _ in 0..600 {
        fixture.push(1);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let attempts = fixture.exporter.sent.load(Ordering::Relaxed);
    assert!(attempts <= 40, "{attempts} in ten minutes");
    let status = fixture.status();
    assert_eq!(status.lost.failed, 0, "{status:?}");
    assert_eq!(status.created, 600);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_refused_for_good_is_lost_and_the_next_is_sent() {
    let broken = Failure::new("refused", "bad request");
    let fixture = start(BATCH, [Act::Fail(broken)]);
    fixture.push(8);
    settle().await;
    let status = fixture.status();
    assert_eq!((status.lost.failed, status.delivered), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_exporter_loses_one_batch_and_is_said() {
    let fixture = start(BATCH, [Act::Panic]);
    fixture.push(4);
    settle().await;
    fixture.push(4);
    settle().await;
    let status = fixture.status();
    assert_eq!((status.lost.failed, status.delivered), (4, 4));
    assert_eq!(
        status.last_error.as_deref(),
        Some("the exporter panicked: scripted")
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_keeps_its_deadline_with_a_receiver_that_never_answers() {
    let fixture = start(BATCH, [Act::Hang]);
    fixture.push(6);
    let before = Instant::now();
    fixture.ask(Duration::from_millis(300), true).await;
    assert_eq!(before.elapsed(), Duration::from_millis(300));
    let status = fixture.status();
    assert_eq!((status.lost.failed, status.queued), (6, 0));
}

#[tokio::test(start_paused = true)]
async fn the_end_cuts_short_what_is_already_on_its_way() {
    let fixture = start(BATCH, [Act::Hang]);
    fixture.push(4);
    settle().await;
    let before = Instant::now();
    fixture.ask(Duration::from_millis(300), true).await;
    assert_eq!(before.elapsed(), Duration::from_millis(300));
}

#[tokio::test(start_paused = true)]
async fn the_end_gives_up_after_one_round_against_an_outage() {
    let fixture = start(BATCH, std::iter::repeat_n(refused(), 10));
    fixture.push(6);
    fixture.ask(MINUTE, true).await;
    let status = fixture.status();
    assert_eq!((status.lost.failed, status.queued), (6, 0));
    assert_eq!(status.last_error.as_deref(), Some("connection refused"));
}

#[tokio::test(start_paused = true)]
async fn a_flush_leaves_what_could_not_be_sent() {
    let fixture = start(BATCH, [refused(), refused()]);
    fixture.push(3);
    fixture.ask(MINUTE, false).await;
    settle().await;
    assert_eq!(fixture.status().queued, 3);
    fixture.ask(MINUTE, false).await;
    assert_eq!(fixture.status().delivered, 3);
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_comes_while_a_batch_is_on_its_way_covers_what_waits_behind() {
    // The worker looks at its commands in random order: once is luck.
    for _ in 0..50 {
        let fixture = start(BATCH, []);
        fixture.push(5);
        fixture.ask(MINUTE, false).await;
        assert_eq!(fixture.taken(), [4, 1]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_the_end_is_counted_and_said_once() {
    let fixture = start(BATCH, []);
    fixture.ask(MINUTE, true).await;
    fixture.push(2);
    assert_eq!(fixture.status().lost.after_shutdown, 2);
    assert_eq!(fixture.said.lock().unwrap().lines().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_batch_takes_no_longer_than_its_timeout() {
    let fixture = start(BATCH, [Act::Hang]);
    fixture.push(4);
    tokio::time::sleep(BATCH.export_timeout).await;
    settle().await;
    assert_eq!(fixture.status().lost.failed, 4);
}

#[cfg(feature = "spool")]
#[tokio::test(start_paused = true)]
async fn what_failed_too_often_goes_to_disk_and_is_not_lost() {
    let name = format!("spanwise-queue-{}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    let spool = crate::config::Spool {
        directory: Some(directory.clone()),
        ..Default::default()
    };
    let place = Place::new(&spool, "traces-0".to_owned());
    // Half an hour at the longest pause, and some more.
    let fixture = start_at(place, BATCH, std::iter::repeat_n(refused(), 80));
    fixture.push(3);
    tokio::time::sleep(60 * MINUTE).await;
    let status = fixture.status();
    assert_eq!((status.lost.failed, status.delivered), (0, 3), "{status}");
    assert_eq!((status.queued, status.spooled), (0, 0));
    let _ = std::fs::remove_dir_all(directory);
}
