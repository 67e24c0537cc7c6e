"""What became of a change: health first, then the detector, and silence is no good news."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from podvigil.api.reasons import Reason
from podvigil.api.request import Health
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.validation.effect import Effect
from podvigil.remediate.validation.judge import judge_workload
from unit.remediate.world import NOW, active, at, deployment, report, request

BEFORE = Health(replicas=4, ready_replicas=4, updated_replicas=4, restarts=0)
LOW = Health(replicas=4, ready_replicas=2)
WATCHING = Effect(
    target=deployment(),
    plan=request().spec.plan,
    report=report(active("True", -5)),
    baseline=BEFORE,
    previous=None,
    begun_at=NOW - timedelta(seconds=65),
    changed_at=NOW - timedelta(seconds=60),
    until=NOW + timedelta(seconds=120),
    interval_seconds=30,
)
OVER = {"until": NOW}


def of_a_hundred(restarts: int) -> WorkloadState:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 100)
    return deployment(restarts=restarts, spec__replicas=100, status={**counts, "observedGeneration": 3})


CALM = report(active("False", -5))


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        pytest.param({}, None, id="still-active"),
        pytest.param({"report": CALM}, None, id="calm-and-healthy-so-far"),
        pytest.param({**OVER, "report": CALM}, Reason.SUCCEEDED, id="calm-and-healthy-to-the-end"),
        pytest.param(
            {"report": CALM, "target": deployment(status__updatedReplicas=3)}, None, id="calm-and-rolling-out"
        ),
        pytest.param(
            {"report": CALM, "target": deployment(status__readyReplicas=3)}, None, id="calm-and-one-not-ready"
        ),
        pytest.param({"report": report(active("False", -61))}, None, id="calm-before-the-change"),
        pytest.param(
            {"report": report(active("False", -5, status__podsEvaluated=0))},
            None,
            id="calm-and-nothing-judged",
        ),
        pytest.param({"report": report(active("Unknown", -5))}, None, id="unknown"),
        pytest.param({"target": None}, Reason.INCONCLUSIVE, id="target-gone"),
        pytest.param({"target": deployment(restarts=3)}, Reason.HARMFUL, id="third-crash"),
        pytest.param({"target": deployment(restarts=2)}, None, id="second-crash"),
        pytest.param(
            {"target": deployment(restarts=3), "baseline": Health(replicas=4, ready_replicas=4, restarts=9)},
            Reason.HARMFUL,
            id="new-pods-crash-whatever-the-old-ones-did",
        ),
        pytest.param(
            {
                "target": deployment(restarts=11),
                "baseline": Health(replicas=4, ready_replicas=4, restarts=9),
                "replaces_pods": False,
            },
            None,
            id="old-pods-had-crashed-nine-times",
        ),
        pytest.param({"target": of_a_hundred(restarts=5)}, None, id="a-few-of-a-hundred-crashed-once"),
        pytest.param({"target": of_a_hundred(restarts=6)}, Reason.HARMFUL, id="more-than-one-in-twenty"),
        pytest.param({"target": deployment(status__readyReplicas=3)}, None, id="one-away-as-the-rollout-may"),
        pytest.param({"target": deployment(status__readyReplicas=2)}, None, id="two-away-once"),
        pytest.param(
            {"target": deployment(status__readyReplicas=2), "previous": LOW},
            Reason.HARMFUL,
            id="two-away-at-two-looks",
        ),
        pytest.param(
            {"target": deployment(status__readyReplicas=0), "previous": LOW, "at_once": 4},
            None,
            id="all-away-as-recreate-may",
        ),
        pytest.param(
            {
                "target": deployment(status__readyReplicas=1),
                "previous": LOW,
                "baseline": Health(replicas=4, ready_replicas=1),
            },
            None,
            id="no-worse-than-before",
        ),
        pytest.param({**OVER}, Reason.INEFFECTIVE, id="over-and-active"),
        pytest.param({**OVER, "report": CALM}, Reason.SUCCEEDED, id="over-and-calm"),
        pytest.param(
            {**OVER, "target": deployment(status__readyReplicas=3)},
            Reason.HARMFUL,
            id="over-and-one-not-ready",
        ),
        pytest.param(
            {**OVER, "report": CALM, "target": deployment(status__updatedReplicas=3)},
            Reason.INEFFECTIVE,
            id="over-and-the-rollout-is-stuck",
        ),
        pytest.param(
            {
                **OVER,
                "report": CALM,
                "target": deployment(status__updatedReplicas=2, status__readyReplicas=3),
            },
            Reason.INEFFECTIVE,
            id="over-and-a-slow-rollout-has-one-away-as-it-may",
        ),
        pytest.param(
            {
                **OVER,
                "report": CALM,
                "target": deployment(status__updatedReplicas=2, status__readyReplicas=2),
            },
            Reason.HARMFUL,
            id="over-and-a-slow-rollout-has-more-away-than-it-may",
        ),
        pytest.param({**OVER, "report": None}, Reason.INCONCLUSIVE, id="over-and-no-report"),
        pytest.param(
            {**OVER, "report": report(active("True", -61))},
            Reason.INCONCLUSIVE,
            id="over-and-the-report-is-old",
        ),
        pytest.param(
            {**OVER, "changed_at": NOW - timedelta(minutes=10), "report": report(active("False", -121))},
            Reason.INCONCLUSIVE,
            id="over-and-the-report-is-stale",
        ),
        pytest.param(
            {
                **OVER,
                "changed_at": NOW - timedelta(minutes=10),
                "report": report(active("False", -540)),
                "judged_at": NOW - timedelta(seconds=20),
            },
            Reason.SUCCEEDED,
            id="over-and-closed-for-long-while-the-analyst-went-on",
        ),
        pytest.param(
            {
                **OVER,
                "changed_at": NOW - timedelta(minutes=10),
                "report": report(active("False", -540)),
                "judged_at": NOW - timedelta(seconds=121),
            },
            Reason.INCONCLUSIVE,
            id="over-and-closed-and-the-analyst-has-stopped-since",
        ),
        pytest.param(
            {
                **OVER,
                "changed_at": NOW - timedelta(minutes=10),
                "report": report(active("True", -540)),
                "judged_at": NOW - timedelta(seconds=20),
            },
            Reason.INCONCLUSIVE,
            id="over-and-active-and-not-judged-for-long",
        ),
        pytest.param(
            {**OVER, "report": report(active("False", -5, reason="TargetGone"))},
            Reason.INCONCLUSIVE,
            id="over-and-closed-since-there-was-no-pod",
        ),
        pytest.param(
            {**OVER, "report": report(active("False", -5, reason="MonitorDeleted"))},
            Reason.INCONCLUSIVE,
            id="over-and-closed-since-nobody-looks-any-more",
        ),
        pytest.param(
            {**OVER, "report": report({"status.lastEvaluated": at(-5), "status.conditions": []})},
            Reason.INCONCLUSIVE,
            id="over-and-the-report-says-nothing",
        ),
        pytest.param(
            {
                **OVER,
                "report": CALM,
                "replaces_pods": False,
                "at_once": 0,
                "target": deployment(spec__replicas=2, status__replicas=2, status__readyReplicas=2),
            },
            Reason.SUCCEEDED,
            id="scaled-down-and-fewer-are-wanted",
        ),
    ],
)
def test_judge(change: dict[str, Any], outcome: Reason | None) -> None:
    change = dict(change)
    at_once, replaces_pods = change.pop("at_once", 1), change.pop("replaces_pods", True)
    effect = replace(WATCHING, **change)
    verdict = judge_workload(effect, at_once=at_once, replaces_pods=replaces_pods, now=NOW)
    assert (verdict.outcome if verdict else None) == outcome
