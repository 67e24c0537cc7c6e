"""Executors that are killed at every write of theirs, while they work on many stories at once.

Each replica is a process behind a proxy of its own. A call that is to be cut short is held by the proxy (before or
after the API server has done it), the process that waits for it is ended by SIGKILL, and started anew. All
stories feel each kill, at whatever step they are.
"""

import asyncio
import multiprocessing
import queue
import re
import threading
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from prometheus_client import CollectorRegistry

from faults.proxy import Drop, FaultProxy, Rule
from localcluster.controlplane import ControlPlane
from podvigil.cluster.client import Cluster
from podvigil.cluster.connect import connect
from podvigil.controllers.remediation.executor import Executor
from podvigil.controllers.remediation.ports import ExecutorSettings
from shop import EXECUTOR, SYSTEM

When = Literal["before", "after"]

KILLS_MOST: Final = 40
"""In one story: a bound for a loop that a bug would make."""

WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
SAYINGS: Final = re.compile(r"/events|/selfsubject")
"""Not steps: what is told to people, and what the executor asks about itself."""

# A fresh interpreter takes a second to import everything, a fork of one that has done so no time.
_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["faults.kills"])


@dataclass
class Cuts:
    """Which writes of one story are cut short: each once before it is done, or each right after."""

    marks: re.Pattern[str]
    when: When
    kills: int = 0
    _seen: dict[tuple[str, str], int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, method: str, path: str) -> bool:
        """Count a call, and return whether it is cut short."""
        if method not in WRITES or SAYINGS.search(path) or not self.marks.search(path):
            return False
        with self._lock:
            count = self._seen[method, path] = self._seen.get((method, path), 0) + 1
            # A call that was not done is tried again: every second one gets through. A dry run leaves nothing
            # behind, and is made anew in each pass: only the first one is cut short.
            is_due = self.when == "after" or count % 2 == 1
            wanted = count == 1 if "dryRun" in path else is_due
            taken = wanted and self.kills < KILLS_MOST
            self.kills += taken
            return taken


@dataclass
class CutsOfAll(Rule):
    """A rule of one proxy that asks every story."""

    cuts: list[Cuts] = field(default_factory=list)
    when: When = "before"

    def takes(self, method: str, path: str) -> bool:
        """Whether one of the stories wants this call cut short in this rule's way."""
        return any(cut.when == self.when and cut.take(method, path) for cut in self.cuts)


class Fleet:
    """Executors side by side; a context manager."""

    def __init__(self, cluster: ControlPlane, replicas: int, folder: Path) -> None:
        self._cluster = cluster
        self._cuts: list[Cuts] = []
        self._replicas = [_Replica(cluster, f"executor-{n}", folder) for n in range(replicas)]
        self._waiting: queue.SimpleQueue[tuple[_Replica, int] | None] = queue.SimpleQueue()
        self._reaper = threading.Thread(target=self._reap, daemon=True)

    def cut(self, marks: str, when: When) -> Cuts:
        """Cut short the writes about objects whose paths match."""
        cuts = Cuts(re.compile(marks), when)
        self._cuts.append(cuts)
        return cuts

    def __enter__(self) -> Self:
        for replica in self._replicas:
            for when in ("before", "after"):
                told = partial(self._tell, replica)
                rule = CutsOfAll(Drop(after_upstream=when == "after", told=told), cuts=self._cuts, when=when)
                replica.proxy.add(rule)
            replica.open()
        self._reaper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.put(None)
        self._reaper.join()
        for replica in self._replicas:
            replica.close()

    def _tell(self, replica: "_Replica") -> None:
        self._waiting.put((replica, replica.starts))

    def _reap(self) -> None:
        while (found := self._waiting.get()) is not None:
            replica, starts = found
            if replica.starts == starts:  # else another call's wait has ended that process already
                replica.kill()
                replica.start()


class _Replica:
    def __init__(self, cluster: ControlPlane, name: str, folder: Path) -> None:
        self.proxy: Final = FaultProxy(cluster.url, ca_file=cluster.ca_file)
        self.starts = 0
        self._name, self._token = name, cluster.token(EXECUTOR)
        self._kubeconfig: Final = folder / f"{name}.kubeconfig"
        self._process: ForkServerProcess | None = None

    def open(self) -> None:
        self.proxy.__enter__()
        self.proxy.kubeconfig(self._kubeconfig, self._token)
        self.start()

    def close(self) -> None:
        self.kill()
        self.proxy.__exit__(None, None, None)

    def start(self) -> None:
        self.starts += 1
        self._process = _FORKS.Process(target=_execute, args=(self._kubeconfig, self._name))
        self._process.start()

    def kill(self) -> None:
        """End it as the kernel ends a process: without a chance to tidy up."""
        if self._process is not None:
            self._process.kill()
            self._process.join()


def _execute(kubeconfig: Path, instance: str) -> None:
    asyncio.run(_serve(kubeconfig, instance))


async def _serve(kubeconfig: Path, instance: str) -> None:
    settings = ExecutorSettings(
        own_namespace=SYSTEM,
        instance=instance,
        resync_seconds=1.0,
        lookout_seconds=1.0,
        gate_retry_seconds=1.0,
    )
    executor = Executor(Cluster(connect(kubeconfig)), settings, CollectorRegistry())
    await executor.run(asyncio.Event(), lambda: None)
