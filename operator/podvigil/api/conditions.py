"""Conditions as the Kubernetes API conventions define them, and the one rule for updating a list of them."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from podvigil.api.base import ApiModel, Time
from podvigil.api.reasons import Reason


class ConditionStatus(StrEnum):
    """`Unknown` means we could not see; it is never good news."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(ApiModel):
    """One observation about an object (KEP-1623, all six fields)."""

    type: Annotated[str, Field(max_length=64, description="What is being said, in CamelCase.")]
    status: Annotated[ConditionStatus, Field(description="Whether it holds: True, False or Unknown.")]
    reason: Annotated[
        str, Field(min_length=1, max_length=64, description="Why, as one CamelCase word of a closed set.")
    ]
    message: Annotated[str, Field(max_length=1024, description="Why, for a person.")]
    last_transition_time: Annotated[Time, Field(description="When the status last changed.")]
    observed_generation: Annotated[
        int | None, Field(ge=0, description="The metadata.generation this was observed for.")
    ] = None


def set_condition(
    conditions: Iterable[Condition],
    kind: str,
    status: ConditionStatus | bool,
    reason: Reason,
    message: str,
    *,
    now: datetime,
    generation: int | None = None,
) -> tuple[Condition, ...]:
    """Return the conditions with this one set, sorted by type.

    The transition time is kept when the status does not change, so that its age means something.
    """
    if isinstance(status, bool):
        status = ConditionStatus.TRUE if status else ConditionStatus.FALSE
    by_type = {c.type: c for c in conditions}
    before = by_type.get(kind)
    unchanged = before is not None and before.status == status
    by_type[kind] = Condition(
        type=kind,
        status=status,
        reason=reason.value,
        message=message[:1024],
        last_transition_time=before.last_transition_time
        if before and unchanged
        else now.replace(microsecond=0),
        observed_generation=generation,
    )
    return tuple(by_type[t] for t in sorted(by_type))


def find_condition(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """Return the condition of this type, if it was ever set."""
    return next((c for c in conditions if c.type == kind), None)


def is_true(conditions: Iterable[Condition], kind: str) -> bool:
    """Return whether the condition is there and holds; absent and Unknown are no."""
    found = find_condition(conditions, kind)
    return found is not None and found.status is ConditionStatus.TRUE
