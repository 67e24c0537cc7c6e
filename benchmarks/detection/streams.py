"""A cluster as a stream: its history, what came after it with labels, and what the detector made of it.

What is watched here is judged as a person would: an alarm is a score above the threshold *of its moment*. So every
judgement is of margins, score minus threshold, at the level 0.
"""

import copy
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from days.draw import draw
from days.files import arrays
from days.labels import labelled
from detection.scorer import by_time, present
from detection.sets import Floats, LabelledSet

from podvigil.api.features import MODEL_FEATURES
from podvigil.detect.detector import Detector, Mode, Past
from podvigil.detect.store import Model
from podvigil.detect.threshold import LEAST, Tail, TailRule, Thresholds, tail_threshold
from podvigil.evaluate.alarms import Operation, watch
from podvigil.evaluate.figures import finite
from podvigil.evaluate.files import read_labels
from podvigil.evaluate.labels import IGNORED, Labels
from podvigil.evaluate.npz import write_npz

BUDGETS: Final = (0.1, 1.0, 5.0)
"""False alarms per pod-day that are asked for: the operator's default, the promise's, and a restless person's."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Stream:
    """One cluster."""

    name: str
    history: Floats
    """(pods, time, features)"""
    judged: Floats
    """(pods, time, features), following the history."""
    labels: Labels
    """Of `judged`, its ranges one after the other."""
    interval_seconds: float
    workload: npt.NDArray[np.intp] | None = None
    history_times: Floats | None = None
    judged_times: Floats | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """The thresholds of a stream."""

    tails: tuple[Tail | None, Tail | None]
    """At the end of the history, by the hour alone and with a season: what a fixed threshold is drawn from."""
    blocks_per_day: float
    online: Mapping[float, Floats]
    """By budget, (pods, time): score minus the threshold estimated on the way, as in the operator; NaN: none."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What the detector made of a stream, (pods, time) of the judged part."""

    labels: Labels
    interval_seconds: float
    past: Past
    """Of the history, (time, pods)."""
    scores: Floats
    """NaN = not scored."""
    habitual: Flags
    estimate: Estimate

    def fixed(self, budget: float, rule: TailRule) -> Floats | None:
        """Margins over the threshold of the end of the history; None: the history is too short for one."""
        hour, season = (
            tail_threshold(tail, budget, blocks_per_day=self.estimate.blocks_per_day, rule=rule)
            if tail
            else None
            for tail in self.estimate.tails
        )
        known = [one for one in (hour, season) if one is not None]
        if not known:
            return None
        return self.scores - np.where(self.habitual, known[-1], known[0])

    def at_floor(self, budget: float, rule: TailRule) -> bool:
        """Whether less was asked of every threshold than `LEAST`: then fewer alarms than asked are no error."""
        found = [
            tail_threshold(tail, budget, blocks_per_day=self.estimate.blocks_per_day, rule=rule)
            for tail in self.estimate.tails
            if tail
        ]
        return bool(found) and max(found) <= LEAST


def operation(labels: Labels, margins: Floats) -> Operation:
    """What a person would notice where margins, (pods, time), reach 0."""
    ends = np.cumsum([stretch.states.shape[1] for stretch in labels.ranges])[:-1]
    return watch(labels, finite(np.split(margins, ends, axis=1))).at(0.0)


def pod_days(labels: Labels) -> float:
    """Of normal samples."""
    empty = [np.zeros(stretch.states.shape) for stretch in labels.ranges]
    return watch(labels, empty).normal_pod_days


def of_set(labelled_set: LabelledSet) -> Stream:
    """A labelled set; its judged ranges follow each other."""
    return Stream(
        labelled_set.name,
        np.concatenate(labelled_set.train, axis=1),
        np.concatenate(labelled_set.test, axis=1),
        labelled_set.labels,
        labelled_set.interval_seconds,
    )


def of_days(seed: int, number: int) -> Stream:
    """A generated cluster of `benchmarks/days`: six days of history, two judged."""
    world = draw(seed, number)
    made = arrays(world, labelled(world))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "days.npz"
        write_npz(path, made)
        labels = read_labels(path)
    return Stream(
        f"days {seed}.{number}",
        made["train_0"],
        made["test_0"],
        labels,
        float(made["interval_s"]),
        made["workload"].astype(np.intp),
        made["ts_train_0"].astype(np.float64),
        made["ts_test_0"].astype(np.float64),
    )


@dataclass(frozen=True, slots=True)
class Warm:
    """A detector that has seen a history."""

    detector: Detector
    past: Past
    model: Model


def warm(stream: Stream, mode: Mode, model: Model) -> Warm:
    """Run the detector over the history, as the operator does."""
    pods, _, width = stream.history.shape
    detector = Detector(
        mode=mode,
        features=MODEL_FEATURES[:width],
        interval_seconds=stream.interval_seconds,
        capacity=pods,
        cell=model.cell,
        beta=model.beta,
    )
    if stream.workload is not None:
        names = [None if number < 0 else number for number in stream.workload.tolist()]
        detector.assign(np.arange(pods), names, np.full(pods, np.nan))
    there = present(stream.history, None, stream.interval_seconds)
    past = detector.warm_start(by_time(stream.history), there, stream.history_times)
    return Warm(detector, past, model)


def watched(stream: Stream, after: Warm) -> Watched:
    """Go on with the judged part; `after` stays as it is, so that it can go on with another."""
    # The network holds no state, and its interpreter cannot be copied: all copies share it.
    shared = {id(after.model.cell): after.model.cell}
    detector = copy.deepcopy(after.detector, shared)
    there = present(stream.judged, stream.history, stream.interval_seconds)
    found = detector.run(by_time(stream.judged), there, stream.judged_times)
    return Watched(
        labels=stream.labels,
        interval_seconds=stream.interval_seconds,
        past=after.past,
        scores=found.score.T.astype(np.float64),
        habitual=found.habitual.T,
        estimate=estimate(after.past, found, stream.interval_seconds),
    )


def estimate(past: Past, judged: Past, interval_seconds: float) -> Estimate:
    """Estimate the thresholds of a history, and those of each moment after it."""
    thresholds = Thresholds(interval_seconds=interval_seconds, capacity=past.score.shape[1])
    thresholds.push_history(past.score, past.habitual)
    tails = thresholds.tails
    online = {budget: np.full(judged.score.shape, np.nan) for budget in BUDGETS}
    for tick, (scores, habitual) in enumerate(zip(judged.score, judged.habitual, strict=True)):
        thresholds.push(scores, habitual)
        for budget, margins in online.items():
            if (limits := thresholds.of(habitual, budget)) is not None:
                margins[tick] = scores - limits
    return Estimate(
        tails, thresholds.blocks_per_day, {budget: margins.T for budget, margins in online.items()}
    )


def estimated_again(found: Watched) -> Watched:
    """The same scores with thresholds as they are estimated now: with other constants than before, maybe."""
    judged = Past(found.scores.T, found.habitual.T)
    return replace(found, estimate=estimate(found.past, judged, found.interval_seconds))


def judged_from(watched_stream: Watched, tick: int) -> Watched:
    """The same, with nothing judged before `tick` of the judged part."""
    ranges, begin = [], 0
    for stretch in watched_stream.labels.ranges:
        states = stretch.states.copy()
        states[:, : max(0, tick - begin)] = IGNORED
        ranges.append(replace(stretch, states=states))
        begin += states.shape[1]
    return replace(watched_stream, labels=replace(watched_stream.labels, ranges=tuple(ranges)))
