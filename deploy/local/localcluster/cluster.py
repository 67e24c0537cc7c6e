"""A control plane with simulated nodes and a Prometheus: everything the operator needs around it."""

import json
import time
from typing import Any, Final

import numpy as np

from localcluster import history
from localcluster.controlplane import ControlPlane
from localcluster.errors import LocalClusterError
from localcluster.kwok import Kwok
from localcluster.load import Load, sample
from localcluster.prometheus import Prometheus

POD_DEADLINE_SECONDS: Final = 60


class KwokCluster:
    """Simulated nodes and Prometheus on a running control plane, which ends them with itself."""

    def __init__(self, control_plane: ControlPlane, *, scrape_interval_seconds: int = 5) -> None:
        """Start nothing yet."""
        self.control_plane: Final = control_plane
        self.kwok: Final = Kwok(control_plane)
        self.prometheus: Final = Prometheus(control_plane, scrape_interval_seconds=scrape_interval_seconds)
        self._interval: Final = scrape_interval_seconds

    def start(self, *, nodes: int = 2) -> None:
        """Start the nodes and Prometheus."""
        self.start_nodes(nodes)
        self.start_prometheus()

    def start_nodes(self, nodes: int = 2) -> None:
        """Start the nodes alone, so that pods are there before their past is made up."""
        self.kwok.start(nodes)

    def start_prometheus(self) -> None:
        """Start Prometheus, on the past that `give_past` made, if any."""
        self.prometheus.start(self.kwok.discovery_url)

    def give_past(self, namespaces: tuple[str, ...], *, seconds: float, seed: int = 0) -> int:
        """Make up a healthy past for the pods of these namespaces, up to now; before Prometheus starts.

        Returns the number of containers. Raises: LocalClusterError when there are no pods yet.
        """
        rng = np.random.default_rng(seed)
        at = np.arange(time.time() - seconds, time.time(), self._interval)
        past = [
            history.ContainerPast(
                namespace=namespace,
                pod=pod["metadata"]["name"],
                node=pod["spec"]["nodeName"],
                container=container["name"],
                usage=sample(_load_of(pod), at, rng),
            )
            for namespace in namespaces
            for pod in self.pods(namespace)
            for container in pod["spec"]["containers"]
        ]
        if not past:
            raise LocalClusterError(f"No pods in {', '.join(namespaces)}: deploy before giving them a past")
        history.write(past, self.prometheus.data_folder)
        return len(past)

    def pods(self, namespace: str, selector: str = "") -> list[dict[str, Any]]:
        """Pods of a namespace that are on a node, as the API server shows them."""
        listed = self.control_plane.kubectl(
            "get", "pods", f"--namespace={namespace}", f"--selector={selector}", "--output=json"
        )
        items: list[dict[str, Any]] = json.loads(listed.stdout)["items"]
        return [pod for pod in items if "nodeName" in pod["spec"]]

    def deploy(self, namespace: str, name: str, *, replicas: int = 2, load: Load | None = None) -> list[str]:
        """Create a Deployment, wait until it is available, and return the names of its pods."""
        manifest = deployment(namespace, name, replicas=replicas, load=load or Load())
        self.control_plane.kubectl("apply", "-f", "-", input=json.dumps(manifest))
        self.control_plane.wait_for(
            f"deployment/{name}",
            "--for=condition=Available",
            f"--namespace={namespace}",
            timeout_seconds=POD_DEADLINE_SECONDS,
        )
        return sorted(pod["metadata"]["name"] for pod in self.pods(namespace, f"app={name}"))


def deployment(namespace: str, name: str, *, replicas: int, load: Load) -> dict[str, Any]:
    """Manifest of a Deployment with one container, whose load follows `load`."""
    resources = {
        "requests": {"cpu": f"{round(load.cpu_cores * 1000)}m", "memory": str(round(load.memory_bytes))},
        "limits": {"memory": str(round(load.memory_bytes * 4))},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": load.annotations()},
                "spec": {"containers": [{"name": "app", "image": f"shop/{name}:1", "resources": resources}]},
            },
        },
    }


def _load_of(pod: dict[str, Any]) -> Load:
    """Read back the annotations that `Load.annotations` wrote; what is absent has its default."""
    found = pod["metadata"].get("annotations", {})
    default = Load()
    cpu = found.get("load.podvigil.io/cpu")
    return Load(
        cpu_cores=float(cpu.removesuffix("m")) / 1000 if cpu else default.cpu_cores,
        memory_bytes=float(found.get("load.podvigil.io/memory", default.memory_bytes)),
        network_bytes_per_second=float(
            found.get("load.podvigil.io/network", default.network_bytes_per_second)
        ),
    )
