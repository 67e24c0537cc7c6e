"""How well scores order samples, whatever the threshold: higher should mean more at fault.

All three ignore what is labelled `IGNORED`, and pool all pods: a score of one pod must mean the same as
that of another, since people are told of both.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from podvigil.evaluate.labels import FAULT, IGNORED, Floats, Mask, States, joined, runs

WIDEST: Final = 5
"""Samples: the widest buffer of VUS-PR. At the 15 s and 60 s of the public sets, 30 s and 2 min a side."""

THRESHOLDS: Final = 250
"""Points of each precision-recall curve in VUS-PR, beside the highest score."""

RAREST: Final = 1e-5
"""The strictest of them leaves one sample in 100,000 above itself; they are spaced evenly by logarithm,
since a curve over rare faults happens where few samples are above the threshold."""


def auc_pr(scores: Floats, fault: Mask) -> float:
    """
    Area under the precision-recall curve, as average precision: the sum of (gain in recall) × precision over
    falling thresholds; equal scores are one step. NaN without a fault.

    Args: (n,) scores; (n,) whether at fault.
    Source: Davis and Goadrich, ICML 2006, on why not to interpolate between the points linearly.
    """
    if not fault.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    step = np.append(falling[1:] != falling[:-1], True)
    caught = np.cumsum(fault[order])[step]
    alarmed = np.flatnonzero(step) + 1
    gained = np.diff(caught, prepend=0) / fault.sum()
    return float(np.sum(gained * caught / alarmed))


def auc_roc(scores: Floats, fault: Mask) -> float:
    """
    Chance that a sample at fault scores above a normal one, a tie counting half. NaN without both.

    Args: (n,) scores; (n,) whether at fault. Source: Mann-Whitney U, Hanley and McNeil, Radiology 1982.
    """
    high, low = scores[fault], np.sort(scores[~fault])
    if not len(high) or not len(low):
        return float("nan")
    below = np.searchsorted(low, high, side="left") + np.searchsorted(low, high, side="right")
    return float(below.sum() / 2 / len(high) / len(low))


def vus_pr(scores: Sequence[Floats], states: Sequence[States]) -> float:
    """
    Volume under the surface of precision and recall over thresholds and buffers of 0 to `WIDEST` samples.

    A label drawn by a person is off by a sample or two; a buffer of l samples gives partial credit of
    sqrt(1 - d / l) to a sample at most l // 2 samples before or after a fault, d = its distance. Recall is
    (credit caught / mean of hard and soft credit), at most 1, times the share of faults of which at least one
    sample, buffer included, was caught; precision is credit caught / samples alarmed.

    Args:
        scores: per range (pods, T). states: per range (pods, T). A fault is a run of `FAULT` of one pod.

    Returns: 0 to 1 (random scores: about the share of samples at fault); NaN without a fault.
    Source: Paparrizos et al., VLDB 2022 (VUS-PR, with buffers), here pooled over pods, with an ignore mask,
    and with thresholds at fixed quantiles of the scores.
    """
    kept = [state != IGNORED for state in states]
    pooled = np.concatenate([score[keep] for score, keep in zip(scores, kept, strict=True)])
    hard = float(sum((state == FAULT).sum() for state in states))
    if not hard:
        return float("nan")
    shares = 1 - np.append(0.0, np.geomspace(RAREST, 1, THRESHOLDS))
    thresholds = np.unique(np.quantile(pooled, shares))[::-1]
    falling = np.argsort(-pooled, kind="stable")
    alarmed = np.searchsorted(-pooled[falling], -thresholds, side="right")
    distance = [_distance(state == FAULT) for state in states]
    areas = []
    for width in range(WIDEST + 1):
        credit = joined([_credit(far, width)[keep] for far, keep in zip(distance, kept, strict=True)])
        caught = np.append(0.0, np.cumsum(credit[falling]))[alarmed]
        peaks = _peaks(scores, states, width // 2)
        found = 1 - np.searchsorted(peaks, thresholds, side="left") / len(peaks)
        recall = np.minimum(caught / ((hard + credit.sum()) / 2), 1) * found
        precision = np.divide(caught, alarmed, out=np.ones_like(caught), where=alarmed > 0)
        areas.append(np.sum(np.diff(recall, prepend=0.0) * precision))
    return float(np.mean(areas))


def _credit(distance: Floats, width: int) -> Floats:
    """Partial credit by distance to the next fault: 1 within it, 0 outside the buffer."""
    soft = np.sqrt(np.maximum(1 - distance / max(width, 1), 0))
    return np.where(distance <= width // 2, soft, 0.0)


def _distance(fault: Mask) -> Floats:
    """Samples to the nearest fault of the same pod, (pods, T); infinite where there is none."""
    pods, length = fault.shape
    far = np.where(fault, 0.0, np.inf)
    last = np.full(pods, np.inf)
    for tick in (*range(length), *range(length - 1, -1, -1)):  # once forwards, once backwards
        last = np.minimum(last + 1, far[:, tick])
        far[:, tick] = last
    return far


def _peaks(scores: Sequence[Floats], states: Sequence[States], margin: int) -> Floats:
    """The highest score of each fault and `margin` samples around it, ascending; -inf where all is ignored."""
    highest = [
        np.max(row[max(0, first - margin) : last + margin], initial=-np.inf, where=keep)
        for score, state in zip(scores, states, strict=True)
        for row, labels in zip(score, state, strict=True)
        for first, last in runs(labels == FAULT)
        for keep in [labels[max(0, first - margin) : last + margin] != IGNORED]
    ]
    return np.sort(np.array(highest))
