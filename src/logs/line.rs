//! One event as one line.

use std::fmt::{self, Write};
use std::time::SystemTime;

use opentelemetry::trace::SpanContext;
use tracing::{Level, Metadata};

use super::fields::{Fields, Value};
use crate::semconv;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people; with colour on terminals that have it.
    Pretty { colour: bool },
    /// One JSON object.
    Json,
}

/// What a line is made of.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) time: SystemTime,
    pub(crate) metadata: &'a Metadata<'a>,
    pub(crate) fields: Fields,
    /// The trace and span that the event belongs to.
    pub(crate) context: Option<SpanContext>,
}

/// A span around the event.
#[derive(Debug)]
pub(crate) struct SpanName<'a> {
    pub(crate) name: &'static str,
    pub(crate) fields: Option<&'a Fields>,
}

/// Appends the line with its line feed; `spans` calls back for every span around the event, the outermost first.
pub(crate) fn write(
    out: &mut String,
    format: Format,
    line: Line<'_>,
    spans: impl FnOnce(&mut dyn FnMut(SpanName<'_>)),
) {
    // Writing into a string cannot fail.
    let _ = match format {
        Format::Pretty { colour } => write_pretty(out, colour, line, spans),
        Format::Json => write_json(out, line, spans),
    };
    out.push('\n');
}

fn write_pretty(
    out: &mut String,
    colour: bool,
    mut line: Line<'_>,
    spans: impl FnOnce(&mut dyn FnMut(SpanName<'_>)),
) -> fmt::Result {
    let level = line.metadata.level();
    let (on, off) = if colour {
        (ansi(*level), "\x1b[0m")
    } else {
        ("", "")
    };
    write!(
        out,
        "{} {on}{level:>5}{off} ",
        humantime::format_rfc3339_millis(line.time)
    )?;
    let mut result = Ok(());
    spans(&mut |span| result = result.and_then(|()| write_span(out, &span)));
    result?;
    write!(out, "{}:", line.metadata.target())?;
    if let Some(message) = line.fields.take(semconv::FIELD_MESSAGE) {
        out.push(' ');
        push_message(out, &message);
    }
    for (name, value) in line.fields.iter() {
        write!(out, " {name}={value}")?;
    }
    if let Some(context) = line.context {
        write!(
            out,
            " trace_id={} span_id={}",
            context.trace_id(),
            context.span_id()
        )?;
    }
    Ok(())
}

fn write_span(out: &mut String, span: &SpanName<'_>) -> fmt::Result {
    out.push_str(span.name);
    if let Some(fields) = span.fields.filter(|fields| !fields.is_empty()) {
        out.push('{');
        for (index, (name, value)) in fields.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(out, "{space}{name}={value}")?;
        }
        out.push('}');
    }
    out.push_str(": ");
    Ok(())
}

/// A message stands unquoted, but with its line feeds and control characters escaped: a line stays one line, and what a
/// client sent can neither forge a second one nor move the cursor.
fn push_message(out: &mut String, message: &Value) {
    let Value::Text(text) = message else {
        let _ = write!(out, "{message}");
        return;
    };
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
}

fn write_json(
    out: &mut String,
    mut line: Line<'_>,
    spans: impl FnOnce(&mut dyn FnMut(SpanName<'_>)),
) -> fmt::Result {
    write!(
        out,
        r#"{{"timestamp":"{}","level":"{}","target":{}"#,
        humantime::format_rfc3339_micros(line.time),
        line.metadata.level(),
        text(line.metadata.target()),
    )?;
    if let Some(message) = line.fields.take(semconv::FIELD_MESSAGE) {
        write!(out, r#","message":{}"#, serde_json::Value::from(&message))?;
    }
    if !line.fields.is_empty() {
        out.push_str(r#","fields":"#);
        write_object(out, &line.fields)?;
    }
    if let Some(context) = line.context {
        write!(
            out,
            r#","trace_id":"{}","span_id":"{}","sampled":{}"#,
            context.trace_id(),
            context.span_id(),
            context.is_sampled(),
        )?;
    }
    let mut result = Ok(());
    let mut any = false;
    spans(&mut |span| {
        out.push_str(if any { "," } else { r#","spans":["# });
        any = true;
        result = result.and_then(|()| {
            write!(out, r#"{{"name":{}"#, text(span.name))?;
            if let Some(fields) = span.fields.filter(|fields| !fields.is_empty()) {
                out.push_str(r#","fields":"#);
                write_object(out, fields)?;
            }
            out.push('}');
            Ok(())
        });
    });
    if any {
        out.push(']');
    }
    out.push('}');
    result
}

fn write_object(out: &mut String, fields: &Fields) -> fmt::Result {
    out.push('{');
    for (index, (name, value)) in fields.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(
            out,
            "{comma}{}:{}",
            text(name),
            serde_json::Value::from(value)
        )?;
    }
    out.push('}');
    Ok(())
}

fn text(text: &str) -> serde_json::Value {
    text.into()
}

const fn ansi(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}
