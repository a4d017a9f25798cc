//! How components of the application's own are made that a configuration file names.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::ResourceDetector;
use opentelemetry_sdk::trace::{ShouldSample, SpanData, SpanProcessor};

use super::caught;
use super::custom::Custom;
use super::guarded::{self, Guarded};
use super::logs::Record;
use crate::config::{Component, ComponentKind, Property};
use crate::delivery::Failure;
use crate::diagnostics::Diagnostics;

/// What the application has registered.
#[derive(Debug, Default)]
pub(crate) struct Provided {
    pub(crate) span_exporters: Makers<Custom<SpanData>>,
    pub(crate) log_exporters: Makers<Custom<Record>>,
    pub(crate) samplers: Makers<Box<dyn ShouldSample>>,
    pub(crate) processors: Makers<Box<dyn SpanProcessor>>,
    pub(crate) propagators: Makers<Box<dyn TextMapPropagator + Send + Sync>>,
    pub(crate) detectors: Makers<Box<dyn ResourceDetector + Send>>,
}

impl Provided {
    /// In their order, each told of `resource`.
    pub(super) fn processors(
        &self,
        components: &[Component],
        resource: &Resource,
        diagnostics: &Diagnostics,
    ) -> Result<Vec<guarded::Processor>, Failure> {
        let one = |component: &Component| {
            let mut made = self.processors.make(component)?;
            made.set_resource(resource);
            let kind = ComponentKind::SpanProcessor;
            let guarded = Guarded::new(made, kind, component, diagnostics);
            Ok(guarded::Processor(Arc::new(guarded)))
        };
        components.iter().map(one).collect()
    }
}

/// How components of one kind are made, by name.
pub(crate) struct Makers<T>(BTreeMap<String, Box<Make<T>>>);

type Make<T> = dyn Fn(&Property) -> Result<T, Box<dyn Error + Send + Sync>> + Send;

impl<T> Makers<T> {
    /// The last one of a name stays.
    #[cfg(feature = "config-file")]
    pub(crate) fn insert<U, E>(
        &mut self,
        name: String,
        make: impl Fn(&Property) -> Result<U, E> + Send + 'static,
        wrap: impl Fn(U) -> T + Send + 'static,
    ) where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let make = move |properties: &Property| make(properties).map(&wrap).map_err(Into::into);
        self.0.insert(name, Box::new(make));
    }

    /// The error names the place in the file.
    pub(super) fn make(&self, component: &Component) -> Result<T, Failure> {
        let fail = |what: fmt::Arguments<'_>| {
            let (path, place) = (&component.path, component.origin.source());
            Err(Failure::new(
                "component",
                format!("{path} ({place}) {what}"),
            ))
        };
        // A configuration made in code can name what nobody has registered.
        let Some(make) = self.0.get(&component.name) else {
            return fail(format_args!("is not registered"));
        };
        match catch_unwind(AssertUnwindSafe(|| make(&component.properties))) {
            Ok(Ok(made)) => Ok(made),
            Ok(Err(cause)) => fail(format_args!("cannot be made: {cause}")),
            Err(panic) => {
                let words = caught::words(&*panic);
                fail(format_args!("cannot be made: it panicked: {words}"))
            }
        }
    }
}

impl<T> Default for Makers<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> fmt::Debug for Makers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
