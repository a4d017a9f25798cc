//! Components of the application's own, for configuration files to name.

use std::error::Error;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sdk::logs::LogExporter;
use opentelemetry_sdk::resource::ResourceDetector;
use opentelemetry_sdk::trace::{ShouldSample, SpanExporter, SpanProcessor};

use super::Builder;
use crate::config::{ComponentKind, Property};
use crate::pipeline::Custom;

/// Names of the specification and ours keep their meaning; of two components of one kind and name the last one counts.
///
/// What makes a component runs while telemetry starts, once for each place that names it, with what the file says there.
/// Its error, or its panic, fails the start and names the place. A component that panics later is asked no more, which is
/// said once.
impl Builder {
    /// Makes samplers for `tracer_provider.sampler` of a configuration file. Defaults to none.
    ///
    /// ```
    /// use opentelemetry_sdk::trace::Sampler;
    /// use spanwise::config::Property;
    ///
    /// let builder = spanwise::Telemetry::builder().register_sampler("share", |properties| {
    ///     match properties.get("percent").and_then(Property::as_number) {
    ///         Some(percent) => Ok(Sampler::TraceIdRatioBased(percent / 100.0)),
    ///         None => Err("has no percent"),
    ///     }
    /// });
    /// ```
    pub fn register_sampler<T, E>(
        mut self,
        name: impl Into<String>,
        make: impl Fn(&Property) -> Result<T, E> + Send + 'static,
    ) -> Self
    where
        T: ShouldSample + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let name = self.known(ComponentKind::Sampler, name);
        let samplers = &mut self.additions.provided.samplers;
        samplers.insert(name, make, |sampler| Box::new(sampler));
        self
    }

    /// Makes exporters for the processors of `tracer_provider` of a configuration file; they are run as
    /// [`add_span_exporter`](Self::add_span_exporter) says. Defaults to none.
    pub fn register_span_exporter<T, E>(
        mut self,
        name: impl Into<String>,
        make: impl Fn(&Property) -> Result<T, E> + Send + 'static,
    ) -> Self
    where
        T: SpanExporter + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let name = self.known(ComponentKind::SpanExporter, name);
        let exporters = &mut self.additions.provided.span_exporters;
        exporters.insert(name, make, Custom::spans);
        self
    }

    /// Makes exporters for the processors of `logger_provider` of a configuration file. They get log records in batches, from
    /// a task of the private runtime, and must not block. Defaults to none.
    pub fn register_log_exporter<T, E>(
        mut self,
        name: impl Into<String>,
        make: impl Fn(&Property) -> Result<T, E> + Send + 'static,
    ) -> Self
    where
        T: LogExporter + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let name = self.known(ComponentKind::LogExporter, name);
        let exporters = &mut self.additions.provided.log_exporters;
        exporters.insert(name, make, Custom::logs);
        self
    }

    /// Makes processors for `tracer_provider.processors` of a configuration file. They see spans before the exporters, on the
    /// thread of the application, so they must not block; what they hold is sent when telemetry is flushed and when it ends.
    /// Defaults to none.
    pub fn register_span_processor<T, E>(
        mut self,
        name: impl Into<String>,
        make: impl Fn(&Property) -> Result<T, E> + Send + 'static,
    ) -> Self
    where
        T: SpanProcessor + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let name = self.known(ComponentKind::SpanProcessor, name);
        let processors = &mut self.additions.provided.processors;
        processors.insert(name, make, |processor| Box::new(processor));
        self
    }

    /// Makes propagators for `propagator.composite` of a configuration file. Defaults to none.
    pub fn register_propagator<T, E>(
        mut self,
        name: impl Into<String>,
        make: impl Fn(&Property) -> Result<T, E> + Send + 'static,
    ) -> Self
    where
        T: TextMapPropagator + Send + Sync + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let name = self.known(ComponentKind::Propagator, name);
        let propagators = &mut self.additions.provided.propagators;
        propagators.insert(name, make, |propagator| Box::new(propagator));
        self
    }

    /// Makes detectors for `resource.detection/development.detectors` of a configuration file. They run on threads of their
    /// own, and who has no answer after half a second is left out and named. What they find wins over what ours find.
    /// Defaults to none.
    pub fn register_detector<T, E>(
        mut self,
        name: impl Into<String>,
        make: impl Fn(&Property) -> Result<T, E> + Send + 'static,
    ) -> Self
    where
        T: ResourceDetector + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let name = self.known(ComponentKind::Detector, name);
        let detectors = &mut self.additions.provided.detectors;
        detectors.insert(name, make, |detector| Box::new(detector));
        self
    }

    fn known(&mut self, kind: ComponentKind, name: impl Into<String>) -> String {
        let name = name.into();
        self.sources.components.insert(kind, name.clone());
        name
    }
}
