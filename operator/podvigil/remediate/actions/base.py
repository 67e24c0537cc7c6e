"""What every action is: pure methods judge, async methods act, and both are told everything they need.

An action of one patch is done by one `execute`. An action of many steps (a drain) makes a bounded part of its way
at each `execute`, and `progress` says UNDER_WAY until all of it is there; in between everything is read anew, so
that a crash, a second executor or a person who cancels comes in between two steps, never within one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final, Protocol, TypeVar

from podvigil.api.request import ExecutionProgress, Plan, Reversibility
from podvigil.api.resources import Resource
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import BadRequest, Forbidden, Invalid
from podvigil.remediate.refusal import Refusal, dry_run_refused
from podvigil.remediate.targets.base import TargetState
from podvigil.remediate.validation.effect import Effect, Verdict
from podvigil.remediate.values.differences import differences

Values = Mapping[str, str]
"""Values of a target by a short name, e.g. {"replicas": "3"}; kept in the request's status."""

TIME_LIMIT: Final = timedelta(minutes=10)
"""How long the change may take, of one patch: while the API server does not answer, it is tried again."""

NO_WAIT: Final = timedelta(0)


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
    """The most ready pods that would be taken away at the same time; what is down already is nothing new."""
    message: str
    names: tuple[str, ...] = ()
    """Those pods as namespace/name, as far as they can be told before."""


@dataclass(frozen=True, slots=True)
class Right:
    """A right that the executor's ServiceAccount needs for the change."""

    verb: str
    resource: Resource
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None

    def __str__(self) -> str:
        what = self.resource.plural + (f"/{self.subresource}" if self.subresource else "")
        named = f" named {self.name}" if self.name else ""
        return f"{self.verb} {what}{named}" + (f" in {self.namespace}" if self.namespace else "")


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the API server says to a server-side dry run of the change."""

    changes: tuple[str, ...] = ()
    """Each field that would change, `path: old → new`."""
    refusals: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()
    """What else a person should know before deciding."""


@dataclass(frozen=True, slots=True)
class Made:
    """How far one `execute` has come."""

    progress: ExecutionProgress | None = None
    """For an action of many steps: what a person sees of it."""
    stop: Refusal | None = None
    """The change cannot be completed: put back what can be, and end."""
    again: timedelta = NO_WAIT
    """When to look again."""


class Progress(Enum):
    """Where a change stands, seen from the target alone: what lets a crashed executor go on."""

    DUE = "nothing of it is there: do it"
    UNDER_WAY = "a part of it is there: go on"
    DONE = "all of it is there: do nothing"
    FOREIGN = "neither the old nor the new is there: somebody else changed it, keep away"


class Undo(Enum):
    """What a rollback would do."""

    DUE = "our value is there: put the old one back"
    DONE = "the old value is there already"
    NOT_OURS = "somebody changed the value since: keep away"
    NOTHING = "the action leaves nothing behind that could be put back"
    GONE = "what was made is deleted, by the rollback or by somebody: what it has done meanwhile stays"


T_contra = TypeVar("T_contra", bound=TargetState, contravariant=True)


class Action(Protocol[T_contra]):
    """One way of changing a target.

    `execute` may be called twice with the same change, and acts once: every call carries the uid and the
    resourceVersion that were judged, so that whoever comes second is told 409.
    """

    name: str
    """As a plan and a monitor name it; in lower case the name of the right to approve it."""
    reversibility: Reversibility

    def rights(self, target: T_contra, plan: Plan) -> tuple[Right, ...]:
        """Return the rights that the change needs."""
        ...

    def objection(self, target: T_contra, plan: Plan) -> Refusal | None:
        """Say why the action cannot be applied to this target at all."""
        ...

    def change(self, target: T_contra, plan: Plan, *, token: str, now: datetime) -> Change:
        """Return what would be done; called only while there is no `objection`."""
        ...

    def disruption(self, target: T_contra, plan: Plan) -> Disruption:
        """Return how running pods would be disturbed."""
        ...

    def way_back(self, target: T_contra, plan: Plan) -> str:
        """Return how the old state would be put back, for a person."""
        ...

    def time_limit(self, plan: Plan) -> timedelta:
        """Return how long the change may take before it is given up."""
        ...

    def progress(self, target: T_contra, plan: Plan, change: Change) -> Progress:
        """Return where the change stands."""
        ...

    def undo(self, target: T_contra, plan: Plan, change: Change) -> Undo:
        """Return what a rollback would do."""
        ...

    def judge(self, effect: Effect, *, now: datetime) -> Verdict | None:
        """Say what became of the change; None: look again."""
        ...

    async def rehearse(self, cluster: Cluster, target: T_contra, plan: Plan, change: Change) -> Rehearsal:
        """Have the server dry-run the very calls. Raises: ClusterError when it cannot say."""
        ...

    async def execute(self, cluster: Cluster, target: T_contra, plan: Plan, change: Change) -> Made:
        """Make the change, or the next bounded part of it. Raises: ClusterError."""
        ...

    async def rollback(self, cluster: Cluster, target: T_contra, plan: Plan, change: Change) -> None:
        """Put back, or the next bounded part of it; called only while `undo` is DUE. Raises: ClusterError."""
        ...


class PatchCall(Protocol):
    """One patch of an action, sent as a dry run or in earnest; returns the object as it is afterwards."""

    async def __call__(self, *, dry_run: bool) -> dict[str, Any]:
        """Send it. Raises: ClusterError."""
        ...


async def rehearse_patch(
    cluster: Cluster, target: TargetState, call: PatchCall, subresource: str | None = None
) -> Rehearsal:
    """Return what one patch would change, or why the server would refuse it.

    Raises: ClusterError for what may pass: a conflict, a throttle, an outage.
    """
    ref = target.ref
    before = await cluster.get(target.resource, ref.name, ref.namespace, subresource)
    try:
        after = await call(dry_run=True)
    except (BadRequest, Forbidden, Invalid) as error:
        return Rehearsal(refusals=(dry_run_refused(error),))
    return Rehearsal(differences(before, after))


def precondition(target: TargetState) -> dict[str, str]:
    """Return the metadata that makes the server answer 409 unless the target is exactly as judged."""
    return {"uid": target.ref.uid, "resourceVersion": target.resource_version}


def right_to_patch(target: TargetState, subresource: str | None = None) -> Right:
    """Return the right to patch this very target."""
    return Right("patch", target.resource, target.ref.namespace, target.ref.name, subresource)
