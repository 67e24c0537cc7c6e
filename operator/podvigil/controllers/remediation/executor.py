"""The executor process's part: put together here, and run until told to stop."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import kopf
import msgspec
from prometheus_client import CollectorRegistry

from podvigil.api.resources import REMEDIATIONREQUESTS
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import ClusterError, Throttled
from podvigil.cluster.events import EventRecorder
from podvigil.controllers.queue import WorkQueue
from podvigil.controllers.remediation.gatekeeper import Gatekeeper, watch_gate
from podvigil.controllers.remediation.handlers import register
from podvigil.controllers.remediation.lookout import Lookout
from podvigil.controllers.remediation.metrics import ExecutorMetrics
from podvigil.controllers.remediation.ports import ExecutorSettings, Ports, RequestKey, pause
from podvigil.controllers.remediation.reconcile import reconcile
from podvigil.remediate.gather import Unreadable

logger = logging.getLogger(__name__)

BEAT_SECONDS: Final = 5.0
"""How often the watchdog hears from us."""

LONGEST_RETRY_AFTER: Final = 120.0
"""A Retry-After beyond this is not believed."""

RESYNC_RETRY_SECONDS: Final = 5.0


class _Meta(msgspec.Struct, gc=False):
    name: str
    namespace: str


class _Status(msgspec.Struct, gc=False):
    finished: str | None = msgspec.field(name="finishedAt", default=None)


class _Spec(msgspec.Struct, gc=False):
    rollback: msgspec.Raw | None = None


class _Item(msgspec.Struct, gc=False):
    metadata: _Meta
    spec: _Spec
    status: _Status = msgspec.field(default_factory=_Status)


class _Page(msgspec.Struct, gc=False):
    items: list[_Item]


_PAGE: Final = msgspec.json.Decoder(_Page)


class Executor:
    """Notices RemediationRequests and takes each one its way.

    `register` first, then `run`; kopf may run on another loop or thread.
    """

    def __init__(
        self,
        cluster: Cluster,
        settings: ExecutorSettings,
        registry: CollectorRegistry,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        metrics = ExecutorMetrics(registry)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ports: Final = Ports(
            cluster=cluster,
            queue=WorkQueue[RequestKey](),
            gatekeeper=Gatekeeper(cluster, settings.own_namespace, metrics),
            lookout=Lookout(cluster, settings.lookout_seconds),
            events=EventRecorder(cluster, instance=settings.instance, controller="podvigil.io/executor"),
            metrics=metrics,
            settings=settings,
            clock=clock,
        )

    @property
    def is_ready(self) -> bool:
        """Whether the executor is running and has looked at the gate (which need not stand)."""
        return self._loop is not None

    def register(self, registry: kopf.OperatorRegistry) -> None:
        """Attach the kopf handler."""
        register(registry, self.notice)

    def notice(self, key: RequestKey) -> None:
        """Look at this request soon. From any thread; before `run` it is ignored, since `run` lists all."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ports.queue.add, key)

    async def run(self, stop: asyncio.Event, beat: Callable[[], None]) -> None:
        """Work until `stop` is set; `beat` is called every few seconds while the loop is alive.

        Raises: whatever is a bug, in an ExceptionGroup. What the API server does is no bug.
        """
        ports, settings = self._ports, self._ports.settings
        await ports.gatekeeper.look()
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(
                    watch_gate(
                        ports.gatekeeper,
                        stop,
                        every=settings.gate_check_seconds,
                        retry=settings.gate_retry_seconds,
                    )
                )
                group.create_task(self._resync(stop))
                group.create_task(self._beat(stop, beat))
                group.create_task(
                    ports.queue.run(
                        lambda key: reconcile(key, ports),
                        stop,
                        expected=(ClusterError, Unreadable),
                        after_error=self._after_error,
                    )
                )
        finally:
            self._loop = None

    async def _resync(self, stop: asyncio.Event) -> None:
        """List the open requests now and then: a watch event that was lost is not lost work."""
        while not stop.is_set():
            seconds = self._ports.settings.resync_seconds
            try:
                async for page in self._ports.cluster.pages(REMEDIATIONREQUESTS):
                    for item in _PAGE.decode(page).items:
                        if item.status.finished is None or item.spec.rollback is not None:
                            self._ports.queue.add(RequestKey(item.metadata.namespace, item.metadata.name))
            except ClusterError as error:
                logger.warning("Cannot list the requests", extra={"error": str(error)})
                seconds = RESYNC_RETRY_SECONDS
            await pause(stop, seconds)

    async def _beat(self, stop: asyncio.Event, beat: Callable[[], None]) -> None:
        while not stop.is_set():
            beat()
            self._ports.metrics.waiting.set(len(self._ports.queue))
            self._ports.metrics.dropped.set(self._ports.queue.dropped)
            await pause(stop, BEAT_SECONDS)

    def _after_error(self, key: RequestKey, error: Exception, planned: float) -> float:
        status = error.status if isinstance(error, ClusterError) else -1
        self._ports.metrics.errors.labels(str(status) if status >= 0 else "unreadable").inc()
        seconds = planned
        if isinstance(error, Throttled) and error.retry_after is not None:
            seconds = max(planned, min(error.retry_after, LONGEST_RETRY_AFTER))
        logger.warning(
            "A request must wait",
            extra={"request": f"{key.namespace}/{key.name}", "error": str(error), "retry_seconds": seconds},
        )
        return seconds
