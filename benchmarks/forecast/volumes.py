"""Generated volumes that fill, and volumes that only look so: the share that is taken, with the moment nothing is left.

Shapes of `leaks.py` where they are the same, and what only disks do: copies at night that are taken away again, logs
that are rotated, and merges that need room for a while.
"""

from typing import Final

import numpy as np
from forecast.leaks import Floats, Pod, Rng, Series, Shape, by_load, flat, linear, steps

DAY: Final = 86_400.0


def compacted(rng: Rng, pod: Pod) -> Floats:
    """A database that writes, and now and then merges what it wrote: for a while both are there."""
    hours = rng.uniform(1, 8)
    phase = (np.arange(pod.steps) * pod.interval / (hours * 3600) + rng.uniform()) % 1
    return pod.elapsed + rng.uniform(0.02, 0.1) * (phase > 0.9)


def copied_at_night(rng: Rng, pod: Pod) -> Floats:
    """Once a day a copy lies there for an hour or two."""
    phase = (np.arange(pod.steps) * pod.interval / DAY + rng.uniform()) % 1
    length = rng.uniform(1, 2) / 24
    rising = np.clip(phase / length * 2, 0, 1) * (phase < length)
    return rng.uniform(0.1, 0.4) * rising


def growing_and_copied(rng: Rng, pod: Pod) -> Floats:
    """Both."""
    return pod.elapsed + 0.5 * copied_at_night(rng, pod)


def rotated(rng: Rng, pod: Pod) -> Floats:
    """Logs of one to seven days are kept: each day the oldest goes, and today's grows."""
    kept = rng.integers(1, 8)
    phase = (np.arange(pod.steps) * pod.interval / DAY + rng.uniform()) % 1
    return rng.uniform(0.3, 0.8) * (1 - 1 / (kept + 1) + phase / (kept + 1))


def imported(rng: Rng, pod: Pod) -> Floats:
    """A load of data comes in over an hour or a day, and that was it."""
    return rng.uniform(0.2, 0.7) * np.minimum(pod.elapsed, 1.0)


FILLING: Final[dict[str, Shape]] = {
    "steady": linear,
    "batches": steps,
    "by load": by_load,
    "compacted": compacted,
    "growing, and copied at night": growing_and_copied,
}
STAYING: Final[dict[str, Shape]] = {
    "still": flat,
    "copied at night": copied_at_night,
    "rotated": rotated,
    "imported": imported,
}


def draw(rng: Rng, kind: str, *, interval: float, steps: int) -> Series:
    """One volume of a kind; one that shall be full and is not within `steps` is drawn anew."""
    fills = kind in FILLING
    shape = FILLING[kind] if fills else STAYING[kind]
    while True:
        base = rng.uniform(0.1, 0.7)
        total = steps * interval
        quiet = int(rng.uniform(0, total / 8) / interval)
        length = int(np.exp(rng.uniform(np.log(3600), np.log(total / 1.5))) / interval)
        pod = Pod(steps, interval, base, 1 - base, quiet, length)
        size = np.exp(rng.uniform(np.log(1e-5), np.log(2e-3)))
        values = base + pod.room * shape(rng, pod) + np.abs(rng.normal(0, size, steps))
        over = np.flatnonzero(values >= 1.0)
        if fills != bool(over.size):
            continue
        return Series(kind, np.minimum(values, 1.0), 1.0, quiet, int(over[0]) if over.size else None)
