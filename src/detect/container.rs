//! `container.id`.

use opentelemetry::KeyValue;

use super::{Environment, mounts};
use crate::semconv;

pub(super) fn attributes(environment: &Environment) -> Vec<KeyValue> {
    id(environment)
        .map(|id| KeyValue::new(semconv::CONTAINER_ID, id))
        .into_iter()
        .collect()
}

/// The id of the container that the process runs in.
///
/// The control groups have it in their path, unless they have a namespace of their own, as is usual with cgroup v2. Then the
/// place that `/etc/hostname` was mounted from has it with Docker and Podman; with containerd below Kubernetes nothing has.
pub(super) fn id(environment: &Environment) -> Option<String> {
    let groups = environment.file("/proc/self/cgroup").unwrap_or_default();
    groups
        .lines()
        .find_map(in_cgroup)
        .map(str::to_owned)
        .or_else(|| {
            let source = mounts::source(environment, "/etc/hostname")?;
            in_mount(&source).map(str::to_owned)
        })
}

/// In `hierarchy:controllers:path`, the innermost part of the path that ends in an id, as in `cri-containerd-<id>.scope`.
fn in_cgroup(line: &str) -> Option<&str> {
    let path = line.splitn(3, ':').nth(2)?;
    path.rsplit('/').find_map(|part| {
        let part = part.split('.').next()?;
        let part = part.rsplit(['-', ':']).next()?;
        is_id(part).then_some(part)
    })
}

/// `sandboxes/<id>` would be the pod and not the container, so only these two count.
fn in_mount(source: &str) -> Option<&str> {
    ["containers", "overlay-containers"]
        .into_iter()
        .filter_map(|parent| mounts::child(source, parent))
        .find(|part| is_id(part))
}

/// 64 hexadecimal digits, which every runtime uses. Shorter ones also name things that are no containers.
fn is_id(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::environment::tests::Root;

    const ID: &str = "fb39bf5c3e6f0c1a1ad9a2c1c4c1c9ac6dd23b6ea1b5c7d0a9f9f3b9e0a1b2c3";

    fn found(files: &[(&str, &str)]) -> Option<String> {
        let root = Root::new(files);
        id(&root.environment())
    }

    #[test]
    fn ids_in_control_groups() {
        let other = "0".repeat(64);
        #[rustfmt::skip]
        let cases = [
            (true,  format!("13:name=systemd:/docker/{ID}"), "docker, v1"),
            (true,  format!("0::/docker/{ID}"), "docker, v2 without namespace"),
            (true,  format!("0::/system.slice/docker-{ID}.scope"), "docker under systemd"),
            (true,  format!("0::/machine.slice/libpod-{ID}.scope/container"), "podman, a group below"),
            (true,  format!("1:cpu:/kubepods/burstable/pod2d3da189/{ID}"), "kubernetes, cgroupfs"),
            (true,  format!("0::/kubepods.slice/kubepods-pod2d3da189.slice/cri-containerd-{ID}.scope"), "kubernetes, systemd"),
            (true,  format!("0::/kubepods.slice/crio-{ID}.scope"), "cri-o"),
            (true,  format!("0::/kubepods/pod2d3da189:cri-containerd:{ID}"), "containerd with colons"),
            (true,  format!("0::/docker/{other}/kubelet/kubepods/{ID}"), "a container in a container"),
            (true,  format!("3:cpu:/\n2:memory:/docker/{ID}\n"), "not on the first line"),
            (false, "0::/".to_owned(), "own namespace"),
            (false, "0::/user.slice/user-1000.slice/session-2.scope".to_owned(), "a session"),
            (false, format!("4:memory:/process/{}", &ID[..32]), "32 digits"),
            (false, format!("0::/docker/{ID}0"), "65 digits"),
            (false, format!("0::/docker/{}g", &ID[..63]), "no digit"),
            (false, String::new(), "empty"),
            (false, format!("/docker/{ID}"), "no line of this file"),
        ];
        for (expected, content, rule) in cases {
            let found = found(&[("/proc/self/cgroup", &content)]);
            assert_eq!(found.as_deref(), expected.then_some(ID), "{rule}");
        }
    }

    #[test]
    fn ids_in_mounts() {
        let line = |root: &str, point: &str| {
            format!(
                "1 2 0:286 / / rw - overlay overlay rw\n3 1 254:1 {root} {point} rw,relatime - ext4 /dev/vda1 rw\n"
            )
        };
        #[rustfmt::skip]
        let cases = [
            (true,  line(&format!("/var/lib/docker/containers/{ID}/hostname"), "/etc/hostname"), "docker"),
            (true,  line(&format!("/containers/storage/overlay-containers/{ID}/userdata/hostname"), "/etc/hostname"), "podman"),
            (false, line(&format!("/io.containerd.grpc.v1.cri/sandboxes/{ID}/hostname"), "/etc/hostname"), "the pod, with containerd"),
            (false, line(&format!("/var/lib/docker/containers/{ID}/hostname"), "/mnt"), "mounted elsewhere"),
            (false, line("/etc/hostname", "/etc/hostname"), "no id"),
            (false, "x".to_owned(), "no line of this file"),
        ];
        for (expected, content, rule) in cases {
            let files = [
                ("/proc/self/cgroup", "0::/\n"),
                ("/proc/self/mountinfo", content.as_str()),
            ];
            let found = found(&files);
            assert_eq!(found.as_deref(), expected.then_some(ID), "{rule}");
        }
    }
}
