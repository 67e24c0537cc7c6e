"""Writes results/detection.md: tables without dates, so that two runs can be compared line by line."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from detection.bootstrap import Difference
from detection.sets import LabelledSet

from podvigil.detect.store import Model
from podvigil.evaluate.figures import Figures


@dataclass(frozen=True, slots=True)
class Run:
    """One scorer on one set with one seed."""

    scorer: str
    set: str
    seed: int
    figures: Figures
    threshold: float | None
    fit_seconds: float
    """A thousand pods."""
    score_milliseconds: float
    """One sample of a thousand pods."""


OURS: Final = ("LSTM", "Statistics", "Z3", "AdaptiveZ")
SHIPPED: Final = "LSTM"

GATES: Final = {"nezha_ob_0822": 0.74, "nezha_tt_0129": 0.49, "bookinfo_chaos": 0.68}
"""VUS-PR that the default has to reach on the sets that can tell detectors apart."""

MEAN_GATE: Final = 0.65
MOST_FALSE_ALARMS: Final = 2.0
LEAST_RECALL: Final = 0.9
SAMPLES_OF_DELAY: Final = 2
SECONDS_OF_DELAY: Final = 60.0

INTRODUCTION: Final = """\
[docs/evaluation.md](../../docs/evaluation.md) defines the figures. [calibration.md](calibration.md) says how thresholds
hold when the history is short, faulty or of another load, and what is left when each set is left out of choosing the
constants. Ours run through `benchmarks/detection/scorer.py`, one sample at a time, as in the operator. ± is the
standard deviation over three seeds; a scorer without it does not depend on a seed. LSTM is the one trained model in
`models/` unless ± is shown: its spread over trainings is then not in here.

