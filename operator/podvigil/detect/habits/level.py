"""The slow seasonal level: what a workload's vitals are at this half-hour of the day.

Per workload, feature and half-hour, the level of the last seven weekdays and the last four weekend days,
as the logarithm of the middle replica. The median over like days is what is expected: a day of incidents
does not move it, a lasting change is taken over after half a week. Memory: 13 days × 48 bins × 2 bytes a
feature, and as much for the number of replicas, 6 KB a workload with four features.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.detect.habits.clock import DAY, is_weekend
from podvigil.window.arrays import Array, Indices, grown
from podvigil.window.order import quantiles

WEEKDAYS: Final = 7 + 1
WEEKEND_DAYS: Final = 4 + 1
"""Like days that are kept, and today: both kinds reach back a week and a half to two weeks."""

LEAST_DAYS: Final = 2
"""Like days that make a level; of fewer the days of both kinds are taken together, and of one nothing."""

MAD_OF_NORMAL: Final = 1.48
"""Standard deviation of a normal distribution in median absolute deviations."""

TYPICAL_SHARE: Final = 0.7
"""A bin's spread is at least this share of what is typical of its workload: few days agree by accident."""

PRIOR_SPREAD: Final = 0.1
PRIOR_BINS: Final = 8
"""Until eight bins are known the typical spread leans on a tenth: like days differ by about that."""

LARGEST_SPREAD: Final = 1.5
"""e^1.5 is 4.5 times: a level that varies by more says nothing."""

SURPRISE: Final = 1.5
"""A sample further than this (4.5 times) from the level counts as just that far: a peak of minutes must
not become the level of its half-hour."""


@dataclass(frozen=True, slots=True)
class Level:
    """What to expect now by row; (rows, features), natural logarithm, NaN = too little history."""

    center: Array
    spread: Array


