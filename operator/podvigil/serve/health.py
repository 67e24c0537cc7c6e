"""Whether the process still does its work: parts beat, and a part that stops beating is named.

The decisions are pure; `Watchdog` only remembers. A tick that hangs makes the process look dead to
the kubelet, which restarts it; a process that merely waits for Prometheus goes on beating.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Beat:
    """The last sign of life of one part."""

    part: str
    at: float
    """Seconds of a monotonic clock."""
    within_seconds: float
    """It must beat again within this."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a probe."""

    ok: bool
    message: str


def is_alive(beats: Iterable[Beat], now: float) -> Verdict:
    """Whether every part beat in its time; a process of which nothing is expected yet is alive."""
    late = sorted((beat.part, now - beat.at) for beat in beats if now - beat.at > beat.within_seconds)
    if not late:
        return Verdict(True, "alive")
    return Verdict(False, "; ".join(f"{part} has not moved for {since:.0f} s" for part, since in late))


def is_ready(obstacles: Iterable[tuple[str, str]], *, started: bool) -> Verdict:
    """Whether work can be done: everything started, and no part has an obstacle (part, why)."""
    if not started:
        return Verdict(False, "starting")
    told = "; ".join(f"{part}: {why}" for part, why in sorted(obstacles))
    return Verdict(not told, told or "ready")


class Watchdog:
    """Remembers beats and obstacles. Each call is one dict operation, so any thread may make it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beats: dict[str, Beat] = {}
        self._obstacles: dict[str, str] = {}
        self._started = False

    def beat(self, part: str, within_seconds: float) -> None:
        """The part lives, and will say so again within this time."""
        self._beats[part] = Beat(part, self._clock(), within_seconds)

    def retire(self, part: str) -> None:
        """The part ended in order: nothing is expected of it any more."""
        self._beats.pop(part, None)
        self._obstacles.pop(part, None)

    def block(self, part: str, why: str) -> None:
        """The part cannot work; the process is alive and not ready."""
        self._obstacles[part] = why

    def unblock(self, part: str) -> None:
        """The part can work again."""
        self._obstacles.pop(part, None)

    def started(self) -> None:
        """Everything is up: from now on the process is ready unless a part is blocked."""
        self._started = True

    def alive(self) -> Verdict:
        """The liveness probe's answer."""
        return is_alive(tuple(self._beats.values()), self._clock())

    def ready(self) -> Verdict:
        """The readiness probe's answer."""
        return is_ready(tuple(self._obstacles.items()), started=self._started)
