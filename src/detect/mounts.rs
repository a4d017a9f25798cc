//! What is mounted where, from `/proc/self/mountinfo`.

use super::Environment;

/// The folder on the mounted file system that appears at `mount_point`, such as the place where a container runtime
/// keeps the `/etc/hostname` of a container.
pub(super) fn source(environment: &Environment, mount_point: &str) -> Option<String> {
    let mounts = environment.file("/proc/self/mountinfo")?;
    mounts.lines().find_map(|line| {
        // Id, parent's id, device, root, mount point, and more (proc_pid_mountinfo(5)).
        let mut fields = line.split_whitespace().skip(3);
        let root = fields.next()?;
        (fields.next()? == mount_point).then(|| root.to_owned())
    })
}

/// The part of a path behind `parent`.
pub(super) fn child<'a>(path: &'a str, parent: &str) -> Option<&'a str> {
    let mut parts = path.split('/');
    parts.find(|part| *part == parent)?;
    parts.next()
}
