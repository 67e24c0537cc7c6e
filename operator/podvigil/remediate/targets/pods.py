"""A pod at one moment, as far as actions and guards ask."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from podvigil.api.resources import ObjectRef
from podvigil.remediate.targets.base import Json

MIRROR: Final = "kubernetes.io/config.mirror"
"""Annotation of a static pod's mirror: deleting it ends nothing, the kubelet owns the pod."""

FINISHED: Final = frozenset({"Succeeded", "Failed"})
"""Phases in which no container runs any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodState:
    """What a decision needs to know of a pod."""

    namespace: str
    name: str
    uid: str
    node: str
    """Empty while unscheduled."""
    phase: str
    ready: bool
    restarts: int
    """Of all its containers together."""
    owner: ObjectRef | None
    """Its controller."""
    deleting: bool
    mirror: bool
    empty_dirs: tuple[str, ...]
    """Names of its emptyDir volumes."""
    body: Json = field(repr=False)
    """As the API server returned it."""

    @property
    def created(self) -> datetime:
        """When the API server first had it."""
        return datetime.fromisoformat(self.body["metadata"]["creationTimestamp"])

    @property
    def finished(self) -> bool:
        """Whether no container of it runs any more."""
        return self.phase in FINISHED

    @property
    def homeless_since(self) -> datetime | None:
        """Since when the scheduler has found no node for it; None: it has one, or was not tried yet."""
        for condition in (self.body.get("status") or {}).get("conditions") or ():
            if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
                return datetime.fromisoformat(condition["lastTransitionTime"])
        return None

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def pod_state(body: Json) -> PodState:
    """Read a pod; what a young pod lacks counts as not ready, not restarted."""
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    return PodState(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        node=spec.get("nodeName", ""),
        phase=status.get("phase", "Pending"),
        ready=any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ()),
        restarts=sum(int(c.get("restartCount", 0)) for c in status.get("containerStatuses") or ()),
        owner=_controller(metadata),
        deleting="deletionTimestamp" in metadata,
        mirror=MIRROR in (metadata.get("annotations") or {}),
        empty_dirs=tuple(v["name"] for v in spec.get("volumes") or () if "emptyDir" in v),
        body=body,
    )


def _controller(metadata: Json) -> ObjectRef | None:
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            return ObjectRef(
                owner["apiVersion"], owner["kind"], owner["name"], metadata["namespace"], owner["uid"]
            )
    return None
