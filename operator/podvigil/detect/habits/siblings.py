"""A pod against the other replicas of its workload, times its own long ratio to them.

Needs two others, or one whose ratio is as old; speaks after ten hours. Replicas share their load, so what
moves all of them is no news here, and what moves one is.
"""

from typing import Final

import numpy as np

from podvigil.detect.habits.deviation import Habitual, Smoothed, scale_of
from podvigil.detect.habits.offset import LaggedOffset
from podvigil.window.arrays import Array, Indices, grown

LEAST_SECONDS: Final = 10 * 3600.0
"""A ratio to the others counts after ten hours of it."""

LEAST_SPREAD: Final = 0.05
SPREAD_SECONDS: Final = 86_400.0
"""How closely a pod follows its siblings is learnt over a day."""

DEVIATION_OF_NORMAL: Final = 1.25
"""Standard deviation of a normal distribution in mean absolute deviations."""

SURPRISE: Final = 0.7
"""A difference counts as at most this much in the spread, so that a fault does not widen it."""


class Siblings:
    """Offset and spread to the median of the others; 30 bytes a pod and feature."""

    def __init__(self, *, features: int, capacity: int) -> None:
        self._offset = LaggedOffset(features=features, capacity=capacity)
        self._spread: Array = np.full((capacity, features), LEAST_SPREAD, np.float32)
        self._smoothed = Smoothed(features=features, capacity=capacity)

    def observe(
        self,
        values: Array,
        levels: Array,
        others: Array,
        ground: Array,
        hourly: Array,
        elapsed_seconds: float,
    ) -> Habitual:
        """Judge one sample, then learn from it.

        Args:
            levels: logarithms; `others`: median of the others' levels, NaN = there are none.
            hourly: the trailing hour's scale, natural units.
        """
        offset = self._offset.read()
        old = self._offset.seconds() >= LEAST_SECONDS
        expected = np.where(old, others + offset, np.nan)
        center = np.exp(expected) - ground
        scale = scale_of(center, np.maximum(self._spread, LEAST_SPREAD), ground, hourly)
        found = self._smoothed.push(values, center, scale, elapsed_seconds)
        apart = levels - others
        self._offset.learn(apart, elapsed_seconds)
        self._widen(apart - offset, elapsed_seconds)
        return found

    def release(self, slots: Indices) -> None:
        """Forget these slots."""
        self._offset.forget(slots)
        self._spread[slots] = LEAST_SPREAD
        self._smoothed.release(slots)

    def grow(self, capacity: int) -> None:
        """Add slots at the end."""
        self._offset.grow(capacity)
        self._spread = grown(self._spread, capacity, LEAST_SPREAD)
        self._smoothed.grow(capacity)

    def _widen(self, off: Array, elapsed_seconds: float) -> None:
        size = DEVIATION_OF_NORMAL * np.minimum(np.abs(off), SURPRISE)
        share = min(1.0, elapsed_seconds / SPREAD_SECONDS)
        moved = self._spread + share * (size - self._spread)
        self._spread = np.where(np.isfinite(size), moved, self._spread).astype(np.float32)
