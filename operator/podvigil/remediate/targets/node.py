"""A node at one moment: how it stands, what runs on it, and which other nodes there are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from podvigil.api.request import Health
from podvigil.api.resources import NODES, ObjectRef, Resource
from podvigil.remediate.targets.base import Json, TargetState
from podvigil.remediate.targets.budget import PodBudget
from podvigil.remediate.targets.pods import PodState

CONTROL_PLANE: Final = "node-role.kubernetes.io/control-plane"
"""Label of the nodes that the API server, etcd and the controllers run on."""

CORDONED_BY: Final = "podvigil.io/cordoned-by"
"""Annotation: UID of the request that cordoned the node. It counts while the cordon itself is ours."""

KEEPS_PODS_OUT: Final = frozenset({"NoSchedule", "NoExecute"})
"""Effects of taints that only pods made for them pass."""


@dataclass(frozen=True, slots=True)
class Taint:
    """What keeps pods without a toleration away."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node as far as decisions ask of any."""

    name: str
    ready: bool
    unschedulable: bool
    cordoned_by: str
    """UID of the request of ours that cordoned it; empty when it is not cordoned, or by somebody else."""
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    allocatable: Mapping[str, str]
    """What its pods may request together, as quantities."""

    @property
    def is_control_plane(self) -> bool:
        """Whether the cluster itself runs on it."""
        return CONTROL_PLANE in self.labels

    @property
    def takes_pods(self) -> bool:
        """Whether an ordinary pod can be scheduled on it now."""
        return (
            self.ready
            and not self.unschedulable
            and not any(taint.effect in KEEPS_PODS_OUT for taint in self.taints)
        )


@dataclass(frozen=True, slots=True)
class Space:
    """A node that takes pods, and what is left of it: allocatable less what its pods request."""

    node: Node
    free: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Standing:
    """How the controller of evicted pods stands."""

    name: str
    """As `ReplicaSet shop/web-7f`."""
    wanted: int
    ready: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a drain asks of the cluster around the node; empty for other actions."""

    home: str = ""
    """The operator's own namespace."""
    request: str = ""
    """UID of the request: the mark of an earlier one, which stays when a person uncordons the node, says nothing."""
    pods: tuple[PodState, ...] = ()
    """All pods on the node."""
    daemon_sets: frozenset[str] = frozenset()
    """Those that exist, as `namespace/name`."""
    budgets: tuple[PodBudget, ...] = ()
    """Of all namespaces."""
    spaces: tuple[Space, ...] | None = None
    """The other nodes that take pods; None once the drain has begun: the pods themselves then show it."""
    volumes: Mapping[str, Json] = field(default_factory=dict)
    """Where PersistentVolumes can be attached: required node selectors, by `namespace/claim`."""
    workloads: tuple[Standing, ...] = ()
    """Controllers of the pods that move."""
    homeless: tuple[PodState, ...] = ()
    """Pods of those controllers that the scheduler finds no node for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState(TargetState):
    """What a decision needs to know of the node that an action is for.

    `generation` is always 0: nodes have none. That a node is the one of the plan is told by its uid alone.
    """

    node: Node
    annotations: Mapping[str, str] = field(default_factory=dict)
    others: tuple[Node, ...] = ()
    """Every other node."""
    around: Around = field(default_factory=Around)
    """What a drain asks for besides."""
    body: Json = field(default_factory=dict, repr=False)
    """As the API server returned it."""

    @property
    def resource(self) -> Resource:
        """Where the API server keeps it."""
        return NODES

    @property
    def health(self) -> Health:
        """That of the workloads whose pods a drain moves: a node alone has no replicas."""
        return Health(
            replicas=sum(w.wanted for w in self.around.workloads),
            ready_replicas=sum(min(w.ready, w.wanted) for w in self.around.workloads),
        )

    def mark_time(self, annotation: str) -> datetime | None:
        """Return when an annotation was last written, by the API server's clock; None: not told."""
        times = [
            datetime.fromisoformat(entry["time"])
            for entry in owners(self.body, "f:metadata", "f:annotations", f"f:{annotation}")
            if "time" in entry
        ]
        return max(times, default=None)


def node_state(body: Json, others: tuple[Node, ...] = (), around: Around | None = None) -> NodeState:
    """Read the node that an action is for."""
    metadata = body["metadata"]
    return NodeState(
        ref=ObjectRef.of(body),
        resource_version=metadata["resourceVersion"],
        generation=metadata.get("generation", 0),
        deleting="deletionTimestamp" in metadata,
        node=node(body),
        annotations=metadata.get("annotations") or {},
        others=others,
        around=around or Around(),
        body=body,
    )


def node(body: Json) -> Node:
    """Read any node; one that has not reported yet is not ready."""
    metadata, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
    return Node(
        name=metadata["name"],
        ready=any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ()),
        unschedulable=bool(spec.get("unschedulable")),
        cordoned_by=_cordoned_by(body),
        labels=metadata.get("labels") or {},
        taints=tuple(Taint(t["key"], t.get("value", ""), t["effect"]) for t in spec.get("taints") or ()),
        allocatable=status.get("allocatable") or {},
    )


def owners(body: Json, *path: str) -> Iterator[Json]:
    """Yield the entries of metadata.managedFields that own a field, e.g. `"f:spec", "f:unschedulable"`."""
    for entry in body["metadata"].get("managedFields") or ():
        place: Any = entry.get("fieldsV1") or {}
        for part in path:
            place = place.get(part) if isinstance(place, dict) else None
        if place is not None:
            yield entry


def _cordoned_by(body: Json) -> str:
    """Our annotation, unless the cordon has become somebody else's.

    `kubectl uncordon` leaves the annotation where it is; after the next `kubectl cordon` it would tell a lie.
    """
    if not (body.get("spec") or {}).get("unschedulable"):
        return ""
    by: str = (body["metadata"].get("annotations") or {}).get(CORDONED_BY, "")
    cordoning = {entry.get("manager") for entry in owners(body, "f:spec", "f:unschedulable")}
    marking = {
        entry.get("manager") for entry in owners(body, "f:metadata", "f:annotations", f"f:{CORDONED_BY}")
    }
    return by if cordoning <= marking else ""
