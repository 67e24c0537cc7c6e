"""From columns keyed by labels to arrays indexed by slot: which row is which pod, and who owns it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from podvigil.api.features import Feature
from podvigil.api.pods import PodKey, Workload
from podvigil.collect.columns import Column, Matrix, parse_key
from podvigil.collect.pods import PodRecord
from podvigil.controllers.monitor.select import Selection
from podvigil.window.arrays import Array, Indices, Mask
from podvigil.window.slots import SlotTable

GROWTH = 64
"""Slots that the arrays grow by at a time, so that one new pod does not copy them all."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a new selection did to the slots."""

    released: Indices
    """Slots whose pod is gone; whoever keeps state by slot forgets it."""
    taken: tuple[int, ...]
    """Slots given to pods that were not watched before."""
    introduced: tuple[int, ...]
    """Slots whose workload or start is news: those taken, and those of pods that started again."""
    without_room: int
    """Selected pods that the window is too small for."""


def last_start(pod: PodRecord) -> float:
    """When a pod last began to run, Unix seconds: a container that was started again warms up like a new pod."""
    begun = pod.created if pod.started is None else pod.started
    ended = pod.last_termination
    return begun if ended is None or ended.finished is None else max(begun, ended.finished)


class PodRows:
    """The slots of one monitor's pods."""

    def __init__(self, *, limit: int) -> None:
        self._slots: SlotTable[PodKey] = SlotTable(limit=limit)
        self._uids: dict[PodKey, str] = {}
        self._workloads: dict[int, Workload] = {}
        self._slots_of: dict[str, set[int]] = {}
        """By the workload's uid."""
        self._started: dict[int, float] = {}
        self._keys: dict[bytes, PodKey] = {}
        self.capacity = min(GROWTH, limit)
        self.present: Mask = np.zeros(self.capacity, bool)

    def __len__(self) -> int:
        return len(self._slots)

    def select(self, selection: Selection) -> Change:
        """Give a slot to each running pod; take those of pods that are gone, or replaced under their name."""
        running = selection.running
        wanted = {key: selection.pods[key].uid for key in running}
        gone = [key for key, uid in self._uids.items() if wanted.get(key) != uid]
        released = self._slots.release(gone)
        for key in gone:
            del self._uids[key]
        for slot in released:
            self._part(int(slot))
            self._workloads.pop(int(slot), None)
            self._started.pop(int(slot), None)
        taken, introduced, without_room = [], [], 0
        for key in running:
            slot = self._slots.take(key)
            if slot is None:
                without_room += 1
                continue
            # Also for a known pod: an owner that was deleted and made anew may have adopted it.
            workload, started = selection.workloads[key], last_start(selection.pods[key])
            if self._workloads.get(slot) != workload or self._started.get(slot) != started:
                introduced.append(slot)
                self._part(slot)
                self._slots_of.setdefault(workload.uid, set()).add(slot)
            self._workloads[slot], self._started[slot] = workload, started
            if key not in self._uids:
                self._uids[key] = wanted[key]
                taken.append(slot)
        self._fit()
        return Change(released, tuple(taken), tuple(introduced), without_room)

    def pod(self, slot: int) -> PodKey:
        """Whose slot this is. Raises: KeyError when it is free."""
        name = self._slots.name(slot)
        if name is None:
            raise KeyError(slot)
        return name

    def slot(self, pod: PodKey) -> int | None:
        """The pod's slot; None when it is not watched."""
        return self._slots.slot(pod)

    def workload(self, slot: int) -> Workload:
        """What owns the pod in this slot."""
        return self._workloads[slot]

    def started(self, slot: int) -> float:
        """When its containers last began to run, Unix seconds."""
        return self._started[slot]

    def slots(self) -> list[int]:
        """The slots that have a pod."""
        return list(self._workloads)

    def slots_of(self, workload_uid: str) -> list[int]:
        """The slots of a workload's pods."""
        return sorted(self._slots_of.get(workload_uid, ()))

    def sample(self, columns: Mapping[Feature, Column], features: tuple[Feature, ...]) -> Array:
        """Place one tick's columns, shape (capacity, features); NaN = no sample. Raises: WrongLabels."""
        values = np.full((self.capacity, len(features)), np.nan)
        for index, feature in enumerate(features):
            column = columns[feature]
            rows = self.slots_of_series(column)
            known = rows >= 0
            values[rows[known], index] = column.values[known]
        return values

    def history(self, matrices: Mapping[Feature, Matrix], features: tuple[Feature, ...]) -> Array:
        """Place range answers of equal grids, shape (ticks, capacity, features). Raises: WrongLabels."""
        ticks = len(next(iter(matrices.values())).times)
        values = np.full((ticks, self.capacity, len(features)), np.nan)
        for index, feature in enumerate(features):
            matrix = matrices[feature]
            rows = self.slots_of_series(matrix)
            known = rows >= 0
            values[:, rows[known], index] = matrix.values[known].T
        return values

    def slots_of_series(self, answer: Column | Matrix) -> Indices:
        """The slot of each series' pod, -1 = not watched. Raises: WrongLabels."""
        rows = []
        for raw in answer.keys:
            key = self._keys.get(raw)
            if key is None:
                if len(self._keys) > 4 * self._slots.limit:  # labels of pods long gone
                    self._keys.clear()
                key = self._keys[raw] = parse_key(raw, answer.source, answer.query)
            slot = self._slots.slot(key)
            rows.append(-1 if slot is None else slot)
        return np.array(rows, np.intp)

    def _part(self, slot: int) -> None:
        """Take a slot from the workload that it belongs to, if any."""
        workload = self._workloads.get(slot)
        if workload is None:
            return
        self._slots_of[workload.uid].remove(slot)
        if not self._slots_of[workload.uid]:
            del self._slots_of[workload.uid]

    def _fit(self) -> None:
        needed = max(self._slots.high_water, 1)
        if needed > self.capacity:
            self.capacity = min(self._slots.limit, -(-needed // GROWTH) * GROWTH)
        self.present = np.zeros(self.capacity, bool)
        self.present[list(self._workloads)] = True
