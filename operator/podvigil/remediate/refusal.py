"""A refusal: why nothing may be done now. A value, never an exception."""

from dataclasses import dataclass
from datetime import timedelta

from podvigil.api.reasons import Reason
from podvigil.cluster.errors import ClusterError


@dataclass(frozen=True, slots=True)
class Refusal:
    """Shown to people as a condition, counted by reason."""

    reason: Reason
    message: str
    """Names the object and the number, for a person."""
    retry_after: timedelta | None = None
    """When to look again; None: waiting will not help, a change might."""


def dry_run_refused(error: ClusterError) -> Refusal:
    """Return the API server's own objection to a dry run."""
    return Refusal(Reason.DRY_RUN_REFUSED, f"the API server refuses a dry run: {error}"[:1024])
