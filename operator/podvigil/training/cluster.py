"""
A cluster as training sees it: series of pods, who was there when, and exactly when something was wrong.

`Cluster` is what the generator and `real_series` hand over; `Draft` is the same while it is being made.
Arrays are time-major, (T, P) or (T, P, F), as the detector takes them: one row per sample.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from podvigil.api.features import MODEL_FEATURES

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int8]
Rng = np.random.Generator

CPU: Final = 0
MEMORY: Final = 1
NETWORK: Final = slice(2, 4)
"""Columns of a series, in the order of `MODEL_FEATURES`."""

FAULT: Final = 1
NORMAL: Final = 0
IGNORED: Final = -1
"""Neither: settling after a fault, suffering from another pod's, or too early in a slow one to be seen."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something done to a pod, a fault or an ordinary operation; `start` and `end` are samples, half-open."""

    kind: str
    pod: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """Series of one cluster with labels."""

    interval_seconds: float
    values: Values
    """(T, P, 4): cores, bytes, bytes/s, bytes/s; NaN = no sample."""
    present: Mask
    """(T, P): the pod exists."""
    labels: Labels
    """(T, P): FAULT, NORMAL or IGNORED."""
    workload: npt.NDArray[np.int64]
    """(P,): replicas share a number."""
    history: int
    """Samples that count as what was there before the detector started."""
    faults: tuple[Event, ...] = ()
    operations: tuple[Event, ...] = ()


@dataclass(slots=True)
class Draft:
    """A cluster in the making; operations and faults change it in place."""

    interval_seconds: float
    values: Values
    present: Mask
    labels: Labels
    workload: npt.NDArray[np.int64]
    history: int
    faults: list[Event] = field(default_factory=list)
    operations: list[Event] = field(default_factory=list)

    @classmethod
    def quiet(
        cls, values: Values, workload: npt.NDArray[np.int64], interval_seconds: float, history: int
    ) -> "Draft":
        """Begin with all pods present and nothing wrong."""
        shape = values.shape[:2]
        return cls(
            interval_seconds, values, np.ones(shape, np.bool_), np.zeros(shape, np.int8), workload, history
        )

    @property
    def steps(self) -> int:
        """Samples, T."""
        return len(self.values)

    @property
    def pods(self) -> int:
        """Pods, P."""
        return int(self.values.shape[1])

    def samples(self, seconds: float) -> int:
        """Return how many samples `seconds` are, at least one."""
        return max(1, round(seconds / self.interval_seconds))

    def replicas(self, pod: int) -> list[int]:
        """Return the pods of `pod`'s workload, itself included."""
        return [int(other) for other in np.flatnonzero(self.workload == self.workload[pod])]

    def finished(self) -> Cluster:
        """Return the frozen cluster; what is absent has neither values nor labels."""
        values = np.where(self.present[..., None], np.maximum(self.values, 0.0), np.nan)
        labels = np.where(self.present, self.labels, IGNORED).astype(np.int8)
        return Cluster(
            self.interval_seconds,
            values,
            self.present,
            labels,
            self.workload,
            self.history,
            tuple(self.faults),
            tuple(self.operations),
        )


def empty_features(kept: int) -> Mask:
    """Return (4,) marking the features a source lacks when it has only the first `kept`."""
    return np.arange(len(MODEL_FEATURES)) >= kept
