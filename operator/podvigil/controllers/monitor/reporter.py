"""Keeps the AnomalyReports of one monitor in step with its incidents, at a bounded rate."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.base import merge_patch
from podvigil.api.conditions import ConditionStatus, find_condition
from podvigil.api.pods import PodKey, Workload
from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport, ReportCondition, ReportStatus
from podvigil.api.resources import ANOMALYREPORTS
from podvigil.cluster.errors import ClusterError, Conflict, NotFound
from podvigil.controllers.monitor.ports import Ports
from podvigil.controllers.monitor.readable import readable
from podvigil.controllers.monitor.reports import (
    MONITOR_LABEL,
    active_status,
    closed_status,
    label_of,
    name_of,
    new_report,
    proposed_status,
    unseen_status,
)
from podvigil.detect.incidents import Incident, IncidentKey, Step
from podvigil.remediate.observe.gather import Unreadable, read
from podvigil.remediate.propose.episode import Answer
from podvigil.remediate.refusal import Refusal

logger = logging.getLogger(__name__)

REFRESH: Final = timedelta(seconds=30)
"""A report whose message did not change is written no more often; the executor refuses one older than 2 minutes."""

WRITES_PER_TICK: Final = 50
"""At 50 ms a write a tick spends at most 2.5 s here; what is left over comes next tick, the longest untried first."""

CLOSINGS_SHARE: Final = 0.5
"""Of these at most. The rest is for what is open, which a person waits for: closings that keep failing must not hold it
up."""

UNSEEN_AFTER_INTERVALS: Final = 3
"""Ticks without data after which a report says that nothing is known."""

ReportKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Written:
    """A report as we last wrote it."""

    report: AnomalyReport
    at: datetime


@dataclass(frozen=True, slots=True)
class Closing:
    """A trouble that is over, and why."""

    incident: Incident
    reason: Reason
    message: str


class Reporter:
    """Writes one monitor's reports. What it remembers is a copy of what the API server holds."""

    def __init__(self, ports: Ports, monitor: str, *, writes_per_tick: int = WRITES_PER_TICK) -> None:
        self._ports = ports
        self._monitor = monitor
        self._writes = writes_per_tick
        self._written: dict[ReportKey, Written] = {}
        self._owed: dict[IncidentKey, Closing] = {}
        """Not yet written; at most as many as there are reports."""
        self._open: frozenset[ReportKey] = frozenset()
        """What the troubles that are there now are reported under, written or not."""
        self._tried_at: dict[IncidentKey, datetime] = {}
        """When each was last written, or could not be; forgotten with its incident and its closing."""
        self.held_back = 0

    async def load(self, now: datetime) -> Mapping[IncidentKey, Incident]:
        """Take over the reports of a process before us, and return their open incidents. Raises: ClusterError."""
        selector = f"{MONITOR_LABEL}={label_of(self._monitor)}"
        bodies = await self._ports.cluster.list(ANOMALYREPORTS, label_selector=selector)
        own = (body for body in bodies if body["spec"]["monitor"] == self._monitor)
        reports = readable(AnomalyReport, own, "a report")
        self._written = {_key(report): Written(report, now - REFRESH) for report in reports}
        incidents = (restored(w.report) for w in self._written.values())
        return {i.key: i for i in incidents if i is not None}

    async def write(
        self, step: Step, *, threshold: float | None, interval: timedelta, cap: int, now: datetime
    ) -> None:
        """Bring the reports in step with the incidents; a write that fails is tried again next tick."""
        for incident in step.closed:
            self._owe(Closing(incident, Reason.ANOMALY_GONE, "not seen any more"))
        for incident in step.gone:
            self._owe(
                Closing(
                    incident,
                    Reason.TARGET_GONE,
                    f"{incident.workload} has no pod any more of which this could be said",
                )
            )
        # What nobody can judge any more gives way to what is there.
        open_ones = sorted(
            (i for i in step.incidents.values() if i.is_open),
            key=lambda i: (_is_unseen(i, interval, now), i.since),
        )
        for incident in open_ones:
            self._owed.pop(incident.key, None)  # it is back: the open report is about this one
        self._open = frozenset(map(self._key_of, open_ones))
        self._forget_turns(open_ones)
        owed = sorted(self._owed.values(), key=lambda c: self._turn(c.incident))
        closings = owed[: int(self._writes * CLOSINGS_SHARE)]
        for closing in closings:
            await self._close(closing, now)
        self.held_back = max(0, len(open_ones) - cap)
        due = [i for i in open_ones[:cap] if self._is_due(i, threshold, interval, now)]
        due.sort(key=self._turn)
        for incident in due[: self._writes - len(closings)]:
            await self._open_or_refresh(incident, threshold=threshold, interval=interval, now=now)

    def report_of(self, incident: Incident) -> AnomalyReport | None:
        """Return the report about an incident as last written; None until it says since when."""
        found = self._about(incident)
        return found.report if found and found.report.status.first_seen else None

    async def tell_proposal(self, incident: Incident, verdict: Answer | Refusal, now: datetime) -> None:
        """Write which request answers the report, or why none does. Raises: ClusterError."""
        found = self._about(incident)
        if found is None:
            return
        status = proposed_status(found.report.status, verdict, now=now)
        if status != found.report.status:
            await self._write_status(found.report, status, now)

    async def expire(self, ttl: timedelta, now: datetime) -> None:
        """Delete reports whose troubles have been over for `ttl`, and those that were never written after so long."""
        for key, found in list(self._written.items()):
            over_since = self._over_since(found.report)
            if over_since is None or now - over_since < ttl:
                continue
            try:
                await self._ports.cluster.delete(
                    ANOMALYREPORTS, key[1], key[0], uid=found.report.metadata["uid"]
                )
            except NotFound:
                pass  # a person was faster
            except ClusterError as error:
                self._failed("Cannot delete report", key, error)
                continue
            del self._written[key]

    async def close_all(
        self, incidents: Iterable[Incident], reason: Reason, message: str, now: datetime
    ) -> None:
        """Say of every open incident that it is no longer followed, and write the closings still owed.

        Each is tried, whatever becomes of the others. Raises: the first ClusterError; another call tries what is left.
        """
        for incident in incidents:
            if incident.is_open and not self._is_closed(incident):
                self._owe(Closing(incident, reason, message))
        errors = [await self._close(closing, now) for closing in list(self._owed.values())]
        for error in errors:
            if error is not None:
                raise error

    def _about(self, incident: Incident) -> Written | None:
        """Return the report about an incident; one about an earlier object of the same name is another's."""
        found = self._written.get(self._key_of(incident))
        return found if found and found.report.spec.target.uid == incident.workload.uid else None

    def _is_closed(self, incident: Incident) -> bool:
        found = self._about(incident)
        if found is None:
            return False
        active = find_condition(found.report.status.conditions, ReportCondition.ACTIVE.value)
        return active is not None and active.status is ConditionStatus.FALSE

    def _over_since(self, report: AnomalyReport) -> datetime | None:
        """Return when a trouble that is over was last there; None while it lasts, or nobody can see whether.

        A report whose status could never be written names no time; then it is that of its creation.
        """
        if restored(report) is not None or _key(report) in self._open:
            return None
        return report.status.last_seen or datetime.fromisoformat(report.metadata["creationTimestamp"])

    def _turn(self, incident: Incident) -> tuple[bool, datetime]:
        """Return what to sort by: the never tried first, then the longest untried; what fails starves no other."""
        tried_at = self._tried_at.get(incident.key)
        return (tried_at is not None, tried_at or incident.since)

    def _forget_turns(self, open_ones: Iterable[Incident]) -> None:
        """Keep the turns of what is open or owed: they are bounded with it."""
        kept = self._owed.keys() | {incident.key for incident in open_ones}
        self._tried_at = {key: at for key, at in self._tried_at.items() if key in kept}

    def _is_due(
        self, incident: Incident, threshold: float | None, interval: timedelta, now: datetime
    ) -> bool:
        found = self._about(incident)
        if found is None or now - found.at >= REFRESH:
            return True
        wanted = self._wanted(incident, found.report.status, threshold, interval, now)
        return _gist(wanted) != _gist(found.report.status)

    def _wanted(
        self,
        incident: Incident,
        before: ReportStatus,
        threshold: float | None,
        interval: timedelta,
        now: datetime,
    ) -> ReportStatus:
        if _is_unseen(incident, interval, now):
            return unseen_status(
                before, f"no pod could be judged since {incident.last_evaluated:%H:%M:%S} UTC", now=now
            )
        return active_status(incident, before, threshold=threshold, now=now)

    async def _open_or_refresh(
        self, incident: Incident, *, threshold: float | None, interval: timedelta, now: datetime
    ) -> None:
        key = self._key_of(incident)
        self._tried_at[incident.key] = now
        try:
            report = await self._existing(incident, now)
            wanted = self._wanted(incident, report.status, threshold, interval, now)
            await self._write_status(report, wanted, now)
        except ClusterError as error:
            self._failed("Cannot write report", key, error)
            return
        except Unreadable as error:  # of another version, and there before us
            logger.warning("Cannot read a report", extra={"why": str(error)})
            return
        if (wanted.count or 0) > (report.status.count or 0):  # another episode
            self._ports.metrics.reports_opened.labels(self._monitor, incident.signal.value).inc()
            logger.info(
                "Reported an anomaly",
                extra={
                    "report": "/".join(key),
                    "signal": incident.signal.value,
                    "target": str(incident.workload),
                },
            )

    async def _existing(self, incident: Incident, now: datetime) -> AnomalyReport:
        """Return the report about this target and signal; create it where there is none."""
        found = self._about(incident)
        if found is not None:
            return found.report
        wanted = new_report(incident, self._monitor)
        namespace, name = self._key_of(incident)
        try:
            body = await self._ports.cluster.create(ANOMALYREPORTS, wanted.dump(), namespace)
        except Conflict:
            body = await self._ports.cluster.get(ANOMALYREPORTS, name, namespace)
            there = read(AnomalyReport, body)
            if there.spec.target.uid != incident.workload.uid:
                # The target was deleted and made anew: the old report is about the past.
                await self._ports.cluster.delete(ANOMALYREPORTS, name, namespace, uid=there.metadata["uid"])
                body = await self._ports.cluster.create(ANOMALYREPORTS, wanted.dump(), namespace)
        report = read(AnomalyReport, body)
        # Before its status is: if that fails and the trouble ends, the report is still ours to close.
        self._written[namespace, name] = Written(report, now)
        return report

    def _owe(self, closing: Closing) -> None:
        if self._about(closing.incident) is not None:
            self._owed[closing.incident.key] = closing

    async def _close(self, closing: Closing, now: datetime) -> ClusterError | None:
        """Close a report. One that cannot be closed is still owed, or it would be active for good; returns why."""
        incident = closing.incident
        self._tried_at[incident.key] = now
        found = self._about(incident)
        try:
            if found is not None:
                status = closed_status(
                    incident, found.report.status, reason=closing.reason, message=closing.message, now=now
                )
                await self._write_status(found.report, status, now)
        except NotFound:
            pass  # a person deleted it
        except ClusterError as error:
            self._failed("Cannot close report", self._key_of(incident), error)
            return error
        self._owed.pop(incident.key, None)
        return None

    async def _write_status(self, report: AnomalyReport, status: ReportStatus, now: datetime) -> None:
        key = _key(report)
        if self._ports.cluster.is_dry_run:
            # The report itself was not kept, so the server has no status to patch.
            logger.info("Would write a report", extra={"report": "/".join(key), "summary": status.summary})
            self._written[key] = Written(report.model_copy(update={"status": status}), now)
            return
        body = {"status": merge_patch(report.status, status)}
        try:
            written = await self._ports.cluster.patch(
                ANOMALYREPORTS, key[1], body, key[0], subresource="status"
            )
        except NotFound:
            self._written.pop(key, None)  # a person deleted it: it is made anew while the trouble lasts
            raise
        self._written[key] = Written(AnomalyReport.model_validate(written), now)

    def _key_of(self, incident: Incident) -> ReportKey:
        name = name_of(self._monitor, incident.workload, incident.signal.value)
        return (incident.workload.namespace, name)

    def _failed(self, what: str, key: ReportKey, error: ClusterError) -> None:
        self._ports.metrics.write_errors.labels(self._monitor, error.reason or "NoAnswer").inc()
        logger.warning(what, extra={"report": "/".join(key), "why": str(error)})


