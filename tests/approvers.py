"""An approver for tests on a real API server, in a thread, under its own account."""

import asyncio
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from localcluster.controlplane import ControlPlane
from podvigil.cluster.client import Cluster
from podvigil.cluster.connect import connect
from podvigil.controllers.approver.approver import Approver, ApproverSettings
from shop import APPROVER, ROOT, SYSTEM
from threaded import Threaded


def install_approver(cluster: ControlPlane) -> None:
    """Give it its rights: to approve by a rule, for the actions that are bound."""
    cluster.kubectl("apply", "-f", str(ROOT / "deploy/approver/rbac.yaml"))


class ThreadedApprover(Threaded):
    """An approver on a loop of its own; it lists the requests every second instead of watching them."""

    def __init__(self, kubeconfig: Path, *, dry_run: bool = False) -> None:
        super().__init__("approver")
        self._dry_run = dry_run
        self.metrics: Final = CollectorRegistry()
        self._kubeconfig = kubeconfig

    async def _work(self, stop: asyncio.Event) -> None:
        cluster = Cluster(connect(self._kubeconfig), dry_run=self._dry_run)
        settings = ApproverSettings(
            own_namespace=SYSTEM, instance="approver", user_name=APPROVER, resync_seconds=1.0
        )
        try:
            await Approver(cluster, settings, self.metrics).run(stop, lambda: None)
        finally:
            await cluster.aclose()
