"""What an AnomalyMonitor says of itself, in every trouble."""

from dataclasses import replace
from typing import Any

import pytest

from podvigil.api.conditions import ConditionStatus, find_condition
from podvigil.api.monitor import MonitorStatus
from podvigil.api.outcomes import OutcomeCount
from podvigil.api.reasons import Reason
from podvigil.api.signals import Signal
from podvigil.controllers.monitor.status import (
    METRICS_AVAILABLE,
    MODEL_LOADED,
    READY,
    TickFacts,
    Trouble,
    ready_trouble,
    status_after,
)
from podvigil.remediate.validation.outcomes import Memory, memory_of
from unit.detect.troubles import NOW, at

GOOD = TickFacts(
    duration_seconds=0.123,
    model=Trouble(Reason.MODEL_LOADED, "model 1, sha256 abc"),
    watched=5,
    scored=5,
    active=1,
    threshold=3.25,
    window=20_000,
)
YES, NO, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
FRESH = (YES, Reason.METRICS_FRESH)
LOADED = (YES, Reason.MODEL_LOADED)

SOURCE_TROUBLES = (
    Reason.SOURCE_UNREACHABLE,
    Reason.SOURCE_REFUSED,
    Reason.SOURCE_PARTIAL,
    Reason.WRONG_LABELS,
    Reason.NO_SAMPLES,
    Reason.SECRET_MISSING,
    Reason.INVALID_SPEC,
    Reason.API_SERVER_REFUSED,
)
SPEC_TROUBLES = (
    Reason.NOTHING_SELECTED,
    Reason.INVALID_SELECTOR,
    Reason.API_SERVER_UNAVAILABLE,
    Reason.API_SERVER_REFUSED,
)


def after(before: MonitorStatus | None = None, seconds: float = 0, **changes: Any) -> MonitorStatus:
    return status_after(before or MonitorStatus(), replace(GOOD, **changes), generation=7, now=at(seconds))


def said(status: MonitorStatus, kind: str) -> tuple[ConditionStatus, str] | None:
    found = find_condition(status.conditions, kind)
    return (found.status, found.reason) if found else None


@pytest.mark.parametrize(
    ("change", "ready", "metrics", "model"),
    [
        pytest.param({}, (YES, Reason.RUNNING), FRESH, LOADED, id="all-is-well"),
        *(
            pytest.param(
                {"source_trouble": Trouble(reason, "why")}, (NO, reason), (NO, reason), LOADED, id=f"source-{reason}"
            )
            for reason in SOURCE_TROUBLES
        ),
        *(
            pytest.param(
                {"spec_trouble": Trouble(reason, "why")}, (NO, reason), (UNKNOWN, reason), LOADED, id=f"spec-{reason}"
            )
            for reason in SPEC_TROUBLES
        ),
        pytest.param({"without_room": 3}, (NO, Reason.WINDOW_FULL), FRESH, LOADED, id="window-full"),
        pytest.param({"threshold": None}, (NO, Reason.WARMING_UP), FRESH, LOADED, id="warming-up"),
        pytest.param(
            {"model": Trouble(Reason.MODEL_BROKEN, "bad checksum")},
            (YES, Reason.RUNNING),
            FRESH,
            (NO, Reason.MODEL_BROKEN),
            id="model-broken-and-still-scoring",
        ),
        pytest.param(
            {"model": Trouble(Reason.MODEL_NOT_USED, "Z3")},
            (YES, Reason.RUNNING),
            FRESH,
            (NO, Reason.MODEL_NOT_USED),
            id="no-model-wanted",
        ),
        pytest.param(
            {"model": Trouble(Reason.STARTING, "not yet")}, (YES, Reason.RUNNING), FRESH, None, id="no-model-loaded-yet"
        ),
    ],
)  # fmt: skip
def test_conditions(
    change: dict[str, Any],
    ready: tuple[ConditionStatus, str],
    metrics: tuple[ConditionStatus, str],
    model: tuple[ConditionStatus, str] | None,
) -> None:
    status = after(**change)
    assert said(status, READY) == ready
    assert said(status, METRICS_AVAILABLE) == metrics
    assert said(status, MODEL_LOADED) == model
    assert all(c.observed_generation == 7 for c in status.conditions)
    assert all(c.message for c in status.conditions)


