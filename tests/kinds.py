"""What the API server says to an object of ours: taken, refused with these words, or as it is stored."""

import json

from localcluster.controlplane import ControlPlane
from samples import Object


def create(cluster: ControlPlane, body: Object) -> str:
    """Try to create it, without keeping it; return what the API server objects to, or nothing."""
    tried = ("create", "--dry-run=server", "--validate=false", "-f", "-")
    return cluster.kubectl(*tried, input=json.dumps(body), check=False).stderr


def apply(cluster: ControlPlane, body: Object) -> str:
    """Apply it for real; return what the API server objects to, or nothing."""
    return cluster.kubectl("apply", "-f", "-", input=json.dumps(body), check=False).stderr


def get(cluster: ControlPlane, *arguments: str) -> Object:
    """Return what `kubectl get` answers."""
    answer: Object = json.loads(cluster.kubectl("get", *arguments, "-o=json").stdout)
    return answer


def condition(kind: str, status: str, reason: str) -> Object:
    """Return one condition as the operator writes it."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "m",
        "lastTransitionTime": "2026-03-01T10:00:00Z",
    }
