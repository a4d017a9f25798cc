//! Scalars: environment substitution, then the core schema of YAML 1.2.

use std::collections::BTreeSet;

use super::node::Value;
use crate::config::Env;

/// How a scalar is written, as far as its type depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes: typed by what it looks like.
    Plain,
    /// In quotes or as a block: always a text.
    Quoted,
}

/// The environment, and which of its variables the file refers to.
#[derive(Debug)]
pub(in crate::config) struct References<'a> {
    env: &'a Env,
    used: BTreeSet<String>,
    /// Bytes that came out of references.
    expanded: usize,
}

/// As much as the file itself may hold: a short file with many references to a long value ends here.
const MOST_EXPANDED: usize = 1024 * 1024;

impl<'a> References<'a> {
    pub(in crate::config) fn new(env: &'a Env) -> Self {
        Self {
            env,
            used: BTreeSet::new(),
            expanded: 0,
        }
    }

    /// Whether the file refers to `name`.
    pub(in crate::config) fn uses(&self, name: &str) -> bool {
        self.used.contains(name)
    }
}

/// `text` with every `${NAME}` replaced.
///
/// `$$` stands for `$` and ends any reference before it, results are never looked at again, and what is not complete
/// stays as it is. The error is the reference that is complete and malformed.
pub(super) fn substitute(text: &str, references: &mut References<'_>) -> Result<String, String> {
    if !text.contains('$') {
        return Ok(text.to_owned());
    }
    let parts: Result<Vec<_>, _> = text
        .split("$$")
        .map(|part| substitute_part(part, references))
        .collect();
    Ok(parts?.join("$"))
}

fn substitute_part(part: &str, references: &mut References<'_>) -> Result<String, String> {
    let mut result = String::with_capacity(part.len());
    let mut rest = part;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        let reference = &rest[start..=start + length];
        result.push_str(&rest[..start]);
        result.push_str(&resolve(reference, references)?);
        rest = &rest[start + length + 1..];
    }
    result.push_str(rest);
    Ok(result)
}

/// `${NAME}`, `${env:NAME}`, either with `:-` and a default.
fn resolve(reference: &str, references: &mut References<'_>) -> Result<String, String> {
    let inner = &reference["${".len()..reference.len() - 1];
    let name_and_default = inner.strip_prefix("env:").unwrap_or(inner);
    let (name, default) = match name_and_default.split_once(":-") {
        Some((name, default)) => (name, default),
        None => (name_and_default, ""),
    };
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !starts_well || !is_name || default.contains('\n') {
        return Err(format!(
            "has {reference}, which is no reference; write ${{NAME}} or ${{NAME:-default}}, or $$ for $"
        ));
    }
    references.used.insert(name.to_owned());
    let env = references.env;
    if env.is_not_unicode(name) {
        return Err(format!("refers to {name}, which is not valid UTF-8"));
    }
    let value = env.get(name).unwrap_or(default);
    references.expanded += value.len();
    if references.expanded > MOST_EXPANDED {
        return Err(format!(
            "has references that together give more than {MOST_EXPANDED} bytes"
        ));
    }
    Ok(value.to_owned())
}

/// The type that the tag asks for, or that a plain scalar looks like.
pub(super) fn typed(text: String, style: Style, tag: Option<&str>) -> Result<Value, String> {
    let value = match (tag, style) {
        (None, Style::Plain) => core(&text),
        (None, Style::Quoted) | (Some("str" | "!"), _) => Value::Text(text),
        (Some(tag @ ("null" | "bool" | "int" | "float")), _) => {
            let value = core(&text);
            match (tag, &value) {
                ("null", Value::Null)
                | ("bool", Value::Flag(_))
                | ("int", Value::Integer(_))
                | ("float", Value::Integer(_) | Value::Number(_)) => value,
                _ => return Err(format!("is no !!{tag}")),
            }
        }
        (Some(tag), _) => return Err(format!("has the unknown tag {tag}")),
    };
    Ok(value)
}

fn core(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Flag(true),
        "false" | "False" | "FALSE" => Value::Flag(false),
        ".nan" | ".NaN" | ".NAN" => Value::Number(f64::NAN),
        _ => integer(text)
            .or_else(|| float(text))
            .unwrap_or_else(|| Value::Text(text.to_owned())),
    }
}

