"""Histories that make a threshold hard to draw: short ones, faulty ones, and ones that are of another load."""

from dataclasses import replace
from typing import Final

import numpy as np
from detection.sets import Floats
from detection.streams import Stream

SHORT_HOURS: Final = (1, 2, 6)

FAULTY_SHARE: Final = 0.02
"""Of all samples of the history; some sets hold faults that nobody labelled beside them."""

FAULT_SECONDS: Final = (300.0, 1_200.0)
LARGEST_FAULT: Final = 2.0
"""Times e: a fault adds 1 to 7.4 times the pod's median to a metric."""

FLOOD_SHARE: Final = 1 / 3
"""Of the pods, at fault at the same time."""
FLOOD_HOURS: Final = 1.0

MORE_LOAD: Final = 1.5
WIDER: Final = 2.0
"""How much wider CPU and traffic fluctuate about their median under the other load."""

MEMORY: Final = 1


def shortened(stream: Stream, hours: float) -> Stream | None:
    """Only the last hours of the history; None: there are no more of them."""
    kept = round(hours * 3600 / stream.interval_seconds)
    if kept >= stream.history.shape[1]:
        return None
    times = stream.history_times
    return replace(
        stream,
        history=stream.history[:, -kept:],
        history_times=None if times is None else times[-kept:],
    )


def with_faults(stream: Stream, share: float = FAULTY_SHARE) -> Stream:
    """Faults of some minutes in CPU or memory, in any pod of the history at any time."""
    rng = np.random.default_rng(0)
    values = stream.history.copy()
    pods, steps, width = values.shape
    left = share * pods * steps
    while left > 0:
        length = 1 + int(rng.uniform(*FAULT_SECONDS) / stream.interval_seconds)
        pod, feature = int(rng.integers(pods)), int(rng.integers(min(2, width)))
        begin = rng.integers(max(1, steps - length))
        _raise(values, pod, slice(begin, begin + length), feature, rng)
        left -= length
    return replace(stream, history=values)


def with_flood(stream: Stream) -> Stream:
    """An outage in the last hours of the history: a third of the pods, all at the same time."""
    rng = np.random.default_rng(0)
    values = stream.history.copy()
    hit = rng.permutation(len(values))[: max(1, round(FLOOD_SHARE * len(values)))]
    length = round(FLOOD_HOURS * 3600 / stream.interval_seconds)
    for pod in hit:
        _raise(
            values,
            pod,
            slice(values.shape[1] - length, None),
            int(rng.integers(min(2, values.shape[2]))),
            rng,
        )
    return replace(stream, history=values)


def other_load(stream: Stream) -> tuple[Stream, int]:
    """Half as much load again, twice as restless, from the middle of the judged part on; and from which sample."""
    values = stream.judged.copy()
    middle = values.shape[1] // 2
    loads = [feature for feature in range(values.shape[2]) if feature != MEMORY]
    with np.errstate(invalid="ignore"):
        usual = np.nanmedian(np.where(np.isfinite(values), values, 0.0)[:, :, loads], axis=1, keepdims=True)
    before = values[:, middle:, loads]
    restless = MORE_LOAD * np.maximum(usual + WIDER * (before - usual), 0.1 * before)
    gone = (before == 0) | ~np.isfinite(before)
    values[:, middle:, loads] = np.where(gone, before, restless)
    return replace(stream, judged=values), middle


def _raise(values: Floats, pod: int, when: slice, feature: int, rng: np.random.Generator) -> None:
    """Add to what is there; absent stays absent."""
    usual = np.nanmedian(values[pod, :, feature]) if np.isfinite(values[pod, :, feature]).any() else 0.0
    there = values[pod, when, feature]
    values[pod, when, feature] = np.where(
        there == 0, there, there + usual * np.exp(rng.uniform(0, LARGEST_FAULT))
    )
