"""The trailing samples of every pod: one hour for the baseline, and the five minutes after it.

Memory: 4 bytes × features × stored samples a pod, at most `MAX_STORED` samples:
    30 s: 130 samples,  4 features = 2.1 KB a pod,  21 MB for 10,000 pods
     5 s: 780 samples,  4 features = 12.5 KB a pod, 125 MB for 10,000 pods
Below 5 s only every k-th sample is stored, so that the second line is the most there can be. Large clusters are held
in a fifth of that or less (`compact`); `choice` says from where on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from podvigil.window.arrays import Array, Indices, grown

WINDOW_SECONDS: Final = 3600.0
"""The baseline looks back one hour: long enough for a quartile at 60 s, short enough to follow the load."""

GAP_SECONDS: Final = 300.0
"""The last five minutes are not yet part of the baseline, so a running fault does not hide itself."""

FINEST_SECONDS: Final = 5.0
"""The finest step that is stored; a quartile over 720 samples does not improve with more."""

MAX_STORED: Final = int((WINDOW_SECONDS + GAP_SECONDS) / FINEST_SECONDS)

STORED_TOGETHER: Final = 8192
"""Slots stored together: what is worked out on the way stays below a megabyte, however many pods there are."""

MIN_WINDOW: Final = 5
"""Samples; at intervals of an hour the window is five hours: fewer make no quartile."""


@dataclass(frozen=True, slots=True)
class WindowShape:
    """How many samples make the window at one interval."""

    stride: int
    """Every `stride`-th sample is stored; 1 at 5 s and above."""
    window: int
    """Stored samples in the baseline."""
    gap: int
    """Stored samples between the baseline and now."""

    @classmethod
    def of(cls, interval_seconds: float) -> "WindowShape":
        """Say the shape for one interval. Raises ValueError unless it is positive and finite."""
        if not (np.isfinite(interval_seconds) and interval_seconds > 0):
            raise ValueError(f"interval must be a positive number of seconds, not {interval_seconds}")
        stride = max(1, int(np.ceil(FINEST_SECONDS / interval_seconds)))
        step = stride * interval_seconds
        return cls(stride, max(MIN_WINDOW, int(WINDOW_SECONDS / step)), max(1, int(GAP_SECONDS / step)))

    @property
    def stored(self) -> int:
        """Samples kept a pod and feature."""
        return self.window + self.gap


class TrailingRing:
    """The last `window + gap` stored samples of every slot and feature; here as they came.

    How a sample is held is up to three class attributes and two functions: `compact.CompactRing` has others.
    """

    precision: ClassVar[type[np.floating[Any]]] = np.float64
    """What order statistics of these samples are worth keeping in."""
    _kind: ClassVar[type[np.generic]] = np.float32
    _hole: ClassVar[float] = np.nan

    def __init__(self, shape: WindowShape, *, features: int, capacity: int) -> None:
        self.shape = shape
        # Time is the last axis, since what is read is one pod's hour, to be sorted.
        self._samples = np.full((capacity, features, shape.stored), self._hole, self._kind)
        self._next = 0
        self._ticks = 0

    @property
    def capacity(self) -> int:
        """Slots."""
        return len(self._samples)

    @property
    def features(self) -> int:
        """Columns of a sample."""
        return int(self._samples.shape[1])

    @property
    def memory_bytes(self) -> int:
        """What the samples take."""
        return int(self._samples.nbytes)

    @property
    def stores_next(self) -> bool:
        """Whether the coming sample is one of those stored."""
        return self._ticks % self.shape.stride == 0

    def push(self, values: Array) -> None:
        """Take one sample of all slots, shape (slots, features), NaN = none."""
        if self.stores_next:
            self.store(values)
        self._ticks += 1

    def store(self, values: Array) -> None:
        """Hold one sample of all slots, whether or not it is its turn."""
        for start in range(0, self.capacity, STORED_TOGETHER):
            some = slice(start, start + STORED_TOGETHER)
            self._samples[some, :, self._next] = self._encoded(values[some])
        self._next = (self._next + 1) % self.shape.stored

    def before_gap(self, slots: slice | Indices) -> Array:
        """Copy the window that ended a gap ago, shape (chosen, features, window), in no order of time."""
        return self._copy(slots, self._next)

    def newest(self, slots: slice | Indices) -> Array:
        """Copy the window that ends now, i.e. the last `window` samples, in no order of time."""
        return self._copy(slots, self._next + self.shape.gap)

    def oldest_first(self, *, every: int = 1) -> Iterator[Array]:
        """Each `every`-th stored sample of all slots, (slots, features), counted back from the newest."""
        for age in reversed(range(0, self.shape.stored, every)):
            yield self._decoded(self._samples[:, :, (self._next - 1 - age) % self.shape.stored])

    def forget(self, slots: Indices) -> None:
        """Drop all samples of these slots."""
        self._samples[slots] = self._hole

    def grow(self, capacity: int) -> None:
        """Add empty slots at the end."""
        self._samples = grown(self._samples, capacity, self._hole)

    def _copy(self, slots: slice | Indices, start: int) -> Array:
        stored = self.shape.stored
        start %= stored
        rows = self._samples[slots]
        stop = start + self.shape.window
        if stop <= stored:
            return self._decoded(rows[:, :, start:stop])
        return self._decoded(np.concatenate([rows[:, :, start:], rows[:, :, : stop - stored]], axis=2))

    @staticmethod
    def _encoded(values: Array) -> npt.NDArray[Any]:
        """How a sample is held, of the type `_kind`."""
        return values

    @staticmethod
    def _decoded(held: npt.NDArray[Any]) -> Array:
        """A copy of samples that are held, as floats."""
        return held.copy()
