//! Context in environment variables, for child processes.
//!
//! <https://opentelemetry.io/docs/specs/otel/context/env-carriers/>

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::process::Command;

use super::Carrier;

/// Environment variables as a carrier: `traceparent` is `TRACEPARENT` here.
///
/// A batch job that was started by a traced process continues its trace with the context that it was given:
///
/// ```
/// use spanwise::propagation::{Environment, extract};
///
/// let parent = extract(&Environment::of_this_process());
/// ```
///
/// For a child process, [`inject`](super::inject) takes the [`Command`] itself:
///
/// ```
/// let mut child = std::process::Command::new("backup");
/// spanwise::propagation::inject(&mut child);
/// ```
///
/// With the command of tokio, pass `child.as_std_mut()`.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// The variables that this process was started with and changed since. Those that are not text are left out.
    pub fn of_this_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// Name and value of every variable, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self {
            variables: variables.into_iter().collect(),
        }
    }
}

impl Carrier for Environment {
    fn values(&self, name: &str) -> Vec<&str> {
        self.variables
            .get(&variable(name))
            .map(String::as_str)
            .into_iter()
            .collect()
    }

    fn names(&self) -> Vec<&str> {
        self.variables.keys().map(String::as_str).collect()
    }

    fn set(&mut self, name: &str, value: String) {
        self.variables.insert(variable(name), value);
    }

    fn remove(&mut self, name: &str) {
        self.variables.remove(&variable(name));
    }
}

/// The environment of a process to start. Reads what was set on the command, and not what it inherits.
impl Carrier for Command {
    fn values(&self, name: &str) -> Vec<&str> {
        let variable = variable(name);
        self.get_envs()
            .filter(|(name, _)| *name == OsStr::new(&variable))
            .filter_map(|(_, value)| value?.to_str())
            .collect()
    }

    fn names(&self) -> Vec<&str> {
        self.get_envs()
            .filter(|(_, value)| value.is_some())
            .filter_map(|(name, _)| name.to_str())
            .collect()
    }

    fn set(&mut self, name: &str, value: String) {
        self.env(variable(name), value);
    }

    /// Also keeps the child from inheriting the variable.
    fn remove(&mut self, name: &str) {
        self.env_remove(variable(name));
    }
}

/// The name of a field as a variable: upper case, with an underscore for what variables cannot hold.
fn variable(name: &str) -> String {
    let mut variable: String = name
        .chars()
        .map(|c| match c.to_ascii_uppercase() {
            c @ ('A'..='Z' | '0'..='9' | '_') => c,
            _ => '_',
        })
        .collect();
    if variable.starts_with(|first: char| first.is_ascii_digit()) {
        variable.insert(0, '_');
    }
    variable
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::propagation::{TraceContext, extract_with, inject_with};
    use opentelemetry::Context;
    use opentelemetry::trace::TraceContextExt as _;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn environment() -> Environment {
        Environment::from_iter([
            ("TRACEPARENT".to_owned(), PARENT.to_owned()),
            ("TRACESTATE".to_owned(), "foo=1".to_owned()),
        ])
    }

    #[test]
    fn names_of_variables() {
        #[rustfmt::skip]
        let cases = [
            ("traceparent", "TRACEPARENT"),
            ("X-B3-TraceId", "X_B3_TRACEID"),
            ("1st", "_1ST"),
            ("a.b_c", "A_B_C"),
        ];
        for (name, expected) in cases {
            assert_eq!(variable(name), expected);
        }
    }

    #[test]
    fn context_is_read_from_upper_case_names() {
        let context = extract_with(&TraceContext, &Context::new(), &environment());
        let span = context.span().span_context().clone();
        assert!(span.is_sampled());
        assert_eq!(span.trace_state().get("foo"), Some("1"));
    }

    #[test]
    fn lower_case_names_are_other_variables() {
        let lower = Environment::from_iter([("traceparent".to_owned(), PARENT.to_owned())]);
        let context = extract_with(&TraceContext, &Context::new(), &lower);
        assert!(!context.span().span_context().is_valid());
    }

    #[test]
    fn a_command_carries_the_context() {
        let context = extract_with(&TraceContext, &Context::new(), &environment());
        let mut command = Command::new("child");
        inject_with(&TraceContext, &context, &mut command);
        assert_eq!(command.values("traceparent"), [PARENT]);
        assert_eq!(command.values("tracestate"), ["foo=1"]);
        assert_eq!(command.names(), ["TRACEPARENT", "TRACESTATE"]);
    }

    #[test]
    fn a_command_does_not_inherit_a_tracestate_of_another_trace() {
        let parent = Environment::from_iter([("TRACEPARENT".to_owned(), PARENT.to_owned())]);
        let context = extract_with(&TraceContext, &Context::new(), &parent);
        let mut command = Command::new("child");
        inject_with(&TraceContext, &context, &mut command);
        let inherited = command
            .get_envs()
            .find(|(name, _)| *name == OsStr::new("TRACESTATE"));
        assert_eq!(inherited, Some((OsStr::new("TRACESTATE"), None)));
    }

    #[test]
    fn an_environment_can_be_written_and_passed_on() {
        let context = extract_with(&TraceContext, &Context::new(), &environment());
        let mut written = Environment::default();
        inject_with(&TraceContext, &context, &mut written);
        let variables: Vec<_> = written.iter().collect();
        assert_eq!(
            variables,
            [("TRACEPARENT", PARENT), ("TRACESTATE", "foo=1")]
        );
    }
}
