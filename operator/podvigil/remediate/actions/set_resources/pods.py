"""How far each pod of a workload is resized, seen from the pods alone, and which are resized next. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from podvigil.api.request import ExecutionProgress
from podvigil.remediate.actions.base import Change
from podvigil.remediate.targets.pods import PodState
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.values.amounts import Json, amounts, container_of
from podvigil.remediate.values.container_values import Values, is_same, nested, present

BATCH: Final = 10
"""Pods resized in one step, once the first node has accepted: each is one call, and a step stays well within the
time of a claim."""

LISTED_MAX: Final = 10
TEXT_MAX: Final = 1024
"""Bounds of the schema."""

OTHERS: Final = "others"
"""Key of the pods whose old values are not those of most: {pod: [value of each key, sorted]}, as JSON."""


class Stand(Enum):
    """Where one pod stands."""

    OLD = "its spec has the old values"
    PENDING = "its spec has the new values, its node has not set them yet"
    STARTING = "its node has set the new values, and the container that restarts by it is not ready yet"
    NEW = "its node has set the new values"
    INFEASIBLE = "its node says that it can never set the new values"
    FOREIGN = "its spec has neither the old nor the new values"


@dataclass(frozen=True, slots=True)
class Resizing:
    """One pod on its way, with its node's word on it."""

    pod: PodState
    stand: Stand
    old: Values
    said: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """All pods that the change is about."""

    pods: tuple[Resizing, ...]
    restarts: bool
    """Whether setting the values restarts the container (its resizePolicy says so)."""

    def those(self, *stands: Stand) -> list[Resizing]:
        """Return the pods that stand so."""
        return [r for r in self.pods if r.stand in stands]

    @property
    def ours(self) -> list[Resizing]:
        """Return the pods whose specs hold our values."""
        return self.those(Stand.NEW, Stand.STARTING, Stand.PENDING, Stand.INFEASIBLE)

    def next(self) -> list[Resizing]:
        """Return the pods to resize now.

        One first, and no other before its node has set it, so that what cannot work is seen in one pod. Containers
        that restart by it do so one after the other, each when all pods before it are ready again.
        """
        old, begun = self.those(Stand.OLD), self.ours
        if self.restarts:
            is_settled = all(r.stand is Stand.NEW and r.pod.ready for r in begun)
            return old[:1] if is_settled else []
        if not self.those(Stand.NEW):
            return [] if begun else old[:1]
        return old[:BATCH]

    def progress(self) -> ExecutionProgress:
        """Return what a person sees of it."""
        left = self.those(Stand.OLD, Stand.PENDING, Stand.STARTING, Stand.INFEASIBLE)
        on_their_way = self.those(Stand.PENDING, Stand.STARTING)
        waiting = "; ".join(f"{r.pod.name} on {r.pod.node}: {r.said}" for r in on_their_way if r.said)
        return ExecutionProgress(
            total=len(left) + len(self.those(Stand.NEW)),
            done=len(self.those(Stand.NEW)),
            remaining=tuple(str(r.pod) for r in left[:LISTED_MAX]),
            waiting_for=waiting[:TEXT_MAX] or None,
        )


def running(target: WorkloadState) -> list[PodState]:
    """Return the workload's own running pods, by name. A pod that only has its labels is not its own."""
    return sorted(
        (p for p in target.own_pods if p.phase == "Running" and not p.deleting), key=lambda p: p.name
    )


def look(target: WorkloadState, container: str, change: Change) -> View:
    """Say where each running pod stands; those that had the new values before we came are none of ours."""
    before, after, others = unpacked(change)
    seen = []
    for pod in running(target):
        old = others.get(pod.name, before)
        if not is_same(old, after):
            stand, said = _stand(pod, container, old, after)
            seen.append(Resizing(pod, stand, old, said))
    # What another container's value does is not asked: only what is set can restart this one.
    return View(tuple(seen), restarts=any(restarts(r.pod.body["spec"], container, after) for r in seen))


def restarts(pod_spec: Json, container: str, values: Values) -> bool:
    """Return whether setting these values restarts the container."""
    policies = (container_of(pod_spec, container) or {}).get("resizePolicy") or ()
    by_name = {p["resourceName"]: p.get("restartPolicy") for p in policies}
    return any(by_name.get(key.partition(".")[2]) == "RestartContainer" for key in values)


