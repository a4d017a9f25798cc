//! Values that are asked for when somebody looks: callbacks.
//!
//! The SDK runs the callbacks of its observable instruments once for each reader, under a lock, with the results written to all readers: points leak
//! from one reader to another, a callback that makes an instrument deadlocks, one that panics ends the reader's thread, and none can be
//! removed. Here a *round* runs every callback once, on a thread of its own that holds no lock of ours or of the SDK, and keeps what they
//! observed; every reader then reads the same points. A thread, because it is the only way to go on without a callback that does not return.

use std::{
    cell::Cell,
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use super::{
    cell::Refusal, core::Core, definition::Kind, error::Place, family::AnyFamily, observed::Values,
    report::Problem, snapshot::Value, sync::lock,
};

thread_local! {
    static IN_ROUND: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is running callbacks, where a further round or a new SDK instrument would wait for itself.
pub(super) fn in_round() -> bool {
    IN_ROUND.try_with(Cell::get).unwrap_or(false)
}

/// A registered callback; dropping it unregisters the closure.
///
/// Dropping does not wait: a run that is under way goes on, and what it observes is thrown away.
#[must_use = "dropping the callback unregisters it"]
pub struct Callback {
    job: Arc<dyn Work>,
    jobs: Weak<Jobs>,
}

/// What a callback puts its values into.
pub struct Observer<'a> {
    core: &'a Core,
    values: HashMap<Values, Value>,
    beyond: usize,
}

/// The callbacks of one registry.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    list: Mutex<Vec<Arc<dyn Work>>>,
    round: Mutex<()>,
}

/// Foreign code that a round runs.
pub(super) trait Work: fmt::Debug + Send + Sync {
    /// Runs it; a panic is caught here.
    fn run(&self);
    fn is_active(&self) -> bool;
    /// Forgets what it said, for good.
    fn stop(&self);
    /// Stops it and says why.
    fn disable(&self, problem: Problem, what: &str);
    /// Says that it was left out of a round.
    fn left_out(&self);
}

pub(super) type Function = dyn FnMut(&mut Observer<'_>) + Send;

struct Job {
    id: usize,
    place: Place,
    family: Arc<dyn AnyFamily>,
    function: Mutex<Box<Function>>,
    active: AtomicBool,
}

impl Observer<'_> {
    /// Gives the value of one series: of a counter the total so far, otherwise the value now.
    ///
    /// The last value counts when the same labels come twice.
    pub fn observe<'a>(&mut self, value: f64, labels: impl AsRef<[(&'a str, &'a str)]>) {
        let value = match self.value(value) {
            Ok(value) => value,
            Err(refusal) => return self.core.refuse(refusal),
        };
        let values = self.core.canonical(labels.as_ref());
        let values = values
            .iter()
            .map(|value| Arc::from(value.as_ref()))
            .collect();
        if self.values.len() < self.core.spec.limit || self.values.contains_key(&values) {
            self.values.insert(values, value);
        } else {
            self.beyond += 1;
        }
    }

    fn value(&self, value: f64) -> Result<Value, Refusal> {
        Ok(match self.core.spec.kind {
            Kind::Counter => {
                Refusal::unless_positive(value)?;
                if self.core.spec.number == "u64" {
                    Value::Count(value as u64)
                } else {
                    Value::Sum(value)
                }
            }
            kind => {
                Refusal::unless_finite(value)?;
                if kind == Kind::UpDownCounter {
                    Value::UpDown(value as i64)
                } else {
                    Value::Gauge(value)
                }
            }
        })
    }
}

impl fmt::Debug for Observer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer")
            .field("metric", &self.core.spec.name)
            .finish_non_exhaustive()
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.job.stop();
        if let Some(jobs) = self.jobs.upgrade() {
            // The closure is dropped after the lock is released: its captures may be anything.
            let mut list = lock(&jobs.list);
            let gone = list
                .iter()
                .position(|job| Arc::ptr_eq(job, &self.job))
                .map(|at| list.swap_remove(at));
            drop(list);
            drop(gone);
        }
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("job", &self.job)
            .finish_non_exhaustive()
    }
}

