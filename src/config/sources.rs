//! The places a value may come from, in the order of their strength.

use std::borrow::Cow;

use super::{Components, Env, Origin};

/// Overrides from code, above the environment, above defaults from code, above those of the specification.
///
/// All three speak in variables, so that whatever can be set from outside can be set in code by the same name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Above the environment.
    pub overrides: Env,
    /// The environment.
    pub env: Env,
    /// Below the environment.
    pub defaults: Env,
    /// Names that a configuration file may use beside those of the specification.
    pub components: Components,
}

impl Sources {
    /// The variables of this process and nothing from code.
    pub fn from_process() -> Self {
        Self {
            env: Env::from_process(),
            ..Self::default()
        }
    }

    /// The strongest first.
    pub(super) fn layers(&self) -> [(Layer, &Env); 3] {
        [
            (Layer::Code, &self.overrides),
            (Layer::Environment, &self.env),
            (Layer::CodeDefault, &self.defaults),
        ]
    }
}

/// One of the places.
/// Ordered by strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    CodeDefault,
    Environment,
    Code,
}

impl Layer {
    pub(super) fn of(origin: &Origin) -> Option<Self> {
        match origin {
            Origin::Code(_) => Some(Self::Code),
            Origin::Environment(_) => Some(Self::Environment),
            Origin::CodeDefault(_) => Some(Self::CodeDefault),
            Origin::Default | Origin::File { .. } => None,
        }
    }

    pub(super) fn origin(self, variable: impl Into<Cow<'static, str>>) -> Origin {
        match self {
            Self::Code => Origin::Code(variable.into()),
            Self::Environment => Origin::Environment(variable.into()),
            Self::CodeDefault => Origin::CodeDefault(variable.into()),
        }
    }
}
