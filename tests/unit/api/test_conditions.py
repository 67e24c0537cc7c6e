"""Conditions keep the time of their last change, and nothing is true by default."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from podvigil.api.conditions import Condition, ConditionStatus, find_condition, is_true, set_condition
from podvigil.api.reasons import Reason

NOW = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
READY = set_condition((), "Ready", True, Reason.RUNNING, "12 pods are scored", now=NOW, generation=1)


def test_a_condition_has_all_six_fields() -> None:
    (ready,) = READY
    assert ready.dump() == {
        "type": "Ready",
        "status": "True",
        "reason": "Running",
        "message": "12 pods are scored",
        "lastTransitionTime": "2026-03-01T10:00:00Z",
        "observedGeneration": 1,
    }


@pytest.mark.parametrize(
    ("status", "reason", "changed_at"),
    [
        pytest.param(True, Reason.RUNNING, NOW, id="nothing-new"),
        pytest.param(True, Reason.WARMING_UP, NOW, id="another-reason-is-no-transition"),
        pytest.param(False, Reason.NO_SAMPLES, LATER, id="true-to-false"),
        pytest.param(ConditionStatus.UNKNOWN, Reason.NO_SAMPLES, LATER, id="true-to-unknown"),
        pytest.param(ConditionStatus.TRUE, Reason.RUNNING, NOW, id="a-status-says-the-same-as-a-bool"),
    ],
)
def test_the_transition_time_is_that_of_the_status(
    status: ConditionStatus | bool, reason: Reason, changed_at: datetime
) -> None:
    (ready,) = set_condition(READY, "Ready", status, reason, "said later", now=LATER, generation=2)
    assert (ready.last_transition_time, ready.reason, ready.message) == (
        changed_at,
        reason.value,
        "said later",
    )
    assert ready.observed_generation == 2


def test_other_conditions_stay_and_the_list_is_sorted() -> None:
    both = set_condition(READY, "ModelLoaded", False, Reason.MODEL_BROKEN, "checksum", now=LATER)
    assert [c.type for c in both] == ["ModelLoaded", "Ready"]
    assert find_condition(both, "Ready") == READY[0]


def test_setting_the_same_twice_changes_nothing() -> None:
    again = set_condition(READY, "Ready", True, Reason.RUNNING, "12 pods are scored", now=LATER, generation=1)
    assert again == READY


@pytest.mark.parametrize(
    ("conditions", "true"),
    [
        pytest.param((), False, id="absent"),
        pytest.param(READY, True, id="true"),
        pytest.param(
            set_condition((), "Ready", ConditionStatus.UNKNOWN, Reason.STARTING, "", now=NOW),
            False,
            id="unknown",
        ),
        pytest.param(set_condition((), "Ready", False, Reason.STARTING, "", now=NOW), False, id="false"),
    ],
)
def test_only_true_is_true(conditions: tuple[Condition, ...], true: bool) -> None:
    assert is_true(conditions, "Ready") is true


def test_a_long_message_is_cut_to_what_the_server_takes() -> None:
    (ready,) = set_condition((), "Ready", False, Reason.SOURCE_REFUSED, "x" * 5000, now=NOW)
    assert len(ready.message) == 1024


def test_times_are_written_in_utc_to_the_second() -> None:
    here = datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    (ready,) = set_condition((), "Ready", True, Reason.RUNNING, "", now=here)
    assert ready.dump()["lastTransitionTime"] == "2026-03-01T10:00:00Z"
    assert Condition.model_validate(ready.dump()) == ready
