"""What every action is: pure methods judge, async methods act, and both are told everything they need."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from podvigil.api.request import PlanParameters, Reversibility
from podvigil.cluster.client import Cluster
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets import TargetState

Values = Mapping[str, str]
"""Values of a target by a short name, e.g. {"replicas": "3"}; kept in the request's status."""


@dataclass(frozen=True, slots=True)
class Change:
    """What the action would do. Written to the request's status *before* it is done."""

    before: dict[str, str]
    after: dict[str, str]
    token: str
    """UID of the request, for actions that can leave a mark on what they change."""


@dataclass(frozen=True, slots=True)
class Disruption:
    """How the change disturbs running pods."""

    pods: int
    """Running pods that would be replaced or removed."""
    at_once: int
    """The most pods that would be away at the same time."""
    message: str


class Progress(Enum):
    """Where a change stands, seen from the target alone: what lets a crashed executor go on."""

    DUE = "the old value is there: do it"
    DONE = "ours is there: do nothing"
    FOREIGN = "neither is there: somebody else changed it, keep away"


class Undo(Enum):
    """What a rollback would do."""

    DUE = "our value is there: put the old one back"
    DONE = "the old value is there already"
    NOT_OURS = "somebody changed the value since: keep away"
    NOTHING = "the action leaves nothing behind that could be put back"


class Action(Protocol):
    """One way of changing a workload.

    `execute` may be called twice with the same change, and acts once: every call carries the uid and the
    resourceVersion that were judged, so that whoever comes second is told 409.
    """

    subresource: str | None
    """Where the change is sent, beside the right to `patch` that it needs."""
    reversibility: Reversibility

    def objection(self, target: TargetState, parameters: PlanParameters | None) -> Refusal | None:
        """Say why the action cannot be applied to this target at all."""
        ...

    def change(
        self, target: TargetState, parameters: PlanParameters | None, *, token: str, now: str
    ) -> Change:
        """Return what would be done; `now` as RFC 3339."""
        ...

    def disruption(self, target: TargetState, parameters: PlanParameters | None) -> Disruption:
        """Return how running pods would be disturbed."""
        ...

    def way_back(self, target: TargetState) -> str:
        """Return how the old state would be put back, for a person."""
        ...

    def progress(self, target: TargetState, generation: int, change: Change) -> Progress:
        """Return where the change stands; `generation` is the target's when the plan was made."""
        ...

    def undo(self, target: TargetState, change: Change) -> Undo:
        """Return what a rollback would do."""
        ...

    async def execute(
        self, cluster: Cluster, target: TargetState, change: Change, *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Make the change and return the changed object. Raises: ClusterError."""
        ...

    async def rollback(self, cluster: Cluster, target: TargetState, change: Change) -> None:
        """Put the old value back; called only while `undo` is DUE. Raises: ClusterError."""
        ...


def precondition(target: TargetState) -> dict[str, str]:
    """Return the metadata that makes the server answer 409 unless the target is exactly as judged."""
    return {"uid": target.ref.uid, "resourceVersion": target.resource_version}
