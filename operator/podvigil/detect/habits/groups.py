"""Sums, extremes and medians over the pods of each workload, without a loop over workloads.

Slots are ordered by workload once per change of the pods; then every group is a stretch of that order.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.window.arrays import Array, Indices

SPAN: Final = 256.0
"""Wider than any two values of `others_median` lie apart: values are sorted together with the number of
their group in one float64, which still leaves 2^-31 of resolution at a million groups."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The slots that have a workload, ordered by its row."""

    slots: Indices
    """(members,): slots, those of one row side by side."""
    rows: Indices
    """(groups,): the row of each group, rising."""
    starts: Indices
    """(groups,): where each group begins in `slots`."""
    of_member: Indices
    """(members,): number of the group of each member."""

    @classmethod
    def of(cls, rows: Indices) -> "Groups":
        """Order the slots by their rows, shape (slots,); -1 = no workload."""
        order = np.argsort(rows, kind="stable")
        slots = order[np.searchsorted(rows[order], 0) :]
        sorted_rows = rows[slots]
        first = np.ones(len(slots), bool)
        first[1:] = sorted_rows[1:] != sorted_rows[:-1]
        starts = np.flatnonzero(first)
        return cls(slots, sorted_rows[starts], starts, np.cumsum(first) - 1)

    def total(self, values: Array) -> Array:
        """Sum by group of (slots, features), NaN = nothing; (groups, features)."""
        members = values[self.slots]
        return self._reduced(np.add, np.where(np.isnan(members), 0.0, members))

    def count(self, values: Array) -> Array:
        """How many members of each group have a value, (groups, features)."""
        return self._reduced(np.add, np.isfinite(values[self.slots]).astype(np.float32))

    def highest(self, values: Array) -> Array:
        """Maximum by group; -inf where no member has a value."""
        found = values[self.slots]
        return self._reduced(np.maximum, np.where(np.isnan(found), -np.inf, found))

    def medians(self, values: Array) -> tuple[Array, Array]:
        """Medians by group, and for each slot the median of the others of its group.

        Args:
            values: (slots, features) within ± `SPAN` / 4; NaN = absent.

        Returns:
            (groups, features) medians, NaN where no member is present; (slots, features) medians of
            the others, NaN for the absent and where there is no other.
        """
        others: Array = np.full(values.shape, np.nan)
        if not len(self.slots):
            return np.full((0, values.shape[1]), np.nan), others
        mine = values[self.slots].astype(np.float64)
        absent = np.isnan(mine)
        member, first = self.of_member[:, None], self.starts[self.of_member][:, None]
        # The absent sort to the end of their group, so that ranks count the present alone.
        key = member * SPAN + np.where(absent, SPAN / 2, mine) + SPAN / 4
        order = np.argsort(key, axis=0)
        column = np.arange(values.shape[1])
        ranked = mine[order, column]
        present: Indices = np.add.reduceat((~absent).astype(np.intp), self.starts, axis=0)
        middle = _middle(ranked, self.starts[:, None], present, column)
        rank = np.empty_like(order)
        rank[order, column] = np.arange(len(order))[:, None] - first
        left = present[self.of_member] - 1  # the others, seen from a member that is present
        low, high = np.maximum(left - 1, 0) // 2, left // 2
        both = _without(ranked, first, low, rank, left, column)
        both += _without(ranked, first, high, rank, left, column)
        others[self.slots] = np.where(absent | (left < 1), np.nan, 0.5 * both)
        return middle, others

    def _reduced(self, by: np.ufunc, members: Array) -> Array:
        if not len(self.slots):
            return np.zeros((0, *members.shape[1:]), members.dtype)
        reduced: Array = by.reduceat(members, self.starts, axis=0)
        return reduced


def _middle(ranked: Array, starts: Indices, present: Indices, column: Indices) -> Array:
    """Median of the first `present` of each stretch."""
    last = len(ranked) - 1
    low = np.minimum(starts + np.maximum(present - 1, 0) // 2, last)
    high = np.minimum(starts + present // 2, last)
    return np.where(present > 0, 0.5 * (ranked[low, column] + ranked[high, column]), np.nan)


def _without(
    ranked: Array, first: Indices, wanted: Indices, rank: Indices, left: Indices, column: Indices
) -> Array:
    """The `wanted`-th of a group once the member of `rank` is taken out."""
    place = np.minimum(wanted + (rank <= wanted), np.maximum(left, 0))
    taken: Array = ranked[first + place, column]
    return taken
