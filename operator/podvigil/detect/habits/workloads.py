"""Which workload a slot belongs to: habits are the workload's, and outlive its pods.

A pod of which nothing is known is its own workload. The table is bounded: when it is full, the workload
without pods that was last seen longest ago gives its row away; when all have pods, the newcomer gets none
(row -1: its habits stay off, and it is judged by its own hour).
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.detect.habits.groups import Groups
from podvigil.window.arrays import Array, Indices, Mask, grown
from podvigil.window.slots import SlotTable

MAXIMUM_WORKLOADS: Final = 10_000
"""About 18 KB each with four features, 180 MB in all: 150,000 pods in workloads of 15."""

GROWTH: Final = 64
"""Rows that the arrays grow by at a time."""


@dataclass(frozen=True, slots=True)
class _Own:
    """The name of a pod that is its own workload."""

    slot: int


class Workloads:
    """Rows of workloads, and the row of each slot."""

    def __init__(self, *, capacity: int, limit: int = MAXIMUM_WORKLOADS) -> None:
        self._table: SlotTable[Hashable] = SlotTable(limit=limit)
        # One row from the start: while no pod was ever seen, -1 must be an index that reads nothing known.
        self._seen: Array = np.full(1, -np.inf)
        self.rows: Indices = np.full(capacity, -1, np.intp)
        """(slots,): the row of each slot, -1 = none."""
        self.started: Array = np.full(capacity, np.nan)
        """(slots,): Unix seconds of each pod's start, NaN = not known."""
        self._now = -np.inf
        self._groups: Groups | None = None
        self._told: Mask = np.zeros(capacity, bool)
        self._refused: Mask = np.zeros(capacity, bool)
        self._there: Mask = np.zeros(capacity, bool)

    @property
    def capacity(self) -> int:
        """Slots."""
        return len(self.rows)

    @property
    def size(self) -> int:
        """Rows that the arrays of every habit need."""
        return len(self._seen)

    @property
    def without_room(self) -> int:
        """Pods that are there without a row: more workloads than the table holds."""
        return int(self._refused.sum())

    @property
    def groups(self) -> Groups:
        """The slots by workload, as of the last change."""
        if self._groups is None:
            self._groups = Groups.of(self.rows)
        return self._groups

    def rows_of(self, names: Sequence[Hashable | None]) -> Indices:
        """The rows of these workloads, -1 where there is none."""
        found = [None if name is None else self._table.slot(name) for name in names]
        return np.array([-1 if row is None else row for row in found], np.intp)

    def assign(self, slots: Indices, names: Sequence[Hashable | None], started: Array) -> Indices:
        """Say whose pods these slots are and when they started.

        Args:
            names: what stays each workload's own, such as its uid; None: the pod is its own.
            started: Unix seconds, NaN = not known.

        Returns:
            Rows that now mean another workload than before: every habit forgets them.
        """
        self._release_own(slots)
        self.rows[slots] = -1
        self.started[slots] = started
        self._told[slots] = np.isfinite(started)
        reused: list[int] = []
        taken: set[int] = set()
        idle = self._idle(taken)
        for slot, name in zip(slots.tolist(), names, strict=True):
            row = self._take(_Own(slot) if name is None else name, reused, idle)
            self.rows[slot] = row
            if row >= 0:
                taken.add(row)
                self._seen[row] = max(self._now, self._seen[row])
        self._refused[slots] = self.rows[slots] < 0
        self._groups = None
        return np.array(reused, np.intp)

    def observe(self, there: Mask, now: float) -> Indices:
        """Note which pods, (slots,), are there; returns reused rows as `assign` does.

        Where nobody said when a pod started, it starts when it comes back while most others were there all
        along: when many come back at once, the samples were away and not the pods.
        """
        self._now = now
        fresh = there & (self.rows < 0) & ~self._refused
        reused = np.empty(0, np.intp)
        if fresh.any():
            slots = np.flatnonzero(fresh)
            reused = self.assign(slots, [None] * len(slots), self.started[slots])
        back = there & ~self._there
        if back.any() and 2 * (there & self._there).sum() > there.sum():
            self.started[back & ~self._told] = now
        self._there = there.copy()
        self._seen[self.groups.rows] = now
        return reused

    def release(self, slots: Indices) -> None:
        """Forget these slots; a named workload keeps its row."""
        self._release_own(slots)
        self.rows[slots] = -1
        self.started[slots] = np.nan
        self._told[slots] = self._refused[slots] = self._there[slots] = False
        self._groups = None

    def grow(self, capacity: int) -> None:
        """Add slots without a workload at the end."""
        self.rows = grown(self.rows, capacity, -1)
        self.started = grown(self.started, capacity, np.nan)
        self._told = grown(self._told, capacity, False)
        self._refused = grown(self._refused, capacity, False)
        self._there = grown(self._there, capacity, False)
        self._groups = None

    def _release_own(self, slots: Indices) -> None:
        """Give back the rows of pods that were their own workload."""
        freed = self._table.release([_Own(slot) for slot in slots.tolist()])
        self._seen[freed] = -np.inf

    def _take(self, name: Hashable, reused: list[int], idle: Iterator[int]) -> int:
        known = name in self._table
        row = self._table.take(name)
        if row is None:
            row = self._evict_for(name, idle)
        if row is None:
            return -1
        if row >= self.size:
            self._seen = grown(self._seen, min(self._table.limit, row + GROWTH), -np.inf)
        if not known:
            self._seen[row] = -np.inf
            reused.append(row)
        return row

    def _idle(self, taken: set[int]) -> Iterator[int]:
        """The rows without pods, but for those `taken` since; the one without them for longest is first.

        They are looked for once, when the first is wanted: thousands may find the table full together.
        """
        free = np.ones(self.size, bool)
        free[self.rows[self.rows >= 0]] = False
        rows = np.flatnonzero(free)
        for row in rows[np.argsort(self._seen[rows], kind="stable")].tolist():
            if row not in taken:
                yield row

    def _evict_for(self, name: Hashable, idle: Iterator[int]) -> int | None:
        """Take the row of the workload that has been without pods for longest."""
        oldest = next(idle, None)
        if oldest is None:
            return None
        gone = self._table.name(oldest)
        if gone is not None:
            self._table.release([gone])
        return self._table.take(name)
