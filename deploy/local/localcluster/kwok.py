"""Simulated nodes: KWOK plays the kubelets, so pods become Ready without a container being started.

Its stages (how a pod becomes Ready, how a node reports) are the ones that KWOK ships; what the containers use is
described in `deploy/local/kwok/`.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from localcluster.binaries import ensure, kwok_stages
from localcluster.controlplane import ControlPlane
from localcluster.process import Process, free_port, http_ok

CONFIG_FOLDER: Final = Path(__file__).resolve().parents[1] / "kwok"
STAGE_FILES: Final = (
    "stage/pod/fast/pod-ready.yaml",
    "stage/pod/fast/pod-complete.yaml",
    "stage/pod/fast/pod-delete.yaml",
    "stage/node/fast/node-initialize.yaml",
    "stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
)
NODE_LEASE_SECONDS: Final = 40
"""A longer lease (200 s was tried) makes the node controller declare the nodes dead."""

FAULT: Final = "podvigil.io/fault"
FAULT_SINCE: Final = "podvigil.io/fault-since"
FAULT_RATE: Final = "podvigil.io/fault-rate"
RESTARTS: Final = "podvigil.io/restarts"


class Kwok:
    """Simulated nodes for one control plane, which ends them with itself."""

    def __init__(self, control_plane: ControlPlane) -> None:
        """Start nothing yet."""
        self._control_plane = control_plane
        self._port: Final = free_port()
        self._process: Process | None = None

    @property
    def discovery_url(self) -> str:
        """Where Prometheus learns what to scrape (`http_sd_configs`)."""
        return f"http://127.0.0.1:{self._port}/discovery/prometheus"

    def start(self, nodes: int = 2) -> None:
        """Start KWOK and wait until `nodes` of its nodes are Ready."""
        configs = [kwok_stages() / name for name in STAGE_FILES] + sorted(CONFIG_FOLDER.glob("*.yaml"))
        merged = self._control_plane.folder / "kwok.yaml"
        merged.write_text("\n---\n".join(path.read_text() for path in configs))
        address = f"127.0.0.1:{self._port}"
        process = self._control_plane.process(
            "kwok",
            [
                ensure(["kwok"])["kwok"],
                f"--kubeconfig={self._control_plane.kubeconfig()}",
                "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
                "--node-ip=127.0.0.1",
                f"--node-port={self._port}",
                f"--server-address={address}",
                f"--node-lease-duration-seconds={NODE_LEASE_SECONDS}",
                f"--config={merged}",
            ],
        )
        self._process = self._control_plane.run_beside(process)
        process.start(http_ok(f"http://{address}/healthz"))
        self.add_nodes([f"node-{number}" for number in range(1, nodes + 1)])

    def add_nodes(self, names: list[str]) -> None:
        """Create nodes and wait until they are Ready."""
        nodes = {"apiVersion": "v1", "kind": "List", "items": [node_body(name) for name in names]}
        self._control_plane.kubectl("apply", "-f", "-", input=json.dumps(nodes))
        self._control_plane.wait_for("--for=condition=Ready", *(f"node/{name}" for name in names))

    def break_pod(self, namespace: str, pod: str, fault: str, *, rate: str | None = None) -> None:
        """Start a fault in one pod, from this second on; `kwok/usage.yaml` lists which there are."""
        annotations = [f"{FAULT}={fault}", f"{FAULT_SINCE}={int(time.time())}"]
        annotations += [f"{FAULT_RATE}={rate}"] if rate else []
        self._control_plane.kubectl(
            "annotate", "--overwrite", "pod", pod, f"--namespace={namespace}", *annotations
        )

    def heal_pod(self, namespace: str, pod: str) -> None:
        """End a pod's fault without replacing it."""
        gone = [f"{name}-" for name in (FAULT, FAULT_SINCE, FAULT_RATE)]
        self._control_plane.kubectl("annotate", "pod", pod, f"--namespace={namespace}", *gone)

    def crash(self, namespace: str, pod: str, *, reason: str = "Error", exit_code: int = 1) -> int:
        """Let every container of a pod end once and start again; returns the new number of restarts.

        `reason="OOMKilled", exit_code=137` is what a kubelet writes for a container that ran out of memory.
        """
        kubectl, where = self._control_plane.kubectl, f"--namespace={namespace}"
        found: dict[str, Any] = json.loads(kubectl("get", "pod", pod, where, "-o", "json").stdout)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        statuses = found["status"]["containerStatuses"]
        for status in statuses:
            began = status["state"].get("running", {}).get("startedAt", now)
            ended = {"exitCode": exit_code, "reason": reason, "startedAt": began, "finishedAt": now}
            status["lastState"] = {"terminated": ended}
            status["state"] = {"running": {"startedAt": now}}
            status["restartCount"] += 1
        patch = json.dumps({"status": {"containerStatuses": statuses}})
        kubectl("patch", "pod", pod, where, "--subresource=status", "--type=merge", "-p", patch)
        restarts = int(statuses[0]["restartCount"])
        kubectl("annotate", "--overwrite", "pod", pod, where, f"{RESTARTS}={restarts}")
        return restarts


def node_body(name: str) -> dict[str, Any]:
    """Return a Node that KWOK plays the kubelet of, with room for what tests run."""
    room = {"cpu": "32", "memory": "256Gi", "pods": "1000"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": "kwok"},
        },
        "status": {"allocatable": room, "capacity": room},
    }