def test_the_first_trouble_is_the_one_that_is_told() -> None:
    everything: dict[str, Any] = {
        "spec_trouble": Trouble(Reason.NOTHING_SELECTED, "no pod"),
        "source_trouble": Trouble(Reason.NO_SAMPLES, "no sample"),
        "without_room": 1,
        "threshold": None,
    }
    order = []
    for solved in tuple(everything):
        trouble = ready_trouble(replace(GOOD, **everything))
        assert trouble is not None
        order.append(trouble.reason)
        del everything[solved]
    assert order == [Reason.NOTHING_SELECTED, Reason.NO_SAMPLES, Reason.WINDOW_FULL, Reason.WARMING_UP]
    assert ready_trouble(GOOD) is None


def test_a_condition_keeps_the_time_of_its_last_change() -> None:
    down = Trouble(Reason.SOURCE_UNREACHABLE, "no answer")
    moments = []
    status = MonitorStatus()
    for seconds, trouble in ((0.5, None), (30.5, None), (60.5, down), (90.5, down), (120.5, None)):
        status = after(status, seconds, source_trouble=trouble)
        found = find_condition(status.conditions, READY)
        assert found is not None
        moments.append(found.last_transition_time)
    assert moments == [at(0), at(0), at(60), at(60), at(120)]


def test_another_reason_for_the_same_status_is_told_without_a_new_time() -> None:
    first = after(source_trouble=Trouble(Reason.SOURCE_UNREACHABLE, "no answer"))
    second = after(first, 30, source_trouble=Trouble(Reason.SOURCE_REFUSED, "503"))
    found = find_condition(second.conditions, READY)
    assert found is not None
    assert (found.reason, found.message, found.last_transition_time) == (Reason.SOURCE_REFUSED, "503", NOW)


def test_the_numbers_of_a_good_tick() -> None:
    status = after(scored=4, missed=2, seconds=0.9)
    assert (status.pods_watched, status.pods_scored, status.reports_active) == (5, 4, 1)
    assert (status.last_tick_time, status.last_tick_duration, status.missed_ticks) == (NOW, "0.12s", 2)
    assert (status.threshold_milli, status.observed_generation) == (3250, 7)


@pytest.mark.parametrize("trouble", ["spec_trouble", "source_trouble"])
def test_without_data_no_pod_was_scored_and_the_last_good_tick_stays(trouble: str) -> None:
    status = after(after(), 30, **{trouble: Trouble(Reason.NO_SAMPLES, "none")}, threshold=None)
    assert (status.pods_scored, status.last_tick_time, status.threshold_milli) == (0, NOW, None)


def test_what_was_learnt_is_written() -> None:
    count = OutcomeCount(
        signal=Signal.MEMORY_HIGH,
        action="Restart",
        namespace="shop",
        kind="Deployment",
        target="web",
        attempts=2,
    )
    status = after(memory=Memory((count,), NOW))
    assert (status.outcomes, status.outcomes_forgotten_until) == ((count,), NOW)
    assert memory_of(status) == Memory((count,), NOW)


def test_what_the_executor_asks_for_is_written() -> None:
    status = after(pods_affected=2, workloads_affected=1, ticks_since_change=3)
    assert (status.pods_affected, status.workloads_affected, status.ticks_since_change) == (2, 1, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "all 5 pods have a score"),
        ({"scored": 3}, "3 of 5 pods have a score; the others are unknown, not normal"),
        ({"held_back": 4}, "4 more incidents are over the cap"),
        ({"without_room": 3}, "3 selected pods are not watched: the window holds 20000"),
        ({"threshold": None}, "too little history"),
    ],
)
def test_the_message_says_it_in_numbers(change: dict[str, Any], message: str) -> None:
    found = find_condition(after(**change).conditions, READY)
    assert found is not None
    assert message in found.message


def test_a_message_without_end_is_cut_to_what_the_api_server_takes() -> None:
    found = find_condition(after(source_trouble=Trouble(Reason.NO_SAMPLES, "x" * 5000)).conditions, READY)
    assert found is not None
    assert len(found.message) == 1024
