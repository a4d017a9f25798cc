//! The metrics of one application, or of one pipeline of it.

use std::{
    fmt,
    panic::Location,
    sync::{
        Arc, LazyLock, Mutex, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::SystemTime,
};

use opentelemetry::metrics::Meter;

use super::{
    Options,
    callback::{Callback, Jobs, Observer, in_round},
    catalogue::Entry,
    core::Core,
    definition::{Definition, Spec},
    error::{Error, Place},
    families::Families,
    family::{AnyFamily, Family},
    handle::{Metric, Observable},
    report::{Report, Reports},
    sink::Sink,
    snapshot::{self, Snapshot},
    sync::{lock, read, write},
    watch::{Condition, Measurement, Watch},
};

/// The metrics of one application, or of one pipeline of it. Clones are the same registry.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    options: Options,
    prefix: String,
    constant: Arc<[(Arc<str>, Arc<str>)]>,
    families: RwLock<Families>,
    enabled: AtomicBool,
    jobs: Arc<Jobs>,
    reports: Arc<Reports>,
    meter: Mutex<Option<Meter>>,
    /// Which `bind` is in force, so that a provider that was replaced is not told anything more.
    generation: AtomicU64,
}

/// The registry of the process. `Telemetry::init` binds it; before that it is there already, and what is recorded waits in it.
pub fn global() -> &'static Registry {
    static GLOBAL: LazyLock<Registry> = LazyLock::new(Registry::default);
    &GLOBAL
}

impl Default for Registry {
    fn default() -> Self {
        Self::new(Options::default())
    }
}

impl Registry {
    /// A registry of its own, with no provider behind it yet.
    pub fn new(options: Options) -> Self {
        let part = |text: &str| {
            if text.is_empty() {
                String::new()
            } else {
                format!("{text}.")
            }
        };
        let constant = options.constant_labels.iter();
        Self(Arc::new(Inner {
            prefix: part(&options.namespace) + &part(&options.subsystem),
            constant: constant
                .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
                .collect(),
            families: RwLock::default(),
            enabled: AtomicBool::new(options.enabled),
            jobs: Arc::default(),
            reports: Arc::default(),
            meter: Mutex::new(None),
            generation: AtomicU64::new(0),
            options,
        }))
    }

    /// The handle for a definition. The same definition gives the same metric, wherever it is registered.
    ///
    /// # Errors
    ///
    /// When the definition cannot be used, or another one has its name, here or on a Prometheus page; both places are named.
    #[track_caller]
    pub fn register<H: Metric>(&self, definition: &Definition<H>) -> Result<H, Error> {
        self.family(definition, Location::caller())
            .map(H::from_family)
    }

