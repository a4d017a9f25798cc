//! Numbers as both formats write them.

use std::time::{SystemTime, UNIX_EPOCH};

/// The value of a sample: integers stay integers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A count.
    Unsigned(u64),
    /// An integer that may be negative.
    Signed(i64),
    /// Anything else.
    Float(f64),
}

impl Number {
    /// Appends the number; whole floats lose their `.0`.
    pub(crate) fn write(self, out: &mut String) {
        match self {
            Self::Unsigned(value) => out.push_str(itoa::Buffer::new().format(value)),
            Self::Signed(value) => out.push_str(itoa::Buffer::new().format(value)),
            Self::Float(value) => write_float(out, value, Whole::Short),
        }
    }

    /// The sum of both; integers that would overflow become floats.
    pub(crate) fn plus(self, other: Self) -> Self {
        let whole = match (self, other) {
            (Self::Unsigned(a), Self::Unsigned(b)) => a.checked_add(b).map(Self::Unsigned),
            (Self::Signed(a), Self::Signed(b)) => a.checked_add(b).map(Self::Signed),
            _ => None,
        };
        whole.unwrap_or_else(|| Self::Float(self.as_f64() + other.as_f64()))
    }

    /// The nearest float.
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Self::Unsigned(value) => value as f64,
            Self::Signed(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Unsigned(value)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Signed(value)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

/// How a float without a fraction is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    /// `5`
    Short,
    /// `5.0`, which OpenMetrics asks for in `le` and `quantile`.
    WithPoint,
}

/// Appends a float in the shortest form that reads back the same.
pub(crate) fn write_float(out: &mut String, value: f64, whole: Whole) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else {
        let mut buffer = zmij::Buffer::new();
        let digits = buffer.format_finite(value);
        match whole {
            Whole::Short => out.push_str(digits.strip_suffix(".0").unwrap_or(digits)),
            Whole::WithPoint => out.push_str(digits),
        }
    }
}

/// Appends a time as seconds since 1970 with milliseconds; times before that as zero.
pub(crate) fn write_time(out: &mut String, time: SystemTime) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    out.push_str(itoa::Buffer::new().format(since.as_secs()));
    let milliseconds = since.subsec_millis();
    out.push('.');
    for digit in [
        milliseconds / 100,
        milliseconds / 10 % 10,
        milliseconds % 10,
    ] {
        out.push(char::from(b'0' + digit as u8));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn float(value: f64, whole: Whole) -> String {
        let mut out = String::new();
        write_float(&mut out, value, whole);
        out
    }

    #[test]
    fn special_floats_have_their_prometheus_spelling() {
        assert_eq!(float(f64::NAN, Whole::Short), "NaN");
        assert_eq!(float(f64::INFINITY, Whole::Short), "+Inf");
        assert_eq!(float(f64::NEG_INFINITY, Whole::WithPoint), "-Inf");
    }

    #[test]
    fn whole_floats_keep_their_point_only_where_asked() {
        assert_eq!(float(5.0, Whole::Short), "5");
        assert_eq!(float(5.0, Whole::WithPoint), "5.0");
        assert_eq!(float(0.25, Whole::Short), "0.25");
    }

    #[test]
    fn extreme_floats_read_back_the_same() {
        for value in [f64::MAX, f64::MIN_POSITIVE, 1e21, 1e-7, -0.1, 123456789.125] {
            assert_eq!(float(value, Whole::Short).parse::<f64>(), Ok(value));
        }
    }

    #[test]
    fn times_have_three_digits_after_the_point() {
        let mut out = String::new();
        write_time(
            &mut out,
            UNIX_EPOCH + Duration::from_millis(1_700_000_000_042),
        );
        assert_eq!(out, "1700000000.042");
    }

    #[test]
    fn sums_that_overflow_become_floats() {
        let sum = Number::from(u64::MAX).plus(Number::from(1u64));
        assert_eq!(sum, Number::Float(u64::MAX as f64 + 1.0));
    }
}
