"""From a finding to a plan: which action answers which signal, and when none is proposed."""

from typing import Any

import pytest

from podvigil.api.reasons import Reason
from podvigil.api.request import RemediationRequest
from podvigil.remediate.plan import propose
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState
from unit.remediate.world import NOW, active, at, deployment, monitor, report


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
    answer = proposed(report_change=CPU, target=deployment(spec__replicas=replicas))
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
