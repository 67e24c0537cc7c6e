"""A claimed request whose action's package is gone: it waits for an executor that has it, and not for ever."""

from typing import Any

import pytest

from podvigil.api.reasons import Reason
from podvigil.remediate.decide import next_step
from podvigil.remediate.steps import BeginRollback, Finish, Hold
from unit.remediate.test_decide import CANCELLED, CLAIMED, INEFFECTIVE_SCALE, rolling_back, validated
from unit.remediate.test_decide_words import ENDED_SCALE, OPEN_AGAIN, WANTED_BACK
from unit.remediate.world import CLAIM, NOW, at, context

LONG_AGO = {**CLAIM, "claimedAt": at(-600)}


@pytest.mark.parametrize(
    ("change", "step", "outcome"),
    [
        pytest.param(CLAIMED, Hold, None, id="claimed-just-now"),
        pytest.param({"status.execution": LONG_AGO}, Finish, Reason.FAILED, id="claimed-ten-minutes-ago"),
        pytest.param({**CLAIMED, **CANCELLED}, Finish, Reason.FAILED, id="cancelled"),
        pytest.param(
            {
                "status.execution": {**LONG_AGO, "finishedAt": at(-600)},
                "status.validation": {"until": at(120)},
            },
            Finish,
            Reason.INCONCLUSIVE,
            id="changed-ten-minutes-ago",
        ),
        pytest.param({**ENDED_SCALE, **WANTED_BACK}, BeginRollback, None, id="wanted-back"),
        pytest.param(
            {**OPEN_AGAIN, "status.conditions": [validated("True", "Succeeded"), rolling_back()]},
            Hold,
            None,
            id="wanted-back-just-now",
        ),
        pytest.param(
            {
                **OPEN_AGAIN,
                "status.conditions": [validated("True", "Succeeded"), rolling_back(-600)],
                "status.execution": {
                    **INEFFECTIVE_SCALE["status.execution"],
                    "claimedAt": at(-900),
                    "finishedAt": at(-800),
                },
            },
            Finish,
            Reason.ROLLBACK_FAILED,
            id="wanted-back-ten-minutes-ago",
        ),
    ],
)
def test_next_step(change: dict[str, Any], step: type, outcome: Reason | None) -> None:
    taken = next_step(context(request_change={**change, "spec.plan.action": "example.com/None"}), now=NOW)
    assert type(taken) is step
    if isinstance(taken, Finish):
        assert taken.outcome is outcome
        assert taken.reason is Reason.ACTION_UNKNOWN
    if isinstance(taken, Hold):
        assert taken.refusal.reason is Reason.ACTION_UNKNOWN
