"""The network's memory of each pod: its state, and the state of five minutes ago.

Memory: 2 × hidden × 4 bytes for the state, and at most `SNAPSHOTS` × hidden × 2 bytes for the past:
1.5 KB a pod with 32 units.
"""

from typing import Final

import numpy as np

from podvigil.detect.cell import Cell, CellOutput
from podvigil.detect.network_input import INPUTS, NetworkInput
from podvigil.window.arrays import Array, Indices, grown
from podvigil.window.ring import GAP_SECONDS

SNAPSHOTS: Final = 21
"""Past states kept at most: every sample down to 15 s, every second at 7 s; float16, since |h| < 1."""


class Recurrence:
    """Steps a cell over all slots and keeps what it has to remember."""

    def __init__(self, cell: Cell, *, interval_seconds: float, capacity: int) -> None:
        if cell.inputs != INPUTS:
            raise ValueError(
                f"the network takes {cell.inputs} inputs, this version gives {INPUTS}: retrain it"
            )
        self._cell = cell
        self._lag = max(1, int(GAP_SECONDS / interval_seconds))
        self._stride = -(-self._lag // (SNAPSHOTS - 1))
        # The newest snapshot at least `lag` samples old is at most lag + stride - 1 samples old.
        self._kept = -(-self._lag // self._stride) + 1
        self._h: Array = np.zeros((capacity, cell.hidden), np.float32)
        self._c: Array = np.zeros((capacity, cell.hidden), np.float32)
        self._past: Array = np.zeros((capacity, self._kept, cell.hidden), np.float16)
        self._tick = 0

    def step(self, given: NetworkInput) -> CellOutput:
        """Advance all slots by one sample."""
        lagged = self._lagged()
        out = self._cell.step(given.x, given.previous_u, given.evidence, self._h, self._c, lagged)
        # A network that once answers NaN would answer NaN for ever: its memory starts again instead.
        self._h, self._c = np.nan_to_num(out.h), np.nan_to_num(out.c)
        if self._tick % self._stride == 0:
            self._past[:, self._tick // self._stride % self._kept] = self._h
        self._tick += 1
        return CellOutput(np.nan_to_num(out.expected_u), np.nan_to_num(out.logit), self._h, self._c)

    def release(self, slots: Indices) -> None:
        """Forget these slots."""
        for state in (self._h, self._c, self._past):
            state[slots] = 0.0

    def grow(self, capacity: int) -> None:
        """Add empty slots at the end."""
        self._h = grown(self._h, capacity, 0.0)
        self._c = grown(self._c, capacity, 0.0)
        self._past = grown(self._past, capacity, 0.0)

    def _lagged(self) -> Array:
        """The state five minutes before this sample; zeros in the first five minutes."""
        wanted = self._tick - self._lag
        if wanted < 0:
            return np.zeros_like(self._h)
        return self._past[:, wanted // self._stride % self._kept].astype(np.float32)
