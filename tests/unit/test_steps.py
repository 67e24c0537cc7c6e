"""The steps at which the kill matrix ends executors: what each write of theirs is called."""

import json
from typing import Any

import pytest

from faults.proxy import Asked
from faults.steps import step_of

REQUEST = "/apis/podvigil.io/v1alpha1/namespaces/shop/remediationrequests/web-restart/status"
CLAIMED = {"claimedBy": "executor-0", "claimedAt": "2026-03-01T10:00:00Z"}
MADE = {**CLAIMED, "finishedAt": "2026-03-01T10:00:01Z"}


def conditions(**reasons: str) -> dict[str, Any]:
    """Conditions as `status reason`."""
    pairs = {kind: said.split() for kind, said in reasons.items()}
    return {"conditions": [{"type": kind, "status": s, "reason": r} for kind, (s, r) in pairs.items()]}


@pytest.mark.parametrize(
    ("status", "name"),
    [
        pytest.param({"preflight": {}}, "preflight", id="shown-before-the-decision"),
        pytest.param(conditions(Executed="False Cooldown"), "hold Cooldown", id="held-back"),
        pytest.param({"execution": CLAIMED}, "claim", id="before-the-change"),
        pytest.param({"execution": {**CLAIMED, "progress": {"done": 1}}}, "progress 1", id="one-of-many"),
        pytest.param({"execution": {**CLAIMED, "stoppedAt": "…"}}, "give up", id="ends-on-the-way"),
        pytest.param({"execution": MADE}, "record", id="made"),
        pytest.param(
            {"execution": MADE, "validation": {"observed": {"replicas": 2}}}, "watch", id="seen-since"
        ),
        pytest.param(conditions(Validated="False Harmful"), "conclude Harmful", id="judged"),
        pytest.param(
            conditions(Validated="False Harmful", RolledBack="Unknown RollingBack"),
            "begin rollback",
            id="about-to-be-put-back",
        ),
        pytest.param(
            conditions(Validated="False Harmful", RolledBack="True RolledBack"), "settle", id="put-back"
        ),
        pytest.param(
            {"finishedAt": "…", **conditions(RolledBack="True RolledBack", Succeeded="False Harmful")},
            "finish Harmful",
            id="ended",
        ),
    ],
)
def test_a_status_is_called_by_what_it_says_last(status: dict[str, Any], name: str) -> None:
    step = step_of(Asked("PUT", REQUEST, json.dumps({"status": status}).encode()))
    assert step is not None
    assert step.name == name


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/web/scale", "patch deployments/scale"),
        ("POST", "/api/v1/namespaces/shop/pods/web-1/eviction", "create pods/eviction"),
        ("PATCH", "/api/v1/nodes/node-1?fieldManager=podvigil", "patch nodes"),
        ("POST", "/apis/batch/v1/namespaces/shop/jobs", "create jobs"),
        ("DELETE", "/apis/batch/v1/namespaces/shop/jobs/flush-1", "delete jobs"),
        ("PATCH", "/api/v1/nodes/node-1?dryRun=All", None),
        ("POST", "/apis/events.k8s.io/v1/namespaces/shop/events", None),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", None),
        ("GET", "/api/v1/nodes/node-1", None),
    ],
)
def test_a_call_is_called_by_what_it_does(method: str, path: str, name: str | None) -> None:
    step = step_of(Asked(method, path, b"{}"))
    assert (step.name if step else None) == name
