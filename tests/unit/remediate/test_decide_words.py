"""What people ask for after the decision, and changes that end on the way: which step follows."""

from typing import Any

import pytest

from podvigil.api.reasons import Reason
from podvigil.remediate.decide import next_step
from podvigil.remediate.steps import BeginRollback, Finish, Hold, Idle, Record, RollBack, Settle
from unit.remediate.test_decide import (
    CANCELLED,
    CLAIMED,
    DONE,
    INEFFECTIVE_SCALE,
    RESTARTED,
    SCALED,
    ended,
    rolling_back,
    settled,
    validated,
)
from unit.remediate.world import CLAIM, NOW, OPEN, at, context

WANTED_BACK = {"spec.rollback": {"requestedBy": "alice"}}
GIVEN_UP = {
    **CLAIM,
    "stoppedAt": at(-1),
    "stoppedReason": "TimedOut",
    "stoppedMessage": "it did not get done",
}
OPEN_AGAIN: dict[str, Any] = {**INEFFECTIVE_SCALE, **WANTED_BACK}
ENDED_SCALE: dict[str, Any] = {
    **INEFFECTIVE_SCALE,
    "status.conditions": [validated("True", "Succeeded"), settled("False", "NotNeeded"), ended("Succeeded")],
    "status.finishedAt": at(-3600),
}


@pytest.mark.parametrize(
    ("change", "step", "reason"),
    [
        pytest.param(
            {"request_change": CANCELLED}, Finish, Reason.CANCELLED, id="cancelled-before-the-claim"
        ),
        pytest.param(
            {"request_change": {**CANCELLED, **CLAIMED}},
            Finish,
            Reason.CANCELLED,
            id="cancelled-before-it-began",
        ),
        pytest.param(
            {"request_change": {**CANCELLED, **CLAIMED}, "target": RESTARTED},
            Record,
            None,
            id="cancelled-too-late",
        ),
        pytest.param(
            {"request_change": {"status.execution": GIVEN_UP}},
            Settle,
            Reason.NOTHING_TO_UNDO,
            id="given-up-on-the-way",
        ),
        pytest.param(
            {
                "request_change": {
                    "status.execution": GIVEN_UP,
                    "status.conditions": [settled("False", "NothingToUndo")],
                }
            },
            Finish,
            Reason.TIMED_OUT,
            id="given-up-and-settled",
        ),
        pytest.param(
            {"request_change": {**ENDED_SCALE, **WANTED_BACK}, "target": SCALED},
            BeginRollback,
            None,
            id="wanted-back-after-the-end",
        ),
        pytest.param(
            {
                "request_change": {
                    **OPEN_AGAIN,
                    "status.conditions": [validated("True", "Succeeded"), rolling_back()],
                },
                "target": SCALED,
            },
            RollBack,
            None,
            id="wanted-back-and-begun",
        ),
        pytest.param(
            {
                "request_change": {
                    **OPEN_AGAIN,
                    "status.conditions": [validated("True", "Succeeded"), rolling_back()],
                },
                "target": SCALED,
                "gate": OPEN,
            },
            Hold,
            Reason.GATE_NOT_STANDING,
            id="wanted-back-without-a-gate",
        ),
        pytest.param(
            {
                "request_change": {
                    **OPEN_AGAIN,
                    "status.conditions": [validated("True", "Succeeded"), rolling_back(-600)],
                },
                "target": SCALED,
                "gate": OPEN,
            },
            Settle,
            Reason.GATE_NOT_STANDING,
            id="wanted-back-without-a-gate-for-ten-minutes",
        ),
        pytest.param(
            {
                "request_change": {
                    **OPEN_AGAIN,
                    "status.conditions": [settled("True", "RolledBack")],
                }
            },
            Finish,
            Reason.ROLLED_BACK,
            id="wanted-back-and-done",
        ),
        pytest.param(
            {
                "request_change": {
                    **ENDED_SCALE,
                    **WANTED_BACK,
                    "status.conditions": [settled("True", "RolledBack"), ended("RolledBack")],
                }
            },
            Idle,
            None,
            id="wanted-back-and-answered",
        ),
        pytest.param(
            {"request_change": {**DONE, **WANTED_BACK}, "target": RESTARTED},
            BeginRollback,
            None,
            id="wanted-back-while-watching",
        ),
    ],
)
def test_next_step(change: dict[str, Any], step: type, reason: Reason | None) -> None:
    taken = next_step(context(**change), now=NOW)
    assert type(taken) is step
    said = taken.refusal.reason if isinstance(taken, Hold) else getattr(taken, "reason", None)
    assert said == reason
