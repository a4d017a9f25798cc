//! A snapshot of environment variables, passed in and never read twice.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

/// Variables by name, from the process or from code.
///
/// `Debug` shows names only: a value may be a credential.
///
/// ```
/// use spanwise::config::Env;
///
/// let env = Env::from_pairs([("OTEL_SERVICE_NAME", "checkout")]);
/// assert_eq!(env.get("OTEL_SERVICE_NAME"), Some("checkout"));
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Env {
    variables: BTreeMap<String, Value>,
}

#[derive(Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    NotUnicode,
}

impl Value {
    fn new(value: OsString) -> Self {
        value.into_string().map_or(Self::NotUnicode, Self::Text)
    }
}

impl Env {
    /// The variables of this process, as they are now.
    pub fn from_process() -> Self {
        Self::from_os_pairs(std::env::vars_os())
    }

    /// These variables and no others; the last of two equal names wins.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        let variables = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), Value::Text(value.into())))
            .collect();
        Self { variables }
    }

    /// These variables and no others; one that is not valid UTF-8 is kept to be reported.
    pub fn from_os_pairs(pairs: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let variables = pairs
            .into_iter()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), Value::new(value)))
            .collect();
        Self { variables }
    }

    /// Sets one variable.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.variables
            .insert(name.into(), Value::Text(value.into()));
    }

    /// Sets one variable to what need not be valid UTF-8, which is then kept to be reported.
    #[cfg(feature = "config-file")]
    pub(crate) fn insert_os(&mut self, name: impl Into<String>, value: OsString) {
        self.variables.insert(name.into(), Value::new(value));
    }

    /// The value of `name`; `None` when it is missing, empty or not valid UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.variables.get(name)? {
            // The specification counts an empty variable as unset.
            Value::Text(text) if text.is_empty() => None,
            Value::Text(text) => Some(text),
            Value::NotUnicode => None,
        }
    }

    /// Names of all variables that are set and not empty, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables
            .iter()
            .filter(|(_, value)| !matches!(value, Value::Text(text) if text.is_empty()))
            .map(|(name, _)| name.as_str())
    }

    pub(crate) fn is_not_unicode(&self, name: &str) -> bool {
        self.variables.get(name) == Some(&Value::NotUnicode)
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.names().map(|name| (name, "***")))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_variable_counts_as_unset() {
        let env = Env::from_pairs([("OTEL_SERVICE_NAME", "")]);
        assert_eq!(env.get("OTEL_SERVICE_NAME"), None);
        assert_eq!(env.names().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn value_that_is_not_utf8_is_kept_to_be_reported() {
        use std::os::unix::ffi::OsStringExt;

        let env = Env::from_os_pairs([("A".into(), OsString::from_vec(vec![0xff]))]);
        assert_eq!(env.get("A"), None);
        assert!(env.is_not_unicode("A"));
        assert_eq!(env.names().collect::<Vec<_>>(), ["A"]);
    }

    #[test]
    fn debug_shows_no_value() {
        let env = Env::from_pairs([("OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cret")]);
        assert!(!format!("{env:?}").contains("s3cret"));
    }
}
