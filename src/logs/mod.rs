//! Log events as readable lines on stderr, pretty on a terminal and JSON otherwise, with trace and span id.
//!
//! A line names the spans around the event with their fields. Span fields are kept as they were recorded and written
//! only when an event is logged inside.

mod fields;
mod line;
mod packed;

pub(crate) use fields::Fields;
pub(crate) use line::{Format, Line, SpanName, write};
pub(crate) use packed::PackedFields;
