//! `host.*`.

use std::env::consts::ARCH;

use opentelemetry::KeyValue;

use super::{Environment, container};
use crate::semconv;

pub(super) fn attributes(environment: &Environment) -> Vec<KeyValue> {
    let name = environment
        .line("/proc/sys/kernel/hostname")
        .or_else(|| environment.line("/etc/hostname"))
        .or_else(|| {
            let name = environment.variable(&["HOSTNAME", "COMPUTERNAME"])?;
            Some(name.to_owned())
        });
    let mut attributes = Vec::new();
    attributes.extend(name.map(|name| KeyValue::new(semconv::HOST_NAME, name)));
    attributes.extend(id(environment).map(|id| KeyValue::new(semconv::HOST_ID, id)));
    attributes.push(KeyValue::new(semconv::HOST_ARCH, arch(ARCH)));
    attributes
}

/// The id of the machine. Inside a container it would be that of the image, which all its containers share.
fn id(environment: &Environment) -> Option<String> {
    if container::id(environment).is_some() {
        return None;
    }
    ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .into_iter()
        .find_map(|path| environment.line(path))
        // What systemd writes into an image that has not been started yet.
        .filter(|id| id != "uninitialized")
}

/// The word of the semantic conventions for an architecture.
fn arch(rust: &'static str) -> &'static str {
    match rust {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::environment::tests::{Root, shown};

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let root = Root::new(files);
        let mut found = shown(&attributes(&root.environment()));
        found.retain(|attribute| !attribute.starts_with("host.arch="));
        found
    }

    #[test]
    fn name_and_id_come_from_the_system() {
        let files = [
            ("/proc/sys/kernel/hostname", "web-1\n"),
            ("/etc/hostname", "older-name\n"),
            ("/etc/machine-id", "3d1219c7c4c5404aaa1f6d2a48adfda4\n"),
        ];
        assert_eq!(
            found(&files),
            [
                "host.name=web-1",
                "host.id=3d1219c7c4c5404aaa1f6d2a48adfda4"
            ]
        );
    }

    #[test]
    fn the_id_of_dbus_stands_in() {
        let files = [
            ("/etc/machine-id", "\n"),
            ("/var/lib/dbus/machine-id", "abc\n"),
        ];
        assert_eq!(found(&files), ["host.id=abc"]);
    }

    #[test]
    fn an_id_that_is_still_to_be_made_is_none() {
        assert_eq!(found(&[("/etc/machine-id", "uninitialized\n")]), [""; 0]);
    }

    #[test]
    fn inside_a_container_the_machine_has_no_id() {
        let cgroup = format!("0::/docker/{}\n", "a".repeat(64));
        let files = [("/etc/machine-id", "abc\n"), ("/proc/self/cgroup", &cgroup)];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn architectures_have_the_names_of_the_conventions() {
        for (rust, name) in [
            ("x86_64", "amd64"),
            ("aarch64", "arm64"),
            ("riscv64", "riscv64"),
        ] {
            assert_eq!(arch(rust), name);
        }
    }
}