fn integer(text: &str) -> Option<Value> {
    let parsed = if let Some(digits) = text.strip_prefix("0x") {
        is_all(digits, |b| b.is_ascii_hexdigit()).then(|| i64::from_str_radix(digits, 16))?
    } else if let Some(digits) = text.strip_prefix("0o") {
        is_all(digits, |b| (b'0'..=b'7').contains(&b)).then(|| i64::from_str_radix(digits, 8))?
    } else {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        is_all(digits, |b| b.is_ascii_digit()).then(|| text.parse())?
    };
    Some(parsed.map_or(Value::Number(f64::INFINITY), Value::Integer))
}

fn float(text: &str) -> Option<Value> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if matches!(rest, ".inf" | ".Inf" | ".INF") {
        return Some(Value::Number(sign * f64::INFINITY));
    }
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let exponent_is_good = exponent.is_none_or(|exponent| {
        let unsigned = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        is_all(unsigned, |b| b.is_ascii_digit())
    });
    let has_digit = !(whole.is_empty() && fraction.is_empty());
    if !has_digit || !digits(whole) || !digits(fraction) || !exponent_is_good {
        return None;
    }
    let number: f64 = rest.parse().ok()?;
    // The schema of JSON, and so ours, counts 5.0 among the integers.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to be whole and small"
    )]
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return Some(Value::Integer((sign * number) as i64));
    }
    Some(Value::Number(sign * number))
}

fn is_all(text: &str, test: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (text, value) in [
            ("", Value::Null),
            ("~", Value::Null),
            ("True", Value::Flag(true)),
            ("-12", Value::Integer(-12)),
            ("+12", Value::Integer(12)),
            ("012", Value::Integer(12)),
            ("0o17", Value::Integer(15)),
            ("0xdeadbeef", Value::Integer(3_735_928_559)),
            ("1.5", Value::Number(1.5)),
            (".5", Value::Number(0.5)),
            ("5.", Value::Integer(5)),
            ("-1.5e-3", Value::Number(-0.0015)),
            ("-.inf", Value::Number(f64::NEG_INFINITY)),
            ("99999999999999999999", Value::Number(f64::INFINITY)),
        ] {
            assert_eq!(core(text), value, "{text}");
        }
        for text in [
            "yes", "no", "on", "NO", "tRue", "0b1", "0x", "1_000", "1e", ".", "-", "1.2.3", "inf",
            "nan", "0o8",
        ] {
            assert_eq!(core(text), Value::Text(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn quoted_scalars_are_texts() {
        let value = typed("1".to_owned(), Style::Quoted, None);
        assert_eq!(value, Ok(Value::Text("1".to_owned())));
    }

    #[test]
    fn tag_decides_over_the_look() {
        assert_eq!(
            typed("1".into(), Style::Plain, Some("str")),
            Ok(Value::Text("1".into()))
        );
        assert_eq!(
            typed("1".into(), Style::Quoted, Some("int")),
            Ok(Value::Integer(1))
        );
        assert!(typed("x".into(), Style::Plain, Some("int")).is_err());
        assert!(typed("x".into(), Style::Plain, Some("!mine")).is_err());
    }

    #[test]
    fn malformed_reference_is_an_error() {
        let env = Env::default();
        for text in [
            "${}", "${1A}", "${A:?e}", "${A B}", "${sys:A}", "${A:}", "${A-b}",
        ] {
            assert!(
                substitute(text, &mut References::new(&env)).is_err(),
                "{text}"
            );
        }
        for text in ["$A", "${A", "$", "a}"] {
            let result = substitute(text, &mut References::new(&env));
            assert_eq!(result.as_deref(), Ok(text));
        }
    }

    #[test]
    fn references_cannot_fill_the_memory() {
        let env = Env::from_pairs([("A", "x".repeat(MOST_EXPANDED / 2))]);
        let mut references = References::new(&env);
        assert!(substitute("${A}${A}", &mut references).is_ok());
        assert!(substitute("${A}", &mut references).is_err());
    }

    #[test]
    fn value_is_never_looked_at_again() {
        let env = Env::from_pairs([("A", "${B}$$"), ("B", "no")]);
        let mut references = References::new(&env);
        let result = substitute("${A}", &mut references);
        assert_eq!(result.as_deref(), Ok("${B}$$"));
        assert!(references.uses("A") && !references.uses("B"));
    }
}
