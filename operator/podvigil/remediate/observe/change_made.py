"""When a request last changed its target: read from its status as the API server writes it, of one or of all."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from podvigil.api.conditions import ConditionStatus
from podvigil.api.request import RequestCondition


class _Condition(msgspec.Struct, gc=False, rename="camel"):
    type: str
    status: str
    last_transition_time: datetime | None = None


class _Execution(msgspec.Struct, gc=False, rename="camel"):
    claimed_at: datetime
    finished_at: datetime | None = None
    stopped_at: datetime | None = None


class ChangeStatus(msgspec.Struct, gc=False, rename="camel"):
    """What a request's status says of its change; absent fields mean that it has not come so far."""

    conditions: list[_Condition] | None = None
    execution: _Execution | None = None
    finished_at: datetime | None = None

    @property
    def changed_at(self) -> datetime | None:
        """When the target was last changed: the change was made, given up half-way, or put back."""
        execution = self.execution
        if execution is None:
            return None
        times = (execution.finished_at, execution.stopped_at, self._rolled_back_at)
        return max((time for time in times if time is not None), default=None)

    @property
    def changed_or_begun_at(self) -> datetime | None:
        """The same, or when a change was begun that may yet be made."""
        if self.changed_at is not None or self.execution is None or self.finished_at is not None:
            return self.changed_at
        return self.execution.claimed_at

    @property
    def _rolled_back_at(self) -> datetime | None:
        kind, true = RequestCondition.ROLLED_BACK.value, ConditionStatus.TRUE.value
        held = (c for c in self.conditions or () if (c.type, c.status) == (kind, true))
        return next((c.last_transition_time for c in held), None)


def change_status(status: Mapping[str, Any]) -> ChangeStatus:
    """Read it from a decoded status. Raises: msgspec.ValidationError for what breaks the kind's schema."""
    return msgspec.convert(status, ChangeStatus)
