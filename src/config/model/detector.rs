//! The resource detectors, and their names in configuration.

use std::fmt;

/// A source of resource attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Detector {
    /// `service.instance.id`, random and the same for the whole process.
    Service,
    /// `host.name`, `host.arch`, and `host.id` outside containers.
    Host,
    /// `os.type`, `os.name`, `os.version` and `os.description`.
    Os,
    /// `process.pid`, `process.executable.*`, `process.command`, `process.owner` and `process.runtime.name`.
    Process,
    /// `process.command_args`: the whole command line, which may hold secrets. Only when asked for.
    ProcessArguments,
    /// `container.id`.
    Container,
    /// `k8s.*`, inside a pod.
    Kubernetes,
}

impl Detector {
    /// Those that run unless something else is configured: all but [`Detector::ProcessArguments`].
    pub const DEFAULT: [Self; 6] = [
        Self::Service,
        Self::Host,
        Self::Os,
        Self::Process,
        Self::Container,
        Self::Kubernetes,
    ];

    /// All detectors.
    pub const ALL: [Self; 7] = [
        Self::Service,
        Self::Host,
        Self::Os,
        Self::Process,
        Self::ProcessArguments,
        Self::Container,
        Self::Kubernetes,
    ];

    /// The word for it in `OTEL_RUST_RESOURCE_DETECTORS`; where declarative configuration has one, it is the same.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Host => "host",
            Self::Os => "os",
            Self::Process => "process",
            Self::ProcessArguments => "process_args",
            Self::Container => "container",
            Self::Kubernetes => "k8s",
        }
    }

    /// The detector of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|detector| detector.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_detector_is_found_by_its_name_in_any_case() {
        for detector in Detector::ALL {
            assert_eq!(Detector::from_name(detector.name()), Some(detector));
            let upper = detector.name().to_uppercase();
            assert_eq!(Detector::from_name(&upper), Some(detector));
        }
    }

    #[test]
    fn unknown_names_are_nobody() {
        for name in ["", "hots", "host ", "all"] {
            assert_eq!(Detector::from_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn arguments_have_to_be_asked_for() {
        assert!(!Detector::DEFAULT.contains(&Detector::ProcessArguments));
    }
}
