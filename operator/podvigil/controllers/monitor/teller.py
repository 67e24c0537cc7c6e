"""Tells how a monitor fares: in its status, and where there is trouble in an event, a log line and the metrics."""

import logging
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.base import merge_patch
from podvigil.api.monitor import AnomalyMonitor, MonitorStatus
from podvigil.api.reasons import Reason
from podvigil.api.resources import ANOMALYMONITORS, ObjectRef
from podvigil.cluster.errors import ClusterError
from podvigil.cluster.events import EventType
from podvigil.controllers.monitor.ports import Ports
from podvigil.controllers.monitor.status import TickFacts, ready_trouble, status_after

logger = logging.getLogger(__name__)

STATUS_EVERY: Final = timedelta(seconds=10)
"""The status is written no more often while its conditions stay the same."""


class Teller:
    """Writes one monitor's status."""

    def __init__(self, monitor: AnomalyMonitor, ports: Ports) -> None:
        self._ports = ports
        self._written: MonitorStatus = monitor.status
        self._written_at: datetime | None = None

    async def tell(self, monitor: AnomalyMonitor, facts: TickFacts, now: datetime) -> None:
        """Tell what one tick came to."""
        name = str(monitor.metadata["name"])
        self._ports.metrics.observe(name, facts, now)
        await self._publish(monitor, facts)
        generation = int(monitor.metadata.get("generation", 0))
        await self._write(name, status_after(self._written, facts, generation=generation, now=now), now)

    async def _publish(self, monitor: AnomalyMonitor, facts: TickFacts) -> None:
        metadata = monitor.metadata
        about = ObjectRef(
            monitor.api_version, monitor.kind, str(metadata["name"]), uid=str(metadata.get("uid", ""))
        )
        broken = facts.model if facts.model.reason is Reason.MODEL_BROKEN else None
        for trouble in (ready_trouble(facts), broken):
            if trouble is None or trouble.reason is Reason.WARMING_UP:
                continue
            said = {"reason": trouble.reason.value, "message": trouble.message}
            if await self._ports.events.publish(about, EventType.WARNING, **said, dedupe=trouble.reason):
                logger.warning(
                    "Cannot evaluate as asked",
                    extra={"monitor": about.name, "reason": said["reason"], "why": said["message"]},
                )

    async def _write(self, name: str, after: MonitorStatus, now: datetime) -> None:
        before = self._written
        if (
            _gist(after) == _gist(before)
            and self._written_at is not None
            and now - self._written_at < STATUS_EVERY
        ):
            return
        try:
            body = {"status": merge_patch(before, after)}
            await self._ports.cluster.patch(ANOMALYMONITORS, name, body, subresource="status")
        except ClusterError as error:
            self._ports.metrics.write_errors.labels(name, error.reason or "NoAnswer").inc()
            logger.warning("Cannot write status", extra={"monitor": name, "why": str(error)})
            return
        self._written, self._written_at = after, now


def _gist(status: MonitorStatus) -> tuple[object, ...]:
    """Return what is written at once: what people look at, and what must not be lost in a crash."""
    return (status.conditions, status.reports_active, status.outcomes)
