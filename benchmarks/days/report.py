"""Writes results/days.md: tables without dates, so that two runs can be compared line by line."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from days.judge import At, Verdict
from days.world import Negative, Positive

from podvigil.detect.detector import Mode

SHIPPED: Final = Mode.LSTM
BAR: Final = Mode.Z3

TIMES_BELOW_BAR: Final = 20.0
MOST_FALSE_ALARMS: Final = 1.0
LEAST_RECALL: Final = 0.85

WORST: Final = 5
"""Kinds named as what is left to do."""

INTRODUCTION: Final = """\
Made by `make bench-days`; [docs/evaluation.md](../../docs/evaluation.md) defines the figures and says what is
generated. Each cluster is scored through `benchmarks/detection/scorer.py`, one sample at a time, as in the operator.

The worlds are generated, so they hold what their author thought of: read them for what a mode cannot do at all (a
trailing hour knows no night) and for the order of modes, and expect other figures on your cluster.
"""

Value = Callable[[Verdict], float]

COLUMNS: Final[tuple[tuple[str, Value, str], ...]] = (
    ("false alarms at recall .9", lambda v: v.figures.at_nine_tenths.false_alarms_per_pod_day, ".2f"),
    ("recall at one false alarm", lambda v: v.figures.at_budget.recall, ".2f"),
    ("VUS-PR", lambda v: v.figures.vus_pr, ".3f"),
    ("AUC-PR", lambda v: v.figures.auc_pr, ".3f"),
    ("AUC-ROC", lambda v: v.figures.auc_roc, ".3f"),
)

OWN_COLUMNS: Final[tuple[tuple[str, Value, str], ...]] = (
    ("false alarms per pod-day", lambda v: v.own.false_alarms_per_pod_day, ".2f"),
    ("recall", lambda v: v.own.recall, ".2f"),
    ("median delay, s", lambda v: v.own.median_delay_seconds, ".0f"),
    ("clusters without a threshold", lambda v: float(v.without_threshold), ".0f"),
    ("seconds a cluster", lambda v: v.seconds, ".0f"),
)


def report(verdicts: Sequence[Verdict], clusters: int, code: str) -> str:
    """Return the whole document; `code` is the commit that made it."""
    return "\n".join(_lines(verdicts, clusters, code)) + "\n"


def _lines(verdicts: Sequence[Verdict], clusters: int, code: str) -> Iterator[str]:
    modes = list(dict.fromkeys(one.mode for one in verdicts))
    seeds = list(dict.fromkeys(one.seed for one in verdicts))
    one = [verdict for verdict in verdicts if verdict.mode is modes[0]]
    yield "# Detection over several generated days"
    yield ""
    yield INTRODUCTION
    yield (
        f"Seeds {', '.join(map(str, seeds))}, {clusters} clusters each; "
        f"{sum(v.figures.faults for v in one)} faults and "
        f"{sum(v.figures.normal_pod_days for v in one):.0f} pod-days of normal samples, "
        f"{np.mean([v.figures.fault_share for v in one]):.1%} of the samples at fault. "
        "Figures of several seeds are separated by /."
    )
    yield ""
    yield (
        f"Code of commit {code}; `--seeds {' '.join(map(str, seeds))} --clusters {clusters} --modes {' '.join(modes)}`."
    )
    yield ""
    yield from _promises(verdicts)
    yield from _left([verdict for verdict in verdicts if verdict.mode is SHIPPED])
    yield "## By mode"
    yield ""
    yield "Thresholds chosen knowing the labels, one for all clusters of a seed; false alarms are per pod-day."
    yield ""
    yield from _table(verdicts, modes, COLUMNS)
    yield "## At the mode's own threshold"
    yield ""
    yield "Estimated for each cluster from its unlabelled history alone, for one false alarm per pod-day."
    yield ""
    yield from _table(verdicts, modes, OWN_COLUMNS)
    yield "## False alarms by kind of normal"
    yield ""
    yield "Per pod-day of that kind, all seeds together; in brackets the share of all false alarms. An alarm within"
    yield "half an hour after an operation is counted as its."
    yield ""
    for title, at in (("where 90 % of the faults are found", _at_recall), ("at its own threshold", _at_own)):
        yield f"### {title[0].upper()}{title[1:]}"
        yield ""
        yield from _negatives(verdicts, modes, at)
    yield "## Recall by kind of fault"
    yield ""
    yield "Found of all, all seeds together; in brackets the median delay in minutes."
    yield ""
    for title, at in (("at one false alarm per pod-day", _at_budget), ("at its own threshold", _at_own)):
        yield f"### {title[0].upper()}{title[1:]}"
        yield ""
        yield from _positives(verdicts, modes, at)


def _promises(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """What the default promises, and whether it holds in the mean of the seeds."""
    shipped = [v for v in verdicts if v.mode is SHIPPED]
    bar = [v for v in verdicts if v.mode is BAR]
    if not shipped or not bar:
        return
    alarms, most = (
        float(np.mean([v.figures.at_nine_tenths.false_alarms_per_pod_day for v in group]))
        for group in (shipped, bar)
    )
    recall = float(np.mean([v.figures.at_budget.recall for v in shipped]))
    times = most / alarms if alarms else float("inf")
    yield f"| promise for the default ({SHIPPED}), mean of the seeds | measured | |"
    yield "|---|---|---|"
    yield _promise(
        f"at recall .9, {TIMES_BELOW_BAR:g} times fewer false alarms than {BAR}",
        f"{times:.1f} times: {alarms:.2f} to {most:.2f}",
        times >= TIMES_BELOW_BAR,
    )
    yield _promise(
        f"at recall .9, at most {MOST_FALSE_ALARMS:g} false alarm per pod-day",
        f"{alarms:.2f}",
        alarms <= MOST_FALSE_ALARMS,
    )
    yield _promise(
        f"at one false alarm per pod-day, recall at least {LEAST_RECALL}",
        f"{recall:.2f}",
        recall >= LEAST_RECALL,
    )
    yield ""


def _left(shipped: Sequence[Verdict]) -> Iterator[str]:
    """What the default is worst at."""
    if not shipped:
        return
    alarms = {str(kind): sum(v.at_recall.negatives[kind].false_alarms for v in shipped) for kind in Negative}
    total = max(sum(alarms.values()), 1)
    worst = sorted(alarms, key=lambda kind: -alarms[kind])[:WORST]
    recall = {}
    for kind in Positive:
        found = [v.at_budget.positives[kind] for v in shipped if kind in v.at_budget.positives]
        if faults := sum(one.faults for one in found):
            recall[str(kind)] = sum(one.found for one in found) / faults
    missed = sorted(recall, key=lambda kind: recall[kind])[:WORST]
    yield (
        f"What is left for {SHIPPED}. Most false alarms where 90 % of the faults are found: "
        + ", ".join(f"{kind} {alarms[kind] / total:.0%}" for kind in worst)
        + ". Least found at one false alarm per pod-day: "
        + ", ".join(f"{kind} {recall[kind]:.2f}" for kind in missed)
        + "."
    )
    yield ""


def _promise(what: str, measured: str, holds: bool) -> str:
    return f"| {what} | {measured} | {'met' if holds else '**missed**'} |"


def _table(
    verdicts: Sequence[Verdict], modes: Sequence[Mode], columns: Sequence[tuple[str, Value, str]]
) -> Iterator[str]:
    yield "| mode | " + " | ".join(title for title, _, _ in columns) + " |"
    yield "|---|" + "---|" * len(columns)
    for mode in modes:
        mine = [verdict for verdict in verdicts if verdict.mode is mode]
        cells = [" / ".join(f"{value(verdict):{shown}}" for verdict in mine) for _, value, shown in columns]
        yield f"| {mode} | " + " | ".join(cells) + " |"
    yield ""


def _negatives(
    verdicts: Sequence[Verdict], modes: Sequence[Mode], at: Callable[[Verdict], At]
) -> Iterator[str]:
    yield "| kind | pod-days | " + " | ".join(modes) + " |"
    yield "|---|---|" + "---|" * len(modes)
    by_mode = {mode: [at(v).negatives for v in verdicts if v.mode is mode] for mode in modes}
    for kind in Negative:
        days = sum(each[kind].pod_days for each in by_mode[modes[0]])
        cells = []
        for mode in modes:
            alarms = sum(each[kind].false_alarms for each in by_mode[mode])
            all_alarms = sum(quiet.false_alarms for each in by_mode[mode] for quiet in each.values())
            share = alarms / all_alarms if all_alarms else 0.0
            cells.append(f"{alarms / days:.2f} ({share:.0%})" if days else "-")
        yield f"| {kind} | {days:.1f} | " + " | ".join(cells) + " |"
    yield ""


def _positives(
    verdicts: Sequence[Verdict], modes: Sequence[Mode], at: Callable[[Verdict], At]
) -> Iterator[str]:
    yield "| kind | faults | " + " | ".join(modes) + " |"
    yield "|---|---|" + "---|" * len(modes)
    by_mode = {mode: [at(v).positives for v in verdicts if v.mode is mode] for mode in modes}
    for kind in Positive:
        faults, cells = 0, []
        for mode in modes:
            mine = [each[kind] for each in by_mode[mode] if kind in each]
            faults = sum(found.faults for found in mine)
            late = [found.median_delay_seconds / 60 for found in mine if found.found]
            delay = f" ({np.mean(late):.0f})" if late else ""
            cells.append(f"{sum(found.found for found in mine) / faults:.2f}{delay}" if faults else "-")
        yield f"| {kind} | {faults} | " + " | ".join(cells) + " |"
    yield ""


def _at_recall(verdict: Verdict) -> At:
    return verdict.at_recall


def _at_budget(verdict: Verdict) -> At:
    return verdict.at_budget


def _at_own(verdict: Verdict) -> At:
    return verdict.at_own
