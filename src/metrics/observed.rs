//! What callbacks observed, from one round to the next.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use super::{
    core::Core,
    definition::Kind,
    family::AnySeries,
    snapshot::{Labels, Value},
    sync::lock,
};

/// What callbacks observed for one metric.
#[derive(Debug, Default)]
pub(super) struct Observed(Mutex<HashMap<Values, Arc<Point>>>);

/// One label value for each key of the definition.
pub(super) type Values = Box<[Arc<str>]>;

/// One observed series. It stays when its callback goes, because a counter has to remember what the SDK was told.
#[derive(Debug)]
pub(super) struct Point {
    labels: Labels,
    started: SystemTime,
    owner: AtomicUsize,
    value: Mutex<Option<Value>>,
    drained: Mutex<Option<Box<Value>>>,
}

impl Observed {
    /// The points that have a value.
    pub(super) fn points(&self) -> Vec<Arc<Point>> {
        let points = lock(&self.0);
        points
            .values()
            .filter(|point| lock(&point.value).is_some())
            .cloned()
            .collect()
    }

    /// Replaces what a job observed before by what it observed now.
    pub(super) fn take(&self, core: &Core, owner: usize, values: HashMap<Values, Value>) {
        let mut points = lock(&self.0);
        for point in points
            .values()
            .filter(|point| point.owner.load(Ordering::Relaxed) == owner)
        {
            *lock(&point.value) = None;
        }
        let limit = core.spec.limit;
        for (key, value) in values {
            if points.len() >= limit && !points.contains_key(&key) {
                continue;
            }
            let labels = || core.labels(&key);
            let point = points
                .entry(key.clone())
                .or_insert_with(|| Arc::new(Point::new(labels())));
            point.owner.store(owner, Ordering::Relaxed);
            *lock(&point.value) = Some(value);
        }
        if core.spec.kind == Kind::Gauge {
            points.retain(|_, point| lock(&point.value).is_some());
        }
    }
}

impl Point {
    fn new(labels: Labels) -> Self {
        Self {
            labels,
            started: SystemTime::now(),
            owner: AtomicUsize::new(0),
            value: Mutex::new(None),
            drained: Mutex::new(None),
        }
    }
}

impl AnySeries for Point {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn value(&self) -> Option<Value> {
        lock(&self.value).clone()
    }

    fn started(&self) -> SystemTime {
        self.started
    }

    fn is_overflow(&self) -> bool {
        false
    }

    fn drained(&self) -> &Mutex<Option<Box<Value>>> {
        &self.drained
    }
}
