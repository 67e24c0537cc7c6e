"""An action that keeps failing against the same trouble is left alone for longer each time. Pure."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.outcomes import OutcomeCount
from podvigil.api.reasons import Reason
from podvigil.remediate.refusal import Refusal

FAILURES: Final = 2
"""So often in a row: once may be chance, twice is not a remedy."""

FIRST_PAUSE: Final = timedelta(hours=1)
"""After the second failure; it doubles with each further one."""

LONGEST_PAUSE: Final = timedelta(days=7)


def backing_off(count: OutcomeCount | None, now: datetime) -> Refusal | None:
    """Say until when the action is left alone, with its history."""
    if count is None or count.failures_in_a_row < FAILURES or count.last_failure_time is None:
        return None
    doublings = min(count.failures_in_a_row - FAILURES, 16)  # 2**16 hours are beyond the longest pause
    until = count.last_failure_time + min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE)
    if now >= until:
        return None
    came_back = f", last time after {count.last_recurrence_after}" if count.last_recurrence_after else ""
    return Refusal(
        Reason.RECURRING,
        f"{count.action} has failed {count.failures_in_a_row} times in a row for {count.signal} of {count.kind} "
        f"{count.namespace}/{count.target}: of {count.attempts} attempts {count.succeeded} lasted and after "
        f"{count.recurred} the trouble came back{came_back}. It is left alone until {until:%Y-%m-%dT%H:%M:%SZ}",
        until - now,
    )
