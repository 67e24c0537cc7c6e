"""How high one vital of every pod stood over the last minutes, hours and a day and a half.

A ladder of short series: each rung holds the highest values of `POINTS` successive stretches of time, and a
stretch of a rung is twice as long as one of the rung below. So a leak of ten minutes and one of a day are
both read from sixteen points, and neither needs the samples themselves. The highest and not the mean,
since it is the highest that reaches a limit; the peaks of a sawing garbage collector are then a line.

Memory: `RUNGS` × `POINTS` × 2 bytes = 256 bytes a pod, 38 MB for 150,000 pods.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from podvigil.window.arrays import Array, Indices, grown

RUNGS: Final = 8
"""From stretches of a minute (16 minutes in all) to stretches of 128 (34 hours)."""

POINTS: Final = 16
"""Enough to tell a trend from chance, few enough to compare every pair of them."""

SHORTEST_SECONDS: Final = 60.0
"""The shortest stretch; an interval that is longer takes its place."""

UNIT: Final = 2.0**28
"""What is stored is value / 256 Mi as float16, unless another unit is asked for: 16 KiB to 16 TiB, to one part in
two thousand."""

LARGEST: Final = float(np.finfo(np.float16).max)


class GrowthLadder:
    """The rungs of all slots; used from one thread, knows no clock."""

    def __init__(self, *, interval_seconds: float, capacity: int, unit: float = UNIT) -> None:
        """Start empty.

        Args:
            unit: what is stored as 1; of values around it as much is kept below as above.

        Raises:
            ValueError: an interval that is not positive and finite.
        """
        if not (np.isfinite(interval_seconds) and interval_seconds > 0):
            raise ValueError(f"interval must be a positive number of seconds, not {interval_seconds}")
        self.stretch: Final = max(1, round(SHORTEST_SECONDS / interval_seconds))
        """Samples in a stretch of the lowest rung."""
        self._unit = unit
        self._highest: npt.NDArray[np.float16] = np.full((RUNGS, capacity, POINTS), np.nan, np.float16)
        self._running: npt.NDArray[np.float16] = np.full((RUNGS, capacity), np.nan, np.float16)
        self._ticks = 0

    @property
    def largest(self) -> float:
        """What is higher is stored as this."""
        return LARGEST * self._unit

    @property
    def capacity(self) -> int:
        """Slots."""
        return int(self._running.shape[1])

    def push(self, values: Array) -> None:
        """Take one sample of all slots, shape (slots,); NaN or negative = none."""
        stored = np.minimum(np.where(values >= 0, values, np.nan) / self._unit, LARGEST).astype(np.float16)
        np.fmax(self._running[0], stored, out=self._running[0])
        self._ticks += 1
        if self._ticks % self.stretch == 0:
            self._end_stretch(self._ticks // self.stretch)

    def skip(self, ticks: int) -> None:
        """Let samples pass that nobody took; bounded, since a gap as long as the ladder empties it."""
        before, self._ticks = self._ticks // self.stretch, self._ticks + ticks
        after = self._ticks // self.stretch
        if after - before > POINTS << (RUNGS - 1):
            self.release(np.arange(self.capacity))
            return
        for ended in range(before + 1, after + 1):
            self._end_stretch(ended)

    def points(self, rung: int, slots: Indices) -> tuple[Array, Array]:
        """One rung's highest values, oldest first.

        Returns:
            values: (chosen, `POINTS`), NaN where nothing was seen.
            ages: (`POINTS`,): samples since each stretch ended, descending.
        """
        length = self.stretch << rung
        ended = self._ticks // length
        order = np.arange(ended, ended + POINTS) % POINTS
        values = self._highest[rung][slots][:, order].astype(np.float64) * self._unit
        ages = self._ticks % length + length * np.arange(POINTS - 1, -1, -1, dtype=np.float64)
        return values, ages

    def release(self, slots: Indices) -> None:
        """Forget these slots."""
        self._highest[:, slots] = np.nan
        self._running[:, slots] = np.nan

    def grow(self, capacity: int) -> None:
        """Add empty slots at the end."""
        self._highest = np.stack([grown(rung, capacity, np.nan) for rung in self._highest])
        self._running = np.stack([grown(rung, capacity, np.nan) for rung in self._running])

    def _end_stretch(self, ended: int) -> None:
        """Write the running highest of every rung whose stretch ends now; `ended` counts the lowest's."""
        for rung in range(RUNGS):
            if ended % (1 << rung):
                return
            running = self._running[rung]
            self._highest[rung][:, (ended >> rung) % POINTS - 1] = running
            if rung + 1 < RUNGS:
                np.fmax(self._running[rung + 1], running, out=self._running[rung + 1])
            running[:] = np.nan
