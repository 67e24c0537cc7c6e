"""A bounded work queue by key: a key that is waiting is not added twice, and no key is worked on twice at once.

The rules are client-go's workqueue (k8s.io/client-go/util/workqueue): a key that is added while it is worked
on waits until that is done; a failing key backs off exponentially, alone.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

logger = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """How much work waits, how much is done at once, and how failing work slows down."""

    capacity: int = 10_000
    """Keys remembered, waiting, delayed or at work. Beyond it a new key is dropped: a resync finds it again."""
    workers: int = 4
    """Keys worked on at once; each holds up to six calls to the API server."""
    first_backoff_seconds: float = 0.25
    """Before the first retry: a conflict is over at once."""
    last_backoff_seconds: float = 30.0
    """The longest pause between retries: a server that is back is noticed within it."""
    beat_seconds: float = 5.0
    """How often the watchdog hears from whoever works it off, and what waits is measured."""


class WorkQueue(Generic[Key]):
    """Not thread-safe: everything is called on the loop that runs it."""

    def __init__(self, settings: QueueSettings | None = None) -> None:
        self._settings: Final = settings or QueueSettings()
        self._ready: OrderedDict[Key, None] = OrderedDict()
        self._at_work: set[Key] = set()
        self._again: set[Key] = set()
        """Added while at work."""
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._wake = asyncio.Event()
        self.dropped = 0
        """Keys refused because the queue was full."""

    def __len__(self) -> int:
        return len(self._ready) + len(self._timers.keys() - self._ready.keys())

    def add(self, key: Key) -> bool:
        """Have the key worked on as soon as may be; False when the queue is full.

        A key that backs off after a failure keeps its pause: news about it does not mend what failed.
        """
        if key in self._timers and key in self._failures:
            return True
        return self._add_now(key)

    def _add_now(self, key: Key) -> bool:
        self._cancel(key)
        if key in self._at_work:
            self._again.add(key)
            return True
        if key not in self._ready and not self._has_room():
            self.dropped += 1
            return False
        self._ready[key] = None
        self._wake.set()
        return True

    def add_after(self, key: Key, seconds: float) -> bool:
        """Have the key worked on later; of several delays the shortest counts."""
        if seconds <= 0:
            return self._add_now(key)
        if key in self._ready or key in self._again:
            return True
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= due:
            return True
        if timer is None and not self._has_room():
            self.dropped += 1
            return False
        self._cancel(key)
        self._timers[key] = loop.call_later(seconds, self._add_now, key)
        return True

    def due_in(self, key: Key) -> float | None:
        """Return the seconds until a delayed key is added; None when it is not delayed."""
        timer = self._timers.get(key)
        return None if timer is None else timer.when() - asyncio.get_running_loop().time()

    def backoff_seconds(self, key: Key) -> float:
        """Return the pause after the failures so far of this key."""
        failures = min(self._failures.get(key, 1), 32)  # 2**32 times anything is beyond the last
        pause = self._settings.first_backoff_seconds * 2.0 ** (failures - 1)
        return min(pause, self._settings.last_backoff_seconds)

    async def run(
        self,
        work: Callable[[Key], Awaitable[float | None]],
        stop: asyncio.Event,
        *,
        expected: tuple[type[Exception], ...],
        after_error: Callable[[Key, Exception, float], float],
    ) -> None:
        """Work until `stop` is set; what is under way is finished first.

        Args:
            work: does one pass for a key; returns seconds until the next, None when nothing is due.
            expected: exceptions that mean "not now"; any other ends this call.
            after_error: told of an expected exception and the pause planned; returns the pause to keep.
        """
        stopping = asyncio.create_task(self._stop(stop))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._settings.workers):
                    group.create_task(self._worker(work, stop, expected, after_error))
        finally:
            stopping.cancel()
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()

    async def _stop(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _worker(
        self,
        work: Callable[[Key], Awaitable[float | None]],
        stop: asyncio.Event,
        expected: tuple[type[Exception], ...],
        after_error: Callable[[Key, Exception, float], float],
    ) -> None:
        while not stop.is_set():
            if not self._ready:
                self._wake.clear()
                await self._wake.wait()
                continue
            key, _ = self._ready.popitem(last=False)
            self._at_work.add(key)
            pause: float | None = None
            try:
                pause = await work(key)
                self._failures.pop(key, None)
            except expected as error:
                self._failures[key] = self._failures.get(key, 0) + 1
                pause = after_error(key, error, self.backoff_seconds(key))
            finally:
                self._at_work.discard(key)
            if key in self._again:
                self._again.discard(key)
                pause = 0.0 if key not in self._failures else pause
            if pause is not None:
                self.add_after(key, pause)

    def _has_room(self) -> bool:
        return len(self) + len(self._at_work) < self._settings.capacity

    def _cancel(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
