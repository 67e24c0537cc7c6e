"""How full the volumes of a monitor's pods are: of each pod the fullest one, and how that grew.

Kept apart from memory, since a volume outlives the container that writes to it. Nothing is kept while the source
knows of no volume.
"""

from typing import Final

import numpy as np

from podvigil.api.features import Feature
from podvigil.collect.columns import Column, Matrix, label_of
from podvigil.controllers.monitor.vitals import Change, PodRows
from podvigil.detect.findings import Finding
from podvigil.detect.forecast import forecast
from podvigil.detect.growth import GrowthLadder
from podvigil.detect.volumes import WORTH_ASKING, VolumeFacts, volume_findings
from podvigil.window.arrays import Array, Indices

MAXIMUM_ASKED: Final = 500
"""Pods asked about in one tick, the fullest first: about 0.2 CPU-seconds."""

CLAIM: Final = "persistentvolumeclaim"


class Volumes:
    """The fullest volume of each of one monitor's pods."""

    def __init__(self, interval_seconds: float) -> None:
        self._interval = interval_seconds
        self._ladder: GrowthLadder | None = None
        self._full: Array = np.empty(0)
        self._series: dict[int, bytes] = {}
        """By slot: the labels of its fullest volume, as the source wrote them."""

    def place(self, rows: PodRows, change: Change) -> None:
        """Follow the slots."""
        if self._ladder is None:
            return
        if rows.capacity > self._ladder.capacity:
            self._ladder.grow(rows.capacity)
        self._ladder.release(change.released)

    def warm_start(self, matrix: Matrix, rows: PodRows) -> None:
        """Begin with a history, unless some was lived through."""
        if self._ladder is not None or not matrix.keys:
            return
        ladder = self._begin(rows)
        slots = rows.slots_of_series(matrix)
        known = slots >= 0
        for column in matrix.values.T:
            ladder.push(_highest(slots[known], column[known], rows.capacity))

    def skip(self, ticks: int) -> None:
        """Let samples pass that nobody took."""
        if ticks > 0 and self._ladder is not None:
            self._ladder.skip(ticks)

    def observe(self, column: Column, rows: PodRows) -> None:
        """Take one sample of every pod and claim."""
        self._series = {}
        if not column.keys and self._ladder is None:
            return
        ladder = self._ladder or self._begin(rows)
        slots = rows.slots_of_series(column)
        known = np.flatnonzero((slots >= 0) & np.isfinite(column.values))
        self._full = _highest(slots[known], column.values[known], rows.capacity)
        ladder.push(self._full)
        for index in known.tolist():
            slot = int(slots[index])
            if column.values[index] == self._full[slot]:
                self._series[slot] = column.keys[index]

    def findings(self, rows: PodRows) -> tuple[Finding, ...]:
        """Return the pods whose fullest volume is full, or will be."""
        ladder = self._ladder
        if ladder is None or not self._series:
            return ()
        asked = np.flatnonzero(self._full >= WORTH_ASKING)
        asked = asked[np.argsort(-self._full[asked], kind="stable")][:MAXIMUM_ASKED]
        answers = forecast(
            ladder, asked, np.ones(len(asked)), feature=Feature.STORAGE, interval_seconds=self._interval
        )
        return volume_findings(
            VolumeFacts(
                pod=rows.pod(slot),
                workload=rows.workload(slot),
                claim=label_of(self._series[slot], CLAIM),
                full=float(self._full[slot]),
                forecast=answer,
            )
            for slot, answer in zip(asked.tolist(), answers, strict=True)
        )

    def _begin(self, rows: PodRows) -> GrowthLadder:
        self._ladder = GrowthLadder(interval_seconds=self._interval, capacity=rows.capacity, unit=1.0)
        return self._ladder


def _highest(slots: Indices, values: Array, capacity: int) -> Array:
    """(capacity,): the highest value of each slot; NaN where there is none."""
    found = np.full(capacity, np.nan)
    np.fmax.at(found, slots, values)
    return found
