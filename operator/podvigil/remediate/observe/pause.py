"""The switch that stops everything at once: an annotation on the operator's own namespace."""

from typing import Any, Final

from podvigil.api.resources import NAMESPACES
from podvigil.cluster.client import Cluster

PAUSED: Final = "podvigil.io/paused"
"""Its presence pauses, whatever its value, which says why; as cluster-api's `cluster.x-k8s.io/paused` does."""


def pause_of(namespace: dict[str, Any] | None) -> str | None:
    """Return why everything is paused, as a sentence; None: it is not."""
    metadata = (namespace or {}).get("metadata") or {}
    why = (metadata.get("annotations") or {}).get(PAUSED)
    if why is None:
        return None
    said = f": {why}" if why.strip() else ""
    return f"everything is paused by the annotation {PAUSED} of Namespace {metadata['name']}{said}"[:512]


async def observe_pause(cluster: Cluster, own_namespace: str) -> str | None:
    """Look whether everything is paused; without that namespace (a laptop) it is not. Raises: ClusterError."""
    return pause_of(await cluster.find(NAMESPACES, own_namespace))