    /// Asks a closure for values whenever somebody looks, until the returned guard is dropped.
    ///
    /// It runs on a thread of its own, once for a scrape and once for a push, and may do what it likes except take long: after
    /// [`Options::callback_budget`], or when it panics, it is disabled and reported, and the others go on.
    ///
    /// ```
    /// use spanwise::metrics::{Definition, Gauge, Registry};
    ///
    /// const DEPTH: Definition<Gauge> = Gauge::define("queue.depth").unit("{message}").labels(&["queue"]);
    ///
    /// let registry = Registry::default();
    /// let callback = registry.observe(&DEPTH, |observer| observer.observe(3.0, [("queue", "mail")]))?;
    /// assert_eq!(registry.snapshot().get("queue.depth", [("queue", "mail")]).unwrap().as_f64(), 3.0);
    /// drop(callback);
    /// assert!(registry.snapshot().get("queue.depth", [("queue", "mail")]).is_none());
    /// # Ok::<_, spanwise::metrics::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`register`](Self::register).
    #[track_caller]
    pub fn observe<H: Observable>(
        &self,
        definition: &Definition<H>,
        function: impl FnMut(&mut Observer<'_>) + Send + 'static,
    ) -> Result<Callback, Error> {
        let place = Location::caller();
        let family = self.family(definition, place)?;
        Ok(self.0.jobs.add(family, place, Box::new(function)))
    }

    /// Calls a function when a value recorded in a metric meets a condition, until the returned guard is dropped.
    ///
    /// It is called on the thread that records, after the value is recorded, with no lock held. It may record, register and drop watches; it should be
    /// short. When it panics it is reported and not called again.
    ///
    /// ```
    /// use spanwise::metrics::{Definition, Gauge, Registry, above};
    ///
    /// const DEPTH: Definition<Gauge> = Gauge::define("queue.depth");
    ///
    /// let registry = Registry::default();
    /// let depth = registry.register(&DEPTH)?;
    /// let (alarm, alarms) = std::sync::mpsc::channel();
    /// let _watch = registry.on_record("queue.depth", above(100.0), move |m| alarm.send(m.value).unwrap())?;
    /// depth.set(99.0, []);
    /// depth.set(101.0, []);
    /// depth.set(102.0, []);
    /// assert_eq!(alarms.try_iter().collect::<Vec<_>>(), [101.0]);
    /// # Ok::<_, spanwise::metrics::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When no metric has this name.
    pub fn on_record(
        &self,
        name: &str,
        condition: Condition,
        function: impl Fn(&Measurement) + Send + Sync + 'static,
    ) -> Result<Watch, Error> {
        Ok(Watch::new(
            &self.0.find(name)?,
            condition,
            Box::new(function),
        ))
    }

    /// Every metric with its values, after callbacks have run.
    pub fn snapshot(&self) -> Snapshot {
        self.0.run_callbacks();
        let families = self
            .0
            .all()
            .iter()
            .map(|family| self.0.read(&**family))
            .collect();
        Snapshot {
            families,
            taken: SystemTime::now(),
        }
    }

    /// Every metric with its definition, by name.
    pub fn catalogue(&self) -> Vec<Entry> {
        self.0
            .all()
            .iter()
            .map(|family| Entry::new(&**family))
            .collect()
    }

    /// How many series the SDK instrument of this name needs: the limit and the overflow series, four times that for the quantiles of a summary.
    pub fn sdk_series(&self, name: &str) -> Option<usize> {
        let family = self.0.find(name).ok()?;
        let spec = &family.core().spec;
        let per_label_set = if spec.kind == super::Kind::Summary {
            super::cell::QUANTILES.len()
        } else {
            1
        };
        Some((spec.limit + 1) * per_label_set)
    }

    /// What went wrong since this was last called.
    pub fn take_reports(&self) -> Vec<Report> {
        self.0.reports.take()
    }

    /// Takes recordings again after [`disable`](Self::disable).
    pub fn enable(&self) {
        self.0.turn(true);
    }

    /// Makes every recording through every handle do nothing, handles made before included. What was recorded stays readable.
    pub fn disable(&self) {
        self.0.turn(false);
    }

    /// Drains what is recorded into instruments of this meter whenever its provider collects, beginning with all that was recorded so far.
    ///
    /// Meant for a provider that has push readers only; a scrape reads [`snapshot`](Self::snapshot). A second call moves the registry to another
    /// provider, which is told only what comes after.
    pub fn bind(&self, meter: Meter) {
        let generation = {
            let mut bound = lock(&self.0.meter);
            *bound = Some(meter.clone());
            self.0.generation.fetch_add(1, Ordering::Relaxed) + 1
        };
        for family in self.0.all() {
            equip(family.core(), &meter);
        }
        // The SDK calls this at the beginning of each collection. It observes nothing, so that no metric of this name is exported.
        let inner = Arc::downgrade(&self.0);
        let drain = move |_: &dyn opentelemetry::metrics::AsyncInstrument<u64>| {
            if let Some(inner) = inner.upgrade()
                && inner.generation.load(Ordering::Relaxed) == generation
            {
                inner.drain();
            }
        };
        let _instrument = meter
            .u64_observable_gauge("spanwise.registry.drain")
            .with_callback(drain)
            .build();
    }

    /// Lets go of the provider. Handles go on recording; what they record waits for the next [`bind`](Self::bind).
    pub fn unbind(&self) {
        *lock(&self.0.meter) = None;
        self.0.generation.fetch_add(1, Ordering::Relaxed);
        for family in self.0.all() {
            *write(&family.core().sink) = None;
        }
    }

    pub(super) fn find(&self, name: &str) -> Result<Arc<dyn AnyFamily>, Error> {
        self.0.find(name)
    }

    fn family<H: Metric>(
        &self,
        definition: &Definition<H>,
        place: Place,
    ) -> Result<Arc<Family<H::Cell>>, Error> {
        let inner = &self.0;
        let spec = Spec::new(
            definition,
            &inner.prefix,
            &inner.constant,
            inner.options.series_limit,
            place,
        )?;
        let standing = read(&inner.families).defined(&spec);
        let family = standing.unwrap_or_else(|| inner.add::<H>(spec))?;
        Ok(family
            .into_any()
            .downcast()
            .expect("kind and number were compared, and they decide the type"))
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn all(&self) -> Vec<Arc<dyn AnyFamily>> {
        read(&self.families).all().cloned().collect()
    }

    fn find(&self, name: &str) -> Result<Arc<dyn AnyFamily>, Error> {
        read(&self.families).find(name, &self.prefix)
    }

    fn add<H: Metric>(&self, spec: Spec) -> Result<Arc<dyn AnyFamily>, Error> {
        let family = {
            let mut families = write(&self.families);
            if let Some(standing) = families.defined(&spec) {
                return standing;
            }
            let enabled = self.enabled.load(Ordering::Relaxed);
            let core = Core::new(spec, enabled, Arc::clone(&self.reports));
            let family: Arc<dyn AnyFamily> = Arc::new(Family::<H::Cell>::new(core));
            families.add(Arc::clone(&family), self.options.max_metrics)?;
            family
        };
        // No lock is held here: the SDK makes instruments under a lock that a drain runs under. Within a callback even that would wait for
        // itself, so the thread that runs callbacks does it when nobody waits for it any more.
        if !in_round() {
            self.equip(&*family);
        }
        Ok(family)
    }

    fn turn(&self, enabled: bool) {
        // The write lock keeps out a metric that is being added with the old position.
        let families = write(&self.families);
        self.enabled.store(enabled, Ordering::Relaxed);
        families
            .all()
            .for_each(|family| family.core().turn(enabled));
    }

    fn run_callbacks(self: &Arc<Self>) {
        if !self.enabled.load(Ordering::Relaxed) {
            return;
        }
        self.jobs.run(self.options.callback_budget, || {
            let inner = Arc::downgrade(self);
            move || {
                if let Some(inner) = inner.upgrade() {
                    inner.all().iter().for_each(|family| inner.equip(&**family));
                }
            }
        });
    }

    fn equip(&self, family: &dyn AnyFamily) {
        let meter = lock(&self.meter).clone();
        if let Some(meter) = meter
            && read(&family.core().sink).is_none()
        {
            equip(family.core(), &meter);
        }
    }

    fn read(&self, family: &dyn AnyFamily) -> snapshot::Family {
        let spec = &family.core().spec;
        let mut series = Vec::with_capacity(family.len());
        family.visit(&mut |each| {
            if let Some(value) = each.value() {
                series.push(snapshot::Series {
                    labels: Arc::clone(each.labels()),
                    value,
                    overflow: each.is_overflow(),
                    started: each.started(),
                });
            }
        });
        super::catalogue::check_buckets(family.core(), &series);
        snapshot::Family {
            name: Arc::clone(&spec.name),
            kind: spec.kind,
            unit: spec.unit,
            help: spec.help,
            series,
        }
    }

    /// Tells the SDK what came since the last time. Runs under the lock of an SDK pipeline, so it makes no instrument.
    fn drain(self: &Arc<Self>) {
        self.run_callbacks();
        for family in self.all() {
            let sink = read(&family.core().sink);
            let Some(sink) = &*sink else { continue };
            family.visit(&mut |series| {
                // Two readers may collect at once; this lock is what tells each recording to the SDK once.
                let mut drained = lock(series.drained());
                if let Some(now) = series.value() {
                    sink.push(series.labels(), &now, drained.as_deref());
                    *drained = Some(Box::new(now));
                }
            });
        }
    }
}

fn equip(core: &Core, meter: &Meter) {
    let sink = Sink::new(meter, &core.spec);
    *write(&core.sink) = Some(sink);
}
