"""From a finding to a plan: which action answers which signal, and when none is proposed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from podvigil.api.parameters import PodReference
from podvigil.api.reasons import Reason
from podvigil.api.request import RemediationRequest
from podvigil.remediate.propose.plan import propose
from podvigil.remediate.propose.withheld import Scene
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.pods import PodState
from podvigil.remediate.targets.revisions import Revision, without_hash
from podvigil.remediate.targets.workload import WorkloadState
from unit.remediate.world import NOW, active, at, deployment, monitor, pod, report


def proposed(
    *,
    report_change: dict[str, Any] | None = None,
    monitor_change: dict[str, Any] | None = None,
    target: WorkloadState | None = None,
) -> RemediationRequest | Refusal:
    return propose(
        report(report_change),
        monitor(monitor_change),
        target or deployment(),
        requested_by="system:serviceaccount:podvigil-system:podvigil-analyst",
        own_namespace="podvigil-system",
        now=NOW,
        scene=Scene(),
    )


CPU = {"spec.signal": "CPUHigh", "status.recommendations": [{"action": "Scale", "message": "add pods"}]}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({}, None, id="no-objection"),
        pytest.param(
            {"report_change": {"status.recommendations": [{"message": "raise the limit"}]}},
            Reason.NO_ACTION_KNOWN,
            id="only-advice",
        ),
        pytest.param(
            {"report_change": {"status.recommendations": None}}, Reason.NO_ACTION_KNOWN, id="no-diagnosis"
        ),
        pytest.param(
            {"monitor_change": {"spec.remediation.mode": "Off"}}, Reason.REMEDIATION_OFF, id="switched-off"
        ),
        pytest.param({"monitor_change": {"spec.remediation.paused": True}}, Reason.PAUSED, id="paused"),
        pytest.param(
            {"monitor_change": {"spec.remediation.allowedActions": ["Scale"]}},
            Reason.ACTION_NOT_ALLOWED,
            id="action-not-allowed",
        ),
        pytest.param({"report_change": active("False")}, Reason.ANOMALY_CLEARED, id="not-active"),
        pytest.param(
            {"report_change": {"status.probabilityPermille": 799}},
            Reason.LOW_PROBABILITY,
            id="not-sure-enough",
        ),
        pytest.param({"report_change": {"status.probabilityPermille": 800}}, None, id="just-sure-enough"),
        pytest.param({"report_change": {"status.probabilityPermille": None}}, None, id="certain-signal"),
        pytest.param(
            {"report_change": {"metadata.namespace": "kube-system"}},
            Reason.PROTECTED_NAMESPACE,
            id="protected",
        ),
        pytest.param(
            {"report_change": {"metadata.namespace": "podvigil-system"}},
            Reason.PROTECTED_NAMESPACE,
            id="our-own-namespace",
        ),
        pytest.param(
            {"report_change": CPU, "target": deployment(kind="DaemonSet")},
            Reason.UNSUPPORTED_TARGET,
            id="scale-of-a-daemon-set",
        ),
        pytest.param({"target": deployment(metadata__uid="u9")}, Reason.STALE_TARGET, id="target-replaced"),
        pytest.param({"target": deployment(spec__paused=True)}, Reason.ROLLOUT_PAUSED, id="rollout-paused"),
        pytest.param({"target": deployment(spec__replicas=0)}, Reason.NO_CHANGE, id="scaled-to-zero"),
        pytest.param(
            {"report_change": CPU, "target": deployment(spec__replicas=10_000)},
            Reason.NO_CHANGE,
            id="as-many-as-can-be",
        ),
    ],
)
def test_propose(change: dict[str, Any], reason: Reason | None) -> None:
    answer = proposed(**change)
    assert (answer.reason if isinstance(answer, Refusal) else None) == reason


@pytest.mark.parametrize(
    ("replicas", "wanted"),
    [
        pytest.param(1, 2, id="one-more"),
        pytest.param(4, 5, id="a-quarter"),
        pytest.param(10, 13, id="a-quarter-rounded-up"),
        pytest.param(9_999, 10_000, id="bounded"),
    ],
)
def test_scale_by_a_quarter_and_at_least_one(replicas: int, wanted: int) -> None:
    there = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    status = {**there, "observedGeneration": 3}
    answer = proposed(report_change=CPU, target=deployment(spec__replicas=replicas, status=status))
    assert isinstance(answer, RemediationRequest)
    assert answer.spec.plan.parameters is not None
    assert answer.spec.plan.parameters.replicas == wanted


def test_the_request_is_exactly_what_is_created() -> None:
    answer = proposed()
    assert isinstance(answer, RemediationRequest)
    assert answer.metadata["name"].startswith("web-restart-")
    assert answer.metadata["ownerReferences"][0]["uid"] == "r1"
    plan = answer.dump()["spec"]["plan"]
    assert plan["target"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "web",
        "uid": "u1",
        "generation": 3,
    }
    assert plan["expiresAt"] == at(3600)
    assert plan["message"] == "Restart Deployment shop/web: memory of web grows without end"
    assert "approval" not in answer.dump()["spec"]


def test_the_same_episode_has_the_same_name_and_the_next_another() -> None:
    names = []
    for began in (-300, -300, -100):
        answer = proposed(report_change={"status.firstSeen": at(began)})
        assert isinstance(answer, RemediationRequest)
        names.append(answer.metadata["name"])
    assert names[0] == names[1] != names[2]


STUCK = {"status.podsAffected": 1, "status.podsEvaluated": 4, "status.affectedPods": ["web-1"]}


@pytest.mark.parametrize(
    ("change", "pods", "is_one"),
    [
        pytest.param({}, (pod("web-1"), pod("web-2")), True, id="one-of-four-is-in-trouble"),
        pytest.param({"status.podsAffected": 2}, (pod("web-1"),), False, id="two-of-four-are"),
        pytest.param({"status.podsEvaluated": 1}, (pod("web-1"),), False, id="the-only-one-is"),
        pytest.param({}, (pod("web-2"),), False, id="it-is-gone"),
        pytest.param({}, (pod("web-1", status__phase="Failed"),), False, id="it-has-finished"),
        pytest.param({}, (pod("web-1", metadata__ownerReferences=[]),), False, id="a-bare-pod"),
    ],
)
def test_one_stuck_pod_is_evicted_alone(
    change: dict[str, Any], pods: tuple[PodState, ...], is_one: bool
) -> None:
    target = deployment(pods=pods)
    target = replace(target, revisions=(Revision(1, "web-7f", "rs1", NOW, "", {"metadata": {}}),))
    answer = proposed(report_change={**STUCK, **change}, target=target)
    assert isinstance(answer, RemediationRequest)
    parameters = answer.spec.plan.parameters
    assert (parameters is not None and parameters.pod is not None) is is_one
    if is_one:
        assert parameters is not None
        assert parameters.pod == PodReference(name="web-1", uid="uid-web-1")
        assert answer.spec.plan.message.startswith("Restart Pod web-1 of Deployment shop/web: ")


def released(minutes: float) -> WorkloadState:
    """A Deployment whose present revision, the second, was released so long before the report began."""
    target = deployment()
    present = without_hash(target.body["spec"]["template"])
    before = {**present, "spec": {"containers": []}}
    made = NOW - timedelta(seconds=300, minutes=minutes)
    revisions = (
        Revision(1, "web-1", "rs1", made, "", before),
        Revision(2, "web-2", "rs2", made, "", present),
    )
    return replace(target, revisions=revisions)


BLAMED = {
    "status.recommendations": [
        {"action": "Rollback", "message": "go back"},
        {"action": "Restart", "message": "restart it"},
    ]
}
ALLOWED = {"spec.remediation.allowedActions": ["Rollback", "Restart"]}


@pytest.mark.parametrize(
    ("target", "rules", "action"),
    [
        pytest.param(released(7), ALLOWED, "Rollback", id="a-fresh-release"),
        pytest.param(released(31), ALLOWED, "Restart", id="an-old-release"),
        pytest.param(released(-1), ALLOWED, "Restart", id="a-release-after-it-began"),
        pytest.param(released(7), {}, "Restart", id="rollback-is-not-allowed"),
        pytest.param(deployment(), ALLOWED, "Restart", id="no-revision-is-known"),
    ],
)
def test_a_blamed_release_is_taken_back_where_that_can_be(
    target: WorkloadState, rules: dict[str, Any], action: str
) -> None:
    answer = proposed(report_change=BLAMED, monitor_change=rules, target=target)
    assert isinstance(answer, RemediationRequest)
    assert answer.spec.plan.action == action
    parameters = answer.spec.plan.parameters
    assert (parameters.revision if parameters else None) == (1 if action == "Rollback" else None)


def test_the_only_pod_of_a_stateful_set_is_evicted_when_it_is_not_ready() -> None:
    """No controller replaces it by itself when the template changes: it waits for it to be ready."""
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "u1", "controller": True}
    not_ready = [{"type": "Ready", "status": "False"}]
    alone = pod("web-1", metadata__ownerReferences=[owner], status__conditions=not_ready)
    body = {"kind": "StatefulSet", "spec__replicas": 1, "status__replicas": 1, "status__updatedReplicas": 1}
    target = deployment(pods=(alone,), status__readyReplicas=0, **body)
    about = {"status.podsEvaluated": 1, "spec.target.kind": "StatefulSet"}
    answer = proposed(report_change={**STUCK, **about}, target=target)
    assert isinstance(answer, RemediationRequest), answer
    assert answer.spec.plan.parameters is not None
    assert answer.spec.plan.parameters.pod == PodReference(name="web-1", uid="uid-web-1")
