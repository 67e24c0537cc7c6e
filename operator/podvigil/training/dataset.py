"""
Which clusters a model is made from: each is a function of (seed, purpose, number), so any order,
any number of processes and any machine make the same ones.
"""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Final, TypeVar

import numpy as np

from podvigil.detect.cell import LiteRTCell
from podvigil.detect.detector import Mode
from podvigil.detect.store import DataSource
from podvigil.training.cluster import Cluster
from podvigil.training.generate import ANYTHING, Recipe, generate
from podvigil.training.judge import Judged, judge
from podvigil.training.real_series import RealSeries, recorded_cluster
from podvigil.training.windows import Track, treat

RECORDED_SHARE: Final = 0.45
"""Share of the training clusters that come from recordings, where there are any."""
GENERATED: Final = DataSource("Generated clusters", "Apache-2.0", "podvigil.training.generate")

Result = TypeVar("Result")


class Purpose(IntEnum):
    """Clusters of different purposes never share a random number."""

    TRAIN = 0
    CALIBRATE = 1
    CHECK = 2


@dataclass(frozen=True, slots=True)
class Source:
    """Where clusters come from."""

    seed: int
    real: RealSeries | None = None
    recipe: Recipe = ANYTHING

    def cluster(self, purpose: Purpose, number: int) -> Cluster:
        """Return cluster `number`; only training ever sees recordings, so figures stay comparable."""
        rng = np.random.default_rng([self.seed, int(purpose), number])
        if purpose is not Purpose.TRAIN or self.real is None:
            return generate(rng, self.recipe)
        if self.real.recordings and rng.random() < RECORDED_SHARE:
            recordings = self.real.recordings
            return recorded_cluster(recordings[rng.integers(len(recordings))], rng, self.recipe)
        return generate(rng, Recipe(shapes=self.real.shapes, kinds=self.recipe.kinds))

    @property
    def data(self) -> tuple[DataSource, ...]:
        """What the card names."""
        return (GENERATED, *(self.real.sources if self.real else ()))


def _nothing(_: int) -> None:
    """Nobody is waiting."""


def tracks(source: Source, count: int, jobs: int, done: Callable[[int], None] = _nothing) -> list[Track]:
    """Return what the network sees of the training clusters; `done` is told how many there are so far."""
    return _each(partial(_track, source), count, jobs, done)


def judgements(
    source: Source, purpose: Purpose, count: int, *, mode: Mode, content: bytes, beta: float, jobs: int
) -> list[Judged]:
    """Return the detector's margins on clusters that were not trained on."""
    return _each(partial(_judged, source, purpose, mode, content, beta), count, jobs, _nothing)


def _track(source: Source, number: int) -> Track:
    return treat(source.cluster(Purpose.TRAIN, number))


def _judged(source: Source, purpose: Purpose, mode: Mode, content: bytes, beta: float, number: int) -> Judged:
    cell = LiteRTCell(content) if mode is Mode.LSTM else None
    return judge(source.cluster(purpose, number), mode, cell, beta)


def _each(work: Callable[[int], Result], count: int, jobs: int, done: Callable[[int], None]) -> list[Result]:
    results: list[Result] = []
    if jobs == 1:
        for number in range(count):
            results.append(work(number))
            done(len(results))
        return results
    # Spawned, not forked: TensorFlow's threads do not survive a fork.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for result in pool.map(work, range(count), chunksize=4):
            results.append(result)
            done(len(results))
    return results
