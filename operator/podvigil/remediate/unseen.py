"""What becomes of a request while a look at what it is about keeps failing. Pure.

What the request itself says holds all the same: its time runs out, and a person's no needs nothing else to be seen. For
the rest, it says what is wrong and what mends it, since nobody reads the executor's log.
"""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.durations import write_duration
from podvigil.api.reasons import Reason
from podvigil.api.request import RemediationRequest
from podvigil.cluster.errors import ClusterError, Forbidden
from podvigil.remediate.authority.gate import NOT_CHECKED
from podvigil.remediate.decide import next_step
from podvigil.remediate.observe.context import Context
from podvigil.remediate.observe.gather import Unreadable
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.steps import Finish

TOLD_AFTER: Final = timedelta(seconds=15)
"""How long what may pass by itself is not worth a word: a conflict, a restart of the API server. With the queue's
pauses that is about the seventh try."""

SAID_MAX: Final = 1000
"""Characters; a condition has 1024."""

SELF_EVIDENT: Final = frozenset({Reason.CANCELLED, Reason.DENIED, Reason.EXPIRED})
"""Ends that follow from the request alone."""

NO_ANSWER: Final = frozenset({0, 429, 503, 504})
"""Statuses of an API server that is away or asks for patience, and has not looked at the call."""


def while_unseen(
    request: RemediationRequest,
    error: ClusterError | Unreadable,
    *,
    lasted: timedelta,
    own_namespace: str,
    executor: str,
    now: datetime,
) -> Finish | Refusal | None:
    """Say how the request ends all the same, or else what it shows; None: nothing yet, or nothing any more.

    Args:
        error: what cut the last pass short.
        lasted: since the first of the passes that were cut short one after the other.
    """
    if request.status.finished_at is not None:
        return None
    if request.status.execution is None:
        # As if nothing but the request were there: of what then follows only those ends are true that need no more.
        alone = Context(request, None, None, None, NOT_CHECKED, (), own_namespace, executor)
        step = next_step(alone, now=now)
        if isinstance(step, Finish) and step.outcome in SELF_EVIDENT:
            return step
    return _trouble(error, lasted)


def _trouble(error: ClusterError | Unreadable, lasted: timedelta) -> Refusal | None:
    """Name what is wrong, and what mends it; what passes by itself is given time."""
    if isinstance(error, Forbidden):
        how = "the executor's account lacks a right: apply the Roles of this version (deploy/)"
        return _refusal(Reason.PERMISSION_MISSING, how, error)
    if isinstance(error, Unreadable):
        how = "an object of ours was written for another version: apply the kinds of this version (crds/), and mend it"
        return _refusal(Reason.INVALID_SPEC, how, error)
    if lasted < TOLD_AFTER:
        return None
    since = f"for more than {write_duration(TOLD_AFTER)}"
    if error.status in NO_ANSWER:
        how = f"the API server has not answered {since}, and is asked again at least every two minutes"
        return _refusal(Reason.API_SERVER_UNAVAILABLE, how, error)
    how = (
        f"the API server has refused a call {since}, which is tried again at least every two minutes: mend what it "
        "says, such as an admission webhook that does not answer"
    )
    return _refusal(Reason.API_SERVER_REFUSED, how, error)


def _refusal(reason: Reason, how: str, error: Exception) -> Refusal:
    return Refusal(reason, f"{how}. It said: {error}"[:SAID_MAX])
