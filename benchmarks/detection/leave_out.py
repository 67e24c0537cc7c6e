"""Chooses the threshold's constants on all sets but one, and judges them on that one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np
from constants.leave_out import Varied, left_out
from constants.registry import OF_THE_THRESHOLD
from constants.vary import Constant, varied
from detection.calibration_report import Case
from detection.sets import Floats, is_gated
from detection.streams import BUDGETS, estimated_again, operation, pod_days

from podvigil.detect.threshold import RULE, TailRule

GRID: Final = tuple(
    TailRule(usual=usual, own=own, steepest=steepest, rare=rare, trusted=trusted)
    for usual, own, steepest, rare, trusted in product(
        (0.5, 0.65, 0.8), (0.2, 0.4, 0.7, 1.0), (0.75, 0.8), (0.3, 0.5, 1.0), (0.5, 1.0, 2.0)
    )
)
"""`own` 1 and `rare` 1 with little history are the plain line through two quantiles."""

DOUBT: Final = 0.5
"""Alarms added to what was asked and to what came: some judged hours are too short to hold one alarm."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One set."""

    name: str
    chosen: TailRule
    """On the others."""
    error: float
    """On this set, by the constants chosen on the others: mean |ln(got / asked)|."""
    shipped: float
    """The same by the constants that ship."""
    best: float
    """The same by the constants that would suit this set best: what choosing by looking would have given."""


def rules_left_out(cases: Sequence[Case]) -> list[LeftOut]:
    """Leave each group out in turn, for the rule that draws a threshold from a tail."""
    errors = {
        name: [_mean([_error(case, rule) for case in group]) for rule in (RULE, *GRID)]
        for name, group in _groups(cases).items()
    }
    found = []
    for name, own in errors.items():
        others = np.mean([of for other, of in errors.items() if other != name] or [own], axis=0)
        pick = 1 + int(np.argmin(others[1:]))
        found.append(LeftOut(name, GRID[pick - 1], own[pick], own[0], min(own[1:])))
    return found


def estimates_left_out(cases: Sequence[Case]) -> tuple[tuple[str, ...], list[Varied]]:
    """Leave each group out in turn, for each constant that the tail is estimated with, and say the groups' names.

    What is maximised is minus the error, of thresholds that are fixed and of those that are estimated on the way.
    """
    groups = _groups(cases)

    def errors() -> list[float]:
        found = []
        for group in groups.values():
            again = [replace(case, watched=estimated_again(case.watched)) for case in group]
            found.append(-_mean([(_error(case) + _error(case, online=True)) / 2 for case in again]))
        return found

    def errors_with(constant: Constant, value: float) -> list[float]:
        with varied({constant: value}):
            return errors()

    shipped = errors()
    return tuple(groups), [
        left_out(one, shipped, {(one, value): errors_with(one, value) for value in one.tried})
        for one in OF_THE_THRESHOLD
    ]


def _groups(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """A set, or all generated days; what is not gated says nothing of constants."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        if not is_gated(case.stream):
            continue
        groups.setdefault("generated days" if case.generated else case.stream, []).append(case)
    return groups


def _error(case: Case, rule: TailRule = RULE, *, online: bool = False) -> float:
    """Mean over budgets; too many alarms always count, too few not where the floor decides. NaN: no threshold."""
    found, days = [], pod_days(case.watched.labels)
    for budget in BUDGETS:
        margins: Floats | None = (
            case.watched.estimate.online[budget] if online else case.watched.fixed(budget, rule)
        )
        if margins is None:
            continue
        got = operation(case.watched.labels, margins).false_alarms_per_pod_day
        error = float(np.log((got * days + DOUBT) / (budget * days + DOUBT)))
        found.append(max(0.0, error) if case.watched.at_floor(budget, rule) else abs(error))
    return _mean(found)


def _mean(found: Sequence[float]) -> float:
    known = [one for one in found if np.isfinite(one)]
    return float(np.mean(known)) if known else float("nan")
