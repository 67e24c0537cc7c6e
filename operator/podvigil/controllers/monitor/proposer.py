"""Proposes a RemediationRequest for each open incident that has a remedy; a person decides about it."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.durations import parse_duration
from podvigil.api.monitor import AnomalyMonitor, RemediationMode
from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport
from podvigil.api.request import RemediationRequest
from podvigil.api.resources import REMEDIATIONREQUESTS
from podvigil.cluster.client import Json
from podvigil.cluster.errors import ClusterError, Conflict, Forbidden
from podvigil.controllers.monitor.ports import Ports
from podvigil.controllers.monitor.readable import readable
from podvigil.controllers.monitor.reporter import Reporter
from podvigil.detect.incidents import Incident, IncidentKey, Step
from podvigil.remediate.observe.context import OtherRequest
from podvigil.remediate.observe.gather import Unreadable, observe_target, other_request, read
from podvigil.remediate.observe.pause import observe_pause
from podvigil.remediate.observe.place import Place, observe_place
from podvigil.remediate.propose.episode import answer, answer_of
from podvigil.remediate.propose.plan import propose, recommended_by
from podvigil.remediate.propose.withheld import Scene
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.validation.outcomes import Memory, learn, notice_recurrences

logger = logging.getLogger(__name__)

ASK_AGAIN: Final = timedelta(seconds=10)
"""How long a withheld proposal waits at least before the target is read again."""

ASK_AGAIN_BY: Final = timedelta(minutes=1)
"""And at most, however long what holds it may last: a person may end it."""

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
        self._places: dict[str, Place] = {}
        """Namespaces that were read in this tick."""
        self.memory = memory
        """What became of past actions; whoever writes the monitor's status keeps it there."""

    async def propose(self, step: Step, monitor: AnomalyMonitor, now: datetime) -> None:
        """Propose for the open incidents that have a report, and no request that may still help.

        Args:
            monitor: with what its status would say of this tick; outcomes are ours.
        """
        if monitor.spec.remediation.mode is RemediationMode.OFF:
            return
        self._ask_at = {key: at for key, at in self._ask_at.items() if key in step.incidents}
        self._places.clear()
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
        self._learn(monitor, _of_monitor(bodies, str(monitor.metadata["name"])))

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
            bodies = await self._requests(report)
            requests = _of_monitor(bodies, name)
            self._learn(monitor, requests, (report,))
            answered = answer_of(report, requests)
            if answered is not None:
                await self._reporter.tell_proposal(incident, answer(answered), now)
                return False
            others = tuple(map(other_request, bodies))
            try:
                proposal = await self._proposal(report, requests, others, monitor, now)
            except Forbidden as error:
                unseen = f"the analyst's account may not see what is asked before a proposal: {error}"
                proposal = Refusal(Reason.PERMISSION_MISSING, unseen[:1000], ASK_AGAIN_BY)
            if isinstance(proposal, Refusal):
                self._ask_at[incident.key] = now + _again(proposal)
                self._ports.metrics.proposals.labels(name, proposal.reason.value).inc()
                await self._reporter.tell_proposal(incident, proposal, now)
                return True
            created = read(RemediationRequest, await self._create(proposal))
            await self._reporter.tell_proposal(incident, answer(created), now)
        except Unreadable as error:  # of another version, and there before us
            logger.warning("Cannot read a request", extra={"why": str(error)})
        except ClusterError as error:
            self._ports.metrics.write_errors.labels(name, error.reason or "NoAnswer").inc()
            logger.warning(
                "Cannot propose a request", extra={"target": str(incident.workload), "why": str(error)}
            )
        return True

    async def _requests(self, report: AnomalyReport) -> list[Json]:
        """Return all requests for the report's target. Raises: ClusterError."""
        target = report.spec.target
        return await self._ports.cluster.list(
            REMEDIATIONREQUESTS,
            str(report.metadata["namespace"]),
            field_selector=f"spec.plan.target.name={target.name},spec.plan.target.kind={target.kind}",
        )

    async def _proposal(
        self,
        report: AnomalyReport,
        requests: list[RemediationRequest],
        others: tuple[OtherRequest, ...],
        monitor: AnomalyMonitor,
        now: datetime,
    ) -> RemediationRequest | Refusal:
        """Look at the target and what is around it, and say what would be proposed. Raises: ClusterError."""
        cluster, own_namespace = self._ports.cluster, self._ports.settings.operator_namespace
        about, namespace = report.spec.target, str(report.metadata["namespace"])
        if isinstance(nothing := recommended_by(report), Refusal):
            return nothing
        target = await observe_target(cluster, about, namespace)
        if target is None:
            message = (
                f"{about.kind} {namespace}/{about.name} is of no kind that an action can change, or is gone"
            )
            return Refusal(Reason.UNSUPPORTED_TARGET, message)
        scene = Scene(
            await self._place(namespace),
            await self._ports.lookout.look(),
            others,
            await observe_pause(cluster, own_namespace),
        )
        return propose(
            report,
            monitor,
            target,
            requested_by=self._ports.user_name,
            own_namespace=own_namespace,
            now=now,
            scene=scene,
            memory=self.memory,
            requests=requests,
        )

    async def _place(self, namespace: str) -> Place:
        """Read a namespace, once in a tick. Raises: ClusterError."""
        if namespace not in self._places:
            self._places[namespace] = await observe_place(self._ports.cluster, namespace)
        return self._places[namespace]

    async def _create(self, proposal: RemediationRequest) -> Json:
        cluster, metadata = self._ports.cluster, proposal.metadata
        try:
            body = await cluster.create(REMEDIATIONREQUESTS, proposal.dump(), metadata["namespace"])
        except Conflict:  # proposed before, by us or by a process before us
            return await cluster.get(REMEDIATIONREQUESTS, metadata["name"], metadata["namespace"])
        logger.info("Proposed a request", extra={"request": f"{metadata['namespace']}/{metadata['name']}"})
        self._ports.metrics.proposals.labels(proposal.spec.plan.monitor, "Proposed").inc()
        return body


def _again(refusal: Refusal) -> timedelta:
    """Return how long a withheld proposal waits before it is looked at again."""
    return max(ASK_AGAIN, min(refusal.retry_after or ASK_AGAIN, ASK_AGAIN_BY))


def _of_monitor(bodies: Iterable[Json], monitor: str) -> list[RemediationRequest]:
    """Read the requests of one monitor."""
    own = (body for body in bodies if body["spec"]["plan"]["monitor"] == monitor)
    return readable(RemediationRequest, own, "a request")