def comes_back(pod: PodState, container: str, since: datetime) -> bool:
    """Return whether a container that had ended before `since` has not got ready again since."""
    own = _status_of(pod.body.get("status") or {}, container)
    state, last = own.get("state") or {}, own.get("lastState") or {}
    ended = (state.get("terminated") or last.get("terminated") or {}).get("finishedAt")
    if pod.ready or ended is None or datetime.fromisoformat(ended) > since:
        return False
    began = (state.get("running") or {}).get("startedAt")
    return began is None or datetime.fromisoformat(began) > since


def packed(pods: Iterable[PodState], container: str, after: Values) -> dict[str, str]:
    """Return the old values as they are kept: those of most pods to change, and by name those of the others.

    It may come out longer than a status may be; `fits` says so.
    """
    old = {pod.name: present(pod.body["spec"], container, after) for pod in pods}
    to_change = [tuple(v.values()) for v in old.values() if not is_same(v, after)]
    common = max(sorted(set(to_change)), key=to_change.count, default=("",) * len(after))
    before = dict(zip(after, common, strict=True))
    others = {name: list(v.values()) for name, v in old.items() if not is_same(v, before)}
    return before | ({OTHERS: json.dumps(others, separators=(",", ":"))} if others else {})


def fits(before: Mapping[str, str]) -> bool:
    """Return whether the old values have room in a status."""
    return len(before.get(OTHERS, "")) <= TEXT_MAX


def unpacked(change: Change) -> tuple[Values, Values, dict[str, Values]]:
    """Return the old values of most pods, the new ones, and by name the old values of the others."""
    before = {key: value for key, value in change.before.items() if key != OTHERS}
    others = json.loads(change.before.get(OTHERS, "{}"))
    return (
        before,
        change.after,
        {name: dict(zip(sorted(before), values, strict=True)) for name, values in others.items()},
    )


def _stand(pod: PodState, container: str, old: Values, after: Values) -> tuple[Stand, str]:
    now = present(pod.body["spec"], container, after)
    if is_same(now, old):
        return Stand.OLD, ""
    if not is_same(now, after):
        return Stand.FOREIGN, ""
    metadata, status = pod.body["metadata"], pod.body.get("status") or {}
    # KEP-1287: the kubelet says in two conditions how far it is, and in observedGeneration what it has seen.
    said = {c["type"]: c for c in status.get("conditions") or () if c.get("status") == "True"}
    if pending := said.get("PodResizePending"):
        word = f"{pending.get('reason', 'Pending')}: {pending.get('message', '')}".rstrip(": ")
        return (Stand.INFEASIBLE if pending.get("reason") == "Infeasible" else Stand.PENDING), word
    if in_progress := said.get("PodResizeInProgress"):
        return Stand.PENDING, f"in progress {in_progress.get('message', '')}".strip()
    seen = status.get("observedGeneration")
    if seen is not None and seen < metadata.get("generation", 0):
        return Stand.PENDING, "the kubelet has not seen it yet"
    if not _is_set(status, container, after):
        return Stand.PENDING, "the kubelet is at it"
    if restarts(pod.body["spec"], container, after) and _is_starting(pod, container):
        return Stand.STARTING, f"container {container} is not ready yet"
    return Stand.NEW, ""


def _is_starting(pod: PodState, container: str) -> bool:
    """Return whether a container runs and is not ready; one that has ended again is for the validation to judge."""
    own = _status_of(pod.body.get("status") or {}, container)
    return bool((own.get("state") or {}).get("running")) and not own.get("ready", pod.ready)


def _is_set(status: Json, container: str, after: Values) -> bool:
    """Return whether the kubelet reports the new values; one that reports none is believed."""
    own = _status_of(status, container)
    if not own.get("resources"):
        return True
    return all(
        amounts(own["resources"].get(kind)).get(name) == value
        for kind, quantities in nested(after).items()
        for name, value in amounts(quantities).items()
    )


def _status_of(status: Json, container: str) -> Json:
    listed = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    return next((c for c in listed if c["name"] == container), {})
