"""A pod against its workload's level at this time of the day, times its own lasting offset.

Beside the level itself three things may explain a difference: the whole cluster is off by as much (a
holiday), the workload's load is divided among more or fewer replicas than usual, and there is less work.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from podvigil.detect.habits.clock import DAY
from podvigil.detect.habits.deviation import Expected
from podvigil.detect.habits.groups import Groups
from podvigil.detect.habits.level import SeasonalLevel
from podvigil.detect.habits.load import Columns, tolerated_fall
from podvigil.detect.habits.offset import LaggedOffset
from podvigil.window.arrays import Array, Indices, every_feature, zeroed

LEAST_WORKLOADS: Final = 4
"""Workloads whose middle speaks for the cluster; of fewer, one in trouble would be the middle."""


class Seasonal:
    """The slow level by row and each pod's offset from it; 30 bytes a pod and feature."""

    def __init__(self, columns: Columns, *, features: int, capacity: int) -> None:
        self.level = SeasonalLevel(features=features + 1)  # the last one: how many replicas there are
        self._columns = columns
        self._offset = LaggedOffset(features=features, capacity=capacity)
        self._of_slot: Array = np.full((capacity, features), np.nan)
        self._replicas: Array = np.full(0, np.nan)

    def expect(
        self,
        moment: float,
        rows: Indices,
    ) -> Expected:
        """What is usual now, by slot; NaN where there is too little history."""
        usual = self.level.read(moment)
        has_row = (rows >= 0)[:, None]
        self._of_slot = np.where(has_row, usual.center[rows, :-1], np.nan)
        self._replicas = usual.center[:, -1]
        return Expected(
            self._of_slot + self._offset.read(),
            np.where(has_row, np.hypot(usual.spread[rows, :-1], self._offset.unsure()), np.nan),
        )

    def slack(self, off: Array, rows: Indices, groups: Groups, replicas: Array) -> tuple[Array, Array]:
        """How far up and down a pod may lie from it without a fault, (slots, features), logarithm, ≥ 0.

        Args:
            off: logarithm of each value over what is expected. replicas: (groups,) logarithm of how many
            there are now.
        """
        up, down = np.add(_shared(groups, off), self._offset.slack())
        more = np.zeros(len(self._replicas))
        more[groups.rows] = zeroed(replicas - self._replicas[groups.rows])
        divided = list(self._columns.follow_load)
        up[:, divided] += np.maximum(-more[rows], 0.0)[:, None]
        down[:, divided] += np.maximum(more[rows], 0.0)[:, None]
        return up, np.maximum(down, tolerated_fall(off, self._columns))

    def learn(
        self, groups: Groups, levels: Array, medians: Array, replicas: Array, elapsed_seconds: float
    ) -> None:
        """Take one sample.

        Args:
            medians: (groups, features), the level of each workload's middle replica.
        """
        # Until the season is known, the middle replica of this moment stands for it.
        usual = np.full(levels.shape, np.nan)
        usual[groups.slots] = medians[groups.of_member]
        usual = np.where(np.isnan(self._of_slot), usual, self._of_slot)
        self._offset.learn(levels - usual, elapsed_seconds)
        self.level.learn(groups.rows, np.concatenate([medians, replicas[:, None]], axis=1))

    def teach(self, groups: Groups, levels: Array, medians: Array, times: Array, slots: Indices) -> None:
        """Fill in half-hours of the past: levels (T, K, F) of the pods that `groups` orders.

        Args:
            medians: (T, groups, F), the level of each workload's middle replica.
            slots: (K,), where those pods are now, -1 = gone.
        """
        bins = np.array([(at.turn, at.index) for at in map(DAY.at, times.tolist())])
        there = [(~every_feature(np.isnan(now))).astype(np.float64)[:, None] for now in levels]
        replicas = np.array([replicas_of(groups, now) for now in there])
        seen = np.concatenate([medians, replicas[..., None]], axis=2)
        for begin, end in _stretches(bins):
            count = np.isfinite(seen[begin:end]).sum(axis=0)
            mean = np.where(count > 0, np.nansum(seen[begin:end], axis=0) / np.maximum(count, 1), np.nan)
            self.level.teach(groups.rows, int(bins[begin, 0]), int(bins[begin, 1]), mean)
        usual = np.full(levels.shape, np.nan)
        usual[:, groups.slots] = medians[:, groups.of_member]
        self._offset.teach(slots, levels - usual, times)

    def release(self, slots: Indices) -> None:
        """Forget these slots."""
        self._offset.forget(slots)

    def grow(self, capacity: int) -> None:
        """Add slots at the end."""
        self._offset.grow(capacity)


def replicas_of(groups: Groups, there: Array) -> Array:
    """Logarithm of how many pods of each group are there, (groups,), NaN = none; there: (slots, 1), 0 or 1."""
    present = groups.total(there)[:, 0]
    return np.where(present > 0, np.log(np.maximum(present, 1.0)), np.nan)


def _stretches(bins: npt.NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """Where each run of equal rows begins and ends."""
    if len(bins):
        changes = np.flatnonzero((np.diff(bins, axis=0) != 0).any(axis=1)) + 1
        yield from pairwise([0, *changes.tolist(), len(bins)])


def _shared(groups: Groups, off: Array) -> tuple[Array, Array]:
    """How far the middle workload of the cluster is off, up and down, (slots, features), ≥ 0."""
    up, down = np.zeros(off.shape), np.zeros(off.shape)
    known = groups.count(off)
    with np.errstate(invalid="ignore", divide="ignore"):
        by_group = groups.total(off) / known
    enough = np.isfinite(by_group).sum(axis=0) >= LEAST_WORKLOADS
    if enough.any():
        middle = np.nanmedian(by_group[:, enough], axis=0)
        up[:, enough], down[:, enough] = np.maximum(middle, 0.0), np.maximum(-middle, 0.0)
    return up, down
