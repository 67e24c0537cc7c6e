"""CPU that traffic explains: twice the requests, twice the work.

Per workload, CPU's excess over its hour in proportion to that of received and of sent bytes, learnt over
a day while both are up. Later the smaller of the two explanations is subtracted from CPU's deviation,
never more than the deviation itself. A fall explains nothing: a pod that serves less may be broken.
"""

from typing import Final

import numpy as np

from podvigil.api.features import Feature
from podvigil.detect.habits.groups import Groups
from podvigil.window.arrays import Array, Indices, grown

MEMORY_SECONDS: Final = 86_400.0

UP: Final = 0.1
"""Traffic is up when both directions are a tenth above their hour."""

LEAST_SECONDS: Final = 1800.0
"""Half an hour of traffic that was up: fewer samples are an accident."""

MOST: Final = 3.0
"""CPU's relative excess counts as at most three times that of traffic, so that a fault teaches little."""


class Traffic:
    """CPU per byte and second, by row; 5 numbers a workload."""

    def __init__(self, features: tuple[Feature, ...]) -> None:
        self._network = [
            features.index(one)
            for one in (Feature.NETWORK_RECEIVE, Feature.NETWORK_TRANSMIT)
            if one in features
        ]
        self._cpu = features.index(Feature.CPU) if Feature.CPU in features else None
        width = len(self._network)
        self._product: Array = np.zeros((0, width))
        self._square: Array = np.zeros((0, width))
        self._seconds: Array = np.zeros(0)

    @property
    def cpu(self) -> int | None:
        """The column that is explained; None: nothing is, since CPU or the network is not measured."""
        return self._cpu if self._network else None

    def explained(self, rows: Indices, excess: Array) -> Array:
        """CPU's excess that traffic explains, (slots,), natural units, ≥ 0.

        Args:
            rows: (slots,), -1 = none. excess: (slots, features) over any expectation, natural units.
        """
        known = (rows >= 0) & (self._seconds[rows] >= LEAST_SECONDS if len(self._seconds) else False)
        if not known.any():
            return np.zeros(len(rows))
        slope = self._product[rows] / np.maximum(self._square[rows], np.finfo(np.float64).tiny)
        traffic = np.maximum(np.nan_to_num(excess[:, self._network]), 0.0)
        return np.where(known, (slope * traffic).min(axis=1), 0.0)

    def learn(self, groups: Groups, values: Array, center: Array, elapsed_seconds: float) -> None:
        """Take one sample of all pods, (slots, features), and what their hour expects."""
        if self.cpu is None:
            return
        keep = np.exp(-elapsed_seconds / MEMORY_SECONDS)
        rows = groups.rows
        relative = (values - center) / np.maximum(center, np.finfo(np.float32).tiny)
        up = (relative[:, self._network] > UP).all(axis=1) & np.isfinite(relative[:, self.cpu])
        least = relative[:, self._network].min(axis=1)
        bounded = np.clip(relative[:, self.cpu], -MOST * least, MOST * least)
        cpu = bounded * center[:, self.cpu]
        net = (values - center)[:, self._network]
        weighed = np.where(up[:, None], net, np.nan)
        self._product[rows] = keep * self._product[rows] + groups.total(weighed * cpu[:, None])
        self._square[rows] = keep * self._square[rows] + groups.total(weighed * weighed)
        any_up = groups.highest(np.where(up, 1.0, np.nan)[:, None])[:, 0] > 0
        self._seconds[rows] = keep * self._seconds[rows] + any_up * elapsed_seconds

    def forget(self, rows: Indices) -> None:
        """Drop what is known of these rows."""
        self._product[rows] = self._square[rows] = self._seconds[rows] = 0.0

    def grow(self, rows: int) -> None:
        """Add rows of which nothing is known."""
        self._product = grown(self._product, rows, 0.0)
        self._square = grown(self._square, rows, 0.0)
        self._seconds = grown(self._seconds, rows, 0.0)
