"""What a person would notice at a threshold: false alarms per pod-day, faults found, and how late."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.evaluate.labels import FAULT, NORMAL, Floats, Ints, Labels

NOTIFICATION_SECONDS: Final = 900
"""One pod notifies at most once in each quarter of an hour of the clock. A stuck alarm goes on counting, 96 a
day or more, and so the number of false alarms can only fall as the threshold rises."""

GRACE_SECONDS: Final = 60.0
"""An alarm up to a minute after the end of a fault still tells of it: metrics arrive late."""

DAY_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Operation:
    """What came of one threshold."""

    false_alarms_per_pod_day: float
    """Quarters of an hour with an alarm on a normal sample, per day of normal samples; NaN without those."""
    recall: float
    """Share of the faults found, 0 to 1; NaN without faults."""
    median_delay_seconds: float
    """From the start of a fault to the first alarm, over those found; NaN when none was."""


@dataclass(frozen=True, slots=True)
class _Fault:
    kind: str
    pods: tuple[int, ...]
    scores: Floats
    """(its pods, n): from its start to its end and the grace."""
    delays: Floats
    """(n,): seconds since its start."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Scores against labels, prepared for any number of thresholds."""

    faults: tuple[_Fault, ...]
    quarter_peaks: Floats
    """(quarters,): highest score of the normal samples of one pod in one quarter of an hour."""
    quarter_pods: Ints
    """(quarters,): whose."""
    normal_pod_days: float
    pods: int

    @property
    def fault_peaks(self) -> Floats:
        """(faults,): the highest score of each, descending: the thresholds at which recall changes."""
        return np.sort(np.array([fault.scores.max() for fault in self.faults]))[::-1]

    def at(self, threshold: float | Floats) -> Operation:
        """
        Say what happens when a score of at least `threshold` alarms.

        Args: one threshold for all pods, or (pods,).
        """
        limits = self._limits(threshold)
        delays = [delay for fault in self.faults if (delay := _delay(fault, limits)) is not None]
        return Operation(
            false_alarms_per_pod_day=self._false_alarms(limits),
            recall=len(delays) / len(self.faults) if self.faults else float("nan"),
            median_delay_seconds=float(np.median(delays)) if delays else float("nan"),
        )

    def found(self, threshold: float | Floats) -> list[tuple[str, float | None]]:
        """
        Say of every fault its kind, and how many seconds late it was found; None: it was not.

        Args: one threshold for all pods, or (pods,).
        """
        limits = self._limits(threshold)
        return [(fault.kind, _delay(fault, limits)) for fault in self.faults]

    def at_recall(self, share: float) -> Operation:
        """Say what it takes to find at least this share of the faults, 0 to 1; all NaN without faults."""
        if not self.faults:
            return Operation(float("nan"), float("nan"), float("nan"))
        return self.at(self.threshold_at_recall(share))

    def threshold_at_recall(self, share: float) -> float:
        """Return the highest threshold that finds at least this share of the faults; infinite without faults."""
        if not self.faults:
            return float("inf")
        return float(self.fault_peaks[max(1, int(np.ceil(share * len(self.faults)))) - 1])

    def at_budget(self, false_alarms_per_pod_day: float, also: Floats) -> Operation:
        """
        Say what is found within a budget, at the lowest threshold that keeps it.

        Args:
            also: (n,) thresholds tried beside `fault_peaks`; the lower the one chosen, the earlier the alarms.

        Returns: recall 0 and the least false alarms there can be when no threshold keeps the budget.
        """
        best = self.at(self.threshold_at_budget(false_alarms_per_pod_day, also))
        if best.false_alarms_per_pod_day > false_alarms_per_pod_day:
            return Operation(
                best.false_alarms_per_pod_day, 0.0 if self.faults else float("nan"), float("nan")
            )
        return best

    def threshold_at_budget(self, false_alarms_per_pod_day: float, also: Floats) -> float:
        """Return the threshold of `at_budget`: the highest of those tried when none keeps the budget."""
        tried = np.unique(np.concatenate([self.fault_peaks, also]))
        low, high = 0, len(tried) - 1
        while low < high:  # false alarms only fall as the threshold rises
            middle = (low + high) // 2
            if self.at(float(tried[middle])).false_alarms_per_pod_day <= false_alarms_per_pod_day:
                high = middle
            else:
                low = middle + 1
        return float(tried[low])

    def _limits(self, threshold: float | Floats) -> Floats:
        return np.broadcast_to(np.asarray(threshold, np.float64), (self.pods,))

    def _false_alarms(self, limits: Floats) -> float:
        if not self.normal_pod_days:
            return float("nan")
        return int((self.quarter_peaks >= limits[self.quarter_pods]).sum()) / self.normal_pod_days


def watch(labels: Labels, scores: Sequence[Floats]) -> Watch:
    """Prepare `scores`, per range (pods, T) without NaN, for `Watch.at`; -inf = not scored, which never alarms."""
    peaks, pods = [], []
    for stretch, score in zip(labels.ranges, scores, strict=True):
        quarters, index = np.unique(stretch.times // NOTIFICATION_SECONDS, return_inverse=True)
        highest = np.full((labels.pods, len(quarters)), -np.inf)
        normal = np.where(stretch.states == NORMAL, score, -np.inf)
        np.maximum.at(highest.T, index, normal.T)
        pod, quarter = np.nonzero(highest > -np.inf)
        peaks.append(highest[pod, quarter])
        pods.append(pod)
    normal_samples = sum(int((stretch.states == NORMAL).sum()) for stretch in labels.ranges)
    return Watch(
        faults=tuple(_faults(labels, scores)),
        quarter_peaks=np.concatenate(peaks),
        quarter_pods=np.concatenate(pods).astype(np.int64),
        normal_pod_days=normal_samples * labels.interval_seconds / DAY_SECONDS,
        pods=labels.pods,
    )


def _delay(fault: _Fault, limits: Floats) -> float | None:
    alarms = (fault.scores >= limits[list(fault.pods), None]) & (fault.scores > -np.inf)
    above = alarms.any(axis=0)
    return float(fault.delays[np.argmax(above)]) if above.any() else None


def _faults(labels: Labels, scores: Sequence[Floats]) -> list[_Fault]:
    """Return the faults that happen within a range while one of their pods is there and labelled."""
    found = []
    for event in labels.events:
        rows = list(event.pods)
        for stretch, score in zip(labels.ranges, scores, strict=True):
            inside = (stretch.times >= event.start) & (stretch.times <= event.end + GRACE_SECONDS)
            if (stretch.states[rows][:, inside] == FAULT).any():
                delays = (stretch.times[inside] - event.start).astype(np.float64)
                found.append(_Fault(event.kind, event.pods, score[rows][:, inside], delays))
                break  # a fault that spans two ranges is one fault
    return found
