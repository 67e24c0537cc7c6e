"""Chooses every constant of the score with each cluster left out: `make bench-constants DATA=FOLDER`.

One constant at a time, everything else as it ships; then all that were chosen without a cluster together, on that
cluster. Labelled sets for what acts within hours, generated clusters of the development seeds for habits. Writes
results/constants.md. Takes about an hour on two cores; with --figures FILE it goes on where it was stopped.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from constants.leave_out import Varied, all_chosen, left_out
from constants.registry import OF_HABITS, OF_THE_HOUR, of_the_network
from constants.report import Group, report
from constants.subjects import Subject, of_days, of_set
from constants.vary import Constant
from detection.commit import commit
from detection.sets import NoLabelledSets, is_gated, labelled_sets

from podvigil.detect.detector import Mode
from podvigil.detect.store import ModelError, load_model

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / "benchmarks" / "results" / "constants.md"
CLUSTERS: Final = ((1, 0), (2, 0), (3, 0))
"""Seed and number: of each development seed of `benchmarks/days` one."""

Pairs = dict[Constant, float]


def main() -> int:
    """Vary everything, and write the results."""
    parser = argparse.ArgumentParser(prog="constants.run", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with the labelled sets")
    parser.add_argument("--model", type=Path, default=ROOT / "models")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--figures", type=Path, help="file that keeps what was judged, of this commit")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    given = parser.parse_args()
    if given.data is None:
        print("SKIPPED: no labelled data (docs/evaluation.md)")
        return 0
    try:
        beta = load_model(given.model).beta
        sets = [of_set(one) for one in labelled_sets(given.data) if is_gated(one.name)]
    except (ModelError, NoLabelledSets) as error:
        print(error, file=sys.stderr)
        return 2
    code = commit()  # now, since what is changed while this runs is not what runs
    days = [of_days(*which) for which in CLUSTERS]
    known = Known(given.figures, code)
    # Spawned, not forked: the network's interpreter has threads, which a fork would leave behind.
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:

        def judge(subjects: Sequence[Subject], mode: Mode, all_values: Sequence[Pairs]) -> list[list[float]]:
            """(values, subjects)"""

            def asked(subject: Subject, values: Pairs) -> Future[float] | float:
                there = known.of(subject, values, mode)
                return pool.submit(one_figure, subject, values, mode, given.model) if there is None else there

            waiting = [[asked(subject, values) for subject in subjects] for values in all_values]
            found = []
            for row, values in zip(waiting, all_values, strict=True):
                found.append([figure.result() if isinstance(figure, Future) else figure for figure in row])
                known.keep(subjects, values, mode, found[-1])
                said = ", ".join(f"{constant.name} {value:g}" for constant, value in values.items())
                print(f"{mode}: {said or 'as shipped'}", flush=True)
            return found

        groups = [
            of_group("of the hour", OF_THE_HOUR, sets, Mode.STATISTICS, judge),
            of_group("of the network", of_the_network(beta), sets, Mode.LSTM, judge),
            of_group("of habits", OF_HABITS, days, Mode.STATISTICS, judge),
        ]
    given.out.write_text(report(groups, code), encoding="utf-8")
    print(f"Wrote {given.out}")
    return 0


class Known:
    """Figures of an earlier run of the same code."""

    def __init__(self, path: Path | None, code: str) -> None:
        self._path, self._code = path, code
        self._figures: dict[str, float] = {}
        if path is not None and path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["commit"] == code:
                self._figures = kept["figures"]

    def of(self, subject: Subject, values: Pairs, mode: Mode) -> float | None:
        """What was judged already; None: nothing."""
        return self._figures.get(self._key(subject, values, mode))

    def keep(self, subjects: Sequence[Subject], values: Pairs, mode: Mode, figures: Sequence[float]) -> None:
        """Write a row, whole or not at all."""
        for subject, figure in zip(subjects, figures, strict=True):
            self._figures[self._key(subject, values, mode)] = figure
        if self._path is not None:
            partial = self._path.with_suffix(".new")
            partial.write_text(json.dumps({"commit": self._code, "figures": self._figures}), encoding="utf-8")
            partial.replace(self._path)

    @staticmethod
    def _key(subject: Subject, values: Pairs, mode: Mode) -> str:
        named = sorted(f"{constant.name}={value:g}" for constant, value in values.items())
        return " ".join([subject.name, mode, *named])


def of_group(
    name: str,
    constants: Sequence[Constant],
    subjects: Sequence[Subject],
    mode: Mode,
    judge: Callable[[Sequence[Subject], Mode, Sequence[Pairs]], list[list[float]]],
) -> Group:
    """Vary each constant alone; then, for each subject, all as they were chosen without it."""
    alone: list[Pairs] = [{constant: value} for constant in constants for value in constant.tried]
    shipped, *rows = judge(subjects, mode, [{}, *alone])
    figures = {next(iter(values.items())): row for values, row in zip(alone, rows, strict=True)}
    varied: list[Varied] = [left_out(constant, shipped, figures) for constant in constants]
    together = []
    for number, subject in enumerate(subjects):
        [[figure]] = judge([subject], mode, [all_chosen(varied, number)])
        together.append(figure)
    return Group(name, mode, tuple(subject.name for subject in subjects), shipped, varied, together)


def one_figure(subject: Subject, values: Pairs, mode: Mode, model: Path) -> float:
    """In a process of its own; an interpreter of a network is no argument of one."""
    return subject.vus_pr(values, mode, load_model(model) if mode is Mode.LSTM else None)


if __name__ == "__main__":
    sys.exit(main())
