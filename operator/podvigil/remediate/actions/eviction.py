"""One eviction, and what the API server can say to it.

Never a DELETE instead: that would pass every PodDisruptionBudget by. The uid goes along, so that a namesake made
in between (StatefulSets reuse names) answers 409 instead of being evicted.
Source: kubernetes pkg/registry/core/pod/storage/eviction.go; kubectl pkg/drain/drain.go evictPods.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final

from podvigil.api.resources import PODS
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import Conflict, Forbidden, NotFound, Throttled, Unavailable
from podvigil.remediate.targets.pods import PodState

BUDGET_CAUSE: Final = "DisruptionBudget"
"""Cause of a 429 that a budget gave, and not the server's own load."""

TERMINATING_CAUSE: Final = "NamespaceTerminating"
"""Cause of a 403 of a namespace that is being deleted, with all its pods."""

TWO_BUDGETS: Final = "more than one PodDisruptionBudget"
"""What the 500 says of a pod that two budgets cover; it has no reason and no cause."""

BUDGET_PAUSE: Final = timedelta(seconds=5)
"""Until the next try, as kubectl waits."""

LONGEST_PAUSE: Final = timedelta(seconds=60)
"""A Retry-After beyond this is not believed."""


class Said(Enum):
    """What became of an eviction."""

    ACCEPTED = "the pod ends"
    GONE = "it is not there any more, or a namesake is"
    LEAVING = "its namespace is being deleted, and takes it along"
    BLOCKED = "a budget has no room now"
    NEVER = "two budgets cover it: the API server never evicts it"


@dataclass(frozen=True, slots=True)
class Answer:
    """The API server's word on one eviction."""

    said: Said
    message: str = ""
    """Its own sentence, naming the budget."""
    retry_after: timedelta = BUDGET_PAUSE
    """For BLOCKED: when to try again."""


async def evict(cluster: Cluster, pod: PodState, *, dry_run: bool) -> Answer:
    """Evict this very pod. Raises: ClusterError for what says nothing about the pod: throttling, an outage, a 403."""
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod.name, "namespace": pod.namespace},
        "deleteOptions": {"preconditions": {"uid": pod.uid}},
    }
    try:
        await cluster.create(PODS, body, pod.namespace, dry_run, subresource="eviction", name=pod.name)
    except (NotFound, Conflict) as error:
        return Answer(Said.GONE, error.message)
    except Throttled as error:
        if BUDGET_CAUSE not in error.causes:
            raise
        wait = timedelta(seconds=error.retry_after or 0)
        return Answer(Said.BLOCKED, _why(error), min(max(wait, BUDGET_PAUSE), LONGEST_PAUSE))
    except Forbidden as error:
        if TERMINATING_CAUSE not in error.causes:
            raise
        return Answer(Said.LEAVING, error.message)
    except Unavailable as error:
        if TWO_BUDGETS not in error.message:
            raise
        return Answer(Said.NEVER, error.message)
    return Answer(Said.ACCEPTED)


def _why(error: Throttled) -> str:
    causes = error.details.get("causes") or ()
    said = [str(c.get("message", "")) for c in causes if c.get("reason") == BUDGET_CAUSE]
    return "; ".join(filter(None, said)) or error.message
