"""
Runs a detector over labelled clusters as production would, and counts what a person would count.

Used by `calibrate` (margins and labels) and for the model card. It is no benchmark: the clusters come from
the same generator as the training, so its figures are an upper bound, and the card says so.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from podvigil.api.features import MODEL_FEATURES
from podvigil.detect.cell import Cell
from podvigil.detect.detector import Detector, Mode
from podvigil.detect.probability import CALIBRATION_BUDGET
from podvigil.detect.threshold import BLOCK_SECONDS, BlockMaxima
from podvigil.training.cluster import FAULT, IGNORED, NORMAL, Cluster, Event, Values
from podvigil.training.windows import measured_features

DAY_SECONDS: Final = 86_400.0
SAME_ALARM_SECONDS: Final = BLOCK_SECONDS
"""Two excursions of one pod within 15 minutes are one alarm: a person is told once."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One cluster after its history, as the detector saw it."""

    cluster: Cluster
    margin: Values
    """(T, P): score minus the threshold for `CALIBRATION_BUDGET` at that time; NaN = not scored."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of one or more clusters at margin 0; additive."""

    alarms: int
    """False ones: excursions of normal samples."""
    pod_days: float
    seen: dict[str, int]
    """Faults by kind that reached the margin within their labelled samples."""
    faults: dict[str, int]
    """Faults by kind that could be seen."""
    delays_seconds: tuple[float, ...]
    """From the first labelled sample to the first above the margin, of those seen."""

    @property
    def false_alarms_per_pod_day(self) -> float:
        """NaN when nothing was judged."""
        return self.alarms / self.pod_days if self.pod_days else float("nan")

    @property
    def recall(self) -> float:
        """Share of faults seen; NaN when there were none."""
        total = sum(self.faults.values())
        return sum(self.seen.values()) / total if total else float("nan")

    @property
    def median_delay_seconds(self) -> float:
        """NaN when none was seen."""
        return float(np.median(self.delays_seconds)) if self.delays_seconds else float("nan")


def judge(cluster: Cluster, mode: Mode, cell: Cell | None, beta: float) -> Judged:
    """Score a cluster sample by sample with the threshold estimated on the way, as the analyst does."""
    features = measured_features(cluster)
    columns = [MODEL_FEATURES.index(feature) for feature in features]
    values, present, past = cluster.values[:, :, columns], cluster.present, cluster.history
    pods, interval = present.shape[1], cluster.interval_seconds
    detector = Detector(
        mode=mode, features=features, interval_seconds=interval, capacity=pods, cell=cell, beta=beta
    )
    maxima = BlockMaxima(interval_seconds=interval, capacity=pods)
    maxima.push_history(detector.warm_start(values[:past], present[:past]).score)
    margin = np.full(present.shape, np.nan)
    block, threshold = max(1, int(BLOCK_SECONDS / interval)), maxima.threshold(CALIBRATION_BUDGET)
    for t in range(past, len(present)):
        score = detector.observe(values[t], present[t]).score
        if threshold is not None:
            margin[t] = score - threshold
        maxima.push(score)
        if t % block == 0:
            threshold = maxima.threshold(CALIBRATION_BUDGET)
    return Judged(cluster, margin)


def samples(judged: Judged) -> tuple[Values, npt.NDArray[np.bool_]]:
    """Return margins (n,) and whether each sample is at fault (n,), of what was scored and is labelled."""
    counted = np.isfinite(judged.margin) & (judged.cluster.labels != IGNORED)
    return judged.margin[counted], judged.cluster.labels[counted] == FAULT


def figures(judged: Judged) -> Figures:
    """Count alarms, faults seen and delays at margin 0."""
    cluster, above = judged.cluster, judged.margin > 0
    scored = np.isfinite(judged.margin)
    normal = scored & (cluster.labels == NORMAL)
    together = max(1, round(SAME_ALARM_SECONDS / cluster.interval_seconds))
    alarms = sum(_excursions(column, together) for column in (above & normal).T)
    seen: dict[str, int] = {}
    faults: dict[str, int] = {}
    delays: list[float] = []
    for event in cluster.faults:
        if (first := _first_visible(cluster, event, scored)) is None:
            continue
        start, end = first
        faults[event.kind] = faults.get(event.kind, 0) + 1
        hits = np.flatnonzero(above[start:end, event.pod])
        if len(hits):
            seen[event.kind] = seen.get(event.kind, 0) + 1
            delays.append(float(hits[0]) * cluster.interval_seconds)
    pod_days = float(normal.sum()) * cluster.interval_seconds / DAY_SECONDS
    return Figures(alarms, pod_days, seen, faults, tuple(delays))


def total(parts: list[Figures]) -> Figures:
    """Add up."""
    kinds = sorted({kind for part in parts for kind in part.faults})
    return Figures(
        sum(part.alarms for part in parts),
        sum(part.pod_days for part in parts),
        {kind: sum(part.seen.get(kind, 0) for part in parts) for kind in kinds},
        {kind: sum(part.faults.get(kind, 0) for part in parts) for kind in kinds},
        tuple(delay for part in parts for delay in part.delays_seconds),
    )


def _excursions(above: npt.NDArray[np.bool_], together: int) -> int:
    """Count runs of True (T,), those less than `together` samples apart as one."""
    hits = np.flatnonzero(above)
    return int(len(hits) > 0) + int((np.diff(hits) > together).sum())


def _first_visible(cluster: Cluster, event: Event, scored: npt.NDArray[np.bool_]) -> tuple[int, int] | None:
    """Return the labelled stretch of a fault, or None when it lies in the history or was not scored."""
    labelled = event.start + np.flatnonzero(cluster.labels[event.start : event.end, event.pod] == FAULT)
    if not len(labelled) or labelled[0] < cluster.history or not scored[labelled, event.pod].all():
        return None
    return int(labelled[0]), int(labelled[-1]) + 1