def restored(report: AnomalyReport) -> Incident | None:
    """Return the open incident that a report tells of; None when it is over or was never opened."""
    status = report.status
    active = find_condition(status.conditions, ReportCondition.ACTIVE.value)
    if active is None or active.status.value == "False" or not (status.first_seen and status.last_seen):
        return None
    target = report.spec.target
    namespace = str(report.metadata["namespace"])
    return Incident(
        workload=Workload(target.api_version, target.kind, namespace, target.name, target.uid),
        signal=report.spec.signal,
        since=status.first_seen,
        last_seen=status.last_seen,
        last_evaluated=status.last_evaluated or status.last_seen,
        opened_at=status.first_seen,
        sick=frozenset(PodKey(namespace, name) for name in status.affected_pods or ()),
    )


def _is_unseen(incident: Incident, interval: timedelta, now: datetime) -> bool:
    return now - incident.last_evaluated > UNSEEN_AFTER_INTERVALS * interval


def _gist(status: ReportStatus) -> tuple[object, ...]:
    """Return what a person would want to know at once; the rest can wait for a refresh."""
    states = tuple((c.type, c.status, c.reason) for c in status.conditions)
    return (states, status.severity, status.pods_affected, status.affected_pods, status.first_seen)


def _key(report: AnomalyReport) -> ReportKey:
    return (str(report.metadata["namespace"]), str(report.metadata["name"]))
