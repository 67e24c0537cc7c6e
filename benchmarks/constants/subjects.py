"""What constants are judged on: labelled sets, and generated clusters, each read once and scored again and again."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from constants.vary import Constant, varied
from days.draw import draw
from days.files import arrays
from days.labels import labelled
from detection.by_file import write_set
from detection.scorer import scores_of
from detection.sets import LabelledSet

from podvigil.api.features import MODEL_FEATURES
from podvigil.detect.detector import Mode
from podvigil.detect.store import Model
from podvigil.evaluate.figures import finite
from podvigil.evaluate.files import read_labels
from podvigil.evaluate.labels import Labels
from podvigil.evaluate.npz import write_npz
from podvigil.evaluate.ranking import vus_pr
from podvigil.evaluate.samples import Samples, read_samples


@dataclass(frozen=True, slots=True)
class Subject:
    """One cluster, as a scorer reads it, and its labels."""

    name: str
    samples: Samples
    labels: Labels

    def vus_pr(self, values: Mapping[Constant, float], mode: Mode, model: Model | None = None) -> float:
        """Of the detector with these constants; a model for mode LSTM alone."""
        with varied(values):
            answer = scores_of(self.samples, mode, model)
        scores = [np.asarray(answer[f"test_{index}"], np.float64) for index in range(len(self.labels.ranges))]
        return vus_pr(finite(scores), [stretch.states for stretch in self.labels.ranges])


def of_set(one: LabelledSet) -> Subject:
    """A labelled set."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "set.npz"
        write_set(path, one)
        return Subject(one.name, read_samples(path, widest=len(MODEL_FEATURES)), one.labels)


def of_days(seed: int, number: int) -> Subject:
    """A generated cluster of `benchmarks/days`."""
    world = draw(seed, number)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "days.npz"
        write_npz(path, arrays(world, labelled(world)))
        return Subject(
            f"days {seed}.{number}", read_samples(path, widest=len(MODEL_FEATURES)), read_labels(path)
        )
