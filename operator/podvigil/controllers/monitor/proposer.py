"""Proposes a RemediationRequest for each open incident that has a remedy; a person decides about it."""

import logging
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.monitor import AnomalyMonitor, OutcomeCount, RemediationMode
from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport, RequestReference
from podvigil.api.request import RemediationRequest
from podvigil.api.resources import REMEDIATIONREQUESTS
from podvigil.cluster.client import Json
from podvigil.cluster.errors import ClusterError, Conflict
from podvigil.controllers.monitor.ports import Ports
from podvigil.controllers.monitor.reporter import Reporter
from podvigil.detect.incidents import Incident, IncidentKey, Step
from podvigil.remediate.gather import Unreadable, observe_target, read
from podvigil.remediate.outcomes import add_outcomes
from podvigil.remediate.plan import propose
from podvigil.remediate.refusal import Refusal

logger = logging.getLogger(__name__)

ASK_AGAIN: Final = timedelta(seconds=10)
"""How long a withheld proposal waits before the target is read again."""

PROPOSALS_PER_TICK: Final = 5
"""A person can judge few at a time; a storm of proposals is a bug or an outage of something shared."""


class Proposer:
    """Proposes for one monitor. The request's name is its memory: a second create is a 409."""

    def __init__(self, ports: Ports, reporter: Reporter) -> None:
        self._ports = ports
        self._reporter = reporter
        self._ask_at: dict[IncidentKey, datetime] = {}

    async def propose(self, step: Step, monitor: AnomalyMonitor, now: datetime) -> None:
        """Propose for the open incidents that have a report and no request yet."""
        if monitor.spec.remediation.mode is RemediationMode.OFF:
            return
        self._ask_at = {key: at for key, at in self._ask_at.items() if key in step.incidents}
        left = PROPOSALS_PER_TICK
        for incident in step.incidents.values():
            if left and incident.is_open and incident.findings and self._ask_at.get(incident.key, now) <= now:
                left -= await self._for(incident, monitor, now)

    async def outcomes(self, monitor: str) -> tuple[OutcomeCount, ...]:
        """Count what became of this monitor's finished requests. Raises: ClusterError.

        They are counted anew each time, so a crash counts none twice; they are kept as long as reports are.
        """
        bodies = await self._ports.cluster.list(REMEDIATIONREQUESTS)
        ours = [b for b in bodies if b["spec"]["plan"]["monitor"] == monitor]
        requests = []
        for body in ours:
            try:
                requests.append(read(RemediationRequest, body))
            except Unreadable as error:
                logger.warning("Cannot read a request", extra={"why": str(error)})
        return add_outcomes((), requests)

    async def _for(self, incident: Incident, monitor: AnomalyMonitor, now: datetime) -> bool:
        """Propose for one incident; returns whether the API server was asked."""
        report = self._reporter.report_of(incident)
        if report is None or report.status.request is not None:
            return False
        name = str(monitor.metadata["name"])
        self._ask_at[incident.key] = now + ASK_AGAIN
        try:
            proposal = await self._proposal(report, incident, monitor, now)
            if isinstance(proposal, Refusal):
                self._ports.metrics.proposals.labels(name, proposal.reason.value).inc()
                await self._reporter.tell_proposal(incident, proposal, now)
                return True
            metadata = (await self._create(proposal))["metadata"]
            request = RequestReference(name=metadata["name"], uid=metadata["uid"])
            await self._reporter.tell_proposal(incident, request, now)
        except ClusterError as error:
            self._ports.metrics.write_errors.labels(name, error.reason or "NoAnswer").inc()
            logger.warning(
                "Cannot propose a request", extra={"target": str(incident.workload), "why": str(error)}
            )
        return True

    async def _proposal(
        self, report: AnomalyReport, incident: Incident, monitor: AnomalyMonitor, now: datetime
    ) -> RemediationRequest | Refusal:
        """Look at the target and say what would be proposed. Raises: ClusterError."""
        target = await observe_target(self._ports.cluster, report.spec.target, incident.workload.namespace)
        if target is None:
            message = f"{incident.workload} is of no kind that an action can change, or is gone"
            return Refusal(Reason.UNSUPPORTED_TARGET, message)
        return propose(
            report,
            monitor,
            target,
            requested_by=self._ports.user_name,
            own_namespace=self._ports.settings.operator_namespace,
            now=now,
        )

    async def _create(self, proposal: RemediationRequest) -> Json:
        cluster, metadata = self._ports.cluster, proposal.metadata
        try:
            body = await cluster.create(REMEDIATIONREQUESTS, proposal.dump(), metadata["namespace"])
        except Conflict:  # proposed before, by us or by a process before us: one per episode, also after a no
            return await cluster.get(REMEDIATIONREQUESTS, metadata["name"], metadata["namespace"])
        logger.info("Proposed a request", extra={"request": f"{metadata['namespace']}/{metadata['name']}"})
        self._ports.metrics.proposals.labels(proposal.spec.plan.monitor, "Proposed").inc()
        return body
