"""Which pods of a node a drain moves, leaves or stops at: kubectl's rules, without its `--force`.

Source: kubectl pkg/drain/filters.go.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from podvigil.api.parameters import DrainOptions
from podvigil.api.request import Plan
from podvigil.api.resources import DAEMONSETS
from podvigil.remediate.actions.nodes import DRAINED_BY
from podvigil.remediate.targets.node import Around, NodeState
from podvigil.remediate.targets.pods import PodState

CORDON_SEEN: Final = timedelta(seconds=10)
"""How long the scheduler may still use what it knew of the node before the cordon."""


class Fate(Enum):
    """What a drain does with a pod."""

    EVICT = "evicted"
    LEAVING = "ending already"
    OF_DAEMON = "of a DaemonSet, which would put it back at once"
    MIRROR = "static: the kubelet owns it"
    LATECOMER = "came after the cordon: it tolerates it, or passes the scheduler by"
    BARE = "without a controller: nobody would make it anew"
    ORPHAN = "of a DaemonSet that does not exist any more: nobody would make it anew"
    LOCAL_DATA = "with emptyDir volumes, whose data would be lost"


STAYS: Final = frozenset({Fate.OF_DAEMON, Fate.MIRROR, Fate.LATECOMER})
"""Left alone; the node counts as drained with them."""

STOPS: Final = frozenset({Fate.BARE, Fate.ORPHAN, Fate.LOCAL_DATA})
"""While there is one of these, the node is not drained at all."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """The pods of a node by what becomes of them, each part by name."""

    by_fate: dict[Fate, tuple[PodState, ...]]

    def __getitem__(self, fate: Fate) -> tuple[PodState, ...]:
        return self.by_fate.get(fate, ())

    @property
    def remaining(self) -> tuple[PodState, ...]:
        """What must still go before the node is drained; those that end already come last."""
        return self[Fate.EVICT] + self[Fate.LEAVING]

    @property
    def stopping(self) -> tuple[PodState, ...]:
        """What must not go, and stands in the way."""
        return tuple(pod for fate in Fate if fate in STOPS for pod in self[fate])


def sort_pods(target: NodeState, plan: Plan) -> Sorted:
    """Sort the pods of the node. Those that came after this very drain's mark are latecomers."""
    options, around = options_of(plan), target.around
    is_marked = target.annotations.get(DRAINED_BY) == around.request
    marked_at = target.mark_time(DRAINED_BY) if is_marked else None
    since = marked_at + CORDON_SEEN if marked_at else None
    found: dict[Fate, list[PodState]] = {}
    for pod in sorted(around.pods, key=str):
        found.setdefault(fate(pod, around, options, since), []).append(pod)
    return Sorted({key: tuple(pods) for key, pods in found.items()})


def fate(pod: PodState, around: Around, options: DrainOptions, since: datetime | None) -> Fate:
    """Return what becomes of one pod. What stays is asked before what stops.

    Args:
        since: a pod made after this moment came although the node was cordoned; None: nothing is known.
    """
    if is_of_daemon(pod) and not pod.finished and _owner(pod) in around.daemon_sets:
        return Fate.OF_DAEMON
    if pod.mirror:
        return Fate.MIRROR
    if since is not None and pod.created > since:
        return Fate.LATECOMER
    if pod.deleting:
        return Fate.LEAVING
    if is_of_daemon(pod) and not pod.finished:
        return Fate.ORPHAN
    if pod.finished:
        return Fate.EVICT
    if pod.owner is None:
        return Fate.BARE
    if pod.empty_dirs and not options.delete_empty_dir_data:
        return Fate.LOCAL_DATA
    return Fate.EVICT


def is_of_daemon(pod: PodState) -> bool:
    """Whether a DaemonSet controls the pod."""
    return pod.owner is not None and pod.owner.kind == DAEMONSETS.kind


def options_of(plan: Plan) -> DrainOptions:
    """Return how the node is to be drained."""
    given = plan.parameters.drain if plan.parameters else None
    return given or DrainOptions()


def named(pods: Iterable[PodState], at_most: int = 5) -> str:
    """Name pods for a person: the first few, and how many more."""
    names = [str(pod) for pod in pods]
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more


def _owner(pod: PodState) -> str:
    return f"{pod.namespace}/{pod.owner.name}" if pod.owner else ""
