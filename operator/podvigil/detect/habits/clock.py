"""Clocks: which bin of the day or of the hour a moment lies in. Unix seconds in, UTC.

A time zone is not needed: what repeats every 24 hours repeats in UTC too. Twice a year a habit that
follows local time moves by an hour; days are counted anew by `level.SeasonalLevel` within half a week.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

DAY_SECONDS: Final = 86_400
HOUR_SECONDS: Final = 3_600

WEEKDAY_OF_EPOCH: Final = 3
"""1 January 1970 was a Thursday; Monday is 0."""

FIRST_OF_WEEKEND: Final = 5


@dataclass(frozen=True, slots=True)
class Bin:
    """A moment on a clock."""

    turn: int
    """How often the clock went round since 1970: the day's number, or the hour's."""
    index: int
    """Bin within the turn, from 0."""
    fraction: float
    """How much of the bin has passed, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A dial of `bins` equal parts that goes round in `period_seconds`."""

    period_seconds: int
    bins: int

    @property
    def bin_seconds(self) -> float:
        """Length of one bin."""
        return self.period_seconds / self.bins

    def at(self, moment: float) -> Bin:
        """Read the clock at a Unix second."""
        turn, rest = divmod(moment, self.period_seconds)
        place = rest / self.bin_seconds
        index = min(int(place), self.bins - 1)
        return Bin(int(turn), index, float(np.clip(place - index, 0.0, 1.0)))


DAY: Final = Clock(DAY_SECONDS, 48)
"""Half-hours: a ramp of an hour still has a slope, and a bin holds thirty samples at 60 s."""

HOUR: Final = Clock(HOUR_SECONDS, 12)
"""Five minutes: what cron does every hour, quarter or five minutes."""


def is_weekend(day: int) -> bool:
    """Whether the day of this number since 1970 is a Saturday or a Sunday (UTC)."""
    return (day + WEEKDAY_OF_EPOCH) % 7 >= FIRST_OF_WEEKEND
