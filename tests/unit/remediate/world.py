"""One request that nothing speaks against, for tests that change one thing of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from podvigil.api.monitor import AnomalyMonitor
from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport
from podvigil.api.request import RemediationRequest
from podvigil.remediate.authority.gate import Gate
from podvigil.remediate.observe.context import Context
from podvigil.remediate.targets.pods import PodState, pod_state
from podvigil.remediate.targets.revisions import Revision
from podvigil.remediate.targets.workload import WorkloadState, workload_state
from samples import Object, changed

NOW: Final = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
STANDING: Final = Gate(True, Reason.GATE_STANDING, "stands")
OPEN: Final = Gate(False, Reason.GATE_NOT_STANDING, "the policy does not exist")
UID: Final = "request-uid"
ME: Final = "executor-a"


def at(seconds: float) -> str:
    """A moment so many seconds from NOW, as the API server writes it."""
    return (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


DEPLOYMENT: Final[Object] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "100", "generation": 3},
    "spec": {
        "replicas": 4,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}},
    },
    "status": {
        "replicas": 4,
        "updatedReplicas": 4,
        "readyReplicas": 4,
        "availableReplicas": 4,
        "observedGeneration": 3,
    },
}

OWNER: Final[Object] = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "name": "web-7f",
    "uid": "rs1",
    "controller": True,
}
"""Of the target's pods."""

POD: Final[Object] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "namespace": "shop",
        "labels": {"app": "web"},
        "ownerReferences": [OWNER],
    },
    "spec": {"nodeName": "node-1", "containers": [{"name": "app", "image": "shop"}]},
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}

MONITOR: Final[Object] = {
    "metadata": {"name": "shop"},
    "spec": {"namespaces": ["shop"], "interval": "30s"},
    "status": {"podsWatched": 40, "podsAffected": 4, "workloadsAffected": 1, "ticksSinceChange": 100},
}

REPORT: Final[Object] = {
    "metadata": {"name": "web-memoryhigh", "namespace": "shop", "uid": "r1"},
    "spec": {
        "monitor": "shop",
        "signal": "MemoryHigh",
        "target": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u1"},
    },
    "status": {
        "conditions": [
            {
                "type": "Active",
                "status": "True",
                "reason": "AnomalyObserved",
                "message": "memory is high",
                "lastTransitionTime": at(-300),
            }
        ],
        "firstSeen": at(-300),
        "lastEvaluated": at(-10),
        "scoreMilli": 9000,
        "probabilityPermille": 950,
        "podsEvaluated": 4,
        "summary": "memory of web grows without end",
        "recommendations": [{"message": "look at it"}, {"action": "Restart", "message": "restart it"}],
    },
}

REQUEST: Final[Object] = {
    "metadata": {
        "name": "web-memoryhigh-restart",
        "namespace": "shop",
        "uid": UID,
        "resourceVersion": "200",
        "generation": 2,
        "creationTimestamp": at(-120),
    },
    "spec": {
        "requestedBy": "system:serviceaccount:podvigil-system:podvigil-analyst",
        "plan": {
            "action": "Restart",
            "target": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": "web",
                "uid": "u1",
                "generation": 3,
            },
            "report": {"name": "web-memoryhigh", "uid": "r1", "signal": "MemoryHigh"},
            "monitor": "shop",
            "message": "memory grows",
            "expiresAt": at(600),
            "validationWindow": "3m",
        },
        "approval": {"decision": "Approved", "approvedBy": "alice"},
    },
    "status": {
        "preflight": {
            "checkedAt": at(-60),
            "reversibility": "NothingToUndo",
            "wayBack": "-",
            "pastSuccess": "-",
        }
    },
}

SCALE_UP: Final = {"spec.plan.action": "Scale", "spec.plan.parameters": {"replicas": 6}}
SCALE_DOWN: Final = {"spec.plan.action": "Scale", "spec.plan.parameters": {"replicas": 1}}
CLAIM: Final[Object] = {
    "claimedBy": ME,
    "claimedAt": at(-5),
    "token": UID,
    "before": {"restartedAt": ""},
    "after": {"restartedAt": at(-5)},
    "baseline": {"replicas": 4, "readyReplicas": 4, "updatedReplicas": 4, "restarts": 0},
}
"""Of the Restart, by this executor, five seconds ago."""


def pod(name: str = "web-1", restarts: int = 0, **change: Any) -> PodState:
    """A running pod of the target, with dotted paths (`__` for a dot) replaced."""
    made = {
        "metadata.name": name,
        "metadata.uid": f"uid-{name}",
        "status.containerStatuses": [{"name": "app", "restartCount": restarts}],
    }
    return pod_state(changed(POD, made | _paths(change)))


REVISION: Final = Revision(1, "web-7f", "rs1", NOW - timedelta(days=1), "", DEPLOYMENT["spec"]["template"])
"""The target's only ReplicaSet, which owns its pods."""


def deployment(**change: Any) -> WorkloadState:
    """The target, with dotted paths (`__` for a dot) replaced; `restarts` are those of its pods."""
    restarts: int = change.pop("restarts", 0)
    pods = change.pop("pods", (pod(restarts=restarts),) if restarts else ())
    return workload_state(changed(DEPLOYMENT, _paths(change)), pods, (REVISION,))


def request(change: dict[str, Any] | None = None) -> RemediationRequest:
    """The approved request, with dotted paths replaced."""
    return RemediationRequest.model_validate(changed(REQUEST, change or {}))


def report(change: dict[str, Any] | None = None) -> AnomalyReport:
    """The active report, with dotted paths replaced."""
    return AnomalyReport.model_validate(changed(REPORT, change or {}))


def monitor(change: dict[str, Any] | None = None) -> AnomalyMonitor:
    """The monitor, with dotted paths replaced."""
    return AnomalyMonitor.model_validate(changed(MONITOR, change or {}))


def active(status: str, seconds: float = 5, *, reason: str | None = None, **more: Any) -> dict[str, Any]:
    """A change of the report: what it says, and when it was evaluated (seconds from NOW)."""
    condition = {
        "type": "Active",
        "status": status,
        "reason": reason or ("AnomalyGone" if status == "False" else "AnomalyObserved"),
        "message": "said so",
        "lastTransitionTime": at(-300),
    }
    return {"status.conditions": [condition], "status.lastEvaluated": at(seconds), **_paths(more)}


def _paths(change: dict[str, Any]) -> dict[str, Any]:
    return {path.replace("__", "."): value for path, value in change.items()}


CLEAR: Final = Context(
    request=request(),
    target=deployment(),
    report=report(),
    monitor=monitor(),
    gate=STANDING,
    missing_rights=(),
    own_namespace="podvigil-system",
    executor=ME,
)


def context(
    *,
    request_change: dict[str, Any] | None = None,
    report_change: dict[str, Any] | None = None,
    monitor_change: dict[str, Any] | None = None,
    **fields: Any,
) -> Context:
    """CLEAR with one thing changed."""
    made = {
        "request": request(request_change),
        "report": report(report_change),
        "monitor": monitor(monitor_change),
    }
    return replace(CLEAR, **{**made, **fields})
