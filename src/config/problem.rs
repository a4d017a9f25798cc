//! What was wrong with the configuration, and where it came from.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::mask;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Set in code, above the environment, under the name of this variable.
    Code(Cow<'static, str>),
    /// This environment variable.
    Environment(Cow<'static, str>),
    /// Set in code, below the environment, under the name of this variable.
    CodeDefault(Cow<'static, str>),
    /// The default of the specification.
    Default,
    /// A place in a configuration file; lines and columns count from one and are zero for the file as a whole.
    File {
        /// The file.
        path: Arc<PathBuf>,
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
}

impl Origin {
    /// The variable that gave the value, if one did.
    pub fn variable(&self) -> Option<&str> {
        match self {
            Self::Code(name) | Self::Environment(name) | Self::CodeDefault(name) => Some(name),
            Self::Default | Self::File { .. } => None,
        }
    }

    /// The source without the name of the variable.
    pub fn source(&self) -> Cow<'static, str> {
        match self {
            Self::Code(_) => "code".into(),
            Self::Environment(_) => "environment".into(),
            Self::CodeDefault(_) => "default in code".into(),
            Self::Default => "default".into(),
            Self::File { path, line, column } => {
                let path = mask::line(path.display().to_string());
                match line {
                    0 => path.into(),
                    _ => format!("{path}:{line}:{column}").into(),
                }
            }
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.variable() {
            Some(variable) => write!(f, "{} {variable}", self.source()),
            None => f.write_str(&self.source()),
        }
    }
}

/// Whether a problem changes what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Everything is done as the specification says, but it may not be what was meant. Never fails a strict start.
    Notice,
    /// A value was refused, replaced or will not work. Fails a strict start.
    Warning,
    /// A configuration file cannot be used. Fails every start.
    Error,
}

/// One thing that is wrong with the configuration.
///
/// `Display` is one line: key, masked value, source, what is wrong, what happens instead.
///
/// ```
/// use spanwise::config::{self, Env, Sources};
///
/// let env = Env::from_pairs([("OTEL_BSP_MAX_QUEUE_SIZE", "-5")]);
/// let resolved = config::resolve(&Sources { env, ..Sources::default() });
/// assert_eq!(
///     resolved.problems[0].to_string(),
///     r#"OTEL_BSP_MAX_QUEUE_SIZE="-5" (environment) is not a whole number above 0; using 2048"#,
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub(super) key: String,
    pub(super) value: Option<String>,
    pub(super) origin: Origin,
    pub(super) what: String,
    pub(super) instead: String,
    pub(super) severity: Severity,
}

impl Problem {
    /// The variable, or the path of the property in the file.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The value, masked; `None` when it must not be shown at all.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// Where the value comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What is wrong and what would be accepted, as the end of a sentence that starts with the key.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What happens instead.
    pub fn instead(&self) -> &str {
        &self.instead
    }

    /// Whether it changes what was asked for.
    pub fn severity(&self) -> Severity {
        self.severity
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(value) = &self.value {
            write!(f, "=\"{value}\"")?;
        }
        write!(f, " ({}) {}", self.origin.source(), self.what)?;
        if !self.instead.is_empty() {
            write!(f, "; {}", self.instead)?;
        }
        Ok(())
    }
}

/// The configuration was refused: every problem, not only the first.
///
/// `Debug` is the same text as `Display`, because a `main` that returns the error prints it that way.
#[derive(Clone, PartialEq, Eq)]
pub struct Invalid {
    pub(super) problems: Vec<Problem>,
}

impl Invalid {
    /// All problems, in the order in which they were found.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the configuration has a problem")?,
            count => write!(f, "the configuration has {count} problems")?,
        }
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Invalid {}
