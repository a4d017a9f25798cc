//! The samples of one metric family.
//!
//! # Hot path
//! One call per series and scrape: it appends to the page and allocates nothing but the page's growth. What is the
//! same for all series of a family (names, bucket boundaries) is rendered when the family is opened.

use std::ops::Range;
use std::time::SystemTime;

use opentelemetry::{SpanId, TraceId};

use super::format::Format;
use super::labels::Labels;
use super::number::{Number, Whole, write_float, write_time};

/// A measurement and the span that it was made in. Only OpenMetrics can carry one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// What was measured.
    pub value: f64,
    /// When.
    pub timestamp: SystemTime,
}

impl Exemplar {
    /// Appends ` # {…} value time`. Both ids with their names take 64 of the 128 characters that OpenMetrics allows.
    fn write(&self, out: &mut String) {
        out.push_str(" # {trace_id=\"");
        write_hex(out, &self.trace_id.to_bytes());
        out.push_str("\",span_id=\"");
        write_hex(out, &self.span_id.to_bytes());
        out.push_str("\"} ");
        write_float(out, self.value, Whole::Short);
        out.push(' ');
        write_time(out, self.timestamp);
    }
}

/// The page and the name of the family being written.
#[derive(Debug)]
pub(crate) struct Family<'e> {
    pub(crate) out: &'e mut String,
    pub(crate) name: &'e str,
    pub(crate) format: Format,
    /// Whether the format and the type of the family allow exemplars.
    pub(crate) exemplars: bool,
}

impl Family<'_> {
    /// One line; `suffix` goes behind the name, `extra` behind the labels.
    pub(crate) fn line(
        &mut self,
        suffix: &str,
        labels: &str,
        extra: &str,
        value: Number,
        exemplar: Option<Exemplar>,
    ) {
        self.out.push_str(self.name);
        self.out.push_str(suffix);
        if !labels.is_empty() || !extra.is_empty() {
            self.out.push('{');
            self.out.push_str(labels);
            if !labels.is_empty() && !extra.is_empty() {
                self.out.push(',');
            }
            self.out.push_str(extra);
            self.out.push('}');
        }
        self.out.push(' ');
        value.write(self.out);
        if let Some(exemplar) = exemplar
            && self.exemplars
        {
            exemplar.write(self.out);
        }
        self.out.push('\n');
    }

    /// All lines of one histogram.
    pub(crate) fn histogram(
        &mut self,
        bounds: &Bounds,
        labels: &str,
        counts: &[u64],
        sum: f64,
        mut exemplar: impl FnMut(usize) -> Option<Exemplar>,
    ) {
        let exemplars = self.exemplars;
        let mut exemplar = |bucket| if exemplars { exemplar(bucket) } else { None };
        let mut total = 0_u64;
        for (bucket, le) in bounds.rendered.iter().enumerate() {
            total = total.saturating_add(counts.get(bucket).copied().unwrap_or(0));
            let le = &bounds.text[le.clone()];
            self.line("_bucket", labels, le, total.into(), exemplar(bucket));
        }
        let last = bounds.rendered.len();
        let above = counts.get(last..).unwrap_or_default();
        total = above
            .iter()
            .fold(total, |total, count| total.saturating_add(*count));
        self.line(
            "_bucket",
            labels,
            "le=\"+Inf\"",
            total.into(),
            exemplar(last),
        );
        // OpenMetrics wants neither where values below zero were measured: such a sum does not only grow.
        if self.format == Format::OpenMetrics && (bounds.negative || sum.is_nan() || sum < 0.0) {
            return;
        }
        self.line("_sum", labels, "", sum.into(), None);
        self.line("_count", labels, "", total.into(), None);
    }
}

/// Writes the series of a counter.
#[derive(Debug)]
pub struct Counter<'e>(pub(crate) Family<'e>);

impl Counter<'_> {
    /// Writes one series. Its labels must not have been written in this family before.
    pub fn sample(
        &mut self,
        labels: &Labels,
        value: impl Into<Number>,
        exemplar: Option<Exemplar>,
    ) {
        self.0.line("", labels.as_str(), "", value.into(), exemplar);
    }
}

/// Writes the series of a gauge.
#[derive(Debug)]
pub struct Gauge<'e>(pub(crate) Family<'e>);

impl Gauge<'_> {
    /// Writes one series. Its labels must not have been written in this family before.
    pub fn sample(&mut self, labels: &Labels, value: impl Into<Number>) {
        self.0.line("", labels.as_str(), "", value.into(), None);
    }
}

/// Writes the series of a histogram.
#[derive(Debug)]
pub struct Histogram<'e> {
    pub(crate) family: Family<'e>,
    pub(crate) bounds: &'e mut Bounds,
}

impl Histogram<'_> {
    /// Gives the series from here on other boundaries. They must be finite and rising.
    pub fn rebound(&mut self, bounds: &[f64]) {
        self.bounds.render(bounds, self.family.format);
    }

    /// Writes one series. Its labels must not have been written in this family before.
    ///
    /// `counts` has one number a bucket, not cumulative, and one more for what lies above the last bound.
    /// `exemplar` is asked for each bucket by its index, and not called at all where the format has no exemplars.
    pub fn sample(
        &mut self,
        labels: &Labels,
        counts: &[u64],
        sum: f64,
        exemplar: impl FnMut(usize) -> Option<Exemplar>,
    ) {
        self.family
            .histogram(self.bounds, labels.as_str(), counts, sum, exemplar);
    }
}

/// Bucket boundaries, rendered for one format.
#[derive(Debug, Default)]
pub(crate) struct Bounds {
    text: String,
    rendered: Vec<Range<usize>>,
    negative: bool,
}

impl Bounds {
    /// Renders other boundaries into the same memory. They must be finite and rising.
    pub(crate) fn render(&mut self, bounds: &[f64], format: Format) {
        let whole = match format {
            Format::Text => Whole::Short,
            Format::OpenMetrics => Whole::WithPoint,
        };
        self.text.clear();
        self.rendered.clear();
        self.negative = bounds.first().is_some_and(|first| *first < 0.0);
        for bound in bounds {
            let start = self.text.len();
            self.text.push_str("le=\"");
            write_float(&mut self.text, *bound, whole);
            self.text.push('"');
            self.rendered.push(start..self.text.len());
        }
    }
}

/// Writes the series of a summary.
#[derive(Debug)]
pub struct Summary<'e> {
    pub(crate) family: Family<'e>,
    pub(crate) scratch: String,
}

impl Summary<'_> {
    /// Writes one series. Its labels must not have been written in this family before.
    ///
    /// `quantiles` are pairs of a quantile between 0 and 1 and its value.
    pub fn sample(&mut self, labels: &Labels, quantiles: &[(f64, f64)], sum: f64, count: u64) {
        let whole = match self.family.format {
            Format::Text => Whole::Short,
            Format::OpenMetrics => Whole::WithPoint,
        };
        for (quantile, value) in quantiles {
            self.scratch.clear();
            self.scratch.push_str("quantile=\"");
            write_float(&mut self.scratch, *quantile, whole);
            self.scratch.push('"');
            self.family
                .line("", labels.as_str(), &self.scratch, (*value).into(), None);
        }
        self.family
            .line("_sum", labels.as_str(), "", sum.into(), None);
        self.family
            .line("_count", labels.as_str(), "", count.into(), None);
    }
}

fn write_hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}
