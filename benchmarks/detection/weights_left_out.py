"""Chooses the score's constants on all sets but one, and judges them on that one.

In mode Z3, whose score is a function of its deviations alone: they are computed once, and weighed, smoothed and
judged with every choice of constants. `shipped_scores` being the detector's own scores is tested.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from detection.scorer import by_time, fading, present
from detection.sets import UNGATED, LabelledSet

from podvigil.api.features import MODEL_FEATURES
from podvigil.detect.detector import Detector, Mode
from podvigil.detect.score import DROP_WEIGHT, weights_of
from podvigil.detect.smoothing import FALL, RISE, smoothed
from podvigil.evaluate.figures import finite
from podvigil.evaluate.ranking import vus_pr
from podvigil.window.arrays import Array, Mask


@dataclass(frozen=True, slots=True)
class Constants:
    """What weighs and smooths."""

    drop: float = DROP_WEIGHT
    network: float = 0.5
    rise: float = RISE
    fall: float = FALL


SHIPPED: Final = Constants()
GRID: Final = tuple(
    Constants(*each)
    for each in product((0.25, 0.5, 1.0), (0.25, 0.5, 1.0), (0.5, 0.7, 1.0), (0.2, 0.35, 0.7))
)


@dataclass(frozen=True, slots=True)
class WeightsLeftOut:
    """One set, VUS-PR."""

    name: str
    chosen: Constants
    """On the others."""
    left_out: float
    shipped: float
    best: float


def weights_left_out(sets: Sequence[LabelledSet]) -> list[WeightsLeftOut]:
    """Leave each set out in turn."""
    figures = {}
    for one in sets:
        if not one.name.startswith(UNGATED):
            seen = _deviations(one)
            figures[one.name] = [_vus_pr(one, seen, constants) for constants in (SHIPPED, *GRID)]
            print(f"{one.name}: constants tried", flush=True)
    found = []
    for name, own in figures.items():
        others = np.mean([of for other, of in figures.items() if other != name] or [own], axis=0)
        pick = 1 + int(np.argmax(others[1:]))
        found.append(WeightsLeftOut(name, GRID[pick - 1], own[pick], own[0], max(own[1:])))
    return found


def scores_of(deviations: Array, known: Mask, constants: Constants) -> Array:
    """Scores, (time, pods), of deviations, (time, pods, features); NaN where not `known`."""
    width = deviations.shape[2]
    weights = weights_of(MODEL_FEATURES[:width])
    weights = np.where(weights < 1, constants.network, weights)
    state: Array = np.zeros(deviations.shape[1])
    scores = np.full(deviations.shape[:2], np.nan)
    for tick, deviation in enumerate(np.nan_to_num(deviations)):
        against = np.where(deviation > 0, deviation, -constants.drop * deviation) * weights
        state = smoothed(state, against.max(axis=1), rise=constants.rise, fall=constants.fall)
        scores[tick] = np.where(known[tick], state, np.nan)
    return scores


def _deviations(one: LabelledSet) -> list[tuple[Array, Mask]]:
    """Of every judged range, after the history: deviations and which pods are known."""
    pods, _, width = one.train[0].shape
    found = []
    for values in one.test:
        detector = Detector(
            mode=Mode.Z3,
            features=MODEL_FEATURES[:width],
            interval_seconds=one.interval_seconds,
            capacity=pods,
        )
        history = np.concatenate([by_time(part) for part in one.train])
        there = np.concatenate([present(part, None, one.interval_seconds) for part in one.train])
        detector.warm_start(history, there)
        flags = present(values, one.train[-1], one.interval_seconds)
        seen = [detector.observe(*sample) for sample in zip(by_time(values), flags, strict=True)]
        found.append(
            (
                np.stack([scores.deviation for scores in seen]),
                np.stack([np.isfinite(scores.score) for scores in seen]),
            )
        )
    return found


def _vus_pr(one: LabelledSet, seen: Sequence[tuple[Array, Mask]], constants: Constants) -> float:
    scores = [fading(scores_of(*part, constants)).T for part in seen]
    return vus_pr(
        finite([np.asarray(part, np.float64) for part in scores]),
        [stretch.states for stretch in one.labels.ranges],
    )
