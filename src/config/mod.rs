//! What the user asked for, as plain data with provenance.

mod model;

pub use model::*;
