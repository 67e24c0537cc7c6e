"""The approver process's part: looks at undecided requests, and writes the approval that a rule gives.

It holds the right `auto-approve` for the actions that a cluster's owner bound, and none to change a workload or to
create a request; what it writes passes the same admission policy as a person's word.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import kopf
from prometheus_client import CollectorRegistry

from podvigil.api.monitor import AnomalyMonitor
from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport
from podvigil.api.request import RemediationRequest
from podvigil.api.resources import ANOMALYMONITORS, REMEDIATIONREQUESTS, ObjectRef
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import Forbidden, Invalid
from podvigil.cluster.events import EventRecorder, EventType
from podvigil.controllers.approver.metrics import ApproverMetrics
from podvigil.controllers.requests import RequestKey, RequestLoop
from podvigil.remediate.authority.auto_approval import LOOK_AGAIN, Approve, auto_approve
from podvigil.remediate.observe.gather import observe_report, read

logger = logging.getLogger(__name__)

TOLD_MAX: Final = 10_000
"""Requests that are remembered as told, under a megabyte; with more, all are told again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproverSettings:
    """How the approver runs."""

    own_namespace: str
    instance: str
    user_name: str
    """Ours, as the API server knows it: written into the approval, and compared with the caller by the policy."""
    resync_seconds: float = 300.0


class Approver:
    """Approves requests that are within a rule of their monitor."""

    def __init__(
        self,
        cluster: Cluster,
        settings: ApproverSettings,
        registry: CollectorRegistry,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster: Final = cluster
        self._settings: Final = settings
        self._clock: Final = clock
        self._metrics: Final = ApproverMetrics(registry)
        self._told: Final[set[str]] = set()
        """Requests by uid that a dry run would have approved."""
        self._events: Final = EventRecorder(
            cluster, instance=settings.instance, controller="podvigil.io/approver"
        )
        self._requests: Final = RequestLoop(
            cluster,
            self._look,
            resync_seconds=settings.resync_seconds,
            on_error=lambda status: self._metrics.errors.labels(status).inc(),
            on_beat=lambda queue: None,
        )

    def register(self, registry: kopf.OperatorRegistry) -> None:
        """Attach the kopf handler."""
        self._requests.register(registry)

    async def run(self, stop: asyncio.Event, beat: Callable[[], None]) -> None:
        """Work until `stop` is set; `beat` is called every few seconds while the loop is alive."""
        await self._requests.run(stop, beat)

    async def _look(self, key: RequestKey) -> float | None:
        """Take one look at a request; return seconds until the next, None when a person or time has decided."""
        found = await self._cluster.find(REMEDIATIONREQUESTS, key.name, key.namespace)
        if found is None:
            return None
        request = read(RemediationRequest, found)
        if request.spec.approval is not None or request.status.finished_at is not None:
            return None
        plan = request.spec.plan
        report, monitor = await asyncio.gather(
            observe_report(self._cluster, plan, key.namespace),
            self._cluster.find(ANOMALYMONITORS, plan.monitor),
        )
        verdict = auto_approve(
            request,
            read(AnomalyReport, report) if report else None,
            read(AnomalyMonitor, monitor) if monitor else None,
            own_namespace=self._settings.own_namespace,
            now=self._clock(),
        )
        if isinstance(verdict, Approve):
            return await self._approve(request, verdict)
        self._metrics.left_to_people.labels(verdict.reason.value).inc()
        return verdict.retry_after.total_seconds() if verdict.retry_after else None

    async def _approve(self, request: RemediationRequest, verdict: Approve) -> float | None:
        """Write the approval of exactly what was seen. Raises: ClusterError for what may pass."""
        metadata, action = request.metadata, request.spec.plan.action
        approval = {
            "decision": "Approved",
            "approvedBy": self._settings.user_name,
            "reason": verdict.reason,
        }
        body = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "spec": {"approval": approval}}
        about = ObjectRef(
            request.api_version, request.kind, metadata["name"], metadata["namespace"], metadata["uid"]
        )
        try:
            await self._cluster.patch(REMEDIATIONREQUESTS, metadata["name"], body, metadata["namespace"])
        except (Forbidden, Invalid) as error:
            # The owner of the cluster has not given this right; a binding may come.
            self._metrics.left_to_people.labels(Reason.PERMISSION_MISSING.value).inc()
            message = f"A rule approves it, and the API server refuses: {error.message}"[:1000]
            await self._events.publish(about, EventType.WARNING, Reason.PERMISSION_MISSING.value, message)
            return LOOK_AGAIN.total_seconds()
        said = {"request": f"{metadata['namespace']}/{metadata['name']}", "why": verdict.reason}
        if self._cluster.is_dry_run:
            self._tell_once(metadata["uid"], said)
            return None
        self._metrics.approvals.labels(action).inc()
        logger.info("Approved by a rule", extra=said)
        await self._events.publish(
            about, EventType.NORMAL, Reason.APPROVED.value, f"Approved by a {verdict.reason}"[:1000]
        )
        return None

    def _tell_once(self, uid: str, said: dict[str, str]) -> None:
        """Log what a dry run did not keep: each resync finds the request undecided and comes to the same."""
        if uid in self._told:
            return
        if len(self._told) >= TOLD_MAX:
            self._told.clear()
        self._told.add(uid)
        logger.info("Would approve by a rule", extra=said)
