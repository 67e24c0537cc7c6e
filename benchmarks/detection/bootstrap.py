"""Whether one detector is better than another, or was lucky in the pods of a set."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from podvigil.evaluate.labels import Labels
from podvigil.evaluate.ranking import vus_pr

RESAMPLES: Final = 200
"""Enough for a 90 % interval: ten lie outside on each side."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """VUS-PR of one minus that of the other."""

    seen: float
    low: float
    """5 % quantile over resamples."""
    high: float
    """95 % quantile."""


def difference(labels: Labels, one: Sequence[Floats], other: Sequence[Floats]) -> Difference:
    """Resample the pods of a set with replacement, the same ones for both; pods are what varies most."""
    random = np.random.default_rng(0)
    states = [stretch.states for stretch in labels.ranges]

    def gain(rows: npt.NDArray[np.int64]) -> float:
        picked = [state[rows] for state in states]
        return vus_pr([part[rows] for part in one], picked) - vus_pr([part[rows] for part in other], picked)

    gains = [gain(random.integers(0, labels.pods, labels.pods)) for _ in range(RESAMPLES)]
    low, high = np.nanquantile(gains, [0.05, 0.95])
    return Difference(gain(np.arange(labels.pods)), float(low), float(high))
