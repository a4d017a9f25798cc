//! Functions that are called when a recorded value meets a condition.

use std::{
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    core::Core,
    family::AnyFamily,
    report::Problem,
    snapshot::Labels,
    sync::{lock, read, write},
};

/// When a watch fires. Made by [`above`] and [`below`].
///
/// It is edge-triggered: it fires once when the condition comes true, and again only after the value has gone back past
/// [`until`](Self::until).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    above: bool,
    threshold: f64,
    until: f64,
    hold: Duration,
    cooldown: Duration,
}

/// True while the value is larger than `threshold`.
///
/// ```
/// use std::time::Duration;
/// use spanwise::metrics::above;
///
/// let crowded = above(100.0).until(80.0).for_at_least(Duration::from_secs(5)).cooldown(Duration::from_secs(60));
/// # let _ = crowded;
/// ```
pub const fn above(threshold: f64) -> Condition {
    Condition {
        above: true,
        threshold,
        until: threshold,
        hold: Duration::ZERO,
        cooldown: Duration::ZERO,
    }
}

/// True while the value is smaller than `threshold`.
pub const fn below(threshold: f64) -> Condition {
    Condition {
        above: false,
        ..above(threshold)
    }
}

impl Condition {
    /// The value at which the condition ends, for a value that wavers around the threshold. Defaults to the threshold.
    #[must_use]
    pub const fn until(mut self, value: f64) -> Self {
        self.until = value;
        self
    }

    /// How long the condition has to last before the watch fires. Defaults to no time.
    ///
    /// Time is looked at when a value is recorded, not in between.
    #[must_use]
    pub const fn for_at_least(mut self, time: Duration) -> Self {
        self.hold = time;
        self
    }

    /// How long the watch is quiet after it fired, for each series. Defaults to no time.
    #[must_use]
    pub const fn cooldown(mut self, time: Duration) -> Self {
        self.cooldown = time;
        self
    }

    fn begins(&self, value: f64) -> bool {
        if self.above {
            value > self.threshold
        } else {
            value < self.threshold
        }
    }

    fn ends(&self, value: f64) -> bool {
        if self.above {
            value <= self.until
        } else {
            value >= self.until
        }
    }
}

/// What a watch is told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Measurement {
    /// The metric, namespace included.
    pub metric: Arc<str>,
    /// The labels of the series.
    pub labels: Labels,
    /// The recorded value; for counters and up-down counters the sum after the recording.
    pub value: f64,
}

/// A registered watch; dropping it unregisters the function.
#[must_use = "dropping the watch unregisters it"]
pub struct Watch {
    family: Weak<dyn AnyFamily>,
    entry: Arc<Entry>,
}

type Function = dyn Fn(&Measurement) + Send + Sync;

/// The watches of one metric.
#[derive(Debug, Default)]
pub(super) struct Watches(RwLock<Arc<[Arc<Entry>]>>);

struct Entry {
    condition: Condition,
    /// By address of the series, which lives as long as the metric.
    states: Mutex<HashMap<usize, State>>,
    function: Box<Function>,
    active: AtomicBool,
}

/// Where one series stands.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    since: Option<Instant>,
    fired: bool,
    last: Option<Instant>,
}

