//! A line for each thing that was kept.

use std::fmt::{self, Display, Formatter};

use opentelemetry::KeyValue;

use super::{Log, Span, Telemetry};
use crate::SpanStatus;
use crate::metrics::snapshot::{Series, Value};

impl Display for Telemetry {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (spans, logs, metrics) = (self.spans(), self.logs(), self.snapshot());
        writeln!(f, "{} spans, as they ended:\n{spans}", spans.len())?;
        writeln!(f, "{} log records:\n{logs}", logs.len())?;
        writeln!(f, "{} metrics:", metrics.families.len())?;
        for family in &metrics.families {
            let unit = if family.unit.is_empty() { "" } else { " in " };
            writeln!(
                f,
                "  {} ({:?}{unit}{})",
                family.name, family.kind, family.unit
            )?;
            let mut lines: Vec<String> = family.series.iter().map(series).collect();
            lines.sort();
            lines
                .iter()
                .try_for_each(|line| writeln!(f, "    {line}"))?;
        }
        Ok(())
    }
}

fn series(series: &Series) -> String {
    let labels: Vec<String> = series
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    let value = match &series.value {
        Value::Distribution(values) => {
            let (count, sum) = (values.count(), values.sum);
            format!("{count} values, sum {sum}")
        }
        Value::Quantiles(values) => format!("{} values, sum {}", values.count, values.sum),
        other => other.as_f64().to_string(),
    };
    format!("{{{}}} {value}", labels.join(", "))
}

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {:?} {}/{}",
            self.name, self.kind, self.trace_id, self.span_id
        )?;
        if let Some(parent) = self.parent {
            write!(f, " below {parent}")?;
        }
        write!(f, " at {:?} for {:?}", self.start, self.duration)?;
        match (self.status, self.message.as_str()) {
            (SpanStatus::Unset, _) => {}
            (SpanStatus::Ok, _) => write!(f, " ok")?,
            (SpanStatus::Error, "") => write!(f, " error")?,
            (SpanStatus::Error, message) => write!(f, " error {message:?}")?,
        }
        attributes(f, &self.attributes)?;
        for event in &self.events {
            write!(f, "\n    {} at {:?}", event.name, event.at)?;
            attributes(f, &event.attributes)?;
        }
        Ok(())
    }
}

fn attributes(f: &mut Formatter<'_>, attributes: &[KeyValue]) -> fmt::Result {
    let mut attributes = attributes.iter();
    attributes.try_for_each(|one| write!(f, " {}={:?}", one.key, one.value.as_str()))
}

impl Display for Log {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} {} {}: {}",
            self.at, self.level, self.target, self.body
        )?;
        for (key, value) in &self.attributes {
            write!(f, " {key}={value:?}")?;
        }
        match self.ids {
            Some((trace, span)) => write!(f, " in {trace}/{span}"),
            None => Ok(()),
        }
    }
}
