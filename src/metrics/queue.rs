//! A queue: how long it is, and how long things wait in it.

use std::time::Instant;

use super::{Bound, Counter, Definition, Error, Histogram, Registry, UpDownCounter};

const NAME: &str = "queue.name";
const OUTCOME: &str = "queue.outcome";

const DEPTH: Definition<UpDownCounter> = UpDownCounter::define("queue.depth")
    .unit("{item}")
    .help("Items in the queue")
    .labels(&[NAME]);
const WAIT: Definition<Histogram> = Histogram::define("queue.wait.duration")
    .unit("s")
    .help("How long items were queued")
    .labels(&[NAME]);
const ITEMS: Definition<Counter> = Counter::define("queue.items")
    .unit("{item}")
    .help("Items that left the queue, by outcome")
    .labels(&[NAME, OUTCOME]);

/// A queue. Clones share their series.
///
/// | metric | what it says |
/// |---|---|
/// | `queue.depth` | items in it now |
/// | `queue.wait.duration` | how long the taken ones waited |
/// | `queue.items` | items that left, by `queue.outcome` (`taken`, `dropped`) |
///
/// The place of an item travels with it through the queue:
///
/// ```
/// use std::sync::mpsc;
/// use spanwise::metrics::{Queue, Registry};
///
/// let registry = Registry::default();
/// let mails = Queue::new(&registry, "mails")?;
/// let (send, receive) = mpsc::channel();
///
/// send.send((mails.enter(), "hello")).unwrap();
/// let (place, mail) = receive.recv().unwrap();
/// place.take();
/// # assert_eq!(mail, "hello");
/// let taken = [("queue.name", "mails"), ("queue.outcome", "taken")];
/// assert_eq!(registry.snapshot().get("queue.items", taken).unwrap().as_f64(), 1.0);
/// # Ok::<_, spanwise::metrics::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Queue {
    depth: Bound<UpDownCounter>,
    wait: Bound<Histogram>,
    taken: Bound<Counter>,
    dropped: Bound<Counter>,
}

/// The place of one item in a queue; dropping it means that the item was dropped.
#[derive(Debug)]
#[must_use = "dropping it counts the item as dropped"]
pub struct Queued {
    queue: Queue,
    since: Instant,
    taken: bool,
}

impl Queue {
    /// A queue of this name.
    ///
    /// # Errors
    ///
    /// As [`Registry::register`].
    #[track_caller]
    pub fn new(registry: &Registry, name: &str) -> Result<Self, Error> {
        let items = registry.register(&ITEMS)?;
        Ok(Self {
            depth: registry.register(&DEPTH)?.bind([(NAME, name)]),
            wait: registry.register(&WAIT)?.bind([(NAME, name)]),
            taken: items.bind([(NAME, name), (OUTCOME, "taken")]),
            dropped: items.bind([(NAME, name), (OUTCOME, "dropped")]),
        })
    }

    /// Puts an item into the queue; keep what is returned with the item.
    pub fn enter(&self) -> Queued {
        self.depth.add(1);
        Queued {
            queue: self.clone(),
            since: Instant::now(),
            taken: false,
        }
    }
}

impl Queued {
    /// Takes the item out, to be worked on.
    pub fn take(mut self) {
        self.taken = true;
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.queue.depth.add(-1);
        if self.taken {
            self.queue.taken.add(1);
            self.queue.wait.record_duration(self.since.elapsed());
        } else {
            self.queue.dropped.add(1);
        }
    }
}
