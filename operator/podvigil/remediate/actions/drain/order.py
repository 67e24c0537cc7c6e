"""Which pods are evicted next: a few at a time, those first whose budgets have room."""

from collections.abc import Iterable
from typing import Final

from podvigil.remediate.targets.budget import PodBudget
from podvigil.remediate.targets.node import Around
from podvigil.remediate.targets.pods import PodState

PENDING: Final = "Pending"

AT_ONCE: Final = 20
"""Evictions in one step; between two steps everything is read anew, and a person can cancel."""


def next_evictions(
    pods: Iterable[PodState], leaving: Iterable[PodState], around: Around
) -> tuple[PodState, ...]:
    """Return the pods to evict now; those that a full budget covers only when nothing else is left to evict.

    Unready pods go first: they serve nobody, and a budget may let them go (unhealthyPodEvictionPolicy). Pods of the
    operator's own namespace go when all others are gone, so that one process does the whole of the rest.

    Args:
        leaving: pods that end already.
    """
    candidates = sorted(pods, key=lambda pod: (pod.ready, str(pod)))
    others = [pod for pod in candidates if pod.namespace != around.home]
    if not others and any(pod.namespace != around.home for pod in leaving):
        return ()
    room = {str(budget): budget.disruptions_allowed for budget in around.budgets}
    free: list[PodState] = []
    blocked: list[PodState] = []
    for pod in others or candidates:
        asked = [str(budget) for budget in budgets_of(pod, around.budgets)]
        if any(room[budget] <= 0 for budget in asked):
            blocked.append(pod)
            continue
        free.append(pod)
        for budget in asked:
            room[budget] -= 1
    # The blocked are asked for all the same: the budget may have room by now, and its answer is what people are shown.
    return tuple((free or blocked)[:AT_ONCE])


def budgets_of(pod: PodState, budgets: Iterable[PodBudget]) -> tuple[PodBudget, ...]:
    """Return the budgets that an eviction of the pod asks; none for one that runs nothing.

    Source: canIgnorePDB in kubernetes pkg/registry/core/pod/storage/eviction.go.
    """
    if pod.finished or pod.phase == PENDING:
        return ()
    return tuple(budget for budget in budgets if budget.covers(pod))
