"""Generated memory of pods that leak, and of pods that only look so, with the moment they reach their limit.

Written apart from the forecaster and from the training's faults. Sizes, lengths and noise vary by orders of
magnitude; what the kinds share is that memory first stands still for a while and then does what its kind says.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator

HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Series:
    """One pod's memory."""

    kind: str
    values: Floats
    """(T,) bytes."""
    limit: float
    begins: int
    """The sample from which on memory grows (or does what its kind says)."""
    reaches: int | None
    """The first sample at or over the limit; None: it never gets there."""
    restarts: tuple[int, ...] = ()
    """Samples at which memory fell back to its base, before `reaches`."""


@dataclass(frozen=True, slots=True)
class Pod:
    """What is drawn for a pod of any kind."""

    steps: int
    interval: float
    base: float
    room: float
    """Bytes from the base to the limit."""
    quiet: int
    """Samples before it begins."""
    length: int
    """Samples until a steady leak would use the room up."""

    @property
    def elapsed(self) -> Floats:
        """(T,): share of `length` that has passed; 0 before it begins."""
        return np.maximum(np.arange(self.steps) - self.quiet, 0) / self.length


Shape = Callable[[Rng, Pod], Floats]
"""Memory above the base, as a share of the room, (T,)."""


def linear(_: Rng, pod: Pod) -> Floats:
    """The same each minute."""
    return pod.elapsed


def accelerating(rng: Rng, pod: Pod) -> Floats:
    """More each minute: something retries what it leaks on."""
    return pod.elapsed ** rng.uniform(1.4, 2.5)


def sawtooth(rng: Rng, pod: Pod) -> Floats:
    """A garbage collector takes back what is not leaked."""
    period = np.exp(rng.uniform(np.log(120), np.log(min(2400, pod.length * pod.interval / 4)))) / pod.interval
    height = rng.uniform(0.05, 0.3)
    return pod.elapsed * (1 - height) + height * ((np.arange(pod.steps) / period + rng.uniform()) % 1)


def steps(rng: Rng, pod: Pod) -> Floats:
    """Nothing for a while, then a batch at once."""
    count = int(rng.integers(10, 60))
    sizes = rng.gamma(4.0, 1 / (4.0 * count), 4 * count)
    when = np.cumsum(rng.exponential(1 / count, 4 * count))
    level: Floats = np.concatenate(([0.0], np.cumsum(sizes)))
    return level[np.searchsorted(when, pod.elapsed)]


def by_load(rng: Rng, pod: Pod) -> Floats:
    """A leak per request: it grows with the load, which swings over hours."""
    swing = rng.uniform(0.2, 0.6) * np.sin(
        2 * np.pi * (np.arange(pod.steps) * pod.interval / (rng.uniform(4, 24) * HOUR) + rng.uniform())
    )
    grows = (pod.elapsed > 0) * (1 + swing) / pod.length
    return np.cumsum(grows)


def restarted(rng: Rng, pod: Pod) -> Floats:
    """A leak that was already cut short by restarts."""
    cuts = np.sort(rng.uniform(0.15, 1.2, int(rng.integers(1, 4))))
    since = np.zeros(pod.steps)
    for cut in cuts:
        since = np.where(pod.elapsed >= cut, cut, since)
    return pod.elapsed - since


def flat(_: Rng, pod: Pod) -> Floats:
    """Nothing but noise."""
    return np.zeros(pod.steps)


def falling(_: Rng, pod: Pod) -> Floats:
    """Memory is given back."""
    return 0.6 * np.exp(-pod.elapsed)


def wandering(rng: Rng, pod: Pod) -> Floats:
    """A random walk that is drawn back: caches that fill and empty."""
    shocks = rng.normal(0, 1, pod.steps) * 0.1 * np.sqrt(2 * pod.interval / (2 * HOUR))
    keep = np.exp(-pod.interval / (2 * HOUR))
    level, out = 0.0, np.empty(pod.steps)
    for step, shock in enumerate(shocks):
        level = keep * level + shock
        out[step] = level
    return 0.4 + out


def saturating(rng: Rng, pod: Pod) -> Floats:
    """A cache fills to its own bound, below the limit."""
    return rng.uniform(0.3, 0.7) * (1 - np.exp(-4 * pod.elapsed))


def one_jump(rng: Rng, pod: Pod) -> Floats:
    """Another level at once, and it stays."""
    return rng.uniform(0.2, 0.7) * (pod.elapsed > 0)


def collected(rng: Rng, pod: Pod) -> Floats:
    """A garbage collector that takes everything back."""
    period = rng.uniform(120, 3600) / pod.interval
    return rng.uniform(0.1, 0.6) * ((np.arange(pod.steps) / period + rng.uniform()) % 1)


def daily(rng: Rng, pod: Pod) -> Floats:
    """Memory follows the day's load."""
    phase = np.arange(pod.steps) * pod.interval / (24 * HOUR) + rng.uniform()
    return 0.3 + rng.uniform(0.05, 0.25) * np.sin(2 * np.pi * phase)


LEAKS: Final[dict[str, Shape]] = {
    "linear": linear,
    "accelerating": accelerating,
    "sawtooth": sawtooth,
    "steps": steps,
    "by load": by_load,
    "restarted": restarted,
}
HARMLESS: Final[dict[str, Shape]] = {
    "flat": flat,
    "falling": falling,
    "wandering": wandering,
    "saturating": saturating,
    "one jump": one_jump,
    "collected": collected,
    "daily": daily,
}


def draw(rng: Rng, kind: str, *, interval: float, steps: int) -> Series:
    """One series of a kind; a leak that does not reach its limit within `steps` is drawn anew."""
    is_leak = kind in LEAKS
    shape = LEAKS[kind] if is_leak else HARMLESS[kind]
    while True:
        base = 2.0**20 * np.exp(rng.uniform(np.log(30), np.log(8000)))
        room = base * rng.uniform(0.3, 3)
        total = steps * interval
        quiet = int(rng.uniform(0, min(6 * HOUR, total / 8)) / interval)
        length = int(np.exp(rng.uniform(np.log(15 * 60), np.log(total / 2.5))) / interval)
        pod = Pod(steps, interval, base, room, quiet, length)
        above = shape(rng, pod)
        values = np.maximum(base + room * above + _noise(rng, pod), base * 0.05)
        over = np.flatnonzero(values >= base + room)
        if is_leak and not over.size:
            continue
        reaches = int(over[0]) if over.size else None
        if not is_leak and reaches is not None:
            continue
        cuts = np.flatnonzero(np.diff(above) < -0.1) + 1 if kind == "restarted" else np.array([], int)
        return Series(
            kind, values, base + room, quiet, reaches, tuple(c for c in cuts.tolist() if c < (reaches or 0))
        )


def _noise(rng: Rng, pod: Pod) -> Floats:
    """Trifles of each sample, and slower ones that last for minutes."""
    size = pod.room * np.exp(rng.uniform(np.log(0.001), np.log(0.03)))
    white = rng.normal(0, size, pod.steps)
    slow_samples = max(1, int(rng.uniform(300, 1800) / pod.interval))
    knots = rng.normal(0, size * rng.uniform(0, 2), pod.steps // slow_samples + 2)
    return white + np.interp(np.arange(pod.steps) / slow_samples, np.arange(knots.size), knots)