impl Jobs {
    pub(super) fn add(
        self: &Arc<Self>,
        family: Arc<dyn AnyFamily>,
        place: Place,
        function: Box<Function>,
    ) -> Callback {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        self.begin(Arc::new(Job {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            place,
            family,
            function: Mutex::new(function),
            active: AtomicBool::new(true),
        }))
    }

    /// Runs this in every round, until what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>, job: Arc<dyn Work>) -> Callback {
        lock(&self.list).push(Arc::clone(&job));
        Callback {
            job,
            jobs: Arc::downgrade(self),
        }
    }

    /// Runs every callback once, each for at most `budget`. `after` makes a function that runs on the same thread once no caller waits for it.
    pub(super) fn run<F: FnOnce() + Send + 'static>(
        &self,
        budget: Duration,
        after: impl Fn() -> F,
    ) {
        if in_round() {
            return;
        }
        let _round = lock(&self.round);
        let mut jobs = lock(&self.list).clone();
        jobs.retain(|job| job.is_active());
        while !jobs.is_empty() {
            let done = run_until_stuck(&jobs, budget, after());
            jobs.drain(..done);
        }
    }
}

/// Runs callbacks in order until one exceeds the budget, which is then disabled; how many are dealt with.
fn run_until_stuck(
    jobs: &[Arc<dyn Work>],
    budget: Duration,
    after: impl FnOnce() + Send + 'static,
) -> usize {
    let (done, finished) = mpsc::channel();
    let batch = jobs.to_vec();
    let worker = thread::Builder::new()
        .name("spanwise-callbacks".into())
        .spawn(move || {
            let _ = IN_ROUND.try_with(|flag| flag.set(true));
            for job in batch {
                job.run();
                // Nobody listens any more when this callback was too slow: another thread has taken over the rest.
                if done.send(()).is_err() {
                    break;
                }
            }
            drop(done);
            after();
        });
    if worker.is_err() {
        jobs.iter().for_each(|job| job.left_out());
        return jobs.len();
    }
    for (index, job) in jobs.iter().enumerate() {
        match finished.recv_timeout(budget) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => {
                job.disable(
                    Problem::CallbackSlow,
                    &format!("took longer than {budget:?}"),
                );
                return index + 1;
            }
            Err(RecvTimeoutError::Disconnected) => return jobs.len(),
        }
    }
    jobs.len()
}

impl Job {
    fn core(&self) -> &Core {
        self.family.core()
    }

    fn name(&self) -> &str {
        &self.core().spec.name
    }
}

impl Work for Job {
    fn run(&self) {
        let mut observer = Observer {
            core: self.core(),
            values: HashMap::new(),
            beyond: 0,
        };
        // Only a round runs callbacks, one at a time, so nobody ever waits for this lock.
        let mut function = lock(&self.function);
        if catch_unwind(AssertUnwindSafe(|| function(&mut observer))).is_err() {
            return self.disable(Problem::CallbackPanicked, "panicked");
        }
        let (values, beyond) = (observer.values, observer.beyond);
        if beyond > 0 {
            self.core().report(Problem::CallbackOverflow, || {
                let limit = self.core().spec.limit;
                format!("a callback observed {beyond} series more than the {limit} that metric `{}` may have; they were left out (registered at {})", self.name(), self.place)
            });
        }
        if self.is_active() {
            self.core().observed.take(self.core(), self.id, values);
        }
    }

    fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        self.active.store(false, Ordering::Relaxed);
        self.core()
            .observed
            .take(self.core(), self.id, HashMap::new());
    }

    fn disable(&self, problem: Problem, what: &str) {
        self.stop();
        let (name, place) = (self.name(), self.place);
        let text = format!(
            "a callback of metric `{name}` {what}; it is not called again (registered at {place})"
        );
        self.core().report_again(problem, text);
    }

    fn left_out(&self) {
        let name = self.name();
        let text =
            || format!("the callback of metric `{name}` was left out: no thread could be started");
        self.core().report(Problem::NoThread, text);
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("metric", &self.name())
            .finish_non_exhaustive()
    }
}