The sets are small and of demo applications, and our constants were chosen while looking at them: expect less elsewhere.
On ccb22 every detector is close to chance. ECOD and COPOD are written anew and give the scores of pyod 3.6; the
k-means follows Netdata, with one model a metric; the settings are those that each ships with
([peers.py](../detection/peers.py)).
"""

Value = Callable[[Run], float]

TABLES: Final[tuple[tuple[str, str, Value, int], ...]] = (
    ("VUS-PR", "The area under precision and recall, forgiving a sample or two. Higher is better.",
     lambda run: run.figures.vus_pr, 3),
    ("AUC-PR", "Average precision by sample.", lambda run: run.figures.auc_pr, 3),
    ("Recall at one false alarm per pod-day", "Threshold chosen knowing the labels.",
     lambda run: run.figures.at_budget.recall, 2),
    ("False alarms per pod-day at recall 0.9", "Threshold chosen knowing the labels. Lower is better.",
     lambda run: run.figures.at_nine_tenths.false_alarms_per_pod_day, 2),
    ("False alarms per pod-day at a threshold per pod",
     "At the 99.9 % quantile of each pod's own history: why no mode of ours does this.",
     lambda run: run.figures.at_own_quantile.false_alarms_per_pod_day
     if run.figures.at_own_quantile else float("nan"), 1),
)  # fmt: skip

COSTS: Final[tuple[tuple[str, str, Value, int], ...]] = (
    ("Learning, seconds for 1,000 pods", "Ours: the warm start over the history; the network's training is apart.",
     lambda run: run.fit_seconds, 2),
    ("Scoring, milliseconds for one sample of 1,000 pods",
     "Ours one sample at a time, as the operator does; the others a whole range at once, which is cheaper. Few "
     "pods: `cost.py` measures at scale.", lambda run: run.score_milliseconds, 1),
)  # fmt: skip


def report(
    sets: Sequence[LabelledSet],
    runs: Sequence[Run],
    differences: Mapping[tuple[str, str, str], Difference],
    models: Sequence[Model],
    commit: str,
) -> str:
    """Return the whole document."""
    return "\n".join(_lines(sets, runs, differences, models, commit)) + "\n"


def _lines(
    sets: Sequence[LabelledSet],
    runs: Sequence[Run],
    differences: Mapping[tuple[str, str, str], Difference],
    models: Sequence[Model],
    commit: str,
) -> Iterator[str]:
    yield "# Detection on labelled sets"
    yield ""
    yield f"Made by `make bench-detection DATA=FOLDER` at commit {commit}."
    yield ""
    yield INTRODUCTION
    for model in models:
        yield f"Model {model.version}, `cell.tflite` sha256 {model.sha256[:12]}…."
    yield ""
    yield from _sets(sets)
    yield from _gates(sets, runs)
    yield from _thresholds(sets, runs)
    for table in TABLES:
        yield from _table(table, sets, runs)
    yield from _differences(differences)
    for table in COSTS:
        yield from _table(table, sets, runs)


def _sets(sets: Sequence[LabelledSet]) -> Iterator[str]:
    yield "| set | source | licence | pods | interval | history | judged | faults that leave a trace |"
    yield "|---|---|---|---|---|---|---|---|"
    for one in sets:
        past, now = (
            sum(part.shape[1] for part in parts) * one.interval_seconds / 3_600
            for parts in (one.train, one.test)
        )
        yield (
            f"| {one.name} | {one.source} | {one.licence} | {one.labels.pods} | {one.interval_seconds:g} s | "
            f"{past:.1f} h | {now:.1f} h | {len(one.labels.events)} |"
        )
    yield ""


def _gates(sets: Sequence[LabelledSet], runs: Sequence[Run]) -> Iterator[str]:
    """What the default promises, and whether it holds."""
    names = [one.name for one in sets if one.name in GATES]
    shipped = {name: [run for run in runs if (run.scorer, run.set) == (SHIPPED, name)] for name in names}
    if not names or not all(shipped.values()):
        return
    intervals = {one.name: one.interval_seconds for one in sets}
    yield "## What was promised, and what is"
    yield ""
    yield "| promise for the default | measured | holds |"
    yield "|---|---|---|"
    volumes = {name: _volume(runs, SHIPPED, name) for name in names}
    if set(names) == set(GATES):
        mean = float(np.mean(list(volumes.values())))
        yield _promise(
            f"VUS-PR ≥ {MEAN_GATE} in the mean of the sets below", f"{mean:.3f}", mean >= MEAN_GATE
        )
    for name in names:
        yield _promise(
            f"{name}: VUS-PR ≥ {GATES[name]}", f"{volumes[name]:.3f}", volumes[name] >= GATES[name]
        )
        if peers := [scorer for scorer in _scorers(runs) if scorer not in OURS]:
            best, peer = max((_volume(runs, scorer, name), scorer) for scorer in peers)
            yield _promise(f"{name}: above every peer", f"the best, {peer}: {best:.3f}", volumes[name] > best)
        operations = [run.figures.at_threshold for run in shipped[name]]
        known = [operation for operation in operations if operation is not None]
        if not known:
            yield _promise(f"{name}: a threshold of its own", "too little history", False)
            continue
        alarms = float(np.mean([o.false_alarms_per_pod_day for o in known]))
        recall = float(np.mean([o.recall for o in known]))
        delay = float(np.mean([o.median_delay_seconds for o in known]))
        most = max(SAMPLES_OF_DELAY * intervals[name], SECONDS_OF_DELAY)
        yield _promise(
            f"{name}: ≤ {MOST_FALSE_ALARMS:g} false alarms per pod-day at its own threshold",
            f"{alarms:.2f}",
            alarms <= MOST_FALSE_ALARMS,
        )
        yield _promise(f"{name}: recall ≥ {LEAST_RECALL} there", f"{recall:.2f}", recall >= LEAST_RECALL)
        yield _promise(f"{name}: median delay ≤ {most:g} s there", f"{delay:.0f} s", delay <= most)
    yield ""


def _promise(what: str, measured: str, holds: bool) -> str:
    return f"| {what} | {measured} | {'yes' if holds else '**no**'} |"


def _thresholds(sets: Sequence[LabelledSet], runs: Sequence[Run]) -> Iterator[str]:
    yield "## At our own threshold"
    yield ""
    yield "Estimated from the unlabelled history alone, for one false alarm per pod-day, and then held fixed:"
    yield "threshold; false alarms per pod-day, recall, median delay. The operator goes on estimating as it runs:"
    yield "[calibration.md](calibration.md) judges that, and what it promises, too."
    yield ""
    yield "| scorer | " + " | ".join(one.name for one in sets) + " |"
    yield "|---|" + "---|" * len(sets)
    for scorer in [name for name in _scorers(runs) if name in OURS]:
        cells = []
        for one in sets:
            mine = [
                run
                for run in runs
                if (run.scorer, run.set) == (scorer, one.name) and run.figures.at_threshold
            ]
            operations = [run.figures.at_threshold for run in mine if run.figures.at_threshold]
            if not operations:
                cells.append("too little history")
                continue
            cells.append(
                f"{np.mean([run.threshold for run in mine if run.threshold is not None]):.2f}; "
                f"{np.mean([o.false_alarms_per_pod_day for o in operations]):.2f}, "
                f"{np.mean([o.recall for o in operations]):.2f}, "
                f"{np.mean([o.median_delay_seconds for o in operations]):.0f} s"
            )
        yield f"| {scorer} | " + " | ".join(cells) + " |"
    yield ""


def _table(
    table: tuple[str, str, Value, int], sets: Sequence[LabelledSet], runs: Sequence[Run]
) -> Iterator[str]:
    title, explained, value, digits = table
    yield f"## {title}"
    yield ""
    yield explained
    yield ""
    yield "| scorer | " + " | ".join(one.name for one in sets) + " |"
    yield "|---|" + "---|" * len(sets)
    for scorer in _scorers(runs):
        cells = []
        for one in sets:
            values = [value(run) for run in runs if (run.scorer, run.set) == (scorer, one.name)]
            spread = f" ± {np.std(values):.{digits}f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.{digits}f}{spread}" if values else "-")
        yield f"| {scorer} | " + " | ".join(cells) + " |"
    yield ""


def _differences(differences: Mapping[tuple[str, str, str], Difference]) -> Iterator[str]:
    if not differences:
        return
    yield "## Differences"
    yield ""
    yield "VUS-PR of the first minus that of the second, with a 90 % interval over resampled pods."
    yield ""
    sets = list(dict.fromkeys(name for *_, name in differences))
    yield "| | " + " | ".join(sets) + " |"
    yield "|---|" + "---|" * len(sets)
    for one, other in dict.fromkeys((one, other) for one, other, _ in differences):
        cells = []
        for name in sets:
            found = differences.get((one, other, name))
            cells.append(f"{found.seen:+.3f} ({found.low:+.3f} to {found.high:+.3f})" if found else "-")
        yield f"| {one} - {other} | " + " | ".join(cells) + " |"
    yield ""


def _volume(runs: Sequence[Run], scorer: str, name: str) -> float:
    return float(np.mean([run.figures.vus_pr for run in runs if (run.scorer, run.set) == (scorer, name)]))


def _scorers(runs: Sequence[Run]) -> list[str]:
    return list(dict.fromkeys(run.scorer for run in runs))
