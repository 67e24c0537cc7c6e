"""The analyst's part in a story: what it reports as the file says, what it proposes and learns by its own decisions."""

from datetime import UTC, datetime
from pathlib import Path

from podvigil.api.durations import parse_duration
from podvigil.api.monitor import AnomalyMonitor
from podvigil.api.report import AnomalyReport
from podvigil.api.request import RemediationRequest
from podvigil.api.resources import REMEDIATIONREQUESTS
from podvigil.cluster.client import Cluster
from podvigil.cluster.connect import connect
from podvigil.controllers.lookout import Lookout
from podvigil.remediate.observe.gather import observe_target, other_request
from podvigil.remediate.observe.pause import observe_pause
from podvigil.remediate.observe.place import observe_place
from podvigil.remediate.propose.plan import propose
from podvigil.remediate.propose.withheld import Scene
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.validation.outcomes import Memory, learn, memory_of, trouble_of
from shop import ANALYST, SYSTEM, Json, now
from stories.model import Fault

STATUSES = {"active": "True", "inactive": "False", "unknown": "Unknown"}


def judgement(fault: Fault, how: str, affected: list[str]) -> Json:
    """The status of the report about a fault that is `active`, `inactive` or `unknown` by now."""
    is_active = how == "active"
    status: Json = {
        "conditions": [
            {
                "type": "Active",
                "status": STATUSES[how],
                "reason": "AnomalyObserved" if is_active else "AnomalyGone",
                "message": "said by a story",
                "lastTransitionTime": now(),
            }
        ],
        # Judged after whatever was changed a moment ago: the API server keeps whole seconds.
        "lastEvaluated": now(2),
        "scoreMilli": 9000 if is_active else 500,
        "probabilityPermille": fault.probability if is_active else 10,
        "podsEvaluated": fault.pods,
        "podsAffected": fault.affected if is_active else 0,
        "summary": f"{fault.signal} of {fault.name}",
        "recommendations": [{"action": name, "message": "said by a story"} for name in fault.recommend],
        **({"affectedPods": affected} if affected else {}),
        **fault.status,
    }
    return status


async def propose_as_analyst(
    kubeconfig: Path, report: AnomalyReport, monitor: AnomalyMonitor
) -> RemediationRequest | Refusal:
    """Read, with the analyst's rights, what it reads, and return what it would propose."""
    about, namespace = report.spec.target, str(report.metadata["namespace"])
    cluster = Cluster(connect(kubeconfig))
    try:
        target = await observe_target(cluster, about, namespace)
        assert target is not None
        selector = f"spec.plan.target.name={about.name},spec.plan.target.kind={about.kind}"
        requests = await cluster.list(REMEDIATIONREQUESTS, namespace, field_selector=selector)
        scene = Scene(
            await observe_place(cluster, namespace),
            await Lookout(cluster, 0.0).look(),
            tuple(map(other_request, requests)),
            await observe_pause(cluster, SYSTEM),
        )
    finally:
        await cluster.aclose()
    return propose(
        report,
        monitor,
        target,
        requested_by=ANALYST,
        own_namespace=SYSTEM,
        now=datetime.now(UTC),
        scene=scene,
        memory=memory_of(monitor.status),
    )


def learn_from(memory: Memory, request: Json, monitor: AnomalyMonitor) -> tuple[Memory, Json]:
    """Count a request as the analyst does once a minute; also returns what it then knows of action and trouble."""
    ended = RemediationRequest.model_validate(request)
    memory, _ = learn(memory, [ended], window=parse_duration(monitor.spec.remediation.recurrence_window))
    count = memory.of(trouble_of(ended), ended.spec.plan.action)
    return memory, count.dump() if count else {}
