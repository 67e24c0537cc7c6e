"""All figures of one set of scores."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from podvigil.evaluate.alarms import Operation, watch
from podvigil.evaluate.labels import FAULT, IGNORED, Floats, Labels, joined
from podvigil.evaluate.ranking import auc_pr, auc_roc, vus_pr

BUDGET: Final = 1.0
"""False alarms per pod-day that `at_budget` allows."""

TRIED: Final = 60
"""Thresholds tried for a budget beside the peaks of the faults: quantiles that leave between `TRIED_SHARES`
of the labelled samples above them, evenly by logarithm."""

TRIED_SHARES: Final = (1e-5, 0.2)

OWN_QUANTILE: Final = 0.999
"""A threshold per pod from its own history. Kept as a warning: it never gives an honest rate of alarms."""

LARGEST: Final = 1e12
"""Infinite scores are read as this, so that quantiles of scores stay finite."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Docs: docs/evaluation.md. NaN = there is nothing to compute it from."""

    faults: int
    """Faults that could be found."""
    normal_pod_days: float
    fault_share: float
    """Of the labelled samples: what random scores reach in VUS-PR and AUC-PR."""
    vus_pr: float
    auc_pr: float
    auc_roc: float
    at_budget: Operation
    """At the lowest threshold with at most `BUDGET` false alarms per pod-day, chosen knowing the labels."""
    at_half: Operation
    """Where half of the faults are found."""
    at_most: Operation
    """Where 80 % are."""
    at_nine_tenths: Operation
    """Where 90 % are."""
    at_threshold: Operation | None
    """At the scorer's own threshold, chosen without labels: what a user gets. None: it gave none."""
    at_own_quantile: Operation | None
    """At the `OWN_QUANTILE` of each pod's own history. None: no scores of a history."""

    @property
    def keeps_budget(self) -> bool:
        """Whether a threshold kept `BUDGET`; else `at_budget` shows the least false alarms there can be."""
        return not self.at_budget.false_alarms_per_pod_day > BUDGET

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, in this order; None for NaN, which JSON does not have."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def figures(
    labels: Labels,
    scores: Sequence[Floats],
    *,
    threshold: float | Floats | None = None,
    history: Sequence[Floats] = (),
) -> Figures:
    """
    Judge scores.

    Args:
        scores: per range of `labels` (pods, T), higher = more at fault; NaN = not scored, which never alarms.
        threshold: the scorer's own; a score of at least this alarms. One for all, or (pods,).
        history: scores of what came before, each (pods, T); without a sample it is none.

    Raises: ValueError when shapes do not fit the labels.
    """
    wanted = [stretch.states.shape for stretch in labels.ranges]
    if (given := [np.shape(score) for score in scores]) != wanted:
        raise ValueError(f"the scores are {given}, the labels {wanted} (pods, T) per range")
    clean = finite(scores)
    states = joined([stretch.states for stretch in labels.ranges])
    kept = states != IGNORED
    pooled, fault = joined(clean)[kept], states[kept] == FAULT
    if not len(pooled):
        raise ValueError("no sample is labelled normal or at fault")
    # What ranks lowest still alarms at a threshold that is as low; what was not scored must not.
    heard = [np.where(np.isnan(score), -np.inf, known) for score, known in zip(scores, clean, strict=True)]
    seen = watch(labels, heard)
    past = np.concatenate(finite(history), axis=1) if len(history) else np.empty((labels.pods, 0))
    return Figures(
        faults=len(seen.faults),
        normal_pod_days=seen.normal_pod_days,
        fault_share=float(fault.mean()),
        vus_pr=vus_pr(clean, [stretch.states for stretch in labels.ranges]),
        auc_pr=auc_pr(pooled, fault),
        auc_roc=auc_roc(pooled, fault),
        at_budget=seen.at_budget(BUDGET, tried(pooled)),
        at_half=seen.at_recall(0.5),
        at_most=seen.at_recall(0.8),
        at_nine_tenths=seen.at_recall(0.9),
        at_threshold=None if threshold is None else seen.at(threshold),
        at_own_quantile=seen.at(np.quantile(past, OWN_QUANTILE, axis=1)) if past.size else None,
    )


def tried(pooled: Floats) -> Floats:
    """Return the thresholds tried for a budget beside the peaks of the faults, from all labelled scores (n,)."""
    return np.quantile(pooled, 1 - np.geomspace(*TRIED_SHARES, TRIED))


def finite(scores: Sequence[Floats]) -> list[Floats]:
    """Copies without NaN (which becomes the lowest score of all, or 0 where that is lower) and infinities."""
    bounded = [np.clip(np.asarray(score, np.float64), -LARGEST, LARGEST) for score in scores]
    lowest = min((float(np.nanmin(score)) for score in bounded if np.isfinite(score).any()), default=0.0)
    return [np.where(np.isnan(score), min(0.0, lowest), score) for score in bounded]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value
