//! The configured propagators in one.

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};

use crate::config::Propagator;
#[cfg(feature = "xray")]
use crate::propagation::XRay;
use crate::propagation::{B3, Baggage, Jaeger, TraceContext};

/// In the given order; without any of them nothing is written and nothing is read.
pub(crate) fn build(propagators: &[Propagator]) -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(
        propagators
            .iter()
            .filter_map(|propagator| one(*propagator))
            .collect(),
    )
}

fn one(propagator: Propagator) -> Option<Box<dyn TextMapPropagator + Send + Sync>> {
    Some(match propagator {
        Propagator::TraceContext => Box::new(TraceContext),
        Propagator::Baggage => Box::new(Baggage),
        Propagator::B3 => Box::new(B3::single()),
        Propagator::B3Multi => Box::new(B3::multi()),
        Propagator::Jaeger => Box::new(Jaeger),
        #[cfg(feature = "xray")]
        Propagator::XRay => Box::new(XRay),
        // The configuration has refused it and said so.
        #[cfg(not(feature = "xray"))]
        Propagator::XRay => return None,
    })
}
