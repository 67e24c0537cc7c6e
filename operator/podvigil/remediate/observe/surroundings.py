"""What goes on around a request, in the whole cluster: nodes that are not ready, and changes that were just made.

Read from the raw pages of the lists, of which only the few fields are decoded that guards ask for.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from podvigil.remediate.observe.change_made import ChangeStatus


@dataclass(frozen=True, slots=True)
class ChangeMade:
    """A change that a request made, or is making."""

    namespace: str
    request: str
    monitor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The cluster at one moment."""

    nodes: int = 0
    unready: frozenset[str] = frozenset()
    """Names of nodes that are not ready."""
    cordoned: frozenset[str] = frozenset()
    changes: tuple[ChangeMade, ...] = ()
    """Of all requests that are still there."""


NOTHING_AROUND: Final = Surroundings()


def read_nodes(pages: Iterable[bytes]) -> Surroundings:
    """Read the pages of a NodeList. Raises: msgspec.DecodeError."""
    nodes = {node.metadata.name: node for page in pages for node in _NODES.decode(page).items or ()}
    return Surroundings(
        nodes=len(nodes),
        unready=frozenset(name for name, node in nodes.items() if not node.is_ready),
        cordoned=frozenset(name for name, node in nodes.items() if node.spec.unschedulable),
    )


def read_changes(pages: Iterable[bytes]) -> tuple[ChangeMade, ...]:
    """Read the pages of a RemediationRequestList. Raises: msgspec.DecodeError."""
    found = {item.metadata.uid: item for page in pages for item in _REQUESTS.decode(page).items or ()}
    return tuple(
        ChangeMade(item.metadata.namespace, item.metadata.name, item.spec.plan.monitor, at)
        for item in found.values()
        if (at := item.status.changed_or_begun_at) is not None
    )


# -- the wanted parts, as the server writes them


class _Condition(msgspec.Struct, gc=False):
    type: str
    status: str


class _Named(msgspec.Struct, gc=False):
    name: str
    uid: str
    namespace: str = ""


class _NodeSpec(msgspec.Struct, gc=False):
    unschedulable: bool = False


class _NodeStatus(msgspec.Struct, gc=False):
    conditions: list[_Condition] | None = None


class _Node(msgspec.Struct, gc=False):
    metadata: _Named
    spec: _NodeSpec = msgspec.field(default_factory=_NodeSpec)
    status: _NodeStatus = msgspec.field(default_factory=_NodeStatus)

    @property
    def is_ready(self) -> bool:
        return any(c.type == "Ready" and c.status == "True" for c in self.status.conditions or ())


class _Nodes(msgspec.Struct, gc=False):
    items: list[_Node] | None = None


class _Plan(msgspec.Struct, gc=False):
    monitor: str


class _Spec(msgspec.Struct, gc=False):
    plan: _Plan


class _Request(msgspec.Struct, gc=False):
    metadata: _Named
    spec: _Spec
    status: ChangeStatus = msgspec.field(default_factory=ChangeStatus)


class _Requests(msgspec.Struct, gc=False):
    items: list[_Request] | None = None


_NODES: Final = msgspec.json.Decoder(_Nodes)
_REQUESTS: Final = msgspec.json.Decoder(_Requests)
