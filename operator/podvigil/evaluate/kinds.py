"""Which sort of normal life brings the false alarms, and which sort of fault is missed.

For labels that also say of every normal sample what is going on: a detector that is quiet on the whole may
still alarm at every release.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from podvigil.evaluate.alarms import DAY_SECONDS, NOTIFICATION_SECONDS, Watch
from podvigil.evaluate.labels import NORMAL, Floats, Labels


@dataclass(frozen=True, slots=True)
class Quiet:
    """One kind of normal."""

    false_alarms: int
    """Quarters of an hour with an alarm; one with several kinds in it is of the kind of its first alarm."""
    pod_days: float
    """Of normal samples of this kind."""


@dataclass(frozen=True, slots=True)
class Found:
    """One kind of fault."""

    found: int
    faults: int
    median_delay_seconds: float
    """Over those found; NaN when none was."""


def false_alarms_by_kind(
    labels: Labels,
    scores: Sequence[Floats],
    kinds: Sequence[npt.NDArray[np.integer]],
    names: Sequence[str],
    threshold: float | Floats,
) -> dict[str, Quiet]:
    """
    Divide the false alarms of `Watch.at` by what was going on.

    Args:
        scores: per range (pods, T) without NaN, as `figures.finite` leaves them.
        kinds: per range (pods, T), indices into `names`; read where a sample is normal.
        threshold: one for all pods, or (pods,).

    Returns: every name, in this order. The false alarms add up to those of `Watch.at`.
    """
    limits = np.broadcast_to(np.asarray(threshold, np.float64), (labels.pods,))[:, None]
    alarms, samples = np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
    for stretch, score, kind in zip(labels.ranges, scores, kinds, strict=True):
        normal = stretch.states == NORMAL
        samples += np.bincount(kind[normal], minlength=len(names))
        pod, tick = np.nonzero(normal & (score >= limits))
        quarter = stretch.times[tick] // NOTIFICATION_SECONDS
        # Sorted by pod and time as they are, the first of each pod and quarter is where one of them changes.
        first = np.append(True, (np.diff(pod) != 0) | (np.diff(quarter) != 0))[: len(pod)]
        alarms += np.bincount(kind[pod[first], tick[first]], minlength=len(names))
    return {
        name: Quiet(int(alarms[index]), float(samples[index]) * labels.interval_seconds / DAY_SECONDS)
        for index, name in enumerate(names)
    }


def recall_by_kind(seen: Watch, threshold: float | Floats) -> dict[str, Found]:
    """Divide the recall of `Watch.at` by kind of fault, by name."""
    delays: dict[str, list[float | None]] = {}
    for kind, delay in seen.found(threshold):
        delays.setdefault(kind, []).append(delay)
    result = {}
    for kind in sorted(delays):
        late = [delay for delay in delays[kind] if delay is not None]
        median = float(np.median(late)) if late else float("nan")
        result[kind] = Found(len(late), len(delays[kind]), median)
    return result