class SeasonalLevel:
    """Levels of the last days by row, feature and half-hour."""

    def __init__(self, *, features: int) -> None:
        self._days = np.full((0, WEEKDAYS + WEEKEND_DAYS, DAY.bins, features), np.nan, np.float16)
        # Days are kept relative to this: near 0 a float16 resolves a thousandth.
        self._base: Array = np.full((0, features), np.nan)
        self._sum = np.zeros((0, features))
        self._count = np.zeros((0, features))
        self._typical: Array = np.full((0, features), PRIOR_SPREAD, np.float32)
        self._bins = 0
        self._centers: list[Array] = []
        self._spreads: list[Array] = []
        self._open: tuple[int, int] | None = None
        self._slots = _DaySlots()
        self._stale = False

    def read(self, moment: float) -> Level:
        """What this moment of the day is usually like; call before `learn`."""
        now = DAY.at(moment)
        if self._open != (now.turn, now.index):
            self._turn_to(now.turn, now.index)
        elif self._stale:
            self._work_out(now.turn, now.index)
        # Between the centres of two bins, so that a ramp has no steps.
        share = now.fraction - 0.5
        near = 0 if share < 0 else 2
        weight = abs(share)
        return Level(
            self._base + _between(self._centers[1], self._centers[near], weight),
            _between(self._spreads[1], self._spreads[near], weight),
        )

    def learn(self, rows: Indices, levels: Array) -> None:
        """Take the level of each workload now, (rows, features), NaN = nobody is there."""
        base = self._base[rows]
        self._base[rows] = base = np.where(np.isnan(base), levels, base)
        levels = levels - base
        expected = self._centers[1][rows] if self._centers else np.full(levels.shape, np.nan)
        bounded = np.clip(levels, expected - SURPRISE, expected + SURPRISE)
        value = np.where(np.isfinite(expected), bounded, levels)
        known = np.isfinite(value)
        self._sum[rows] += np.where(known, value, 0.0)
        self._count[rows] += known

    def teach(self, rows: Indices, day: int, index: int, levels: Array) -> None:
        """Fill in a bin of the past, (rows, features), as a history has it.

        What is known stays, NaN changes nothing, and a day older than those kept is passed over.
        """
        if not self._slots.has_room(day):
            return
        place = self._slots.place(day, cleared=self._days)
        kept, base = self._days[rows, place, index], self._base[rows]
        self._base[rows] = base = np.where(np.isnan(base), levels, base)
        self._days[rows, place, index] = np.where(np.isnan(kept), levels - base, kept)
        self._stale = True

    def grow(self, rows: int) -> None:
        """Add rows of which nothing is known."""
        self._days = grown(self._days, rows, np.nan)
        self._base = grown(self._base, rows, np.nan)
        self._sum, self._count = grown(self._sum, rows, 0.0), grown(self._count, rows, 0.0)
        self._typical = grown(self._typical, rows, PRIOR_SPREAD)
        self._centers = [grown(one, rows, np.nan) for one in self._centers]
        self._spreads = [grown(one, rows, np.nan) for one in self._spreads]

    def forget(self, rows: Indices) -> None:
        """Drop what is known of these rows."""
        self._days[rows] = np.nan
        self._base[rows] = np.nan
        self._sum[rows] = self._count[rows] = 0.0
        self._typical[rows] = PRIOR_SPREAD
        for one in (*self._centers, *self._spreads):
            one[rows] = np.nan

    def _turn_to(self, day: int, index: int) -> None:
        """Close the bin that ended, and begin a new one."""
        if self._open is not None:
            self._close(*self._open)
        self._slots.place(day, cleared=self._days)
        self._open = (day, index)
        self._work_out(day, index)

    def _work_out(self, day: int, index: int) -> None:
        """What this bin and its neighbours are usually like."""
        self._stale = False
        found = [self._usual(day, near) for near in (index - 1, index, index + 1)]
        self._bins += 1
        self._centers = [center for center, _ in found]
        spread = found[1][1]
        share = 1.0 / min(self._bins + PRIOR_BINS, DAY.bins)
        moved = self._typical + share * (spread - self._typical)
        self._typical = np.where(np.isfinite(spread), moved, self._typical).astype(np.float32)
        self._spreads = [
            np.minimum(np.maximum(one, TYPICAL_SHARE * self._typical), LARGEST_SPREAD) for _, one in found
        ]

    def _close(self, day: int, index: int) -> None:
        mean = np.divide(self._sum, self._count, out=np.full(self._sum.shape, np.nan), where=self._count > 0)
        place = self._slots.place(day)
        # Of a bin that a clock turned back to, what it was like is still known.
        self._days[:, place, index] = np.where(self._count > 0, mean, self._days[:, place, index])
        self._sum[:] = 0.0
        self._count[:] = 0.0

    def _usual(self, day: int, index: int) -> tuple[Array, Array]:
        """Median and spread of one bin over like days, (rows, features)."""
        index %= DAY.bins
        today = self._slots.place(day)
        every = self._days[:, :, index].astype(np.float32)
        every[:, today] = np.nan  # what is expected of a day must not come from that day
        center, spread, count = _over_days(every[:, _like(day)])
        if (count < LEAST_DAYS).any():
            other_center, other_spread, other_count = _over_days(every)
            few = count < LEAST_DAYS
            center, spread = np.where(few, other_center, center), np.where(few, other_spread, spread)
            count = np.where(few, other_count, count)
        known = count >= LEAST_DAYS
        return np.where(known, center, np.nan), np.where(known, spread, np.nan)


def _like(day: int) -> slice:
    """The places of the days like this one."""
    if is_weekend(day):
        return slice(WEEKDAYS, WEEKDAYS + WEEKEND_DAYS)
    return slice(0, WEEKDAYS)


class _DaySlots:
    """Which place of the store holds which day; the oldest like day gives way."""

    def __init__(self) -> None:
        self._day_at = np.full(WEEKDAYS + WEEKEND_DAYS, -1)

    def has_room(self, day: int) -> bool:
        """Whether this day is kept, or would take the place of an older one."""
        kind = _like(day)
        return bool((self._day_at == day).any() or self._day_at[kind].min() < day)

    def place(self, day: int, cleared: Array | None = None) -> int:
        """The place of a day, clearing the store there when it is a new one."""
        held = np.flatnonzero(self._day_at == day)
        if held.size:
            return int(held[0])
        kind = _like(day)
        place = int(kind.start) + int(np.argmin(self._day_at[kind]))
        self._day_at[place] = day
        if cleared is not None:
            cleared[:, place] = np.nan
        return place


def _between(here: Array, near: Array, weight: float) -> Array:
    """Linear between two bins; where the neighbour is not known, this one alone."""
    return np.where(np.isfinite(near), here + weight * (near - here), here)


def _over_days(values: Array) -> tuple[Array, Array, Indices]:
    """Median, spread and count over days, (rows, days, features) to (rows, features)."""
    rows = np.moveaxis(values, 1, -1)
    (center,), count = quantiles(rows.copy(), (0.5,))
    (middle,), _ = quantiles(np.abs(rows - center[..., None]), (0.5,))
    return center, MAD_OF_NORMAL * middle, count
