"""Which row of every array belongs to which pod.

Slots are reused, so that the arrays stay as large as the cluster and not as its history.
"""

import heapq
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, TypeVar

import numpy as np

from podvigil.window.arrays import Indices

Name = TypeVar("Name", bound=Hashable)


class SlotTable(Generic[Name]):
    """Names (pods) to slots; the lowest free slot is given first, so that arrays stay dense.

    `limit` bounds the table: what does not fit is refused (and can be counted), not stored.
    """

    def __init__(self, *, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"a slot table holds at least one slot, not {limit}")
        self.limit = limit
        self._slots: dict[Name, int] = {}
        self._names: list[Name | None] = []
        self._free: list[int] = []  # a heap

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, name: object) -> bool:
        return name in self._slots

    def __iter__(self) -> Iterator[Name]:
        return iter(self._slots)

    @property
    def high_water(self) -> int:
        """Rows that the arrays need: one more than the highest slot ever given."""
        return len(self._names)

    def slot(self, name: Name) -> int | None:
        """The slot of a name, or None."""
        return self._slots.get(name)

    def name(self, slot: int) -> Name | None:
        """Whose slot this is, or None when it is free."""
        return self._names[slot] if 0 <= slot < len(self._names) else None

    def take(self, name: Name) -> int | None:
        """The slot of a name, a new one when it has none; None when the table is full."""
        known = self._slots.get(name)
        if known is not None:
            return known
        if self._free:
            slot = heapq.heappop(self._free)
            self._names[slot] = name
        elif len(self._names) < self.limit:
            slot = len(self._names)
            self._names.append(name)
        else:
            return None
        self._slots[name] = slot
        return slot

    def release(self, names: Iterable[Name]) -> Indices:
        """Free the slots of these names (unknown ones are passed over); returns the freed slots."""
        freed = []
        for name in names:
            slot = self._slots.pop(name, None)
            if slot is not None:
                self._names[slot] = None
                heapq.heappush(self._free, slot)
                freed.append(slot)
        return np.array(freed, np.intp)
