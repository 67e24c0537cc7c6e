"""A pod against its workload's level at this time of the day, times its own lasting offset."""

from typing import Final

import numpy as np

from podvigil.detect.habits.deviation import Habitual, Smoothed, scale_of
from podvigil.detect.habits.groups import Groups
from podvigil.detect.habits.level import SeasonalLevel
from podvigil.detect.habits.offset import LaggedOffset
from podvigil.window.arrays import Array, Indices

LEAST_WORKLOADS: Final = 5
"""Workloads whose middle speaks for the cluster; of fewer, one in trouble would be the middle."""


class Seasonal:
    """The slow level by row and each pod's offset from it; 30 bytes a pod and feature."""

    def __init__(self, *, features: int, capacity: int) -> None:
        self.level = SeasonalLevel(features=features)
        self._offset = LaggedOffset(features=features, capacity=capacity)
        self._smoothed = Smoothed(features=features, capacity=capacity)
        self._expected: tuple[Array, Array] | None = None

    def expect(
        self, moment: float, rows: Indices, groups: Groups, levels: Array, ground: Array, hourly: Array
    ) -> tuple[Array, Array]:
        """Center and scale by slot now, natural units; NaN where there is too little history.

        Args:
            levels: logarithms of this sample. hourly: the trailing hour's scale.
        """
        usual = self.level.read(moment)
        if not len(usual.center):
            nothing = np.full(levels.shape, np.nan, np.float32)
            self._of_slot = nothing
            return nothing, nothing
        has_row = (rows >= 0)[:, None]
        self._of_slot = np.where(has_row, usual.center[rows], np.nan)
        spread = usual.spread[rows]
        expected = self._of_slot + self._offset.read()
        expected = expected + _shared(groups, levels - expected)
        center = np.exp(expected) - ground
        return center, scale_of(center, spread, ground, hourly)

    def observe(
        self,
        values: Array,
        levels: Array,
        center: Array,
        scale: Array,
        groups: Groups,
        medians: Array,
        elapsed_seconds: float,
    ) -> Habitual:
        """Judge one sample by what `expect` said, then learn from it.

        Args:
            medians: (groups, features), the level of each workload's middle replica.
        """
        found = self._smoothed.push(values, center, scale, elapsed_seconds)
        self._offset.learn(levels - self._of_slot, elapsed_seconds)
        self.level.learn(groups.rows, medians)
        return found

    def release(self, slots: Indices) -> None:
        """Forget these slots."""
        self._offset.forget(slots)
        self._smoothed.release(slots)

    def grow(self, capacity: int) -> None:
        """Add slots at the end."""
        self._offset.grow(capacity)
        self._smoothed.grow(capacity)


def _shared(groups: Groups, off: Array) -> Array:
    """What the whole cluster is off by, where that explains a pod's own: a holiday, a surge at the door.

    Never more than the pod's own difference, and never against it; (slots, features).
    """
    known = groups.count(off)
    with np.errstate(invalid="ignore", divide="ignore"):
        by_group = groups.total(off) / known
    enough = np.isfinite(by_group).sum(axis=0) >= LEAST_WORKLOADS
    if not enough.any():
        return np.zeros_like(off)
    middle = np.zeros(off.shape[1])
    middle[enough] = np.nanmedian(by_group[:, enough], axis=0)
    up = np.minimum(np.maximum(off, 0.0), np.maximum(middle, 0.0))
    down = np.maximum(np.minimum(off, 0.0), np.minimum(middle, 0.0))
    return np.asarray(np.nan_to_num(up + down))
