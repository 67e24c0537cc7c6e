"""What the API server alone says is wrong, whether or not there are metrics."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from podvigil.api.pods import PodKey
from podvigil.api.signals import Signal
from podvigil.detect.signals import (
    BURST_RESTARTS,
    RECENT,
    THROTTLED_RATIO,
    ContainerFacts,
    certain_findings,
    recent,
)
from unit.detect.troubles import NOW, WEB

WELL = ContainerFacts(PodKey("shop", "web-1"), WEB, restarts=0, restarts_recently=0)


@pytest.mark.parametrize(
    ("change", "signals"),
    [
        pytest.param({}, [], id="nothing-is-wrong"),
        pytest.param(
            {"terminated_reason": "OOMKilled", "terminated_at": NOW}, [Signal.OOM_KILLED], id="oom-killed-now"
        ),
        pytest.param(
            {"terminated_reason": "OOMKilled", "terminated_at": NOW - RECENT},
            [Signal.OOM_KILLED],
            id="oom-killed-ten-minutes-ago",
        ),
        pytest.param(
            {"terminated_reason": "OOMKilled", "terminated_at": NOW - RECENT - timedelta(seconds=1)},
            [],
            id="oom-killed-too-long-ago",
        ),
        pytest.param({"terminated_reason": "OOMKilled"}, [], id="oom-killed-nobody-knows-when"),
        pytest.param({"terminated_reason": "Completed", "terminated_at": NOW}, [], id="ended-as-it-should"),
        pytest.param({"waiting_reason": "CrashLoopBackOff"}, [Signal.CRASH_LOOP], id="crash-loop"),
        pytest.param({"waiting_reason": "ContainerCreating"}, [], id="waits-as-all-do"),
        pytest.param({"restarts": 90, "restarts_recently": BURST_RESTARTS - 1}, [], id="restarts-long-ago"),
        pytest.param({"restarts_recently": BURST_RESTARTS}, [Signal.RESTART_BURST], id="restart-burst"),
        pytest.param(
            {"waiting_reason": "CrashLoopBackOff", "restarts_recently": 9},
            [Signal.CRASH_LOOP],
            id="a-crash-loop-is-no-burst-beside",
        ),
        pytest.param({"throttled_ratio": THROTTLED_RATIO}, [Signal.CPU_THROTTLING], id="throttled-half"),
        pytest.param({"throttled_ratio": 0.49}, [], id="throttled-less-than-half"),
        pytest.param({"throttled_ratio": 0.0}, [], id="not-throttled"),
        pytest.param(
            {
                "terminated_reason": "OOMKilled",
                "terminated_at": NOW,
                "waiting_reason": "CrashLoopBackOff",
                "throttled_ratio": 0.9,
            },
            [Signal.OOM_KILLED, Signal.CRASH_LOOP, Signal.CPU_THROTTLING],
            id="several-troubles-at-once",
        ),
    ],
)
def test_signals(change: dict[str, Any], signals: list[Signal]) -> None:
    found = [f for f in certain_findings([replace(WELL, **change)], now=NOW) if f.over]
    assert [f.signal for f in found] == signals
    # What was seen is certain, needs no model, and says what was seen.
    assert all(f.over and f.settled and f.probability == 1.0 and not f.estimated for f in found)
    assert all(f.evidence and all(f.evidence) for f in found)


@pytest.mark.parametrize(
    ("change", "held"),
    [
        pytest.param({"restarts": 9, "restarts_recently": 1}, True, id="restarted-a-moment-ago"),
        pytest.param(
            {"restarts": 9, "terminated_reason": "Error", "terminated_at": NOW - RECENT},
            True,
            id="nobody-watched-it-and-the-kubelet-knows",
        ),
        pytest.param(
            {
                "restarts": 9,
                "terminated_reason": "Error",
                "terminated_at": NOW - RECENT - timedelta(seconds=1),
            },
            False,
            id="restarted-long-ago",
        ),
        pytest.param({"terminated_reason": "Completed", "terminated_at": NOW}, False, id="never-restarted"),
    ],
)
def test_between_two_rounds_of_a_crash_loop_it_is_held_open(change: dict[str, Any], held: bool) -> None:
    found = certain_findings([replace(WELL, **change)], now=NOW)
    assert [(f.signal, f.over) for f in found] == ([(Signal.CRASH_LOOP, False)] if held else [])


def test_whoever_looks_once_an_hour_sees_what_ended_within_two() -> None:
    killed = replace(
        WELL, restarts=1, terminated_reason="OOMKilled", terminated_at=NOW - timedelta(minutes=119)
    )
    (found, _) = certain_findings([killed], now=NOW, lately=recent(timedelta(hours=1)))
    assert found.signal is Signal.OOM_KILLED
    assert recent(timedelta(seconds=30)) == RECENT


def test_the_evidence_is_in_numbers() -> None:
    killed = replace(WELL, restarts=7, terminated_reason="OOMKilled", terminated_at=NOW)
    burst = replace(WELL, restarts_recently=4, throttled_ratio=0.875)
    assert [f.evidence for f in certain_findings([killed, burst], now=NOW) if f.over] == [
        ("a container was killed for exceeding its memory limit at 10:00:00 UTC", "7 restarts in all"),
        ("4 restarts within 10 minutes",),
        ("88% of the CPU periods are throttled at the limit",),
    ]
