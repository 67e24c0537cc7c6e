"""Scores generated clusters through the production path, and judges all clusters of a seed together."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from days.draw import HISTORY_DAYS, JUDGED_DAYS, draw
from days.files import arrays, taken
from days.labels import KINDS, Labelled, labelled
from days.world import INTERVAL_SECONDS, Floats, World
from detection.scorer import scored

from podvigil.detect.detector import Mode
from podvigil.evaluate.alarms import Operation, watch
from podvigil.evaluate.figures import BUDGET, Figures, figures, finite, tried
from podvigil.evaluate.kinds import Found, Quiet, false_alarms_by_kind, recall_by_kind
from podvigil.evaluate.labels import IGNORED, Event, Labels, Range, States, joined

RECALL: Final = 0.9


@dataclass(frozen=True, slots=True)
class Days:
    """How long the worlds are."""

    history: int = HISTORY_DAYS
    judged: int = JUDGED_DAYS


@dataclass(frozen=True, slots=True)
class Answer:
    """What one mode said of one cluster."""

    scores: Floats
    """(P, T) of the judged range; NaN where there is no sample."""
    threshold: float
    """Its own; NaN = it had none, and never alarms."""
    seconds: float
    """For all pods and days, the history included."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster's judged range, its labels, and what each mode made of it."""

    states: States
    """(P, T)."""
    kinds: np.ndarray[tuple[int, int], np.dtype[np.int8]]
    """(P, T)."""
    events: tuple[Event, ...]
    """Seconds from the begin of the judged range."""
    answers: Mapping[Mode, Answer]


@dataclass(frozen=True, slots=True)
class At:
    """What a threshold gives, by kind."""

    negatives: Mapping[str, Quiet]
    positives: Mapping[str, Found]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One mode on all clusters of one seed."""

    mode: Mode
    seed: int
    figures: Figures
    pods: int
    """With at least one judged sample."""
    without_threshold: int
    """Clusters for which the mode had no threshold of its own."""
    at_recall: At
    """Where `RECALL` of the faults are found."""
    at_budget: At
    """At one false alarm per pod-day, chosen knowing the labels."""
    at_own: At
    seconds: float
    """Of one cluster, mean."""

    @property
    def own(self) -> Operation:
        """At its own threshold."""
        if self.figures.at_threshold is None:
            raise ValueError("judged without a threshold")
        return self.figures.at_threshold


def judge_cluster(
    seed: int, number: int, modes: Sequence[Mode], model: Path, days: Days, keep: Path | None = None
) -> Cluster:
    """
    Generate one cluster and score it.

    Args: keep: folder for the generated file; None: it is deleted.

    Raises: what `scored` does.
    """
    world = draw(seed, number, history_days=days.history, judged_days=days.judged)
    truth = labelled(world)
    with tempfile.TemporaryDirectory() as folder:
        path = (keep or Path(folder)) / f"days-{seed}-{number}.npz"
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays(world, truth))
        answers = {mode: _answer(world, truth, path, mode, model) for mode in modes}
    judged = slice(world.judged_from, world.steps)
    begin = world.start + INTERVAL_SECONDS * world.judged_from
    return Cluster(
        states=truth.states[:, judged],
        kinds=truth.kinds[:, judged],
        events=tuple(Event(e.start - begin, e.end - begin, e.pods, e.kind) for e in truth.events),
        answers=answers,
    )


def verdict(mode: Mode, seed: int, clusters: Sequence[Cluster]) -> Verdict:
    """Judge one mode on clusters whose judged ranges are equally long, as if they were one."""
    labels = pooled(clusters)
    answers = [cluster.answers[mode] for cluster in clusters]
    scores = [np.concatenate([answer.scores for answer in answers])]
    limits = np.concatenate(
        [np.full(len(a.scores), np.inf if np.isnan(a.threshold) else a.threshold) for a in answers]
    )
    clean = finite(scores)
    kept = labels.ranges[0].states != IGNORED
    seen = watch(labels, clean)
    kinds = [np.concatenate([cluster.kinds for cluster in clusters])]

    def at(threshold: float | Floats) -> At:
        names = [str(kind) for kind in KINDS]
        return At(
            false_alarms_by_kind(labels, clean, kinds, names, threshold), recall_by_kind(seen, threshold)
        )

    return Verdict(
        mode=mode,
        seed=seed,
        figures=figures(labels, scores, threshold=limits),
        pods=int(kept.any(axis=1).sum()),
        without_threshold=sum(bool(np.isnan(answer.threshold)) for answer in answers),
        at_recall=at(seen.threshold_at_recall(RECALL)),
        at_budget=at(seen.threshold_at_budget(BUDGET, tried(joined(clean)[kept.ravel()]))),
        at_own=at(limits),
        seconds=float(np.mean([answer.seconds for answer in answers])),
    )


def pooled(clusters: Sequence[Cluster]) -> Labels:
    """Put the clusters' pods under each other, on one clock that begins with the judged range."""
    offsets = np.cumsum([0, *(len(cluster.states) for cluster in clusters)])
    states = np.concatenate([cluster.states for cluster in clusters])
    events = tuple(
        Event(event.start, event.end, tuple(int(offset) + pod for pod in event.pods), event.kind)
        for offset, cluster in zip(offsets, clusters, strict=False)
        for event in cluster.events
    )
    times = INTERVAL_SECONDS * np.arange(states.shape[1])
    return Labels((Range(states, times),), events, float(INTERVAL_SECONDS), len(states))


def _answer(world: World, truth: Labelled, path: Path, mode: Mode, model: Path) -> Answer:
    started = time.perf_counter()
    answer = scored(path, mode, model)
    seconds = time.perf_counter() - started
    # The file leaves out what nobody sampled; judged is the whole range.
    scores = np.full((len(world.pods), world.steps - world.judged_from), np.nan)
    scores[:, taken(truth)[world.judged_from :]] = answer["test_0"]
    return Answer(scores, float(answer["threshold"]), seconds)
