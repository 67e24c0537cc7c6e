"""What traffic explains: twice the requests, twice the work, and more of them in memory.

Per workload, the excess of CPU and of memory over their hour in proportion to that of received and of sent
bytes, learnt over a day while both are up. Later the smaller of the two explanations is subtracted, never
more than the excess itself. Of CPU traffic always explains its own proportion: noise in traffic makes what
is learnt too small, and no more than twice the work is needed for twice the requests.
"""

from typing import Final

import numpy as np

from podvigil.detect.habits.groups import Groups
from podvigil.detect.habits.load import Columns
from podvigil.window.arrays import Array, Indices, every_feature, grown, zeroed

MEMORY_SECONDS: Final = 86_400.0

UP: Final = 0.1
"""Traffic is up when both directions are a tenth above their hour."""

LEAST_SECONDS: Final = 1800.0
"""Half an hour of traffic that was up: fewer samples are an accident."""

MOST: Final = 3.0
"""A relative excess counts as at most three times that of traffic, so that a fault teaches little."""

TINIEST: Final = 1e-12
"""Keeps a level of 0 from dividing by 0; units are cores and bytes."""


class Traffic:
    """CPU and memory per byte and second, by row; 7 numbers a workload."""

    def __init__(self, columns: Columns) -> None:
        self._network = list(columns.network)
        self._cpu = columns.cpu
        self.explains = [one for one in (columns.cpu, columns.memory) if one is not None and self._network]
        """The columns that traffic may explain."""
        shape = (0, len(self.explains), len(self._network))
        self._product: Array = np.zeros(shape)
        self._square: Array = np.zeros(shape)
        self._seconds: Array = np.zeros(0)

    def explained(self, rows: Indices, values: Array, center: Array) -> Array:
        """What traffic explains of the excess of each value, (slots, features), natural units, ≥ 0.

        Args:
            rows: (slots,), -1 = none. center: (slots, features), any expectation, NaN = not known.
        """
        found = np.zeros(values.shape)
        if not self.explains:
            return found
        excess = np.maximum(zeroed(values - center), 0.0)
        traffic = excess[:, self._network]
        if not traffic.any():
            return found
        known = (rows >= 0) & (self._seconds[rows] >= LEAST_SECONDS)
        slope = self._product[rows] / np.maximum(self._square[rows], TINIEST)
        part = np.where(known[:, None], (slope * traffic[:, None]).min(axis=2), 0.0)
        if self._cpu is not None:
            usual = zeroed(center)
            share = (traffic / np.maximum(usual[:, self._network], TINIEST)).min(axis=1)
            in_proportion = np.where(known, share * usual[:, self._cpu], 0.0)
            part[:, 0] = np.maximum(part[:, 0], in_proportion)
        found[:, self.explains] = np.clip(part, 0.0, excess[:, self.explains])
        return found

    def learn(self, groups: Groups, values: Array, center: Array, elapsed_seconds: float) -> None:
        """Take one sample of all pods, (slots, features), and what their hour expects."""
        if not self.explains:
            return
        keep = np.exp(-elapsed_seconds / MEMORY_SECONDS)
        rows, excess = groups.rows, values - center
        relative = excess / np.maximum(center, TINIEST)
        network = relative[:, self._network]
        up = every_feature(network > UP)
        self._seconds[rows] *= keep
        if not up.any():
            return
        most = MOST * network.min(axis=1, keepdims=True)
        bounded = np.clip(relative[:, self.explains], -most, most) * center[:, self.explains]
        weighed = np.where(up[:, None], excess[:, self._network], np.nan)[:, None]
        shape = (len(values), -1)
        product = groups.total((bounded[:, :, None] * weighed).reshape(shape))
        # NaN where either is not known: both sums are over the same samples.
        square = groups.total((weighed**2 + 0.0 * bounded[:, :, None]).reshape(shape))
        self._product[rows] = keep * self._product[rows] + product.reshape(self._product[rows].shape)
        self._square[rows] = keep * self._square[rows] + square.reshape(self._square[rows].shape)
        any_up = groups.highest(np.where(up, 1.0, np.nan)[:, None])[:, 0] > 0
        self._seconds[rows] += any_up * elapsed_seconds

    def forget(self, rows: Indices) -> None:
        """Drop what is known of these rows."""
        self._product[rows] = self._square[rows] = 0.0
        self._seconds[rows] = 0.0

    def grow(self, rows: int) -> None:
        """Add rows of which nothing is known."""
        self._product = grown(self._product, rows, 0.0)
        self._square = grown(self._square, rows, 0.0)
        self._seconds = grown(self._seconds, rows, 0.0)
