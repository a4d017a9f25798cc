//! Metrics that are kept elsewhere, in the registry of another library, and shown beside ours.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use opentelemetry::metrics::Meter;

use super::{
    callback::Work,
    definition::{Kind, Spec},
    error::{Place, quoted},
    name,
    report::{Problem, Report, Reports},
    sink::Sink,
    snapshot::{Family, Labels, Value},
    sync::lock,
};

pub(super) type Function = dyn FnMut() -> Vec<Family> + Send;

/// Another registry, asked in every round like a callback.
pub(super) struct Source {
    what: String,
    place: Place,
    limit: usize,
    reports: Arc<Reports>,
    function: Mutex<Box<Function>>,
    active: AtomicBool,
    families: Mutex<Vec<Family>>,
    drained: Mutex<HashMap<(Arc<str>, Labels), Value>>,
    sinks: Mutex<HashMap<Arc<str>, Sink>>,
    /// Names that were reported, so that each is reported once.
    reported: Mutex<HashSet<Arc<str>>>,
}

impl Source {
    pub(super) fn new(
        what: &str,
        place: Place,
        limit: usize,
        reports: Arc<Reports>,
        function: Box<Function>,
    ) -> Self {
        Self {
            what: what.to_owned(),
            place,
            limit,
            reports,
            function: Mutex::new(function),
            active: AtomicBool::new(true),
            families: Mutex::default(),
            drained: Mutex::default(),
            sinks: Mutex::default(),
            reported: Mutex::default(),
        }
    }

    /// What it said last, without what is not `free`.
    pub(super) fn families(&self, free: impl Fn(&Family) -> bool) -> Vec<Family> {
        let mut families = lock(&self.families).clone();
        families.retain(|family| {
            let free = free(family);
            if !free {
                self.leave_out(&family.name, "has a name that a metric of the registry has");
            }
            free
        });
        families
    }

    /// Makes the instruments that are missing. Must not run while the SDK collects.
    pub(super) fn equip(&self, meter: &Meter) {
        // Copied in a statement of its own: in the head of the loop the lock would be held for all of it, and over the call into the SDK.
        let families = lock(&self.families).clone();
        for family in families {
            if !lock(&self.sinks).contains_key(&family.name) {
                let sink = Sink::new(meter, &self.spec(&family));
                lock(&self.sinks).insert(family.name, sink);
            }
        }
    }

    pub(super) fn unequip(&self) {
        lock(&self.sinks).clear();
    }

    /// Tells the SDK what came since the last time.
    pub(super) fn drain(&self, families: Vec<Family>) {
        let sinks = lock(&self.sinks);
        let mut drained = lock(&self.drained);
        let mut told = HashMap::new();
        for family in families {
            let Some(sink) = sinks.get(&family.name) else {
                continue;
            };
            for series in family.series {
                let key = (Arc::clone(&family.name), Arc::clone(&series.labels));
                sink.push(&series.labels, &series.value, drained.get(&key));
                told.insert(key, series.value);
            }
        }
        // What has gone is forgotten; a counter that comes back starts anew.
        *drained = told;
    }

    fn accept(&self, mut families: Vec<Family>) -> Vec<Family> {
        families.retain(|family| match name::problem(&family.name) {
            Some(problem) => {
                self.leave_out(&family.name, &format!("has a name that {problem}"));
                false
            }
            None => true,
        });
        for family in &mut families {
            if family.series.len() > self.limit {
                let problem = format!(
                    "has more than {} series, of which the first are kept",
                    self.limit
                );
                self.leave_out(&family.name, &problem);
                family.series.truncate(self.limit);
            }
        }
        families
    }

    fn leave_out(&self, name: &Arc<str>, problem: &str) {
        if lock(&self.reported).insert(Arc::clone(name)) {
            let text = format!(
                "metric {} of {} {problem}; it is not included (source added at {})",
                quoted(name),
                self.what,
                self.place,
            );
            self.report(Problem::NotIncluded, Arc::clone(name), text);
        }
    }

    fn report(&self, problem: Problem, metric: Arc<str>, text: String) {
        self.reports.add(Report {
            metric,
            problem,
            text,
        });
    }

    fn spec(&self, family: &Family) -> Spec {
        let value = family.series.first().map(|series| &series.value);
        Spec {
            name: Arc::clone(&family.name),
            kind: family.kind,
            number: if matches!(value, Some(Value::Count(_))) {
                "u64"
            } else {
                "f64"
            },
            unit: Arc::clone(&family.unit),
            help: Arc::clone(&family.help),
            keys: [].into(),
            constant: [].into(),
            bounds: match value {
                Some(Value::Distribution(distribution)) if family.kind == Kind::Histogram => {
                    Arc::clone(&distribution.bounds)
                }
                _ => [].into(),
            },
            window: Duration::ZERO,
            limit: self.limit,
            place: self.place,
        }
    }
}

impl Work for Source {
    fn run(&self) {
        let mut function = lock(&self.function);
        match catch_unwind(AssertUnwindSafe(&mut **function)) {
            Ok(families) if self.is_active() => *lock(&self.families) = self.accept(families),
            Ok(_) => {}
            Err(_) => self.disable(Problem::CallbackPanicked, "panicked"),
        }
    }

    fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        self.active.store(false, Ordering::Relaxed);
        lock(&self.families).clear();
    }

    fn disable(&self, problem: Problem, what: &str) {
        self.stop();
        let text = format!(
            "{} {what}; it is not asked again (source added at {})",
            self.what, self.place
        );
        self.report(problem, self.what.as_str().into(), text);
    }

    fn left_out(&self) {
        let text = format!("{} was left out: no thread could be started", self.what);
        self.report(Problem::NoThread, self.what.as_str().into(), text);
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("what", &self.what)
            .finish_non_exhaustive()
    }
}
