"""Proposes a RemediationRequest for each open incident that has a remedy; a person decides about it."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.durations import parse_duration
from podvigil.api.monitor import AnomalyMonitor, RemediationMode
from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport, RequestReference
from podvigil.api.request import RemediationRequest
from podvigil.api.resources import PODS, REMEDIATIONREQUESTS
from podvigil.cluster.client import Json
from podvigil.cluster.errors import ClusterError, Conflict
from podvigil.controllers.monitor.ports import Ports
from podvigil.controllers.monitor.reporter import Reporter
from podvigil.detect.incidents import Incident, IncidentKey, Step
from podvigil.remediate.observe.gather import Unreadable, observe_target, read
from podvigil.remediate.observe.pause import observe_pause
from podvigil.remediate.propose.plan import answer_of, propose
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.validation.outcomes import Memory, learn, notice_recurrences

logger = logging.getLogger(__name__)

ASK_AGAIN: Final = timedelta(seconds=10)
"""How long a withheld proposal waits before the target is read again."""

FOLLOW_UP: Final = timedelta(seconds=30)
"""How often it is looked whether a request has ended without helping, so that the next action may be proposed."""

LOOKS_PER_TICK: Final = 20
"""Incidents whose requests are listed; at 10 ms a list a fifth of a second. The others have their turn next tick."""

PROPOSALS_PER_TICK: Final = 5
"""A person can judge few at a time; a storm of proposals is a bug or an outage of something shared."""


class Proposer:
    """Proposes for one monitor, and remembers what became of its requests.

    The request's name keeps it from proposing twice: a second create is a 409.
    """

    def __init__(self, ports: Ports, reporter: Reporter, memory: Memory) -> None:
        self._ports = ports
        self._reporter = reporter
        self._ask_at: dict[IncidentKey, datetime] = {}
        self._storm: Refusal | None = None
        self.memory = memory
        """What became of past actions; whoever writes the monitor's status keeps it there."""

    async def propose(
        self, step: Step, monitor: AnomalyMonitor, now: datetime, *, storm: str | None = None
    ) -> None:
        """Propose for the open incidents that have a report, and no request that may still help.

        Args:
            storm: that too much is in trouble at once for any proposal; None: it is not.
        """
        if monitor.spec.remediation.mode is RemediationMode.OFF:
            return
        self._ask_at = {key: at for key, at in self._ask_at.items() if key in step.incidents}
        self._storm = Refusal(Reason.STORM, storm) if storm else None
        due = [
            incident
            for incident in step.incidents.values()
            if incident.is_open
            and incident.findings
            and self._ask_at.get(incident.key, now) <= now
            and self._reporter.report_of(incident) is not None
        ]
        # The longest unasked first, so that each has its turn.
        due.sort(key=lambda incident: self._ask_at.get(incident.key, incident.since))
        left = PROPOSALS_PER_TICK
        for incident in due[:LOOKS_PER_TICK]:
            if left:
                left -= await self._for(incident, monitor, now)

    async def learn(self, monitor: AnomalyMonitor) -> None:
        """Count what became of this monitor's requests. Raises: ClusterError."""
        bodies = await self._ports.cluster.list(REMEDIATIONREQUESTS)
        self._learn(monitor, _readable(bodies, str(monitor.metadata["name"])))

    def _learn(
        self,
        monitor: AnomalyMonitor,
        requests: Iterable[RemediationRequest],
        reports: Iterable[AnomalyReport] = (),
    ) -> None:
        window = parse_duration(monitor.spec.remediation.recurrence_window)
        self.memory, counted = learn(self.memory, requests, window=window)
        self.memory, came_back = notice_recurrences(self.memory, reports, window=window)
        self._ports.metrics.learnt(str(monitor.metadata["name"]), (*counted, *came_back))

    async def _for(self, incident: Incident, monitor: AnomalyMonitor, now: datetime) -> bool:
        """Propose for one incident; returns whether it cost one of the tick's proposals."""
        report = self._reporter.report_of(incident)
        if report is None:
            return False
        name = str(monitor.metadata["name"])
        self._ask_at[incident.key] = now + (FOLLOW_UP if report.status.request else ASK_AGAIN)
        try:
            requests = await self._requests(report, name)
            self._learn(monitor, requests, (report,))
            answer = answer_of(report, requests)
            if answer is not None:
                await self._reporter.tell_proposal(incident, _reference(answer.metadata), now)
                return False
            proposal = await self._proposal(report, requests, incident, monitor, now)
            if isinstance(proposal, Refusal):
                self._ports.metrics.proposals.labels(name, proposal.reason.value).inc()
                await self._reporter.tell_proposal(incident, proposal, now)
                return True
            metadata = (await self._create(proposal))["metadata"]
            await self._reporter.tell_proposal(incident, _reference(metadata), now)
        except ClusterError as error:
            self._ports.metrics.write_errors.labels(name, error.reason or "NoAnswer").inc()
            logger.warning(
                "Cannot propose a request", extra={"target": str(incident.workload), "why": str(error)}
            )
        return True

    async def _requests(self, report: AnomalyReport, monitor: str) -> list[RemediationRequest]:
        """Return this monitor's requests for the report's target. Raises: ClusterError."""
        target = report.spec.target
        bodies = await self._ports.cluster.list(
            REMEDIATIONREQUESTS,
            str(report.metadata["namespace"]),
            field_selector=f"spec.plan.target.name={target.name},spec.plan.target.kind={target.kind}",
        )
        return _readable(bodies, monitor)

    async def _proposal(
        self,
        report: AnomalyReport,
        requests: list[RemediationRequest],
        incident: Incident,
        monitor: AnomalyMonitor,
        now: datetime,
    ) -> RemediationRequest | Refusal:
        """Look at the target and say what would be proposed. Raises: ClusterError."""
        cluster, own_namespace = self._ports.cluster, self._ports.settings.operator_namespace
        target = await observe_target(cluster, report.spec.target, incident.workload.namespace)
        if target is None:
            message = f"{incident.workload} is of no kind that an action can change, or is gone"
            return Refusal(Reason.UNSUPPORTED_TARGET, message)
        paused = await observe_pause(cluster, own_namespace)
        return propose(
            report,
            monitor,
            target,
            requested_by=self._ports.user_name,
            own_namespace=own_namespace,
            now=now,
            memory=self.memory,
            requests=requests,
            held=Refusal(Reason.PAUSED, paused) if paused else self._storm,
            can_resize=await cluster.serves(PODS, "resize"),
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


def _readable(bodies: Iterable[Json], monitor: str) -> list[RemediationRequest]:
    """Read the requests of one monitor; those of another version are left out, and the log names them."""
    requests = []
    for body in bodies:
        if body["spec"]["plan"]["monitor"] != monitor:
            continue
        try:
            requests.append(read(RemediationRequest, body))
        except Unreadable as error:
            logger.warning("Cannot read a request", extra={"why": str(error)})
    return requests


def _reference(metadata: Json) -> RequestReference:
    return RequestReference(name=metadata["name"], uid=metadata["uid"])
