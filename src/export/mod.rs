//! Exporters that the ecosystem lacks.

pub(crate) mod console;
