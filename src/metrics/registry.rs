//! The metrics of one application, or of one pipeline of it.

use std::{
    fmt,
    panic::Location,
    sync::{Arc, LazyLock},
    time::SystemTime,
};

use opentelemetry::metrics::{AsyncInstrument, Meter};

use super::{
    Options,
    callback::{Callback, Observer},
    catalogue::Entry,
    definition::{Definition, Kind},
    error::Error,
    family::AnyFamily,
    handle::{Metric, Observable},
    inner::Inner,
    report::Report,
    snapshot::{self, Snapshot},
    watch::{Condition, Measurement, Watch},
};

/// The metrics of one application, or of one pipeline of it. Clones are the same registry.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

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
        Self(Arc::new(Inner::new(options)))
    }

    /// The handle for a definition. The same definition gives the same metric, wherever it is registered.
    ///
    /// # Errors
    ///
    /// When the definition cannot be used, or another one has its name, here or on a Prometheus page; both places are named.
    #[track_caller]
    pub fn register<H: Metric>(&self, definition: &Definition<H>) -> Result<H, Error> {
        self.0
            .family(definition, Location::caller())
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
        let family = self.0.family(definition, place)?;
        Ok(self.0.observe(family, place, Box::new(function)))
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

    /// Shows metrics that are kept elsewhere beside those of this registry, until the returned guard is dropped.
    ///
    /// The function is asked whenever somebody looks, as a callback is. A metric whose name is taken here, or cannot be used, is left out and
    /// reported. `what` names the source in such reports.
    #[track_caller]
    pub fn include(
        &self,
        what: &str,
        function: impl FnMut() -> Vec<snapshot::Family> + Send + 'static,
    ) -> Callback {
        self.0.include(what, Location::caller(), Box::new(function))
    }

    /// Every metric with its values, after callbacks have run.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            families: self.0.snapshot(),
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
        let per_label_set = if spec.kind == Kind::Summary {
            super::cell::QUANTILES.len()
        } else {
            1
        };
        Some((spec.limit + 1) * per_label_set)
    }

    /// What went wrong since this was last called.
    pub fn take_reports(&self) -> Vec<Report> {
        self.0.take_reports()
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
        self.0.bind(&meter);
        // The SDK calls this at the beginning of each collection. It observes nothing, so that no metric of this name is exported.
        let inner = Arc::downgrade(&self.0);
        let drain = move |_: &dyn AsyncInstrument<u64>| {
            if let Some(inner) = inner.upgrade() {
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
        self.0.unbind();
    }

    pub(super) fn find(&self, name: &str) -> Result<Arc<dyn AnyFamily>, Error> {
        self.0.find(name)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("options", self.0.options())
            .finish_non_exhaustive()
    }
}
