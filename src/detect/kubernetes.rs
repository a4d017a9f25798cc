//! `k8s.*`.

use opentelemetry::KeyValue;

use super::{Environment, mounts};
use crate::semconv;

/// Kubernetes sets it in every container of every pod.
const IN_A_POD: &str = "KUBERNETES_SERVICE_HOST";

/// The namespace of the service account, which is that of the pod.
const NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// What the downward API says through variables, under the names that are usual for them, and what can be found without.
pub(super) fn attributes(environment: &Environment) -> Vec<KeyValue> {
    if environment.variable(&[IN_A_POD]).is_none() {
        return Vec::new();
    }
    let variable = |names: &[&str]| environment.variable(names).map(str::to_owned);
    let found = [
        (
            semconv::K8S_NAMESPACE_NAME,
            variable(&["K8S_NAMESPACE_NAME", "K8S_NAMESPACE", "POD_NAMESPACE"])
                .or_else(|| environment.line(NAMESPACE)),
        ),
        (
            semconv::K8S_POD_NAME,
            variable(&["K8S_POD_NAME", "POD_NAME"]).or_else(|| host_name(environment)),
        ),
        (
            semconv::K8S_POD_UID,
            variable(&["K8S_POD_UID", "POD_UID"]).or_else(|| pod_uid(environment)),
        ),
        (
            semconv::K8S_CONTAINER_NAME,
            variable(&["K8S_CONTAINER_NAME", "CONTAINER_NAME"])
                .or_else(|| container_name(environment)),
        ),
        (
            semconv::K8S_NODE_NAME,
            variable(&["K8S_NODE_NAME", "NODE_NAME"]),
        ),
    ];
    found
        .into_iter()
        .filter_map(|(key, value)| Some(KeyValue::new(key, value?)))
        .collect()
}

/// The host name, which is the name of the pod unless the pod is on the network of its node. The kubelet notes that
/// in the first line of the file it makes.
fn host_name(environment: &Environment) -> Option<String> {
    let hosts = environment.file("/etc/hosts").unwrap_or_default();
    if hosts
        .lines()
        .next()
        .is_some_and(|line| line.contains("(host network)"))
    {
        return None;
    }
    let name = environment.variable(&["HOSTNAME"])?;
    Some(name.to_owned())
}

/// `/etc/hosts` comes from `..kubelet/pods/<uid>/etc-hosts`.
fn pod_uid(environment: &Environment) -> Option<String> {
    let source = mounts::source(environment, "/etc/hosts")?;
    mounts::child(&source, "pods").map(str::to_owned)
}

/// `/dev/termination-log` comes from `..kubelet/pods/<uid>/containers/<name>/<hash>`.
fn container_name(environment: &Environment) -> Option<String> {
    let source = mounts::source(environment, "/dev/termination-log")?;
    mounts::child(&source, "containers").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::environment::tests::{Root, shown};

    const MOUNTS: &str = "\
1 2 0:286 / / rw - overlay overlay rw
3 1 8:1 /var/lib/kubelet/pods/9f8d0d1a-5b7c-4f6e-8d39-6d8c0d3c2f11/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw
4 1 8:1 /var/lib/kubelet/pods/9f8d0d1a-5b7c-4f6e-8d39-6d8c0d3c2f11/containers/app/5f2c1a0b /dev/termination-log rw - ext4 /dev/sda1 rw
";

    fn in_a_pod(root: &Root) -> Environment {
        root.environment().with_variable(IN_A_POD, "10.0.0.1")
    }

    #[test]
    fn outside_a_pod_nothing_is_claimed() {
        let root = Root::new(&[(NAMESPACE, "shop"), ("/proc/self/mountinfo", MOUNTS)]);
        let environment = root
            .environment()
            .with_variable("HOSTNAME", "laptop")
            .with_variable("POD_NAME", "x");
        assert_eq!(shown(&attributes(&environment)), [""; 0]);
    }

    #[test]
    fn without_the_downward_api_files_and_mounts_tell() {
        let root = Root::new(&[
            (NAMESPACE, "shop\n"),
            ("/proc/self/mountinfo", MOUNTS),
            (
                "/etc/hosts",
                "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n",
            ),
        ]);
        let environment = in_a_pod(&root).with_variable("HOSTNAME", "cart-7d9f");
        assert_eq!(
            shown(&attributes(&environment)),
            [
                "k8s.namespace.name=shop",
                "k8s.pod.name=cart-7d9f",
                "k8s.pod.uid=9f8d0d1a-5b7c-4f6e-8d39-6d8c0d3c2f11",
                "k8s.container.name=app",
            ]
        );
    }

    #[test]
    fn the_downward_api_wins() {
        let root = Root::new(&[(NAMESPACE, "other"), ("/proc/self/mountinfo", MOUNTS)]);
        let environment = in_a_pod(&root)
            .with_variable("HOSTNAME", "other")
            .with_variable("POD_NAMESPACE", "shop")
            .with_variable("K8S_POD_NAME", "cart-7d9f")
            .with_variable("POD_UID", "uid")
            .with_variable("CONTAINER_NAME", "main")
            .with_variable("NODE_NAME", "node-3");
        assert_eq!(
            shown(&attributes(&environment)),
            [
                "k8s.namespace.name=shop",
                "k8s.pod.name=cart-7d9f",
                "k8s.pod.uid=uid",
                "k8s.container.name=main",
                "k8s.node.name=node-3",
            ]
        );
    }

    #[test]
    fn on_the_network_of_the_node_the_host_name_is_not_the_pod() {
        let root = Root::new(&[(
            "/etc/hosts",
            "# Kubernetes-managed hosts file (host network).\n127.0.0.1\tlocalhost\n",
        )]);
        let environment = in_a_pod(&root).with_variable("HOSTNAME", "node-3");
        assert_eq!(shown(&attributes(&environment)), [""; 0]);
    }
}
