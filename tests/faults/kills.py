"""Executors that are killed at every write of theirs, while they work on one story.

Each replica is a process behind a proxy of its own. A call that is to be cut short is held by the proxy (before or
after the API server has done it), the process that waits for it is ended by SIGKILL, and started anew. Stories
that are played side by side have executors of their own, and feel no kill but theirs.
"""

import asyncio
import multiprocessing
import os
import queue
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import compress
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from prometheus_client import CollectorRegistry

from faults.claims import REQUESTS, age_claims
from faults.proxy import AlterJson, Asked, Drop, Fault, FaultProxy, Rule
from faults.steps import BEGIN_ROLLBACK, GIVE_UP, Step, step_of
from localcluster.controlplane import ControlPlane
from podvigil.cluster.client import Cluster
from podvigil.cluster.connect import connect
from podvigil.controllers.remediation.executor import Executor
from podvigil.controllers.remediation.ports import ExecutorSettings
from shop import EXECUTOR, SYSTEM

Json = dict[str, Any]

BEFORE: Final = "before"
AFTER: Final = "after"
CUTS: Final = (BEFORE, AFTER)
"""How a step is cut short, in this order: first the API server never hears of it, then it does it and the answer
is lost with the process. The third try gets through."""

KILLS_MOST: Final = 80
"""In one story: a bound for a loop that a bug would make."""

RESYNC_SECONDS: Final = 2.0
"""Until an executor notices what a person has said; a dozen executors look at everything so often."""

# A fresh interpreter takes a second or more to import everything, a fork of one that has done so no time. Before Python
# 3.14 the fork server does not know the path of this process, and leaves out in silence what it does not find: so only
# what is installed is named.
_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "podvigil.controllers.remediation.executor",
        "podvigil.cluster.connect",
        "aiohttp.web",
        "requests",
        "yaml",
    ]
)


@dataclass
class Cuts:
    """The steps of one story, each of which is cut short once before it is done and once right after."""

    marks: re.Pattern[str]
    kills: int = 0
    _tries: defaultdict[tuple[bool, Step], int] = field(default_factory=lambda: defaultdict(int))
    _is_way_back: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, asked: Asked) -> str | None:
        """Count a call, and say how it is cut short; None: it gets through."""
        step = step_of(asked) if self.marks.search(asked.path) else None
        if step is None:
            return None
        with self._lock:
            # The same call on the way there and on the way back are two steps.
            self._is_way_back = self._is_way_back or step.name in (BEGIN_ROLLBACK, GIVE_UP)
            tries = self._tries[self._is_way_back, step]
            if tries >= len(CUTS) or self.kills >= KILLS_MOST:
                return None
            self._tries[self._is_way_back, step] += 1
            self.kills += 1
            return CUTS[tries]

    @property
    def steps(self) -> Counter[str]:
        """How many steps of each name were cut short both before and after."""
        with self._lock:
            return Counter(step.name for (_, step), tries in self._tries.items() if tries == len(CUTS))


class CutShort(Rule):
    """The rule of one proxy: it asks the story's cuts about each call, and hides the requests of other stories."""

    def __init__(self, cuts: Cuts, told: Callable[[], None]) -> None:
        super().__init__(Drop(told=told))
        self._cuts, self._told = cuts, told

    def fault_for(self, asked: Asked) -> Fault | None:
        """Hold the call when it is to be cut short."""
        if asked.method == "GET" and asked.path.startswith(REQUESTS):
            return AlterJson(self._ours)
        cut = self._cuts.take(asked)
        return None if cut is None else Drop(after_upstream=cut == AFTER, told=self._told)

    def _ours(self, listed: Json) -> Json:
        metadata = [item["metadata"] for item in listed["items"]]
        paths = [f"/{found['namespace']}/{found['name']}" for found in metadata]
        is_ours = [bool(self._cuts.marks.search(path)) for path in paths]
        return {**listed, "items": list(compress(listed["items"], is_ours))}


class Fleet:
    """Executors side by side that work on one story; a context manager.

    One alone keeps its name, as a container that starts again in its pod does, and goes on with its claims. Of
    several each start has a new name, as a new pod has, and whoever is there takes over the claims of the dead.
    """

    def __init__(self, cluster: ControlPlane, replicas: int, folder: Path, marks: str) -> None:
        """Start nothing yet.

        Args:
            folder: made here.
            marks: matches the paths of the story's objects, and of no other's.
        """
        self.cuts: Final = Cuts(re.compile(marks))
        self._cluster = cluster
        folder.mkdir()
        self._replicas = [
            _Replica(cluster, n, folder, is_new_each_time=replicas > 1) for n in range(replicas)
        ]
        self._waiting: queue.SimpleQueue[tuple[_Replica, int] | None] = queue.SimpleQueue()
        self._reaper = threading.Thread(target=self._reap, daemon=True)

    def __enter__(self) -> Self:
        for replica in self._replicas:
            replica.proxy.add(CutShort(self.cuts, partial(self._tell, replica)))
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
            if replica.starts != starts:
                continue  # another call's wait has ended that process already
            dead = replica.kill()
            if replica.is_new_each_time:
                age_claims(self._cluster, dead)
            replica.start()


class _Replica:
    def __init__(self, cluster: ControlPlane, number: int, folder: Path, *, is_new_each_time: bool) -> None:
        self.proxy: Final = FaultProxy(cluster.url, ca_file=cluster.ca_file)
        self.starts = 0
        self.is_new_each_time: Final = is_new_each_time
        self._number = number
        self._token: Final = cluster.token(EXECUTOR)
        self._kubeconfig: Final = folder / f"executor-{number}.kubeconfig"
        self._process: ForkServerProcess | None = None

    @property
    def name(self) -> str:
        """Of the process that runs."""
        return f"executor-{self._number}" + (f"-{self.starts}" if self.is_new_each_time else "")

    def open(self) -> None:
        self.proxy.__enter__()
        self.proxy.kubeconfig(self._kubeconfig, self._token)
        self.start()

    def close(self) -> None:
        self.kill()
        self.proxy.__exit__(None, None, None)

    def start(self) -> None:
        self.starts += 1
        self._process = _FORKS.Process(target=_execute, args=(self._kubeconfig, self.name))
        self._process.start()

    def kill(self) -> str:
        """End it as the kernel ends a process, without a chance to tidy up; return its name."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        return self.name


def _execute(kubeconfig: Path, instance: str) -> None:
    threading.Thread(target=_end_with_the_tests, daemon=True).start()
    asyncio.run(_serve(kubeconfig, instance))


def _end_with_the_tests() -> None:
    """A process of the fork server would outlive tests that are killed."""
    if (tests := multiprocessing.parent_process()) is not None:
        tests.join()
        os._exit(1)


async def _serve(kubeconfig: Path, instance: str) -> None:
    settings = ExecutorSettings(
        own_namespace=SYSTEM,
        instance=instance,
        resync_seconds=RESYNC_SECONDS,
        lookout_seconds=RESYNC_SECONDS,
        gate_retry_seconds=1.0,
    )
    executor = Executor(Cluster(connect(kubeconfig)), settings, CollectorRegistry())
    await executor.run(asyncio.Event(), lambda: None)
