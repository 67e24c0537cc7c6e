"""One valid object of each kind, for tests that change one thing of it."""

import copy
from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]

API_VERSION = "podvigil.io/v1alpha1"
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "8f3c0d52"}


def monitor(name: str = "shop") -> Object:
    """An AnomalyMonitor that sets only what it must."""
    return {
        "apiVersion": API_VERSION,
        "kind": "AnomalyMonitor",
        "metadata": {"name": name},
        "spec": {"namespaces": ["shop"]},
    }


def report(name: str = "web-memoryhigh", namespace: str = "default") -> Object:
    """An AnomalyReport before its first status."""
    return {
        "apiVersion": API_VERSION,
        "kind": "AnomalyReport",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"monitor": "shop", "target": dict(TARGET), "signal": "MemoryHigh"},
    }


def request(
    name: str = "web-memoryhigh-restart", namespace: str = "default", *, requested_by: str = "admin"
) -> Object:
    """An undecided RemediationRequest to restart a Deployment."""
    return {
        "apiVersion": API_VERSION,
        "kind": "RemediationRequest",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "requestedBy": requested_by,
            "plan": {
                "action": "Restart",
                "target": {**TARGET, "generation": 1},
                "report": {"name": "web-memoryhigh", "uid": "7ad1", "signal": "MemoryHigh"},
                "monitor": "shop",
                "message": "Memory grows without end; a restart frees it.",
                "expiresAt": "2099-01-01T00:00:00Z",
            },
        },
    }


def changed(whole: Object, change: Mapping[str, Any]) -> Object:
    """Return a copy with the values at dotted paths replaced; None removes, missing parents are made."""
    result = copy.deepcopy(whole)
    for path, value in change.items():
        *parents, last = path.split(".")
        place = result
        for part in parents:
            place = place.setdefault(part, {})
        if value is None:
            place.pop(last)
        else:
            place[last] = copy.deepcopy(value)
    return result