impl Watch {
    pub(super) fn new(
        family: &Arc<dyn AnyFamily>,
        condition: Condition,
        function: Box<Function>,
    ) -> Self {
        let entry = Arc::new(Entry {
            condition,
            states: Mutex::default(),
            function,
            active: AtomicBool::new(true),
        });
        family.core().watches.add(Arc::clone(&entry));
        family.core().mind_watches();
        Self {
            family: Arc::downgrade(family),
            entry,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.entry.active.store(false, Ordering::Relaxed);
        if let Some(family) = self.family.upgrade() {
            family.core().watches.remove(&self.entry);
            family.core().mind_watches();
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("condition", &self.entry.condition)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("condition", &self.condition)
            .finish_non_exhaustive()
    }
}

impl Watches {
    pub(super) fn is_empty(&self) -> bool {
        read(&self.0).is_empty()
    }

    fn add(&self, entry: Arc<Entry>) {
        let mut entries = write(&self.0);
        *entries = entries.iter().cloned().chain([entry]).collect();
    }

    fn remove(&self, entry: &Arc<Entry>) {
        let mut entries = write(&self.0);
        *entries = entries
            .iter()
            .filter(|other| !Arc::ptr_eq(other, entry))
            .cloned()
            .collect();
    }

    /// Tells every watch of a new value. The list is copied first, so that a function may add and drop watches.
    pub(super) fn notify(&self, core: &Core, series: usize, labels: &Labels, value: f64) {
        let entries = Arc::clone(&read(&self.0));
        for entry in entries.iter() {
            if entry.is_due(series, value, Instant::now()) {
                let measurement = Measurement {
                    metric: Arc::clone(&core.spec.name),
                    labels: Arc::clone(labels),
                    value,
                };
                entry.call(core, &measurement);
            }
        }
    }
}

impl Entry {
    fn is_due(&self, series: usize, value: f64, now: Instant) -> bool {
        self.active.load(Ordering::Relaxed)
            && lock(&self.states)
                .entry(series)
                .or_default()
                .step(&self.condition, value, now)
    }

    fn call(&self, core: &Core, measurement: &Measurement) {
        if catch_unwind(AssertUnwindSafe(|| (self.function)(measurement))).is_err() {
            self.active.store(false, Ordering::Relaxed);
            core.report_again(
                Problem::WatchPanicked,
                format!(
                    "a watch on metric `{}` panicked; it is not called again",
                    core.spec.name
                ),
            );
        }
    }
}

impl State {
    /// Takes a new value; whether the watch fires.
    fn step(&mut self, condition: &Condition, value: f64, now: Instant) -> bool {
        match self.since {
            None if condition.begins(value) => {
                self.since = Some(now);
                self.fired = false;
            }
            Some(_) if condition.ends(value) => self.since = None,
            _ => {}
        }
        let Some(since) = self.since else {
            return false;
        };
        let quiet = self
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < condition.cooldown);
        let due = !self.fired && !quiet && now.saturating_duration_since(since) >= condition.hold;
        if due {
            self.fired = true;
            self.last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds at which the condition fires, for a value each second.
    fn fires(condition: Condition, values: &[f64]) -> Vec<usize> {
        let start = Instant::now();
        let mut state = State::default();
        let mut due = |second: usize| {
            state.step(
                &condition,
                values[second],
                start + Duration::from_secs(second as u64),
            )
        };
        (0..values.len()).filter(|second| due(*second)).collect()
    }

    #[test]
    fn condition_fires_on_the_edge_only() {
        assert_eq!(fires(above(10.0), &[5.0, 11.0, 12.0, 9.0, 13.0]), [1, 4]);
    }

    #[test]
    fn below_is_the_mirror_image() {
        assert_eq!(fires(below(10.0), &[11.0, 9.0, 8.0, 10.0, 9.0]), [1, 4]);
    }

    #[test]
    fn wavering_value_fires_once_until_it_is_past_the_end() {
        assert_eq!(
            fires(above(10.0).until(5.0), &[11.0, 9.0, 11.0, 5.0, 11.0]),
            [0, 4]
        );
    }

    #[test]
    fn condition_has_to_hold() {
        let condition = above(10.0).for_at_least(Duration::from_secs(2));
        assert_eq!(
            fires(condition, &[11.0, 11.0, 5.0, 11.0, 11.0, 11.0, 11.0]),
            [5]
        );
    }

    #[test]
    fn cooldown_delays_the_next_one() {
        let condition = above(10.0).cooldown(Duration::from_secs(4));
        assert_eq!(fires(condition, &[11.0, 5.0, 11.0, 11.0, 11.0]), [0, 4]);
    }
}
