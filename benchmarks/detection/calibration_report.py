"""Writes results/calibration.md."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from detection.sets import is_gated
from detection.streams import BUDGETS, Watched, operation, pod_days

from podvigil.detect.threshold import RULE
from podvigil.training.calibrate import Reliability

if TYPE_CHECKING:
    from constants.leave_out import Varied
    from detection.leave_out import LeftOut


@dataclass(frozen=True, slots=True)
class Case:
    """One stream after one kind of history."""

    stream: str
    condition: str
    watched: Watched
    generated: bool


WHOLE: Final = "the whole history"

INTRODUCTION: Final = """\
Mode LSTM. The sets and their sources are those of [detection.md](detection.md); days are clusters of a development seed
of [benchmarks/days](../days). What is asked for is a number of false alarms per pod-day; what came is counted as in
[docs/evaluation.md](../../docs/evaluation.md).

The judged parts are 1 to 35 pod-days: one alarm is 0.03 to 1 per pod-day, so that a single cell at 0.1 says little. An
asterisk: the threshold is the lowest there is (three spreads), and fewer alarms than asked for are meant.

Histories: the whole one; its last hours alone; the whole one with faults of some minutes in 2 % of its samples that
nobody labelled; with an outage in its last hour that hits a third of the pods; and the whole one, judged after the load
became half as high again and twice as restless.
"""

SUMMARY: Final = """\
## In one line each

Over all clusters and histories that give a threshold: alarms that came for each one asked for, pooled over time; and
the median and the worst of the rows below.
"""

FIXED: Final = """\
## Fixed at the end of the history

False alarms per pod-day for each budget; recall and median delay at one.
"""

ONLINE: Final = """\
## Estimated on the way, as in the operator

The threshold of each moment, which learns from the judged part as it passes, faults and all.
"""

MOST_FALSE_ALARMS: Final = 2.0
LEAST_RECALL: Final = 0.9

PROMISED: Final = f"""\
## What was promised

One false alarm per pod-day is asked for, the whole history is there: at most {MOST_FALSE_ALARMS:g} come, and
{LEAST_RECALL:.0%} of the faults are found.

| set | threshold | false alarms per pod-day | recall | holds |
|---|---|---|---|---|"""

PROBABILITIES: Final = """\
## Probabilities

What the shipped curve says in the judged parts after the whole history, threshold estimated on the way, habits on where
there are days of history. Weighted to the share of faulty samples that the curve assumes. The curve was fitted on
generated hours ([models/README.md](../../models/README.md)), on nothing that is judged here. Samples are not events:
one episode of some minutes that nobody labelled, seen clearly, is dozens of samples in the last row.
"""

RULES: Final = """\
## The threshold's constants, each set left out

Mean |ln(got / asked)| over the rows of the first table, half an alarm added to both: 0.7 is a factor of two. Chosen on
the others from a grid: usual slope .5, .65, .8; own share .2, .4, .7, 1; steepest .75, .8; rare .3, .5, 1; trusted
after .5, 1, 2 days.

| left out | chosen on the others: usual, own, steepest, rare, trusted | error | shipped constants | best for this set |
|---|---|---|---|---|"""

ESTIMATES: Final = """\
What a tail is estimated with, one constant at a time and everything else as it ships; the same error over the rows of
both tables. Less is better. What is not varied is named in [constants.md](constants.md)."""


def report(
    cases: Sequence[Case],
    *,
    reliability: Sequence[tuple[str, Sequence[Reliability]]],
    rules: "Sequence[LeftOut] | None",
    estimates: "tuple[Sequence[str], Sequence[Varied]] | None",
    commit: str,
) -> str:
    """Return the whole document."""
    return (
        "\n".join(
            [
                "# Calibration: asked and got",
                "",
                f"Made by `make bench-detection DATA=FOLDER` at commit {commit}.",
                "",
                INTRODUCTION,
                *_summary(cases),
                *_promised(cases),
                *_table(cases, online=False),
                *_table(cases, online=True),
                *_reliability(reliability),
                *(_rules(rules) if rules else ()),
                *(_estimates(*estimates) if estimates else ()),
            ]
        ).rstrip()
        + "\n"
    )


def _summary(cases: Sequence[Case]) -> Iterator[str]:
    """How far off, over everything."""
    yield SUMMARY
    yield "| asked per pod-day | threshold | came for each asked | median row | worst row |"
    yield "|---|---|---|---|---|"
    for budget in BUDGETS:
        for name, online in (("end of the history", False), ("on the way", True)):
            rows = [(_got(case, budget, online), pod_days(case.watched.labels)) for case in cases]
            known = [(got, days) for got, days in rows if got is not None]
            if known:
                came = sum(got * days for got, days in known) / sum(budget * days for _, days in known)
                each = [got for got, _ in known]
                yield (
                    f"| {budget:g} | {name} | {came:.2f} | {np.median(each):.2f} per pod-day | "
                    f"{max(each):.2f} per pod-day |"
                )
    yield ""


def _promised(cases: Sequence[Case]) -> Iterator[str]:
    """The promise of the labelled sets, for the threshold of the history and for the operator's."""
    yield PROMISED
    for case in cases:
        if case.condition != WHOLE or case.generated:
            continue
        gated = is_gated(case.stream)
        for name, online in (("end of the history", False), ("on the way", True)):
            margins = _margins(case, 1.0, online)
            if margins is None:
                continue
            found = operation(case.watched.labels, margins)
            kept = found.false_alarms_per_pod_day <= MOST_FALSE_ALARMS and found.recall >= LEAST_RECALL
            yield (
                f"| {case.stream} | {name} | {found.false_alarms_per_pod_day:.2f} | {found.recall:.2f} | "
                f"{('yes' if kept else '**no**') if gated else 'not gated'} |"
            )
    yield ""


