"""Chooses each constant on all subjects but one, and judges the choice on that one. Pure: figures in, choices out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from constants.vary import Constant

Figures = Mapping[tuple[Constant, float], Sequence[float]]
"""By constant and value: VUS-PR of each subject, in one order, with everything else as it ships."""


@dataclass(frozen=True, slots=True)
class Varied:
    """One constant."""

    constant: Constant
    means: Mapping[float, float]
    """Mean over the subjects of each value, the shipped one first."""
    chosen: tuple[float, ...]
    """For each subject: the value that was best on the others, of a tie the shipped one."""
    left_out: float
    """Mean over the subjects of what the value gives that was chosen on the others."""


def left_out(constant: Constant, shipped: Sequence[float], figures: Figures) -> Varied:
    """Leave each subject out in turn.

    Args:
        shipped: VUS-PR of each subject with all constants as they ship.
        figures: those of `constant.tried`.
    """
    values = (constant.shipped, *constant.tried)
    table = np.array([shipped, *(figures[constant, value] for value in constant.tried)])
    subjects = table.shape[1]
    picks = [int(np.argmax(np.delete(table, one, axis=1).mean(axis=1))) for one in range(subjects)]
    return Varied(
        constant,
        {value: float(row.mean()) for value, row in zip(values, table, strict=True)},
        tuple(values[pick] for pick in picks),
        float(np.mean([table[pick, one] for one, pick in enumerate(picks)])),
    )


def all_chosen(varied: Sequence[Varied], subject: int) -> dict[Constant, float]:
    """Every constant as it was chosen without this subject, where that is not the shipped value."""
    return {
        one.constant: one.chosen[subject] for one in varied if one.chosen[subject] != one.constant.shipped
    }
