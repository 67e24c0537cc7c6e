"""Chooses the threshold's constants on all sets but one, and judges them on that one."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from detection.calibration_report import Case
from detection.streams import BUDGETS, operation, pod_days

from podvigil.detect.threshold import RULE, TailRule

GRID: Final = tuple(
    TailRule(usual=usual, own=own, steepest=steepest, rare=rare)
    for usual, own, steepest, rare in product(
        (0.5, 0.65, 0.8), (0.2, 0.4, 0.7, 1.0), (0.75, 0.8), (0.3, 0.5, 1.0)
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


def thresholds_left_out(cases: Sequence[Case]) -> list[LeftOut]:
    """Leave each group (a set, or all generated days) out in turn."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault("generated days" if case.generated else case.stream, []).append(case)
    errors = {name: [_error(group, rule) for rule in (RULE, *GRID)] for name, group in groups.items()}
    found = []
    for name, own in errors.items():
        others = np.mean([of for other, of in errors.items() if other != name] or [own], axis=0)
        pick = 1 + int(np.argmin(others[1:]))
        found.append(LeftOut(name, GRID[pick - 1], own[pick], own[0], min(own[1:])))
    return found


def _error(cases: Sequence[Case], rule: TailRule) -> float:
    """Mean over conditions and budgets; too many alarms always count, too few not where the floor decides."""
    found = []
    for case in cases:
        days = pod_days(case.watched.labels)
        for budget in BUDGETS:
            margins = case.watched.fixed(budget, rule)
            if margins is None:
                continue
            got = operation(case.watched.labels, margins).false_alarms_per_pod_day
            error = float(np.log((got * days + DOUBT) / (budget * days + DOUBT)))
            found.append(max(0.0, error) if case.watched.at_floor(budget, rule) else abs(error))
    return float(np.mean(found)) if found else float("nan")