def _table(cases: Sequence[Case], *, online: bool) -> Iterator[str]:
    yield ONLINE if online else FIXED
    asked = " | ".join(f"asked {budget:g}" for budget in BUDGETS)
    yield f"| cluster | history | {asked} | recall at 1 | delay at 1 |"
    yield "|---|---|" + "---|" * len(BUDGETS) + "---|---|"
    for case in cases:
        cells = []
        for budget in BUDGETS:
            got = _got(case, budget, online)
            floor = "*" if not online and got is not None and case.watched.at_floor(budget, RULE) else ""
            cells.append("too short" if got is None else f"{got:.2f}{floor}")
        margins = _margins(case, 1.0, online)
        if margins is None:
            cells += ["-", "-"]
        else:
            found = operation(case.watched.labels, margins)
            cells.append(f"{found.recall:.2f}" if np.isfinite(found.recall) else "-")
            cells.append(
                f"{found.median_delay_seconds:.0f} s" if np.isfinite(found.median_delay_seconds) else "-"
            )
        yield f"| {case.stream} | {case.condition} | " + " | ".join(cells) + " |"
    yield ""


def _reliability(tables: Sequence[tuple[str, Sequence[Reliability]]]) -> Iterator[str]:
    yield PROBABILITIES.rstrip()
    for name, rows in tables:
        if rows:
            yield ""
            yield f"| {name}: said | mean said | share at fault | samples |"
            yield "|---|---|---|---|"
            for row in rows:
                yield (
                    f"| {row.low:.2f} to {row.high:.2f} | {row.said:.3f} | {row.was:.3f} | {row.samples:,} |"
                )
    yield ""


def _rules(found: "Sequence[LeftOut]") -> Iterator[str]:
    yield RULES
    for one in found:
        rule = one.chosen
        yield (
            f"| {one.name} | {rule.usual:g}, {rule.own:g}, {rule.steepest:g}, {rule.rare:g}, {rule.trusted:g} | "
            f"{one.error:.2f} | {one.shipped:.2f} | {one.best:.2f} |"
        )
    means = [np.mean([getattr(one, name) for one in found]) for name in ("error", "shipped", "best")]
    yield "| mean | | " + " | ".join(f"{mean:.2f}" for mean in means) + " |"
    yield ""


def _estimates(groups: Sequence[str], found: "Sequence[Varied]") -> Iterator[str]:
    yield ESTIMATES
    yield ""
    yield "| constant | shipped | tried | chosen without " + " / ".join(groups) + " | left out |"
    yield "|---|---|---|---|---|"
    for one in found:
        constant = one.constant
        tried = ", ".join(f"{value:g}: {-one.means[value]:.2f}" for value in constant.tried)
        yield (
            f"| `{constant.name}` | {constant.shipped:g}: {-one.means[constant.shipped]:.2f} | {tried} | "
            + " / ".join(f"{value:g}" for value in one.chosen)
            + f" | {-one.left_out:.2f} |"
        )
    yield ""


def _margins(
    case: Case, budget: float, online: bool
) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]] | None":
    return case.watched.estimate.online[budget] if online else case.watched.fixed(budget, RULE)


def _got(case: Case, budget: float, online: bool) -> float | None:
    margins = _margins(case, budget, online)
    return None if margins is None else operation(case.watched.labels, margins).false_alarms_per_pod_day
