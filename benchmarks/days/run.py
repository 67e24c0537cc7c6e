"""Judges our modes on several generated days with exact labels: `make bench-days`.

Clusters are generated in memory and scored by `benchmarks/detection/scorer.py`, which is what the operator runs.
The worlds were written without looking at any detector's scores on them; the constants of a detector may be chosen
on the development seeds, and the results are of the others.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from days.judge import Cluster, Days, Verdict, judge_cluster, verdict
from days.report import report
from detection.commit import commit

from podvigil.detect.detector import Mode
from podvigil.detect.store import ModelError, load_model

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / "benchmarks" / "results" / "days.md"

DEVELOPMENT_SEEDS: Final = (1, 2, 3)
"""For choosing constants."""
TEST_SEEDS: Final = (101, 102)
"""For the results; nothing is chosen on them."""
CLUSTERS: Final = 10
"""Of a seed: about 330 pod-days and 115 faults."""

QUICK: Final = Days(history=3, judged=1)
QUICK_CLUSTERS: Final = 2

MODES: Final = (Mode.LSTM, Mode.STATISTICS, Mode.Z3, Mode.ADAPTIVE_Z)


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate, score, judge, and write the results."""
    parser = argparse.ArgumentParser(prog="days.run", description=__doc__)
    parser.add_argument("--seeds", type=_natural, nargs="+", help=f"test seeds {TEST_SEEDS} unless given")
    parser.add_argument("--clusters", type=_positive, help=f"of each seed; {CLUSTERS} unless given")
    parser.add_argument("--modes", type=_mode, nargs="+", default=MODES, help=", ".join(Mode))
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one development seed, two clusters of four days: does it run at all?",
    )
    parser.add_argument("--model", type=Path, default=ROOT / "models")
    parser.add_argument(
        "--out", type=Path, help="where the results go; none are written with --quick otherwise"
    )
    parser.add_argument("--keep", type=Path, help="folder that gets the generated files")
    parser.add_argument("--jobs", type=_positive, default=os.cpu_count() or 1, help="processes at once")
    given = parser.parse_args(arguments)
    seeds = given.seeds or (DEVELOPMENT_SEEDS[:1] if given.quick else TEST_SEEDS)
    clusters = given.clusters or (QUICK_CLUSTERS if given.quick else CLUSTERS)
    modes = list(dict.fromkeys(given.modes))
    out = given.out or (None if given.quick else RESULTS)
    try:
        if Mode.LSTM in modes:
            load_model(given.model)
        if given.keep is not None:
            given.keep.mkdir(parents=True, exist_ok=True)
        verdicts = run(
            seeds, clusters, modes, given.model, QUICK if given.quick else Days(), given.keep, given.jobs
        )
    except (ModelError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    text = report(verdicts, clusters, commit())
    if out is None:
        print(text)
        return 0
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    print(f"Wrote {out}")
    return 0


def run(
    seeds: Sequence[int],
    clusters: int,
    modes: Sequence[Mode],
    model: Path,
    days: Days,
    keep: Path | None,
    processes: int,
) -> list[Verdict]:
    """Judge every mode on every seed."""
    verdicts = []
    # Spawned, not forked: the network's interpreter has threads, which a fork would leave behind.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for seed in seeds:
            waiting = [
                pool.submit(judge_cluster, seed, number, modes, model, days, keep)
                for number in range(clusters)
            ]
            judged: list[Cluster] = []
            for one in waiting:
                judged.append(one.result())
                print(
                    f"seed {seed}: {len(judged)} of {clusters} clusters scored", file=sys.stderr, flush=True
                )
            for mode in modes:
                found = verdict(mode, seed, judged)
                verdicts.append(found)
                print(
                    f"seed {seed} {mode}: {found.figures.at_nine_tenths.false_alarms_per_pod_day:.2f} "
                    f"false alarms per pod-day at recall .9, recall {found.figures.at_budget.recall:.2f} "
                    f"at one, VUS-PR {found.figures.vus_pr:.3f}",
                    flush=True,
                )
    return verdicts


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is negative")
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _mode(text: str) -> Mode:
    try:
        return Mode(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is none of {', '.join(Mode)}") from error


if __name__ == "__main__":
    sys.exit(main())
