//! What a registry is made of, and the rounds in which it is read.
//!
//! Lock order: none of these locks is held while the SDK, a callback or a watch is called. The one exception are the locks that only a drain takes
//! (`Series::drained`, those of a `Source`), because the SDK does not call back while it records.

use std::sync::{
    Arc, Mutex, RwLock, Weak,
    atomic::{AtomicBool, Ordering},
};

use opentelemetry::metrics::Meter;

use super::{
    Options,
    callback::{Callback, Function, Jobs, in_round},
    catalogue,
    core::Core,
    definition::{Definition, Spec},
    error::{Error, Place},
    families::Families,
    family::{AnyFamily, Family},
    handle::Metric,
    report::{Report, Reports},
    sink::Sink,
    snapshot,
    source::{self, Source},
    sync::{lock, read, write},
};

pub(super) struct Inner {
    options: Options,
    prefix: String,
    constant: snapshot::Labels,
    families: RwLock<Families>,
    enabled: AtomicBool,
    jobs: Arc<Jobs>,
    sources: Mutex<Vec<Weak<Source>>>,
    reports: Arc<Reports>,
    meter: Mutex<Option<Meter>>,
}

impl Inner {
    pub(super) fn new(options: Options) -> Self {
        let part = |text: &str| {
            if text.is_empty() {
                String::new()
            } else {
                format!("{text}.")
            }
        };
        let constant = options.constant_labels.iter();
        Self {
            prefix: part(&options.namespace) + &part(&options.subsystem),
            constant: constant
                .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
                .collect(),
            families: RwLock::default(),
            enabled: AtomicBool::new(options.enabled),
            jobs: Arc::default(),
            sources: Mutex::default(),
            reports: Arc::default(),
            meter: Mutex::new(None),
            options,
        }
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(super) fn take_reports(&self) -> Vec<Report> {
        self.reports.take()
    }

    // --- metrics ---

    pub(super) fn all(&self) -> Vec<Arc<dyn AnyFamily>> {
        read(&self.families).all().cloned().collect()
    }

    pub(super) fn find(&self, name: &str) -> Result<Arc<dyn AnyFamily>, Error> {
        read(&self.families).find(name, &self.prefix)
    }

    pub(super) fn family<H: Metric>(
        &self,
        definition: &Definition<H>,
        place: Place,
    ) -> Result<Arc<Family<H::Cell>>, Error> {
        let spec = Spec::new(
            definition,
            &self.prefix,
            &self.constant,
            self.options.series_limit,
            place,
        )?;
        let standing = read(&self.families).defined(&spec);
        let family = standing.unwrap_or_else(|| self.add::<H>(spec))?;
        Ok(family
            .into_any()
            .downcast()
            .expect("kind and number were compared, and they decide the type"))
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

    pub(super) fn turn(&self, enabled: bool) {
        // The write lock keeps out a metric that is being added with the old position.
        let families = write(&self.families);
        self.enabled.store(enabled, Ordering::Relaxed);
        families
            .all()
            .for_each(|family| family.core().turn(enabled));
    }

    // --- rounds ---

    pub(super) fn observe(
        &self,
        family: Arc<dyn AnyFamily>,
        place: Place,
        function: Box<Function>,
    ) -> Callback {
        self.jobs.add(family, place, function)
    }

    pub(super) fn include(
        &self,
        what: &str,
        place: Place,
        function: Box<source::Function>,
    ) -> Callback {
        let limit = self.options.series_limit;
        let source = Arc::new(Source::new(
            what,
            place,
            limit,
            Arc::clone(&self.reports),
            function,
        ));
        let mut sources = lock(&self.sources);
        sources.retain(|source| source.strong_count() > 0);
        sources.push(Arc::downgrade(&source));
        drop(sources);
        self.jobs.begin(source)
    }

    fn sources(&self) -> Vec<Arc<Source>> {
        lock(&self.sources)
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }

    fn run_callbacks(self: &Arc<Self>) {
        if !self.enabled.load(Ordering::Relaxed) {
            return;
        }
        self.jobs.run(self.options.callback_budget, || {
            let inner = Arc::downgrade(self);
            move || {
                if let Some(inner) = inner.upgrade() {
                    inner.equip_all();
                }
            }
        });
    }

    pub(super) fn snapshot(self: &Arc<Self>) -> Vec<snapshot::Family> {
        self.run_callbacks();
        let mut families: Vec<_> = self
            .all()
            .iter()
            .map(|family| self.read(&**family))
            .collect();
        for source in self.sources() {
            families.extend(self.included(&source));
        }
        families
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
        catalogue::check_buckets(family.core(), &series);
        snapshot::Family {
            name: Arc::clone(&spec.name),
            kind: spec.kind,
            unit: Arc::clone(&spec.unit),
            help: Arc::clone(&spec.help),
            series,
        }
    }

    fn included(&self, source: &Source) -> Vec<snapshot::Family> {
        let families = read(&self.families);
        source.families(|family| families.is_free(&family.name, &family.unit, family.kind))
    }

    // --- the provider behind it ---

    /// Moves to another meter. A drain that the provider before still asks for goes to this one, too, and takes nothing away.
    pub(super) fn bind(&self, meter: &Meter) {
        *lock(&self.meter) = Some(meter.clone());
        for family in self.all() {
            equip(family.core(), meter);
        }
        for source in self.sources() {
            source.unequip();
            source.equip(meter);
        }
    }

    pub(super) fn unbind(&self) {
        *lock(&self.meter) = None;
        for family in self.all() {
            *write(&family.core().sink) = None;
        }
        self.sources().iter().for_each(|source| source.unequip());
    }

    fn equip_all(&self) {
        self.all().iter().for_each(|family| self.equip(&**family));
        let meter = lock(&self.meter).clone();
        if let Some(meter) = meter {
            self.sources()
                .iter()
                .for_each(|source| source.equip(&meter));
        }
    }

    fn equip(&self, family: &dyn AnyFamily) {
        let meter = lock(&self.meter).clone();
        if let Some(meter) = meter
            && read(&family.core().sink).is_none()
        {
            equip(family.core(), &meter);
        }
    }

    /// Tells the SDK what came since the last time. Runs under the lock of an SDK pipeline, so it makes no instrument.
    pub(super) fn drain(self: &Arc<Self>) {
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
        for source in self.sources() {
            source.drain(self.included(&source));
        }
    }
}

fn equip(core: &Core, meter: &Meter) {
    let sink = Sink::new(meter, &core.spec);
    *write(&core.sink) = Some(sink);
}
