"""How a pod of this workload starts: the band of the first 75 minutes, over the last starts.

Of a workload that is new the cluster's last starts speak. Bins are short at first, where caches and
compilers work, and longer later.
"""

from typing import Final

import numpy as np

from podvigil.detect.habits.bands import NOTHING, Band, packed, usual
from podvigil.window.arrays import Array, Indices, Mask, grown

EDGES: Final = np.array([0, 1, 2, 3, 4, 5, 7, 9, 12, 15, 20, 25, 30, 40, 50, 60, 75]) * 60.0
"""Seconds since the start; sixteen bins."""

BINS: Final = len(EDGES) - 1
OWN_STARTS: Final = 8
LEAST_OWN: Final = 2
CLUSTER_STARTS: Final = 30
LEAST_CLUSTER: Final = 6


class StartBand:
    """Extremes by row and age of the pods that started lately, and of the cluster's."""

    def __init__(self, *, features: int) -> None:
        self._own = np.full((0, 2, OWN_STARTS, BINS, features), NOTHING, np.uint8)
        self._next = np.zeros((0, BINS), np.intp)
        self._all = np.full((1, 2, CLUSTER_STARTS, BINS, features), NOTHING, np.uint8)
        self._next_of_all = np.zeros(BINS, np.intp)
        self._running: dict[int, _Start] = {}

    def read(self, rows: Indices, age: Array) -> tuple[Indices, Band]:
        """The young slots and what is usual at their age."""
        young = np.flatnonzero(is_young(age))
        if not young.size:
            nothing = np.zeros((0, self._all.shape[-1]), np.float32)
            return young, Band(nothing, nothing)
        bins = np.searchsorted(EDGES, age[young], side="right") - 1
        cluster = usual(self._all[0][:, :, bins].transpose(2, 0, 1, 3), LEAST_CLUSTER)
        known = rows[young] >= 0
        if not known.any():
            return young, cluster
        kept = self._own[rows[young], :, :, bins]
        own = usual(kept, LEAST_OWN)
        enough = ((kept != NOTHING).any(axis=(1, 3)).sum(axis=1) >= LEAST_OWN) & known
        return young, Band(
            np.where(enough[:, None], own.up, cluster.up), np.where(enough[:, None], own.down, cluster.down)
        )

    def learn(self, rows: Indices, age: Array, sigma: Array) -> None:
        """Take one sample's deviations, (slots, features), sigma units; only the young ones teach."""
        young = np.flatnonzero(is_young(age))
        if not (young.size or self._running):
            return
        bins = np.searchsorted(EDGES, age[young], side="right") - 1
        now = dict(zip(young.tolist(), bins.tolist(), strict=True))
        for slot in list(self._running):
            if now.get(slot) != self._running[slot].bin:
                self._keep(self._running.pop(slot))
        for slot, bin_ in now.items():
            start = self._running.get(slot)
            if start is None:
                if len(self._running) >= MOST_RUNNING:
                    continue
                start = self._running[slot] = _Start(int(rows[slot]), bin_, sigma.shape[1])
            start.see(sigma[slot])

    def forget(self, rows: Indices) -> None:
        """Drop what is known of these rows."""
        self._own[rows] = NOTHING
        gone = set(rows.tolist())
        self._running = {slot: one for slot, one in self._running.items() if one.row not in gone}

    def release(self, slots: Indices) -> None:
        """Keep what these slots showed; another pod may take them."""
        for slot in slots.tolist():
            if slot in self._running:
                self._keep(self._running.pop(slot))

    def grow(self, rows: int) -> None:
        """Add rows of which nothing is known."""
        self._own = grown(self._own, rows, NOTHING)
        self._next = grown(self._next, rows, 0)

    def _keep(self, start: "_Start") -> None:
        extremes = packed(start.extremes)
        bin_ = start.bin
        self._all[0, :, self._next_of_all[bin_], bin_] = extremes
        self._next_of_all[bin_] = (self._next_of_all[bin_] + 1) % CLUSTER_STARTS
        if start.row >= 0:
            self._own[start.row, :, self._next[start.row, bin_], bin_] = extremes
            self._next[start.row, bin_] = (self._next[start.row, bin_] + 1) % OWN_STARTS


MOST_RUNNING: Final = 2_000
"""Starts that are watched at once; a rollout of more pods teaches by these."""


class _Start:
    """One start in one bin: extremes so far, (2, features)."""

    __slots__ = ("bin", "extremes", "row")

    def __init__(self, row: int, bin_: int, features: int) -> None:
        self.row, self.bin = row, bin_
        self.extremes: Array = np.full((2, features), -np.inf, np.float32)

    def see(self, sigma: Array) -> None:
        known = np.isfinite(sigma)
        signed = np.where(known, np.stack([sigma, -sigma]), -np.inf)
        self.extremes = np.maximum(self.extremes, signed)


def is_young(age: Array) -> Mask:
    """Whether a pod of this age in seconds (NaN = not known) is still starting."""
    young: Mask = (age >= 0) & (age < EDGES[-1])
    return young
