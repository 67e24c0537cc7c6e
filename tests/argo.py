"""Argo Rollouts' kind on a real API server, without its controller."""

import json
from typing import Final

from localcluster.controlplane import ControlPlane
from shop import DEADLINE_SECONDS

ROLLOUTS: Final = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "rollouts.argoproj.io"},
    "spec": {
        "group": "argoproj.io",
        "scope": "Namespaced",
        "names": {"kind": "Rollout", "plural": "rollouts", "singular": "rollout", "listKind": "RolloutList"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.replicas",
                        "statusReplicasPath": ".status.HPAReplicas",
                        "labelSelectorPath": ".status.selector",
                    },
                },
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}
"""Argo's own, without its schema of 5,000 lines; tests play its controller."""


def install_argo(cluster: ControlPlane) -> None:
    """Add the kind, and wait until it is served."""
    cluster.kubectl("apply", "-f", "-", input=json.dumps(ROLLOUTS))
    cluster.wait_for(
        "--for=condition=Established", "crd/rollouts.argoproj.io", timeout_seconds=DEADLINE_SECONDS
    )
