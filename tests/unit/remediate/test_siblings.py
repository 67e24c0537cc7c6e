"""The comparison with what was not changed: trouble that is bigger than a change, and trouble that ends by itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from podvigil.api.reasons import Reason
from podvigil.api.report import TargetReference
from podvigil.api.request import Health, Siblings
from podvigil.remediate.validation.effect import Effect
from podvigil.remediate.validation.judge import judge_workload
from podvigil.remediate.validation.siblings import Neighbourhood, WorkloadName, neighbourhood, siblings
from samples import changed
from unit.remediate.world import (
    DEPLOYMENT,
    NOW,
    OWNER,
    REPORT,
    REQUEST,
    active,
    at,
    deployment,
    pod,
    report,
    request,
)

BEFORE = Siblings(workloads=3, replicas=10, ready_replicas=10)
WATCHING = Effect(
    target=deployment(),
    plan=request().spec.plan,
    report=report(active("True", -5)),
    baseline=Health(replicas=4, ready_replicas=4, updated_replicas=4),
    previous=Health(replicas=4, ready_replicas=2),
    begun_at=NOW - timedelta(seconds=65),
    changed_at=NOW - timedelta(seconds=60),
    until=NOW + timedelta(seconds=120),
    interval_seconds=30,
    siblings_before=BEFORE,
    siblings=BEFORE,
)
HALF: dict[str, Any] = {"target": deployment(status__readyReplicas=2)}
"""Of four ready pods two are left, at two looks: harm, unless the others fare no better."""

OVER: dict[str, Any] = {"until": NOW, "report": report(active("False", -5))}


def ready(count: int, wanted: int = 10, reports: tuple[str, ...] = ()) -> Siblings:
    return Siblings(workloads=3, replicas=wanted, ready_replicas=count, reports=reports)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        pytest.param({**HALF}, Reason.HARMFUL, id="only-the-target"),
        pytest.param({**HALF, "siblings": ready(6)}, Reason.HARMFUL, id="siblings-lost-less"),
        pytest.param({**HALF, "siblings": ready(5)}, Reason.INCONCLUSIVE, id="siblings-lost-as-much"),
        pytest.param({**HALF, "siblings": ready(0)}, Reason.INCONCLUSIVE, id="siblings-lost-all"),
        pytest.param({**HALF, "siblings": ready(5, 5)}, Reason.HARMFUL, id="siblings-were-scaled-down"),
        pytest.param(
            {**HALF, "siblings_before": ready(5), "siblings": ready(5)}, Reason.HARMFUL, id="siblings-were-low-before"
        ),
        pytest.param({**HALF, "siblings_before": None}, Reason.HARMFUL, id="siblings-were-not-looked-at"),
        pytest.param({**HALF, "siblings": None}, Reason.HARMFUL, id="siblings-are-not-seen"),
        pytest.param(
            {**HALF, "siblings_before": ready(0, 0), "siblings": ready(0, 0)}, Reason.HARMFUL, id="no-siblings"
        ),
        pytest.param(
            {"target": deployment(restarts=3), "siblings": ready(5)}, Reason.HARMFUL, id="crashes-of-the-target-alone"
        ),
        pytest.param({**OVER}, Reason.SUCCEEDED, id="calm"),
        pytest.param(
            {**OVER, "siblings_before": ready(10, reports=("a", "b")), "siblings": ready(10, reports=("b",))},
            Reason.SUCCEEDED,
            id="one-sibling-is-still-in-trouble",
        ),
        pytest.param(
            {**OVER, "siblings_before": ready(10, reports=("a", "b"))},
            Reason.INCONCLUSIVE,
            id="the-same-trouble-ended-everywhere",
        ),
        pytest.param(
            {**OVER, "siblings_before": ready(10, reports=("a",)), "changed_siblings": frozenset({"a"})},
            Reason.SUCCEEDED,
            id="it-ended-where-we-changed-something-too",
        ),
    ],
)  # fmt: skip
def test_judge(change: dict[str, Any], outcome: Reason) -> None:
    verdict = judge_workload(replace(WATCHING, **change), at_once=1, replaces_pods=True, now=NOW)
    assert verdict is not None
    assert verdict.outcome == outcome


def test_the_message_says_it_in_numbers() -> None:
    effect = replace(WATCHING, **HALF, siblings=ready(4))
    verdict = judge_workload(effect, at_once=1, replaces_pods=True, now=NOW)
    assert verdict is not None
    assert verdict.message.startswith(
        "2 of 4 pods are ready, 4 were before the change; but the trouble is bigger"
    )
    assert "4 of 10 pods are ready, 10 of 10 were before" in verdict.message


@pytest.mark.parametrize(
    ("ready_of_the_old", "is_successor_ready", "outcome"),
    [
        pytest.param(3, False, Reason.HARMFUL, id="only-the-new-pod-is-not-ready"),
        pytest.param(2, False, Reason.INCONCLUSIVE, id="others-went-down-too"),
        pytest.param(2, True, Reason.INCONCLUSIVE, id="another-went-down-and-the-new-pod-is-ready"),
    ],
)
def test_for_one_pod_the_other_replicas_are_siblings(
    ready_of_the_old: int, is_successor_ready: bool, outcome: Reason
) -> None:
    """web-0 was evicted, and its successor made before that was recorded; of the three others so many are ready.

    Another's pod does not count.
    """
    down: dict[str, Any] = {"status__conditions": [{"type": "Ready", "status": "False"}]}
    old = [pod(f"web-{i}", metadata__creationTimestamp=at(-3600)) for i in range(1, 1 + ready_of_the_old)]
    old += [
        pod(f"web-{i}", metadata__creationTimestamp=at(-3600), **down) for i in range(1 + ready_of_the_old, 4)
    ]
    new = pod("web-4", metadata__creationTimestamp=at(-61), **({} if is_successor_ready else down))
    canary = pod(
        "canary",
        metadata__creationTimestamp=at(-3600),
        metadata__ownerReferences=[{**OWNER, "uid": "rs-of-the-canary"}],
    )
    ready = ready_of_the_old + is_successor_ready
    target = deployment(status__readyReplicas=ready, pods=(*old, new, canary))
    plan = request({"spec.plan.parameters": {"pod": {"name": "web-0", "uid": "uid-web-0"}}}).spec.plan
    effect = replace(WATCHING, target=target, plan=plan, until=NOW)
    verdict = judge_workload(effect, at_once=1, replaces_pods=False, now=NOW)
    assert verdict is not None
    assert verdict.outcome == outcome


# -- reading a namespace

WEB = TargetReference(api_version="apps/v1", kind="Deployment", name="web", uid="u1")
DB = WorkloadName("Deployment", "db")


def workload(name: str, ready_pods: int = 4) -> dict[str, Any]:
    return changed(DEPLOYMENT, {"metadata.name": name, "status.readyReplicas": ready_pods})


def trouble(target: str, status: str = "True") -> dict[str, Any]:
    change = {"metadata.name": f"{target}-memoryhigh", "spec.target.name": target, **active(status)}
    return changed(REPORT, change)


def change_of(target: str, **status: Any) -> dict[str, Any]:
    return changed(REQUEST, {"spec.plan.target.name": target, "status": status})


def seen(*requests: dict[str, Any]) -> Neighbourhood:
    workloads = [workload("web", 0), workload("db", 3), workload("cart", 9)]
    reports = [trouble("web"), trouble("db"), trouble("cart", "False")]
    return neighbourhood(WEB, list(workloads), list(reports), list(requests))


def test_the_target_is_no_sibling_and_a_surge_no_surplus() -> None:
    assert siblings(seen(), NOW) == Siblings(
        workloads=2, replicas=8, ready_replicas=3 + 4, reports=("db-memoryhigh",)
    )


@pytest.mark.parametrize(
    ("requests", "is_sibling"),
    [
        pytest.param([change_of("db")], True, id="only-asked-for"),
        pytest.param([change_of("web", execution={"claimedAt": at(-9)})], True, id="the-target-is-changed"),
        pytest.param([change_of("db", execution={"claimedAt": at(-9)})], False, id="being-changed"),
        pytest.param([change_of("db", execution={"finishedAt": at(-3600)})], False, id="changed-an-hour-ago"),
        pytest.param([change_of("db", execution={"finishedAt": at(-3601)})], True, id="changed-before-that"),
        pytest.param([change_of("db", execution={"stoppedAt": at(-60)})], False, id="given-up-on-the-way"),
        pytest.param([change_of("db", execution={"claimedAt": at(-9)}, finishedAt=at(-5))], True, id="never-made"),
        pytest.param(
            [
                change_of("db", execution={"finishedAt": at(-60)}),
                change_of("db", execution={"finishedAt": at(-7200)}),
            ],
            False,
            id="the-last-change-counts",
        ),
    ],
)  # fmt: skip
def test_what_we_changed_lately_is_no_sibling(requests: list[dict[str, Any]], is_sibling: bool) -> None:
    around = seen(*requests)
    found = siblings(around, NOW)
    assert (found.workloads, found.reports) == ((2, ("db-memoryhigh",)) if is_sibling else (1, ()))
    assert around.untouched(DB, NOW) is is_sibling
    assert around.changed_reports(NOW) == (frozenset() if is_sibling else {"db-memoryhigh"})
