//! What the user asked for, as plain data with provenance.
//!
//! [`resolve()`] weighs overrides from code, the environment and defaults from code, in this order, against the variable
//! table ([`variables`]) and gives a [`Config`], the effective values with their sources, and every problem at once.
//! Nothing is built here, nothing is printed, and the process environment is read only by [`Env::from_process`].
//!
//! # Configuration files
//!
//! With the feature `config-file`, `OTEL_CONFIG_FILE` names a file of the declarative configuration, schema 1.1. All
//! other variables are then ignored, except where the file refers to one (`${NAME}`, `${NAME:-default}`). A file with a
//! mistake fails the start, with every mistake named by line, column and path.
//!
//! | part of the file | what becomes of it |
//! |---|---|
//! | `disabled`, `log_level`, `propagator`, `attribute_limits` | built |
//! | `resource.attributes`, `attributes_list` | built; numbers and switches become texts with a notice, lists are left out with a warning |
//! | `resource.detection/development.detectors` | built; which attributes to take from them is a warning |
//! | `resource.schema_url` | warning |
//! | processors: `batch` | built; one set of times and sizes for each signal, a second one is a warning |
//! | processors: `simple` | exported in batches, with a notice |
//! | exporters: `otlp_http`, `otlp_grpc`, `console`, `otlp_file/development` to `stdout`, `prometheus/development` | built, where the feature is compiled in |
//! | `tracer_provider.limits`, `logger_provider.limits`, `meter_provider.exemplar_filter` | built |
//! | samplers: `always_on`, `always_off`, `trace_id_ratio_based`, `parent_based` with a root, `jaeger_remote/development` | built |
//! | samplers: delegates of `parent_based` other than the usual, `probability/development`, `composite/development` | warning |
//! | `id_generator.random` | built |
//! | `views`, `cardinality_limits`, `producers`, configurators, `instrumentation/development.general` | warning |
//! | `instrumentation/development.rust.spanwise` | ours: `log_filter`, `log_lines`, `span_filter`, `span_metrics_filter`, `span_metrics`, `sampler_rules`, `skip_unsampled`, `queue_bytes`, `spool`, `banner`, `config` |
//! | `distribution`, unknown properties of the root | notice |
//! | components of any other name | built, where a span or log exporter, span processor, sampler, propagator or resource detector of that name is registered in code; an error otherwise |

mod effective;
mod env;
mod features;
#[cfg(feature = "config-file")]
mod file;
mod lookup;
mod markdown;
mod mask;
mod model;
mod parsed;
mod problem;
mod reader;
mod resolve;
mod sources;
mod table;
mod unknown;
mod variable;

pub use effective::{Effective, Setting};
pub use env::Env;
#[cfg(feature = "config-file")]
pub use file::to_yaml;
pub use markdown::variables_markdown;
pub use model::*;
pub use problem::{Invalid, Origin, Problem, Severity};
pub use resolve::{Resolved, Strictness, resolve};
pub use sources::Sources;
pub use table::variables;
pub use variable::{Applies, Kind, Support, Variable};

use features::Features;

/// The variable that names a configuration file.
#[cfg(feature = "config-file")]
pub(crate) const CONFIG_FILE: &str = table::CONFIG_FILE.name;
