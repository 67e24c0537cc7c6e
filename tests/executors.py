"""Executors for tests on a real API server: one in a thread, with its metrics at hand, or one in a process to kill.

python -m executors KUBECONFIG INSTANCE     # the process: kopf watches, SIGTERM stops it
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import kopf
from prometheus_client import CollectorRegistry

from podvigil.cluster.client import Cluster
from podvigil.cluster.connect import connect, login
from podvigil.cluster.transport import TimeOuts
from podvigil.controllers.queue import QueueSettings
from podvigil.controllers.remediation.executor import Executor
from podvigil.controllers.remediation.ports import ExecutorSettings
from threaded import STOP_SECONDS, Threaded

SYSTEM: Final = "podvigil-system"
ACCOUNT: Final = f"system:serviceaccount:{SYSTEM}:podvigil-executor"


class ThreadedExecutor(Threaded):
    """An executor on a loop of its own; it lists the requests every second instead of watching them."""

    def __init__(
        self,
        kubeconfig: Path,
        instance: str = "executor-a",
        *,
        time_outs: TimeOuts | None = None,
        queue: QueueSettings | None = None,
    ) -> None:
        super().__init__(instance)
        self.metrics: Final = CollectorRegistry()
        self._kubeconfig = kubeconfig
        self._time_outs = time_outs
        self._settings: Final = ExecutorSettings(
            own_namespace=SYSTEM,
            instance=instance,
            resync_seconds=1.0,
            lookout_seconds=1.0,
            gate_retry_seconds=1.0,
            queue=queue or QueueSettings(),
        )
        self.beats = 0

    def metric(self, name: str, **labels: str) -> float:
        """A sample of its metrics; 0 when it was never counted."""
        return self.metrics.get_sample_value(name, labels) or 0.0

    def _beat(self) -> None:
        self.beats += 1

    async def _work(self, stop: asyncio.Event) -> None:
        cluster = Cluster(connect(self._kubeconfig), time_outs=self._time_outs)
        executor = Executor(cluster, self._settings, self.metrics)
        try:
            await executor.run(stop, self._beat)
        finally:
            await cluster.aclose()


class ExecutorProcess:
    """An executor as a process of its own, with kopf's watch."""

    def __init__(self, kubeconfig: Path, instance: str, log: Path) -> None:
        self._command = [sys.executable, "-m", "executors", str(kubeconfig), instance]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again after a kill."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment)

    def kill(self) -> None:
        """End it as the kernel ends a process: without a chance to tidy up."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end; returns its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(how)
        return process.wait(STOP_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(signal.SIGKILL)


async def _run_process(kubeconfig: Path, instance: str) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    cluster = Cluster(connect(kubeconfig))
    settings = ExecutorSettings(own_namespace=SYSTEM, instance=instance, gate_retry_seconds=1.0)
    executor = Executor(cluster, settings, CollectorRegistry())
    registry = kopf.OperatorRegistry()
    executor.register(registry)

    @kopf.on.login(registry=registry)
    def _login(**_: object) -> kopf.ConnectionInfo:
        return login(kubeconfig)

    watching, stop_watching = threading.Event(), threading.Event()
    # kopf cancels the tasks that begin after it: it gets a loop of its own.
    watch = threading.Thread(
        target=lambda: asyncio.run(
            kopf.operator(
                registry=registry,
                standalone=True,
                clusterwide=True,
                stop_flag=stop_watching,
                ready_flag=watching,
            )
        ),
        daemon=True,
    )
    watch.start()
    try:
        await executor.run(stop, lambda: None)
    finally:
        stop_watching.set()
        watch.join(STOP_SECONDS)
        await cluster.aclose()


if __name__ == "__main__":
    asyncio.run(_run_process(Path(sys.argv[1]), sys.argv[2]))
