//! `process.*`.

use opentelemetry::{Array, KeyValue, StringValue, Value};

use super::Environment;
use crate::semconv;

/// There is no runtime to speak of; the semantic conventions want the compiler here. Its version is not known to a
/// program without a build script, and a build script is not worth it.
const RUNTIME: &str = "rustc";

pub(super) fn attributes(environment: &Environment) -> Vec<KeyValue> {
    let executable = environment.executable();
    let name = executable
        .and_then(|path| path.file_name())
        .map(|name| name.to_string_lossy().into_owned());
    let path = executable.map(|path| path.to_string_lossy().into_owned());
    let optional = [
        (semconv::PROCESS_EXECUTABLE_NAME, name),
        (semconv::PROCESS_EXECUTABLE_PATH, path),
        (
            semconv::PROCESS_COMMAND,
            environment.arguments().first().cloned(),
        ),
        (semconv::PROCESS_OWNER, owner(environment)),
    ];
    let mut attributes = vec![KeyValue::new(
        semconv::PROCESS_PID,
        i64::from(std::process::id()),
    )];
    attributes.extend(
        optional
            .into_iter()
            .filter_map(|(key, value)| Some(KeyValue::new(key, value?))),
    );
    attributes.push(KeyValue::new(semconv::PROCESS_RUNTIME_NAME, RUNTIME));
    attributes
}

/// The whole command line.
pub(super) fn arguments(environment: &Environment) -> Vec<KeyValue> {
    let arguments: Vec<StringValue> = environment
        .arguments()
        .iter()
        .map(|argument| argument.clone().into())
        .collect();
    if arguments.is_empty() {
        return Vec::new();
    }
    vec![KeyValue::new(
        semconv::PROCESS_COMMAND_ARGS,
        Value::Array(Array::String(arguments)),
    )]
}

/// The name of the effective user, or its number when it has no name, as in many containers.
fn owner(environment: &Environment) -> Option<String> {
    let Some(status) = environment.file("/proc/self/status") else {
        let user = environment.variable(&["USER", "LOGNAME", "USERNAME"])?;
        return Some(user.to_owned());
    };
    // `Uid:` and the real, effective, saved and file system ids.
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    let id = ids.split_whitespace().nth(1)?;
    let passwd = environment.file("/etc/passwd").unwrap_or_default();
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let _password = fields.next()?;
        (fields.next()? == id).then_some(name)
    });
    Some(name.unwrap_or(id).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::environment::tests::{Root, shown};

    const STATUS: &str = "Name:\tapp\nUid:\t1000\t1001\t1000\t1000\nGid:\t0\t0\t0\t0\n";

    #[test]
    fn the_command_comes_without_its_arguments() {
        let environment =
            Environment::empty("/nowhere").with_command("/opt/app/bin/app", ["./app", "--token=x"]);
        let found = shown(&attributes(&environment));
        assert_eq!(
            found,
            [
                &format!("process.pid={}", std::process::id()),
                "process.executable.name=app",
                "process.executable.path=/opt/app/bin/app",
                "process.command=./app",
                "process.runtime.name=rustc",
            ]
        );
    }

    #[test]
    fn arguments_come_when_asked_for() {
        let environment = Environment::empty("/nowhere").with_command("/app", ["./app", "-v"]);
        assert_eq!(
            shown(&arguments(&environment)),
            ["process.command_args=[\"./app\",\"-v\"]"]
        );
    }

    #[test]
    fn the_owner_is_the_name_of_the_effective_user() {
        let root = Root::new(&[
            ("/proc/self/status", STATUS),
            (
                "/etc/passwd",
                "root:x:0:0::/:/bin/sh\nweb:x:1001:1001::/:/bin/sh\n",
            ),
        ]);
        assert_eq!(owner(&root.environment()).as_deref(), Some("web"));
    }

    #[test]
    fn an_owner_without_a_name_is_a_number() {
        let root = Root::new(&[("/proc/self/status", STATUS)]);
        assert_eq!(owner(&root.environment()).as_deref(), Some("1001"));
    }

    #[test]
    fn without_procfs_the_owner_is_the_user_of_the_session() {
        let environment = Environment::empty("/nowhere").with_variable("USER", "ada");
        assert_eq!(owner(&environment).as_deref(), Some("ada"));
    }
}
