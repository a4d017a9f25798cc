//! `os.*`.

use std::env::consts::OS;

use opentelemetry::KeyValue;

use super::Environment;
use crate::semconv;

pub(super) fn attributes(environment: &Environment) -> Vec<KeyValue> {
    let release = environment
        .file("/etc/os-release")
        .or_else(|| environment.file("/usr/lib/os-release"))
        .unwrap_or_default();
    let version =
        field(&release, "VERSION_ID").or_else(|| environment.line("/proc/sys/kernel/osrelease"));
    let optional = [
        (semconv::OS_NAME, field(&release, "NAME")),
        (semconv::OS_VERSION, version),
        (semconv::OS_DESCRIPTION, field(&release, "PRETTY_NAME")),
    ];
    let mut attributes = vec![KeyValue::new(semconv::OS_TYPE, os_type(OS))];
    attributes.extend(
        optional
            .into_iter()
            .filter_map(|(key, value)| Some(KeyValue::new(key, value?))),
    );
    attributes
}

/// The word of the semantic conventions for an operating system.
fn os_type(rust: &'static str) -> &'static str {
    match rust {
        "macos" => "darwin",
        "dragonfly" => "dragonflybsd",
        other => other,
    }
}

/// A field of os-release(5): an assignment of the shell, quoted or not. Escapes do not occur in the fields we read.
fn field(release: &str, name: &str) -> Option<String> {
    let value = release
        .lines()
        .find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
    let value = value.trim_matches(['"', '\'']);
    Some(value.to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::environment::tests::{Root, shown};

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let root = Root::new(files);
        let mut found = shown(&attributes(&root.environment()));
        found.retain(|attribute| !attribute.starts_with("os.type="));
        found
    }

    #[test]
    fn name_version_and_description_come_from_os_release() {
        let release = "PRETTY_NAME=\"Debian GNU/Linux 12\"\nNAME='Debian GNU/Linux'\nVERSION_ID_X=1\nVERSION_ID=12\n";
        let files = [
            ("/etc/os-release", release),
            ("/usr/lib/os-release", "NAME=other\n"),
            ("/proc/sys/kernel/osrelease", "6.18.44\n"),
        ];
        assert_eq!(
            found(&files),
            [
                "os.name=Debian GNU/Linux",
                "os.version=12",
                "os.description=Debian GNU/Linux 12",
            ]
        );
    }

    #[test]
    fn the_vendor_file_stands_in() {
        let files = [("/usr/lib/os-release", "NAME=Fedora\nVERSION_ID=42\n")];
        assert_eq!(found(&files), ["os.name=Fedora", "os.version=42"]);
    }

    #[test]
    fn without_a_version_it_is_that_of_the_kernel() {
        let files = [
            ("/etc/os-release", "NAME=Arch\nVERSION_ID=\n"),
            ("/proc/sys/kernel/osrelease", "6.18.44\n"),
        ];
        assert_eq!(found(&files), ["os.name=Arch", "os.version=6.18.44"]);
    }

    #[test]
    fn types_have_the_names_of_the_conventions() {
        for (rust, name) in [
            ("linux", "linux"),
            ("macos", "darwin"),
            ("windows", "windows"),
        ] {
            assert_eq!(os_type(rust), name);
        }
    }
}
