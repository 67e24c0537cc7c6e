"""Any scorer behind the file interface of `scorer.py`, run on a labelled set in a process of its own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from detection.sets import LabelledSet

from podvigil.detect.detector import Mode
from podvigil.evaluate.files import Scores, read_scores
from podvigil.evaluate.npz import write_npz

SCORER: Final = Path(__file__).with_name("scorer.py")
SCORER_SECONDS: Final = 1_800
"""A set of hours takes seconds; half an hour is a machine that does something else."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a scorer made of a set."""

    scores: Scores
    fit_seconds: float
    score_seconds: float


def ours(mode: Mode, model: Path) -> tuple[str, ...]:
    """The command of our own scorer."""
    return sys.executable, str(SCORER), "--mode", str(mode), "--model", str(model)


def write_set(path: Path, labelled: LabelledSet, seed: int = 0) -> None:
    """Write a set as a scorer's input; ours has no use for the seed, others may."""
    arrays = {f"train_{index}": values for index, values in enumerate(labelled.train)}
    arrays |= {f"test_{index}": values for index, values in enumerate(labelled.test)}
    arrays |= {"interval_s": np.array(labelled.interval_seconds), "seed": np.array(seed)}
    write_npz(path, arrays)


def scored_by(command: Sequence[str], labelled: LabelledSet, seed: int = 0) -> Answer:
    """Let a command score a set: it is given two more arguments, the input file and the one to write.

    Raises: subprocess.SubprocessError when it fails or takes too long; EvaluationError when its answer is none.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "in.npz", Path(folder) / "out.npz"
        write_set(given, labelled, seed)
        subprocess.run(
            [*command, str(given), str(answer)], check=True, timeout=SCORER_SECONDS, env=dict(os.environ)
        )
        scores = read_scores(answer, labelled.labels)
        with np.load(answer, allow_pickle=False) as file:
            return Answer(scores, float(file["fit_s"]), float(file["score_s"]))
