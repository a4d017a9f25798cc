//! Which build of the application runs.

use super::Runtime;
use crate::metrics::{Definition, Error, Gauge};

const INFO: Definition<Gauge> = Gauge::define("build.info")
    .help("1, with the build of the application as labels")
    .labels(&["version", "revision", "profile"]);

/// Which build of the application this is. Empty parts are left out.
///
/// ```
/// use spanwise::runtime::Build;
///
/// let build = Build { version: env!("CARGO_PKG_VERSION"), revision: option_env!("GIT_REVISION").unwrap_or(""), ..Build::default() };
/// # let _ = build;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Build {
    /// The version of the application. Defaults to nothing.
    pub version: &'static str,
    /// The revision in source control. Defaults to nothing.
    pub revision: &'static str,
    /// How it was compiled. Defaults to `debug` with debug assertions, otherwise `release`.
    pub profile: &'static str,
}

impl Default for Build {
    fn default() -> Self {
        let profile = if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        };
        Self {
            version: "",
            revision: "",
            profile,
        }
    }
}

pub(super) fn observe(runtime: &mut Runtime, build: Build) -> Result<(), Error> {
    runtime.add(&INFO, move |observer| {
        observer.observe(
            1.0,
            [
                ("version", build.version),
                ("revision", build.revision),
                ("profile", build.profile),
            ],
        );
    })
}
