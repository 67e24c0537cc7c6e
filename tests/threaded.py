"""A process of ours in a thread with a loop of its own, for as long as a `with` block."""

import asyncio
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Final, Self

STOP_SECONDS: Final = 60.0
"""A queue finishes the call that is under way; a busy machine is slow, and a failure costs this much."""


class Threaded(ABC):
    """Started on entering, and asked to end on leaving. Raises: AssertionError when it does not in time."""

    def __init__(self, name: str) -> None:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._begin()), name=name, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()

    @abstractmethod
    async def _work(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""

    async def _begin(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._started.set()
        await self._work(self._stop)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(STOP_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_SECONDS)
        assert not self._thread.is_alive(), f"{self._thread.name} does not stop"
