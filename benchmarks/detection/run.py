"""Judges our detector and others on labelled sets: `make bench-detection DATA=FOLDER`.

Ours is run through `scorer.py`, which is what the operator runs behind a file interface. The data is not part
of this repository; without it this says so and ends well, so that it can stand in any pipeline.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

from detection import by_file
from detection.bootstrap import Difference, difference
from detection.by_file import scored_by
from detection.commit import commit
from detection.peers import BY_CHANCE, PEERS
from detection.report import Run, report
from detection.sets import Floats, LabelledSet, NoLabelledSets, labelled_sets

from podvigil.detect.detector import Mode
from podvigil.detect.store import ModelError, load_model
from podvigil.evaluate.figures import figures

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / "benchmarks" / "results" / "detection.md"
OURS: Final = (Mode.LSTM, Mode.STATISTICS, Mode.Z3, Mode.ADAPTIVE_Z)

Scored = tuple[Run, tuple[Floats, ...]]


def main() -> int:
    """Judge what was asked for, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with the labelled sets")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--model", type=Path, action="append", help="a model's folder; again for another seed"
    )
    parser.add_argument("--only", action="append", help="a scorer's name; again for another")
    given = parser.parse_args()
    if given.data is None:
        print(
            "SKIPPED: no labelled data. Name its folder: make bench-detection DATA=FOLDER (docs/evaluation.md)"
        )
        return 0
    folders = given.model or [ROOT / "models"]
    try:
        models = [load_model(folder) for folder in folders]
        sets = labelled_sets(given.data)
    except (ModelError, NoLabelledSets) as error:
        print(error, file=sys.stderr)
        return 2
    code = commit()  # now, since what is changed while this runs is not what runs
    runs: list[Run] = []
    differences: dict[tuple[str, str, str], Difference] = {}
    for labelled in sets:
        scores: dict[str, tuple[Floats, ...]] = {}
        for run, tests in judged(labelled, folders, given.seeds, given.only):
            runs.append(run)
            scores.setdefault(run.scorer, tests)
            print(f"{run.set} {run.scorer} {run.seed}: VUS-PR {run.figures.vus_pr:.3f}", flush=True)
        differences |= against_others(labelled, scores, runs)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(report(sets, runs, differences, models, code), encoding="utf-8")
    print(f"Wrote {given.out}")
    return 0


def against_others(
    labelled: LabelledSet, scores: Mapping[str, tuple[Floats, ...]], runs: Sequence[Run]
) -> dict[tuple[str, str, str], Difference]:
    """Bootstrap each of our modes against the next simpler one, and the default against the best peer."""
    peers = {
        run.scorer: run.figures.vus_pr for run in runs if run.set == labelled.name and run.scorer in PEERS
    }
    best = max(peers, key=lambda name: peers[name], default=None)
    pairs = [(one, other) for one, other in pairwise(map(str, OURS))]
    pairs += [(str(Mode.LSTM), str(Mode.Z3))]
    pairs += [(str(Mode.LSTM), best)] if best is not None else []
    return {
        (one, other, labelled.name): difference(labelled.labels, scores[one], scores[other])
        for one, other in pairs
        if one in scores and other in scores
    }


def judged(labelled: LabelledSet, models: list[Path], seeds: int, only: list[str] | None) -> Iterator[Scored]:
    """Run every scorer on one set."""
    for mode in OURS:
        if only is None or str(mode) in only:
            for seed, model in enumerate(models if mode is Mode.LSTM else models[:1]):
                yield ours(labelled, mode, model, seed)
    for name in PEERS:
        if only is None or name in only:
            for seed in range(seeds if name in BY_CHANCE else 1):
                yield peer(labelled, name, seed)


def ours(labelled: LabelledSet, mode: Mode, model: Path, seed: int) -> Scored:
    """Score through the production path."""
    answer = scored_by(by_file.ours(mode, model), labelled, seed)
    scores = answer.scores
    found = figures(labelled.labels, scores.test, threshold=scores.threshold, history=scores.train)
    run = Run(
        str(mode),
        labelled.name,
        seed,
        found,
        scores.threshold,
        *_cost(labelled, answer.fit_seconds, answer.score_seconds),
    )
    return run, scores.test


def peer(labelled: LabelledSet, name: str, seed: int) -> Scored:
    """Score with one of the others."""
    detector = PEERS[name]()
    started = time.perf_counter()
    detector.fit(labelled.train, labelled.interval_seconds, seed)
    fitted = time.perf_counter()
    tests = tuple(detector.score(values) for values in labelled.test)
    ended = time.perf_counter()
    history = [detector.score(values) for values in labelled.train]
    found = figures(labelled.labels, tests, history=history)
    costs = _cost(labelled, fitted - started, ended - fitted)
    return Run(name, labelled.name, seed, replace(found, at_threshold=None), None, *costs), tests


def _cost(labelled: LabelledSet, fit: float, score: float) -> tuple[float, float]:
    """Seconds to learn 1,000 pods, and milliseconds to score one sample of each."""
    pods = labelled.labels.pods
    samples = sum(values.shape[1] for values in labelled.test)
    return fit / pods * 1e3, score / pods / samples * 1e6


if __name__ == "__main__":
    sys.exit(main())
