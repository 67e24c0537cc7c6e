"""Writes results/constants.md."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from constants.leave_out import Varied
from constants.registry import NOT_OF_THE_SCORE, NOT_VARIED

from podvigil.detect.detector import Mode

INTRODUCTION: Final = """\
VUS-PR. One constant at a time, everything else as it ships. *Left out*: for each cluster the value is taken that is
best on the others, and judged on that cluster; the mean over the clusters. Where it is below *shipped*, choosing on
two clusters for a third does not pay, and the difference is about what a choice by luck is worth. *Best*: what one
would have reported after choosing by looking. The constants of the threshold are in [calibration.md](calibration.md).

Then all that were chosen without a cluster are taken together, on that cluster: what choosing every constant in this
way would have given.
"""

HEADS: Final = {
    "of the hour": """\
## Of the hour

The labelled sets, mode Statistics.
""",
    "of the network": """\
## Of the network

The labelled sets, mode LSTM. What was trained is not varied.
""",
    "of habits": """\
## Of habits

Generated clusters of the development seeds of [benchmarks/days](../days), eight days each, mode Statistics. One author
wrote the generator and chose the constants: leaving a cluster out shows luck, and not that bias.
""",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Constants that are varied on the same clusters."""

    name: str
    mode: Mode
    subjects: tuple[str, ...]
    shipped: Sequence[float]
    """Of each subject."""
    varied: Sequence[Varied]
    together: Sequence[float]
    """Of each subject, with all constants as they were chosen on the others."""


def report(groups: Sequence[Group], commit: str) -> str:
    """Return the whole document."""
    lines = [
        "# Constants: every one chosen with each cluster left out",
        "",
        f"Made by `make bench-constants DATA=FOLDER` at commit {commit}.",
        "",
        INTRODUCTION,
    ]
    for group in groups:
        lines += [HEADS[group.name], *_table(group), "", *_together(group), ""]
    return "\n".join([*lines, *_not_varied()]).rstrip() + "\n"


def _table(group: Group) -> Iterator[str]:
    shipped = float(np.mean(group.shipped))
    yield f"Shipped: {shipped:.3f}."
    yield ""
    yield (
        "| constant | shipped | tried: VUS-PR | chosen without "
        + " / ".join(group.subjects)
        + " | left out | best |"
    )
    yield "|---|---|---|---|---|---|"
    for one in group.varied:
        tried = ", ".join(f"{value:g}: {one.means[value]:.3f}" for value in one.constant.tried)
        chosen = " / ".join(f"{value:g}" for value in one.chosen)
        yield (
            f"| `{one.constant.name}` | {one.constant.shipped:g} | {tried} | {chosen} | {one.left_out:.3f} | "
            f"{max(one.means.values()):.3f} |"
        )


def _together(group: Group) -> Iterator[str]:
    yield "| cluster | as shipped | all chosen on the others | constants that differ |"
    yield "|---|---|---|---|"
    for number, name in enumerate(group.subjects):
        differ = sum(one.chosen[number] != one.constant.shipped for one in group.varied)
        yield f"| {name} | {group.shipped[number]:.3f} | {group.together[number]:.3f} | {differ} |"
    yield f"| mean | {np.mean(group.shipped):.3f} | {np.mean(group.together):.3f} | |"


def _not_varied() -> Iterator[str]:
    yield "## Not varied"
    yield ""
    yield "| constant | why |"
    yield "|---|---|"
    for place, why in sorted((NOT_VARIED | NOT_OF_THE_SCORE).items()):
        yield f"| `{place.removeprefix('podvigil.')}` | {why} |"
