"""What the rules say of an incident: the cause, its evidence, and what may help."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from podvigil.api.actions import ActionName
from podvigil.api.features import Feature
from podvigil.api.signals import Signal
from podvigil.diagnose.rules import RULES, Facts, diagnose, facts_of, measured
from unit.detect.troubles import NOW, finding, incident, leak, share

LEAK = Facts(
    signal=Signal.MEMORY_HIGH,
    workload="Deployment shop/web",
    pods_affected=1,
    pods_evaluated=4,
    explanation=(share(Feature.MEMORY),),
    evidence=(),
)
TRAFFIC = (share(Feature.CPU, 0.7), share(Feature.NETWORK_RECEIVE, 0.3))
LESS_TRAFFIC = (share(Feature.CPU, 0.7), share(Feature.NETWORK_RECEIVE, 0.3, deviation=-3.0))
A_LITTLE = (share(Feature.CPU, 0.9), share(Feature.NETWORK_RECEIVE, 0.1))
RESTART, SCALE, SET = ActionName.RESTART, ActionName.SCALE, ActionName.SET_RESOURCES


@pytest.mark.parametrize(
    ("change", "cause", "actions"),
    [
        pytest.param({}, "MemoryGrowthInPod", [RESTART, None], id="one-pod-leaks"),
        pytest.param({"pods_affected": 3}, "MemoryGrowthInWorkload", [RESTART, SET, None], id="most-leak"),
        pytest.param(
            {"pods_evaluated": 1}, "MemoryGrowthInPod", [RESTART, None], id="a-single-replica-leaks"
        ),
        pytest.param({"signal": Signal.CPU_HIGH}, "BusyPod", [RESTART, SCALE, None], id="one-pod-is-busy"),
        pytest.param(
            {"signal": Signal.CPU_HIGH, "pods_affected": 4}, "LoadAboveCapacity", [SCALE], id="all-are-busy"
        ),
        pytest.param(
            {"signal": Signal.CPU_HIGH, "explanation": TRAFFIC},
            "LoadAboveCapacity",
            [SCALE],
            id="busy-with-traffic",
        ),
        pytest.param(
            {"signal": Signal.CPU_HIGH, "explanation": LESS_TRAFFIC},
            "BusyPod",
            [RESTART, SCALE, None],
            id="busy-with-less-traffic-than-usual",
        ),
        pytest.param(
            {"signal": Signal.CPU_HIGH, "explanation": A_LITTLE},
            "BusyPod",
            [RESTART, SCALE, None],
            id="busy-with-a-trifle-of-traffic",
        ),
        pytest.param({"signal": Signal.CPU_LOW}, "WorkStopped", [RESTART], id="stuck"),
        pytest.param({"signal": Signal.CPU_THROTTLING}, "CPULimitTooLow", [SET, SCALE, None], id="throttled"),
        pytest.param({"signal": Signal.OOM_KILLED}, "MemoryLimitReached", [SET, None], id="oom-killed"),
        pytest.param({"signal": Signal.CRASH_LOOP}, "ContainerFailsAtStart", [None], id="crash-loop"),
        pytest.param({"signal": Signal.RESTART_BURST}, "ContainerFailsRepeatedly", [None], id="restarts"),
        pytest.param(
            {"signal": Signal.VOLUME_FILLING, "at_limit": True, "forecast": leak(900)},
            "VolumeFull",
            [None],
            id="a-full-volume",
        ),
        pytest.param(
            {"signal": Signal.VOLUME_FILLING, "forecast": leak(60), "rolled_out_at": NOW, "since": NOW},
            "VolumeFilling",
            [None],
            id="a-volume-that-fills",
        ),
    ],
)
def test_causes(change: dict[str, Any], cause: str, actions: list[ActionName | None]) -> None:
    said = diagnose(replace(LEAK, **change))
    assert said is not None
    assert said.cause == cause
    # A restart is no remedy for what restarts anyhow.
    assert [action for action, _ in said.advice] == actions
    assert LEAK.workload in said.message


@pytest.mark.parametrize("signal", sorted(set(Signal) - set(RULES)))
def test_what_no_rule_explains_is_not_explained(signal: Signal) -> None:
    assert diagnose(replace(LEAK, signal=signal)) is None


@pytest.mark.parametrize("signal", RULES)
@pytest.mark.parametrize("affected", [0, 1, 4])
def test_every_rule_answers_whatever_the_facts_lack(signal: Signal, affected: int) -> None:
    bare = replace(
        LEAK, signal=signal, pods_affected=affected, pods_evaluated=affected, explanation=(), evidence=()
    )
    said = diagnose(bare)
    assert said is not None
    # The bounds of the report's fields.
    assert len(said.cause) <= 64
    assert len(said.message) <= 1024
    assert said.advice


@pytest.mark.parametrize(
    ("affected", "evaluated", "widespread"),
    [
        pytest.param(1, 1, False, id="the-only-pod"),
        pytest.param(1, 4, False, id="one-of-four"),
        pytest.param(3, 4, True, id="three-of-four"),
        pytest.param(4, 4, True, id="all"),
        pytest.param(0, 0, False, id="nothing-is-known"),
        pytest.param(0, 4, False, id="none"),
    ],
)
def test_widespread(affected: int, evaluated: int, widespread: bool) -> None:
    assert replace(LEAK, pods_affected=affected, pods_evaluated=evaluated).is_widespread is widespread


@pytest.mark.parametrize(
    ("affected", "evaluated", "sentence"),
    [
        (1, 4, "3 of 4 replicas are as expected"),
        (4, 4, "no replica is as expected"),
        (1, 1, "there is no other replica to compare with"),
    ],
)
def test_the_siblings_are_evidence(affected: int, evaluated: int, sentence: str) -> None:
    said = diagnose(replace(LEAK, pods_affected=affected, pods_evaluated=evaluated))
    assert said is not None
    assert said.evidence[-1] == sentence


def test_the_numbers_are_evidence() -> None:
    (memory,) = measured(replace(LEAK, explanation=(share(Feature.MEMORY, 0.875),)))
    for part in ("memory", "412Mi", "200Mi", "88%"):
        assert part in memory


def test_what_the_cluster_said_is_evidence() -> None:
    said = diagnose(replace(LEAK, signal=Signal.OOM_KILLED, evidence=("killed at 10:00:00 UTC",)))
    assert said is not None
    assert said.evidence == ("killed at 10:00:00 UTC",)


def test_the_worst_pod_speaks_for_the_incident() -> None:
    worst = finding("web-2", explanation=(share(Feature.MEMORY, 0.9),), evidence=("seen",))
    facts = facts_of(incident(findings=(worst, finding("web-1"), finding("web-2")), evaluated=5))
    assert (facts.pods_affected, facts.pods_evaluated) == (2, 5), "a pod counts once"
    assert (facts.explanation, facts.evidence) == (worst.explanation, ("seen",))
    assert (facts.workload, facts.signal) == ("Deployment shop/web", Signal.MEMORY_HIGH)


def test_affected_pods_were_evaluated_even_when_nobody_counted_them() -> None:
    assert facts_of(incident(evaluated=0)).pods_evaluated == 1


def test_between_two_findings_there_are_no_numbers() -> None:
    facts = facts_of(incident(findings=(), evaluated=3))
    assert (facts.pods_affected, facts.pods_evaluated, facts.explanation) == (0, 3, ())


def test_the_pod_that_reaches_its_limit_first_speaks_for_the_forecast() -> None:
    told = (finding(), finding("web-2", forecast=leak(90)), finding("web-3", forecast=leak(30)))
    assert facts_of(incident(findings=told)).forecast == leak(30)
    assert facts_of(incident()).forecast is None


def test_only_what_grows_on_is_called_a_leak() -> None:
    standing, growing = diagnose(LEAK), diagnose(replace(LEAK, forecast=leak()))
    assert standing is not None
    assert growing is not None
    assert "probably a leak" in growing.message
    assert "probably" not in standing.message


def after_rollout(minutes: float, **change: Any) -> Facts:
    """All replicas leak, so long after the newest revision was made."""
    widespread: dict[str, Any] = {
        "pods_affected": 4,
        "since": NOW,
        "rolled_out_at": NOW - timedelta(minutes=minutes),
    }
    return replace(LEAK, **(widespread | change))


@pytest.mark.parametrize(
    ("facts", "blamed"),
    [
        pytest.param(after_rollout(7), True, id="minutes-after-a-rollout"),
        pytest.param(after_rollout(30), True, id="just-soon-enough"),
        pytest.param(after_rollout(31), False, id="too-long-ago"),
        pytest.param(after_rollout(-1), False, id="it-began-before"),
        pytest.param(after_rollout(7, pods_affected=1), False, id="one-of-four-leaks"),
        pytest.param(after_rollout(7, pods_affected=1, pods_evaluated=1), True, id="the-only-one-leaks"),
        pytest.param(
            after_rollout(7, pods_affected=1, signal=Signal.CRASH_LOOP), True, id="the-first-new-pod-crashes"
        ),
        pytest.param(
            after_rollout(7, signal=Signal.CPU_HIGH, explanation=TRAFFIC), False, id="traffic-explains-it"
        ),
        pytest.param(after_rollout(7, rolled_out_at=None), False, id="no-rollout-is-known"),
    ],
)
def test_a_rollout_shortly_before_is_the_first_suspect(facts: Facts, blamed: bool) -> None:
    said, usual = diagnose(facts), diagnose(replace(facts, rolled_out_at=None))
    assert said is not None
    assert usual is not None
    assert (said.advice[0][0] is ActionName.ROLLBACK) is blamed
    assert said.cause == usual.cause + ("AfterRollout" if blamed else "")
    assert said.advice[-len(usual.advice) :] == usual.advice, "what helps otherwise is still there"


def test_the_rollout_is_evidence() -> None:
    said = diagnose(after_rollout(7))
    assert said is not None
    assert said.evidence[0] == "it began 7 minutes after the rollout of 09:53:00 UTC"
