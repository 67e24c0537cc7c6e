"""The executor process's part: put together here, and run until told to stop."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import kopf
from prometheus_client import CollectorRegistry

from podvigil.cluster.client import Cluster
from podvigil.cluster.events import EventRecorder
from podvigil.controllers.lookout import Lookout
from podvigil.controllers.queue import WorkQueue
from podvigil.controllers.remediation.attend import attend
from podvigil.controllers.remediation.gatekeeper import Gatekeeper, watch_gate
from podvigil.controllers.remediation.metrics import ExecutorMetrics
from podvigil.controllers.remediation.ports import ExecutorSettings, Ports
from podvigil.controllers.remediation.rehearse import rehearse
from podvigil.controllers.requests import RequestKey, RequestLoop


class Executor:
    """Notices RemediationRequests and takes each one its way."""

    def __init__(
        self,
        cluster: Cluster,
        settings: ExecutorSettings,
        registry: CollectorRegistry,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        metrics = ExecutorMetrics(registry)
        self._ports: Final = Ports(
            cluster=cluster,
            gatekeeper=Gatekeeper(cluster, settings.own_namespace, metrics),
            lookout=Lookout(cluster, settings.lookout_seconds),
            events=EventRecorder(cluster, instance=settings.instance, controller="podvigil.io/executor"),
            metrics=metrics,
            settings=settings,
            clock=clock,
        )
        self._requests: Final = RequestLoop(
            cluster,
            lambda key: (rehearse if cluster.is_dry_run else attend)(key, self._ports),
            resync_seconds=settings.resync_seconds,
            on_error=lambda status: metrics.errors.labels(status).inc(),
            on_beat=self._measure,
            queue=settings.queue,
        )
        self._dropped = 0
        """Of the queue's dropped requests, those that are counted already."""

    def register(self, registry: kopf.OperatorRegistry) -> None:
        """Attach the kopf handler."""
        self._requests.register(registry)

    async def run(self, stop: asyncio.Event, beat: Callable[[], None]) -> None:
        """Work until `stop` is set; `beat` is called every few seconds while the loop is alive.

        Raises: whatever is a bug of the loops themselves, in an ExceptionGroup. A pass that fails is tried again.
        """
        gatekeeper, settings = self._ports.gatekeeper, self._ports.settings
        await gatekeeper.look()
        async with asyncio.TaskGroup() as group:
            group.create_task(
                watch_gate(
                    gatekeeper, stop, every=settings.gate_check_seconds, retry=settings.gate_retry_seconds
                )
            )
            group.create_task(self._requests.run(stop, beat))

    def _measure(self, queue: WorkQueue[RequestKey]) -> None:
        self._ports.metrics.waiting.set(len(queue))
        self._ports.metrics.dropped.inc(queue.dropped - self._dropped)
        self._dropped = queue.dropped
        self._ports.metrics.undecided.set(self._requests.undecided)
