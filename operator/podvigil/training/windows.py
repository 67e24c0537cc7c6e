"""
What the network is trained on: clusters as the detector's own treatment gives them to its network.

The very classes of the operator make the inputs, so training and production cannot treat a sample differently.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.detect.cell import SLOTS, Floats
from podvigil.detect.network_input import COLUMNS, NetworkInputs
from podvigil.detect.treatment import Treatment
from podvigil.training.cluster import FAULT, IGNORED, NORMAL, Cluster, Rng

LENGTH: Final = 200
"""Samples of a window; state carried for days was as good as state carried for one window (measured)."""
SETTLED: Final = 8
"""First samples of a window without a fault label to learn: the memory starts empty."""
EXPECTED_FROM: Final = 30
"""First sample whose expectation is learnt: before it there is no state of five minutes ago."""
FAULTY_SHARE: Final = 0.5
"""Half of the windows are of pods that have a fault, or it would be met once in fifty samples."""
LAG_SECONDS: Final = 300.0

_ABSENT: Final = COLUMNS.index("absent")


@dataclass(frozen=True, slots=True)
class Track:
    """One cluster as the network sees it; float32, pod-major (P, T, …)."""

    x: Floats
    """(P, T, INPUTS)."""
    previous_u: Floats
    """(P, T, SLOTS)."""
    evidence: Floats
    """(P, T, 1)."""
    labels: npt.NDArray[np.int8]
    """(P, T): as in the cluster, and IGNORED within the history."""
    lag: int
    """Samples in five minutes."""
    measured: npt.NDArray[np.bool_]
    """(SLOTS,): the source has this feature."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows for one step of training; B windows of `LENGTH` samples."""

    x: Floats
    previous_u: Floats
    evidence: Floats
    lag: Floats
    """(B, 1)."""
    fault: Floats
    """(B, T): 1 = fault."""
    judged: Floats
    """(B, T): 1 = the fault label counts."""
    forecast: Floats
    """(B, T, SLOTS): 1 = the expectation of this slot counts."""


def measured_features(cluster: Cluster) -> tuple[Feature, ...]:
    """Return the features that the cluster's source has at all."""
    seen = np.isfinite(cluster.values)
    return tuple(feature for column, feature in enumerate(MODEL_FEATURES) if seen[..., column].any())


def treat(cluster: Cluster) -> Track:
    """Return what the network would see of a cluster, by the operator's own treatment and columns.

    Only these: what else a detector works out (habits, scores) takes three quarters of its time, and the network
    sees nothing of it.
    """
    features = measured_features(cluster)
    columns = [MODEL_FEATURES.index(feature) for feature in features]
    capacity, interval = cluster.present.shape[1], cluster.interval_seconds
    treatment = Treatment(features=features, interval_seconds=interval, capacity=capacity)
    inputs = NetworkInputs(features=features, interval_seconds=interval, capacity=capacity)
    values, past = cluster.values[:, :, columns], cluster.history
    treatment.fit(values[:past], cluster.present[:past])
    given = [
        inputs.observe(treatment.observe(sample, present), treatment.reference.level)
        for sample, present in zip(values, cluster.present, strict=True)
    ]
    labels = cluster.labels.T.copy()
    labels[:, :past] = IGNORED
    return Track(
        x=np.stack([one.x for one in given], axis=1),
        previous_u=np.stack([one.previous_u for one in given], axis=1),
        evidence=np.stack([one.evidence[:, None] for one in given], axis=1),
        labels=labels,
        lag=max(1, int(LAG_SECONDS / interval)),
        measured=np.isin(np.arange(SLOTS), columns),
    )


def batch(tracks: list[Track], rng: Rng, size: int) -> Batch:
    """
    Draw windows: a random track, a random pod (in half of the cases one with a fault), a random place.

    Raises: ValueError when no track has a judged sample, since there would be nothing to draw.
    """
    drawn = [_window(tracks, rng) for _ in range(size)]
    x = np.stack([window.x for window in drawn])
    labels = np.stack([window.labels for window in drawn])
    measured = np.stack([window.measured for window in drawn])
    judged = labels != IGNORED
    judged[:, :SETTLED] = False
    normal = (labels == NORMAL) & (x[..., _ABSENT] < 0.5)
    normal[:, :EXPECTED_FROM] = False
    return Batch(
        x=x,
        previous_u=np.stack([window.previous_u for window in drawn]),
        evidence=np.stack([window.evidence for window in drawn]),
        lag=np.array([[window.lag] for window in drawn], np.float32),
        fault=(labels == FAULT).astype(np.float32),
        judged=judged.astype(np.float32),
        forecast=(normal[..., None] & measured[:, None, :]).astype(np.float32),
    )


def _window(tracks: list[Track], rng: Rng, tries: int = 1000) -> Track:
    for _ in range(tries):
        track = tracks[rng.integers(len(tracks))]
        pods = np.arange(len(track.labels))
        if rng.random() < FAULTY_SHARE:
            pods = np.flatnonzero((track.labels == FAULT).any(axis=1))
        if not len(pods):
            continue
        pod = int(rng.choice(pods))
        start = int(rng.integers(0, max(1, track.labels.shape[1] - LENGTH + 1)))
        window = _cut(track, pod, start)
        if (window.labels[SETTLED:] != IGNORED).any():
            return window
    raise ValueError(f"no window with a judged sample in {tries} draws: are all labels ignored?")


def _cut(track: Track, pod: int, start: int) -> Track:
    """One window, padded with ignored zeros where the track is shorter."""
    cut = slice(start, start + LENGTH)
    missing = max(0, start + LENGTH - track.labels.shape[1])

    def padded(series: Floats) -> Floats:
        return np.pad(series[pod, cut], ((0, missing), (0, 0)))

    return Track(
        padded(track.x),
        padded(track.previous_u),
        padded(track.evidence),
        np.pad(track.labels[pod, cut], (0, missing), constant_values=IGNORED),
        track.lag,
        track.measured,
    )
