"""The kopf handlers of AnomalyMonitor: a timer that ticks, and the end of a monitor.

The timer beats every second and evaluates a monitor when its own interval is due: kopf's timers have one
interval for all objects, and a change of `spec.interval` must not wait for a restart. Timers return nothing and
leave `patch` alone: one failed write of kopf's would end the timer for good (kopf issue 642).
"""

import asyncio
import logging
from datetime import datetime
from typing import Any, Final

import kopf
from pydantic import ValidationError

from podvigil.api.conditions import set_condition
from podvigil.api.durations import parse_duration
from podvigil.api.monitor import AnomalyMonitor, MonitorStatus
from podvigil.api.reasons import Reason
from podvigil.api.resources import ANOMALYMONITORS
from podvigil.cluster.errors import ClusterError
from podvigil.controllers.monitor.grid import tick_at
from podvigil.controllers.monitor.ports import Ports
from podvigil.controllers.monitor.status import READY
from podvigil.controllers.monitor.watch import Watch

logger = logging.getLogger(__name__)

BEAT_SECONDS: Final = 1.0
"""How often a monitor is asked whether it is due; also the shortest interval it may have."""

RETRY_SECONDS: Final = 10.0
"""After a bug in one tick: long enough not to flood the log, short enough to notice a recovery."""


class Analyst:
    """All monitors at work, by uid."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._watches: dict[str, Watch] = {}
        self._due: dict[str, datetime] = {}

    async def beat(self, body: dict[str, Any]) -> None:
        """Evaluate a monitor if it is due."""
        now, uid = self._ports.clock(), str(body["metadata"]["uid"])
        watch = self._watches.get(uid)
        if watch is None or watch.monitor.metadata.get("generation") != body["metadata"].get("generation"):
            monitor = await self._read(body, now)
            if monitor is None:
                if watch is not None:  # its status says what is wrong; a restart would not mend it
                    self._ports.beat(watch.name)
                return
            if watch is None:
                watch = self._watches[uid] = Watch(monitor, self._ports)
            else:
                watch.adopt(monitor)
        tick = tick_at(now, self._due.get(uid), parse_duration(watch.monitor.spec.interval))
        if tick is None:
            # Between two ticks nothing is late, however long the interval. One that hangs is still found: this timer
            # waits for its end.
            self._ports.beat(watch.name)
            return
        self._due[uid] = tick.next_due
        self._ports.metrics.missed_ticks.labels(watch.name).inc(tick.missed)
        await watch.tick(now, tick.missed)

    async def forget(self, body: dict[str, Any]) -> None:
        """End a monitor that is being deleted; what it reported before this process began is closed too.

        Raises: ClusterError.
        """
        now, uid = self._ports.clock(), str(body["metadata"]["uid"])
        watch = self._watches.get(uid)
        if watch is None:
            monitor = await self._read(body, now)
            watch = None if monitor is None else Watch(monitor, self._ports)
        if watch is not None:
            # It ticks no more. Before the end: reports that cannot be closed for minutes are no reason to restart us.
            self._ports.retire(watch.name)
            await watch.close(now)
        self._watches.pop(uid, None)
        self._due.pop(uid, None)

    async def _read(self, body: dict[str, Any], now: datetime) -> AnomalyMonitor | None:
        """Read a monitor; one that this version cannot use says so in its status."""
        try:
            return AnomalyMonitor.model_validate(body)
        except ValidationError as error:
            first = error.errors()[0]
            message = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        name = str(body["metadata"]["name"])
        conditions = set_condition((), READY, False, Reason.INVALID_SPEC, message, now=now)
        uid = str(body["metadata"]["uid"])
        if self._due.get(uid, now) > now:
            return None
        self._due[uid] = now + parse_duration("30s")
        try:
            status = {"status": MonitorStatus(conditions=conditions).dump()}
            await self._ports.cluster.patch(ANOMALYMONITORS, name, status, subresource="status")
        except ClusterError as error:
            logger.warning("Cannot write status", extra={"monitor": name, "why": str(error)})
        return None


def register_without_writing(registry: kopf.OperatorRegistry, ports: Ports) -> None:
    """Attach the handler of a dry run: a timer of kopf's puts its finalizer on each object, an event handler does not.

    Each monitor has a task that beats as the timer does.
    """
    analyst = Analyst(ports)
    latest: dict[str, dict[str, Any]] = {}
    tasks: dict[str, asyncio.Task[None]] = {}

    async def beats(uid: str) -> None:
        while uid in latest:
            await analyst.beat(latest[uid])
            await asyncio.sleep(BEAT_SECONDS)

    @kopf.on.event(ANOMALYMONITORS.group, ANOMALYMONITORS.version, ANOMALYMONITORS.plural, registry=registry)
    async def noticed(event: kopf.RawEvent, **_: Any) -> None:
        body: dict[str, Any] = dict(event["object"])
        uid = str(body["metadata"]["uid"])
        if event["type"] == "DELETED":
            latest.pop(uid, None)
            if task := tasks.pop(uid, None):
                await asyncio.wait([task])
            await analyst.forget(body)
            return
        latest[uid] = body
        if uid not in tasks or tasks[uid].done():
            tasks[uid] = asyncio.create_task(beats(uid), name=f"monitor {body['metadata']['name']}")


def register(registry: kopf.OperatorRegistry, ports: Ports) -> None:
    """Attach the handlers; nothing happens at import time."""
    analyst = Analyst(ports)
    where = (ANOMALYMONITORS.group, ANOMALYMONITORS.version, ANOMALYMONITORS.plural)

    @kopf.timer(*where, registry=registry, interval=BEAT_SECONDS, sharp=True, backoff=RETRY_SECONDS)
    async def beat(body: kopf.Body, **_: Any) -> None:
        await analyst.beat(dict(body))

    @kopf.on.delete(*where, registry=registry, optional=True)
    async def deleted(body: kopf.Body, **_: Any) -> None:
        try:
            await analyst.forget(dict(body))
        except ClusterError as error:
            raise kopf.TemporaryError(f"cannot close its reports: {error}", delay=RETRY_SECONDS) from error
