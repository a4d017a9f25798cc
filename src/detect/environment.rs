//! Where detectors look.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file system, variables and command line that detectors look at.
///
/// [`Environment::of_this_process`] is the real one; tests build theirs from [`Environment::empty`]. Cheap to clone.
#[derive(Clone)]
pub struct Environment {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    root: PathBuf,
    variables: BTreeMap<String, String>,
    executable: Option<PathBuf>,
    arguments: Vec<String>,
}

impl Environment {
    /// What the running process sees. Text that is not Unicode is left out, or shown with replacement characters.
    pub fn of_this_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let arguments = std::env::args_os()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect();
        Self {
            inner: Arc::new(Inner {
                root: PathBuf::from("/"),
                variables,
                executable: std::env::current_exe().ok(),
                arguments,
            }),
        }
    }

    /// No variables, no command line, and files below `root` instead of `/`.
    pub fn empty(root: impl Into<PathBuf>) -> Self {
        Self {
            inner: Arc::new(Inner {
                root: root.into(),
                variables: BTreeMap::new(),
                executable: None,
                arguments: Vec::new(),
            }),
        }
    }

    /// Adds a variable, or replaces it.
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let inner = Arc::make_mut(&mut self.inner);
        inner.variables.insert(name.into(), value.into());
        self
    }

    /// Replaces the path of the executable and the command line, whose first part is the command itself.
    pub fn with_command(
        mut self,
        executable: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let inner = Arc::make_mut(&mut self.inner);
        inner.executable = Some(executable.into());
        inner.arguments = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// The value of the first of `names` that is set and not empty.
    pub(super) fn variable(&self, names: &[&str]) -> Option<&str> {
        names
            .iter()
            .filter_map(|name| self.inner.variables.get(*name))
            .map(String::as_str)
            .find(|value| !value.is_empty())
    }

    /// The content of the file at `path`, an absolute path.
    pub(super) fn file(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.inner.root.join(path.trim_start_matches('/'))).ok()
    }

    /// The one line in the file at `path`, when it is not empty.
    pub(super) fn line(&self, path: &str) -> Option<String> {
        let content = self.file(path)?;
        Some(content.trim().to_owned()).filter(|line| !line.is_empty())
    }

    pub(super) fn executable(&self) -> Option<&Path> {
        self.inner.executable.as_deref()
    }

    pub(super) fn arguments(&self) -> &[String] {
        &self.inner.arguments
    }
}

/// Values of variables and arguments may be secret; only the place of the files is shown.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("root", &self.inner.root)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A folder of its own below the temporary one, removed at the end.
    pub(in crate::detect) struct Root(PathBuf);

    impl Root {
        pub(in crate::detect) fn new(files: &[(&str, &str)]) -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            // Only uniqueness within the process is asked of the counter, so Relaxed is enough.
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let root = Self(
                std::env::temp_dir()
                    .join(format!("spanwise-detect-{}-{number}", std::process::id())),
            );
            for (path, content) in files {
                let path = root.0.join(path.trim_start_matches('/'));
                let folder = path.parent().expect("a file below the root");
                fs::create_dir_all(folder).expect("a folder");
                fs::write(path, content).expect("a file");
            }
            root
        }

        pub(in crate::detect) fn environment(&self) -> Environment {
            Environment::empty(&self.0)
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            // A test that wrote no file has no folder.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// `key=value` of each attribute, in order.
    pub(in crate::detect) fn shown(attributes: &[opentelemetry::KeyValue]) -> Vec<String> {
        attributes
            .iter()
            .map(|attribute| format!("{}={}", attribute.key, attribute.value))
            .collect()
    }

    #[test]
    fn the_first_variable_that_is_not_empty_counts() {
        let environment = Environment::empty("/nowhere")
            .with_variable("A", "")
            .with_variable("B", "b")
            .with_variable("C", "c");
        assert_eq!(environment.variable(&["X", "A", "B", "C"]), Some("b"));
        assert_eq!(environment.variable(&["X", "A"]), None);
    }

    #[test]
    fn debug_shows_neither_variables_nor_arguments() {
        let environment = Environment::empty("/nowhere")
            .with_variable("PASSWORD", "hunter2")
            .with_command("/bin/app", ["app", "--token=hunter2"]);
        let shown = format!("{environment:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
