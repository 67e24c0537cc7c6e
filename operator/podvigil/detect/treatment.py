"""Input treatment: from raw samples to deviations that mean the same for every pod.

Most of the detector's quality is made here and not in the network: a pod is compared with its own last
hour, trifles are held against the level of the cluster, and absent samples enter no statistic. Training
uses this very class, so that the network sees in the cluster what it saw when it learnt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.api.features import Feature
from podvigil.detect.baseline import Baseline
from podvigil.detect.reference import LongReference, Summary
from podvigil.detect.score import DEVIATION_LIMIT
from podvigil.window.arrays import Array, Indices, Mask, every_feature, grown
from podvigil.window.order import median
from podvigil.window.ring import WINDOW_SECONDS, WindowShape

LARGEST: Final = 1e15
"""No pod has a million billion cores, bytes or bytes a second; such a value is a fault of its source."""

MIN_SIBLINGS: Final = 3
"""Pods that make a cluster median. Of one pod it is the pod itself: nothing would ever deviate."""

SLOTS_AT_ONCE: Final = 512
"""Slots of a history that are summarised together: its copies, five of them, are then small beside it."""

FIRST_REFRESH: Final = 3
"""Samples until the cluster's level is first estimated; the next times it takes twice as long."""


@dataclass(frozen=True, slots=True)
class Treated:
    """One sample of all pods after treatment; (slots, features) unless stated."""

    values: Array
    """Natural units, NaN = no usable sample."""
    deviation: Array
    """u = asinh((value - center) / scale), within ± `DEVIATION_LIMIT`; 0 where unusable."""
    usable: Mask
    """There is a sample and something to compare it with."""
    context: Array
    """(features,): the median deviation over the pods present; 0 when they are fewer than three."""
    center: Array
    scale: Array
    absent: Mask
    """(slots,): the pod does not exist, or gave no sample of any feature."""
    cold: Mask
    """(slots,): no trailing window yet; judged by the long reference or by its first samples."""
    age: Array
    """(slots,): samples since the pod was last absent."""
    last: Array
    """The last value that was there, 0 before the first: what a gap in scraping hides."""


class Treatment:
    """The state per pod that turns samples into deviations."""

    def __init__(self, *, features: Sequence[Feature], interval_seconds: float, capacity: int) -> None:
        width = len(features)
        shape = WindowShape.of(interval_seconds)
        self.interval_seconds = interval_seconds
        self.width = width
        self.reference = LongReference(features=width, capacity=capacity)
        self.baseline = Baseline(shape, features=width, capacity=capacity)
        self._age: Array = np.zeros(capacity)
        self._last: Array = np.zeros((capacity, width))
        self._refresh_every = max(1, round(WINDOW_SECONDS / interval_seconds))
        self._next_refresh = FIRST_REFRESH
        self._since_refresh = 0

    @property
    def capacity(self) -> int:
        """Slots."""
        return self.baseline.ring.capacity

    def observe(self, values: Array, present: Mask) -> Treated:
        """Treat one sample of all pods.

        Args:
            values: (slots, features) natural units; NaN, negative, infinite or absurd = no sample.
            present: (slots,): the pod exists now.
        """
        usable_values = readable(values, present)
        expected = self.baseline.expect(self.reference)
        deviation = (usable_values - expected.center) / expected.scale
        usable = np.isfinite(deviation)
        absent = every_feature(np.isnan(usable_values))
        u = np.clip(np.arcsinh(np.where(usable, deviation, 0.0)), -DEVIATION_LIMIT, DEVIATION_LIMIT)
        self._age = np.where(absent, 0.0, self._age + 1)
        self._last = np.where(np.isnan(usable_values), self._last, usable_values)
        self.baseline.push(usable_values)
        treated = Treated(
            values=usable_values,
            deviation=u,
            usable=usable,
            context=cluster_median(u, usable),
            center=expected.center,
            scale=expected.scale,
            absent=absent,
            cold=expected.cold,
            age=self._age,
            last=self._last,
        )
        self._refresh_when_due()
        return treated

    def skip(self, ticks: int) -> None:
        """Let `ticks` samples pass that nobody took, so that an hour stays an hour."""
        nothing = np.full((self.capacity, self.width), np.nan)
        for _ in range(min(ticks, self.baseline.ring.shape.stored * self.baseline.ring.shape.stride)):
            self.baseline.push(nothing)
        if ticks:
            self._age = np.zeros(self.capacity)

    def fit(self, history: Array, present: Mask) -> None:
        """Learn the long references from a history, shape (samples, slots, features) and (samples, slots)."""
        few = range(0, history.shape[1], SLOTS_AT_ONCE)
        parts = [
            _summary(history[:, at : at + SLOTS_AT_ONCE], present[:, at : at + SLOTS_AT_ONCE]) for at in few
        ]
        self.reference.fit(
            Summary(
                *(
                    np.concatenate([getattr(part, name) for part in parts])
                    for name in ("center", "spread", "peak")
                )
            )
        )
        if self.reference.known:
            # The run over this history that follows brings nothing that the references do not hold already.
            self._since_refresh = -len(history)
            self._next_refresh = self._refresh_every
        else:
            # Too short a history: that run finds the cluster's level, as if its samples came live.
            self._since_refresh = -_first_sample(history, present)

    def adopt(self, slots: Indices, from_slots: Indices) -> None:
        """Let new pods be judged by the long reference of a sibling until they have a baseline."""
        self.reference.adopt(slots, from_slots)

    def release(self, slots: Indices) -> None:
        """Forget everything about these slots."""
        self.baseline.forget(slots)
        self.reference.forget(slots)
        self._age[slots] = 0.0
        self._last[slots] = 0.0

    def grow(self, capacity: int) -> None:
        """Add empty slots at the end."""
        self.baseline.grow(capacity)
        self.reference.grow(capacity)
        self._age = grown(self._age, capacity, 0.0)
        self._last = grown(self._last, capacity, 0.0)

    def _refresh_when_due(self) -> None:
        """Follow the cluster: soon and often at first, then once an hour."""
        self._since_refresh += 1
        if self._since_refresh < self._next_refresh:
            return
        self.reference.refresh(self.baseline.summary(), self._since_refresh * self.interval_seconds)
        if not self.reference.known:
            self.reference.bootstrap(self.baseline.typical_level())
        self._since_refresh = 0
        self._next_refresh = min(2 * self._next_refresh, self._refresh_every)


def _first_sample(history: Array, present: Mask) -> int:
    """Ticks before the first that has a sample; all when none has."""
    for tick, (values, there) in enumerate(zip(history, present, strict=True)):
        if np.isfinite(readable(values, there)).any():
            return tick
    return len(history)


def _summary(history: Array, present: Mask) -> Summary:
    return Summary.of(np.array(readable(history, present).transpose(1, 2, 0)))


def readable(values: Array, present: Mask) -> Array:
    """The samples that can be true, float64; NaN elsewhere. A negative rate is a counter that was reset."""
    wide = np.asarray(values, np.float64)
    sound = (wide >= 0) & (wide <= LARGEST) & np.asarray(present, np.bool_)[..., None]
    return np.where(sound, wide, np.nan)


def cluster_median(deviation: Array, usable: Mask) -> Array:
    """Median over the usable pods by feature; 0 where they are too few to speak for the cluster."""
    middle = median(np.where(usable, deviation, np.nan).T)
    return np.where(usable.sum(axis=0) >= MIN_SIBLINGS, np.nan_to_num(middle), 0.0)
