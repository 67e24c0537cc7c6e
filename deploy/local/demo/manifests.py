"""What the demo deploys: a small shop, the people, and the monitor that watches it."""

import json
from typing import Any, Final

import yaml

from localcluster.load import Load

SHOP: Final = "shop"
LEAKING: Final = "cart"
MI: Final = 2**20

WORKLOADS: Final = {
    "web": (3, Load(cpu_cores=0.15, memory_bytes=160 * MI, network_bytes_per_second=60e3)),
    "catalog": (3, Load(cpu_cores=0.20, memory_bytes=256 * MI, network_bytes_per_second=40e3)),
    LEAKING: (3, Load(cpu_cores=0.10, memory_bytes=192 * MI, network_bytes_per_second=20e3)),
    "checkout": (2, Load(cpu_cores=0.12, memory_bytes=224 * MI, network_bytes_per_second=15e3)),
    "payment": (2, Load(cpu_cores=0.08, memory_bytes=144 * MI, network_bytes_per_second=8e3)),
}
"""Name to replicas and load."""

HISTORY_SECONDS: Final = 3.25 * 3600
"""The operator's warm start reads three hours."""

LEAK_BYTES_PER_SECOND: Final = "24Mi"
"""Fast enough that a demo need not wait: eight times the pod's own memory within a minute."""

BUDGET: Final = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": LEAKING, "namespace": SHOP},
    "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": LEAKING}}},
}

MONITOR: Final = """\
apiVersion: podvigil.io/v1alpha1
kind: AnomalyMonitor
metadata:
  name: shop
spec:
  namespaces: [shop]
  interval: 5s
  sources:
    prometheus:
      scrapeInterval: 5s
  detection:
    falseAlarmsPerPodDay: "0.5"
    minimumDuration: 15s
  remediation:
    mode: Suggest
    allowedActions: [Restart, Scale]
    validationWindow: 1m
"""


def people() -> str:
    """Return the rights of alice, who may approve restarts, and of bob, who may only write requests."""
    bindings = [
        _binding("alice-approves-restarts", "podvigil-approver-restart", "alice"),
        _binding("alice-views", "view", "alice"),
        _binding("bob-edits-requests", "request-editor", "bob"),
        _binding("bob-views", "view", "bob"),
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": "request-editor", "namespace": SHOP},
            "rules": [
                {
                    "apiGroups": ["podvigil.io"],
                    "resources": ["remediationrequests"],
                    "verbs": ["get", "list", "watch", "create", "update", "patch"],
                }
            ],
        },
    ]
    bindings[2]["roleRef"]["kind"] = "Role"
    return "---\n".join(yaml.safe_dump(b) for b in bindings)


def budget() -> str:
    """Return the shop's PodDisruptionBudget."""
    return json.dumps(BUDGET)


def _binding(name: str, role: str, user: str) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": SHOP},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }
