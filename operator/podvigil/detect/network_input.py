"""The 24 columns that the network sees of each pod, in this order for ever: the weights depend on it.

Every column is causal and means the same in every cluster; no column holds a natural unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.detect.reference import MATERIAL, TINY
from podvigil.detect.score import evidence, weights_of
from podvigil.detect.smoothing import smoothed
from podvigil.detect.treatment import Treated
from podvigil.window.arrays import Array, Indices, grown

SLOTS: Final = len(MODEL_FEATURES)

COLUMNS: Final[tuple[str, ...]] = (
    *(f"deviation.{feature}" for feature in MODEL_FEATURES),  # u, asinh sigma
    *(f"context.{feature}" for feature in MODEL_FEATURES),  # cluster median of u
    *(f"level.{feature}" for feature in MODEL_FEATURES),  # asinh(value / cluster level) - LEVEL_CENTER
    *(f"scale.{feature}" for feature in MODEL_FEATURES),  # log(scale / material change)
    "hasTransmit",  # 1: the fourth feature is measured at all
    "age",  # hours since the pod was last absent, at most 1
    "young",  # 1: for less than five minutes
    "absent",  # 1: no sample now
    "cold",  # 1: no trailing window yet
    "interval",  # log2(interval / 30 s)
    "quick",  # max |u|, smoothed at .5 a sample
    "slow",  # max |u|, smoothed at .15 a sample
)
INPUTS: Final = len(COLUMNS)

LEVEL_CENTER: Final = 0.9
"""asinh(1) = .88: about 0 for a pod of the typical size."""

SCALE_RANGE: Final = (-1.0, 5.0)
QUICK: Final = 0.5
SLOW: Final = 0.15
AGE_SECONDS: Final = 3600.0
YOUNG_SECONDS: Final = 300.0
INTERVAL_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class NetworkInput:
    """What the cell is given beside its state; float32, finite, rows = slots."""

    x: Array
    """(slots, `INPUTS`)."""
    previous_u: Array
    """(slots, `SLOTS`): the first columns of the sample before; the first sample is its own."""
    evidence: Array
    """(slots,): the statistics' own verdict without a context, smoothed."""


class NetworkInputs:
    """Builds the columns sample by sample; keeps three smoothed values and the last u a pod."""

    def __init__(self, *, features: Sequence[Feature], interval_seconds: float, capacity: int) -> None:
        self._weights = weights_of(features)
        self.columns = [MODEL_FEATURES.index(feature) for feature in features]
        self._interval_seconds = interval_seconds
        self._interval = float(np.log2(interval_seconds / INTERVAL_SECONDS))
        self._has_transmit = float(Feature.NETWORK_TRANSMIT in features)
        self._quick: Array = np.zeros(capacity)
        self._slow: Array = np.zeros(capacity)
        self._evidence: Array = np.zeros(capacity)
        self._previous: Array | None = None

    def observe(self, treated: Treated, level: Array) -> NetworkInput:
        """Build the columns of one sample.

        Args:
            level: the cluster's level by feature (`LongReference.level`), natural units.
        """
        u = treated.deviation
        largest = np.abs(u).max(axis=1)
        self._quick = smoothed(self._quick, largest, rise=QUICK, fall=QUICK)
        self._slow = smoothed(self._slow, largest, rise=SLOW, fall=SLOW)
        self._evidence = smoothed(self._evidence, evidence(u, self._weights).max(axis=1))
        size = np.arcsinh(treated.last / (level + TINY)) - LEVEL_CENTER
        steepness = np.log(
            np.where(np.isfinite(treated.scale), treated.scale, 1.0) / (MATERIAL * level + TINY)
        )
        steepness = np.where(np.isfinite(treated.scale), np.clip(steepness, *SCALE_RANGE), 0.0)

        x = np.zeros((len(u), INPUTS), np.float32)
        for group, values in enumerate((u, np.broadcast_to(treated.context, u.shape), size, steepness)):
            x[:, [group * SLOTS + column for column in self.columns]] = values
        age_seconds = treated.age * self._interval_seconds
        x[:, 4 * SLOTS] = self._has_transmit
        x[:, 4 * SLOTS + 1] = np.minimum(age_seconds / AGE_SECONDS, 1.0)
        x[:, 4 * SLOTS + 2] = age_seconds < YOUNG_SECONDS
        x[:, 4 * SLOTS + 3] = treated.absent
        x[:, 4 * SLOTS + 4] = treated.cold
        x[:, 4 * SLOTS + 5] = self._interval
        x[:, 4 * SLOTS + 6] = self._quick
        x[:, 4 * SLOTS + 7] = self._slow
        now = x[:, :SLOTS]
        previous = now if self._previous is None else self._previous
        self._previous = now.copy()
        return NetworkInput(x, previous, self._evidence.astype(np.float32))

    def release(self, slots: Indices) -> None:
        """Forget these slots."""
        for state in (self._quick, self._slow, self._evidence):
            state[slots] = 0.0
        if self._previous is not None:
            self._previous[slots] = 0.0

    def grow(self, capacity: int) -> None:
        """Add empty slots at the end."""
        self._quick = grown(self._quick, capacity, 0.0)
        self._slow = grown(self._slow, capacity, 0.0)
        self._evidence = grown(self._evidence, capacity, 0.0)
        if self._previous is not None:
            self._previous = grown(self._previous, capacity, 0.0)
