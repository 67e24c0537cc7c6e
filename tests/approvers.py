"""An approver for tests on a real API server, in a thread, under its own account."""

import asyncio
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from prometheus_client import CollectorRegistry

from localcluster.controlplane import ControlPlane
from podvigil.cluster.client import Cluster
from podvigil.cluster.connect import connect
from podvigil.controllers.approver.approver import Approver, ApproverSettings
from shop import APPROVER, ROOT, SYSTEM

STOP_SECONDS: Final = 10.0


def install_approver(cluster: ControlPlane) -> None:
    """Give it its rights: to approve by a rule, for the actions that are bound."""
    cluster.kubectl("apply", "-f", str(ROOT / "deploy/approver/rbac.yaml"))


class ThreadedApprover:
    """An approver on a loop of its own; it lists the requests every second instead of watching them."""

    def __init__(self, kubeconfig: Path) -> None:
        self.metrics: Final = CollectorRegistry()
        self._kubeconfig = kubeconfig
        self._stop, self._started = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(STOP_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(STOP_SECONDS)
        assert not self._thread.is_alive(), "the approver does not stop"

    async def _work(self) -> None:
        cluster = Cluster(connect(self._kubeconfig))
        settings = ApproverSettings(
            own_namespace=SYSTEM, instance="approver", user_name=APPROVER, resync_seconds=1.0
        )
        ended = asyncio.Event()
        approver = Approver(cluster, settings, self.metrics)
        running = asyncio.create_task(approver.run(ended, self._started.set))
        await asyncio.to_thread(self._stop.wait)
        ended.set()
        await running
        await cluster.aclose()
