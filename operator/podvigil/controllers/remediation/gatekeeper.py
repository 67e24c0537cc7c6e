"""Keeps an eye on the approval gate: now and then for everybody to see, and freshly before each change."""

import asyncio
import logging
import time

from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import ClusterError
from podvigil.controllers.remediation.metrics import ExecutorMetrics
from podvigil.remediate.authority.gate import NOT_CHECKED, Gate, gather_gate, judge, unseen

logger = logging.getLogger(__name__)


class Gatekeeper:
    """The gate as last seen; what could not be seen does not stand."""

    def __init__(self, cluster: Cluster, own_namespace: str, metrics: ExecutorMetrics) -> None:
        self._cluster = cluster
        self._own_namespace = own_namespace
        self._metrics = metrics
        self._metrics.gate_standing.set(0)
        self.gate: Gate = NOT_CHECKED
        self.looked_at = 0.0
        """Monotonic seconds."""

    async def look(self, namespace: str | None = None) -> Gate:
        """Look now; `namespace`: also whether a Role there would let us decide."""
        try:
            gate = judge(await gather_gate(self._cluster, self._own_namespace, namespace))
        except ClusterError as error:
            gate = unseen(error)
        self._note(gate)
        return gate

    def _note(self, gate: Gate) -> None:
        if (gate.standing, gate.message) != (self.gate.standing, self.gate.message):
            level = logging.INFO if gate.standing else logging.WARNING
            logger.log(
                level,
                "The approval gate stands" if gate.standing else "The approval gate does not stand",
                extra={"reason": gate.reason.value, "detail": gate.message},
            )
        self.gate = gate
        self.looked_at = time.monotonic()
        self._metrics.gate_standing.set(1 if gate.standing else 0)


async def watch_gate(gatekeeper: Gatekeeper, stop: asyncio.Event, *, every: float, retry: float) -> None:
    """Look at the gate until `stop` is set: `every` so many seconds, at each `retry` while it does not stand.

    Whoever saw it fall: a look before a change that could not be made is made up for here.
    """
    while not stop.is_set():
        if not gatekeeper.gate.standing or time.monotonic() - gatekeeper.looked_at >= every:
            await gatekeeper.look()
        try:
            async with asyncio.timeout(min(every, retry)):
                await stop.wait()
        except TimeoutError:
            continue
