"""A pod against the other replicas of its workload, times its own long ratio to them.

Speaks after ten hours. Replicas share their load, so what moves all of them is no news here, and what moves
one is. Pods that only just started are no measure for the others.
"""

from typing import Final

import numpy as np

from podvigil.detect.habits.deviation import Expected
from podvigil.detect.habits.load import Columns, tolerated_fall
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
    """Offset and spread to the median of the others; 26 bytes a pod and feature."""

    def __init__(self, columns: Columns, *, features: int, capacity: int) -> None:
        self._columns = columns
        self._offset = LaggedOffset(features=features, capacity=capacity)
        self._spread: Array = np.full((capacity, features), LEAST_SPREAD, np.float32)

    def expect(self, others: Array) -> Expected:
        """What the others lead to expect; NaN where there is nobody to compare with.

        Args:
            others: (slots, features), logarithm, median of the others' levels, NaN = there are none.
        """
        old = self._offset.seconds() >= LEAST_SECONDS
        expected = np.where(old, others + self._offset.read(), np.nan)
        return Expected(expected, np.maximum(self._spread, LEAST_SPREAD))

    def slack(self, off: Array) -> tuple[Array, Array]:
        """How far up and down a pod may lie from it without a fault, logarithm, ≥ 0."""
        up, down = self._offset.slack()
        return up, np.maximum(down, tolerated_fall(off, self._columns))

    def learn(self, levels: Array, others: Array, elapsed_seconds: float) -> None:
        """Take one sample."""
        apart = levels - others
        size = DEVIATION_OF_NORMAL * np.minimum(np.abs(apart - self._offset.read()), SURPRISE)
        share = min(1.0, elapsed_seconds / SPREAD_SECONDS)
        moved = self._spread + share * (size - self._spread)
        self._spread = np.where(np.isfinite(size), moved, self._spread).astype(np.float32)
        self._offset.learn(apart, elapsed_seconds)

    def teach(self, levels: Array, others: Array, times: Array, slots: Indices) -> None:
        """Take a past, levels and those of the others (T, K, F), of pods that are at these slots (K,) now."""
        self._offset.teach(slots, levels - others, times)

    def release(self, slots: Indices) -> None:
        """Forget these slots."""
        self._offset.forget(slots)
        self._spread[slots] = LEAST_SPREAD

    def grow(self, capacity: int) -> None:
        """Add slots at the end."""
        self._offset.grow(capacity)
        self._spread = grown(self._spread, capacity, LEAST_SPREAD)
