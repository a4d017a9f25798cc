//! What the user asked for, as plain data with provenance.
//!
//! [`resolve`] weighs overrides from code, the environment and defaults from code, in this order, against the variable
//! table ([`variables`]) and gives a [`Config`], the effective values with their sources, and every problem at once.
//! Nothing is built here, nothing is printed, and the process environment is read only by [`Env::from_process`].

mod effective;
mod env;
mod features;
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
pub use markdown::variables_markdown;
pub use model::*;
pub use problem::{Invalid, Origin, Problem, Severity};
pub use resolve::{Resolved, Strictness, resolve};
pub use sources::Sources;
pub use table::variables;
pub use variable::{Applies, Kind, Support, Variable};

use features::Features;
