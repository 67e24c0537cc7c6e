"""The detector: one sample of all pods in, one score per pod out, with its reasons.

One object per AnomalyMonitor, used from one thread. It never reads a clock and never waits: a sample is
a row of the coming interval, and a tick that was missed is told with `skip`.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from podvigil.api.features import Feature
from podvigil.detect.cell import Cell
from podvigil.detect.expected import leading, of_hour
from podvigil.detect.habits.habits import Habits, HabitsOfPods, Sample
from podvigil.detect.habits.workloads import Workloads
from podvigil.detect.network_input import NetworkInputs
from podvigil.detect.recurrence import Recurrence
from podvigil.detect.score import evidence, residual, shares, weights_of, with_logit
from podvigil.detect.smoothing import smoothed
from podvigil.detect.terms import Terms, of_all, of_hour_alone, score_of
from podvigil.detect.treatment import Treated, Treatment, readable
from podvigil.window.arrays import Array, Indices, Mask, every_feature, grown
from podvigil.window.gaps import missed_ticks


class Mode(StrEnum):
    """How a pod is judged."""

    LSTM = "LSTM"
    """The statistics, with the network's expectation and its fault logit."""
    STATISTICS = "Statistics"
    """Trailing hour and habits; what runs when no network can be loaded."""
    Z3 = "Z3"
    """Deviation from the pod's own hour minus the cluster's median deviation. A fixed comparison."""
    ADAPTIVE_Z = "AdaptiveZ"
    """Deviation from the pod's own hour alone, all features and directions alike. A fixed comparison."""


ADAPTIVE_SMOOTHING: Final = 0.5
"""`ADAPTIVE_Z` rises and falls alike: it is kept as simple as its name."""


@dataclass(frozen=True, slots=True)
class Scores:
    """One tick's verdict on every slot: S slots, F features in the detector's order, float64."""

    score: Array
    """(S,): ≥ 0 on the asinh scale. NaN = not scored (absent or cold): unknown, never normal."""
    contribution: Array
    """(S, F): share of each feature, rows sum to 1; all 0 where nothing deviates or nothing is known."""
    deviation: Array
    """(S, F): observed minus expected in asinh sigma units, signed; NaN = no sample or no baseline."""
    observed: Array
    """(S, F): natural units; NaN = no sample."""
    expected: Array
    """(S, F): natural units; NaN = no baseline."""
    low: Array
    """(S, F): the lower end of what still is normal (`detect.expected`), not below 0."""
    high: Array
    """(S, F): the upper end."""
    cold: Mask
    """(S,): the pod is there, but there is nothing yet to compare it with."""
    habitual: Mask
    """(S,): the season of its workload is known; scores of the two kinds have different tails."""


@dataclass(frozen=True, slots=True)
class Past:
    """The scores of many samples, (T, S)."""

    score: Array
    """NaN = not scored."""
    habitual: Mask
    """As `Scores.habitual`."""


class Detector:
    """Streaming detection over slots; state a pod: its trailing window and about 2 KB beside it."""

    _treatment: Treatment
    _inputs: NetworkInputs
    _recurrence: Recurrence | None
    _habits: HabitsOfPods | None
    _now: float
    _score: Array
    _by_feature: Array

    def __init__(
        self,
        *,
        mode: Mode,
        features: tuple[Feature, ...],
        interval_seconds: float,
        capacity: int,
        cell: Cell | None = None,
        beta: float = 0.5,
    ) -> None:
        """Start with nothing known.

        Args:
            features: order of the columns of every sample; each of `score.WEIGHTS` at most once.
            cell: required in mode LSTM, ignored in the others.
            beta: sigma added per unit of positive fault logit.

        Raises:
            ValueError: no or an unknown feature, an interval or capacity that is not positive,
                mode LSTM without a cell or with one of another shape.
        """
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1 slot, not {capacity}")
        if mode is Mode.LSTM and cell is None:
            raise ValueError("mode LSTM needs a network; use Statistics when none can be loaded")
        self.mode = mode
        self.features = features
        self.interval_seconds = interval_seconds
        self._cell = cell if mode is Mode.LSTM else None
        self._beta = beta
        self._weights = np.ones(len(features)) if mode is Mode.ADAPTIVE_Z else weights_of(features)
        self._habits = None
        self._start(capacity)

    @property
    def capacity(self) -> int:
        """Slots."""
        return self._treatment.capacity

    def observe(self, values: Array, present: Mask, at: float | None = None) -> Scores:
        """Score the next sample of all pods.

        Args:
            values: (S, F) natural units; NaN = no sample of that feature.
            present: (S,): the pod exists now.
            at: Unix seconds; None: one interval after the last sample. Only habits ask for the time.

        Raises:
            ValueError: another shape than (capacity, features).
        """
        wanted = (self.capacity, len(self.features))
        if np.shape(values) != wanted or np.shape(present) != wanted[:1]:
            raise ValueError(
                f"a sample is {wanted} values and {wanted[:1]} flags, "
                f"not {np.shape(values)} and {np.shape(present)}"
            )
        treated = self._treatment.observe(values, present)
        expected, logit = self._expect(treated)
        deviation = np.where(treated.usable, residual(treated.deviation, expected), 0.0)
        self._now = self._now + self.interval_seconds if at is None else at
        habits = self._ask_habits(treated, deviation)
        if habits is not None:
            deviation = habits.deviation
        against = self._against(deviation)
        self._score = self._smooth(self._score, against.max(axis=1))
        self._by_feature = self._smooth(self._by_feature, against)
        if habits is None:
            score, terms = self._score, of_hour_alone(self._by_feature)
        else:
            terms = of_all(self._by_feature, habits.season, habits.siblings, self.features)
            score = score_of(self._score, terms)
        if logit is not None:
            score = with_logit(score, logit, self._beta)
        return self._report(treated, expected, deviation, score, terms, habits)

    def skip(self, ticks: int) -> None:
        """Let samples pass that nobody took (`window.gaps.missed_ticks`)."""
        self._treatment.skip(ticks)
        self._now += ticks * self.interval_seconds

    def assign(self, slots: Indices, names: Sequence[Hashable | None], started: Array) -> None:
        """Say whose pods these slots are: what is habitual is the workload's, and outlives the pod.

        Args:
            names: for each slot what stays its workload's own, such as a uid; None = not known.
            started: Unix seconds of each pod's start; NaN = not known.
        """
        if self._habits is not None:
            self._habits.assign(slots, names, started)

    @property
    def has_habits(self) -> bool:
        """Whether this mode knows habits."""
        return self._habits is not None

    def teach(
        self,
        values: Array,
        names: Sequence[Hashable | None],
        times: Array,
        slots: Indices | None = None,
    ) -> None:
        """Fill the season in from a past that nobody watched; what was lived through stays as it is.

        Args:
            values: (T, K, F) natural units, NaN = no sample: K pods, running or gone.
            names: of each pod's workload, as for `assign`; None = not known.
            times: (T,) Unix seconds, rising, at equal distances.
            slots: (K,) of the pods that run now, -1 = gone; None = all are gone.
        """
        if self._habits is not None:
            present = np.ones(np.shape(values)[:2], bool)
            gone = np.full(len(names), -1, np.intp)
            level = self._treatment.reference.level
            self._habits.teach(
                readable(values, present), names, times, level, gone if slots is None else slots
            )

    def release(self, slots: Indices) -> None:
        """Forget these slots: the pod is gone for good, or another takes its place."""
        self._treatment.release(slots)
        self._score[slots] = 0.0
        self._by_feature[slots] = 0.0
        if self._recurrence is not None:
            self._inputs.release(slots)
            self._recurrence.release(slots)
        if self._habits is not None:
            self._habits.release(slots)

    def adopt(self, slots: Indices, from_slots: Indices) -> None:
        """Judge new pods by what a replica of the same workload is like, until they have an hour."""
        self._treatment.adopt(slots, from_slots)

    def warm_start(self, history: Array, present: Mask, times: Array | None = None) -> Past:
        """Begin anew from a history: learn the long references from all of it, then run over it.

        Whose pods the slots are (`assign`) stays.

        Args:
            history: (T, S, F) samples at this interval, oldest first, the last one interval ago.
            present: (T, S).
            times: (T,) Unix seconds, rising; None: one interval apart.

        Returns:
            The scores of the history: what the threshold is estimated from.
        """
        self._start(self.capacity)
        self._treatment.fit(history, present)
        return self.run(history, present, times)

    def run(self, samples: Array, present: Mask, times: Array | None = None) -> Past:
        """Observe samples one after the other, shapes as for `warm_start`."""
        scores, habitual = np.full(np.shape(present), np.nan), np.zeros(np.shape(present), bool)
        for tick, (values, there) in enumerate(zip(samples, present, strict=True)):
            at = None if times is None else float(times[tick])
            if at is not None:
                self.skip(missed_ticks(self._now or None, at, self.interval_seconds))
            found = self.observe(values, there, at)
            scores[tick], habitual[tick] = found.score, found.habitual
        return Past(scores, habitual)

    def grow(self, capacity: int) -> None:
        """Add empty slots at the end. Raises ValueError when that would drop slots."""
        if capacity < self.capacity:
            raise ValueError(f"a detector of {self.capacity} slots cannot shrink to {capacity}")
        self._treatment.grow(capacity)
        self._score = grown(self._score, capacity, 0.0)
        self._by_feature = grown(self._by_feature, capacity, 0.0)
        if self._recurrence is not None:
            self._inputs.grow(capacity)
            self._recurrence.grow(capacity)
        if self._habits is not None:
            self._habits.grow(capacity)

    def _start(self, capacity: int) -> None:
        width, interval = len(self.features), self.interval_seconds
        self._treatment = Treatment(features=self.features, interval_seconds=interval, capacity=capacity)
        self._score = np.zeros(capacity)
        self._by_feature = np.zeros((capacity, width))
        self._now = 0.0
        if self.mode in (Mode.LSTM, Mode.STATISTICS):
            known = self._habits.workloads if self._habits is not None else Workloads(capacity=capacity)
            self._habits = HabitsOfPods(known, features=self.features, interval_seconds=interval)
        self._recurrence = None
        if self._cell is not None:
            self._inputs = NetworkInputs(features=self.features, interval_seconds=interval, capacity=capacity)
            self._recurrence = Recurrence(self._cell, interval_seconds=interval, capacity=capacity)

    def _expect(self, treated: Treated) -> tuple[Array, Array | None]:
        """The expected deviation, (S, F) or (F,), and the fault logit, (S,), where there is a network."""
        if self._recurrence is not None:
            given = self._inputs.observe(treated, self._treatment.reference.level)
            out = self._recurrence.step(given)
            return out.expected_u[:, self._inputs.columns].astype(np.float64), out.logit.astype(np.float64)
        if self.mode is Mode.ADAPTIVE_Z:
            return np.zeros(len(self.features)), None
        return treated.context, None

    def _ask_habits(self, treated: Treated, deviation: Array) -> Habits | None:
        if self._habits is None:
            return None
        return self._habits.observe(
            Sample(
                at=self._now,
                values=treated.values,
                center=treated.center,
                scale=treated.scale,
                deviation=deviation,
                usable=treated.usable,
                absent=treated.absent,
                cold=treated.cold,
                level=self._treatment.reference.level,
            )
        )

    def _against(self, deviation: Array) -> Array:
        if self.mode is Mode.ADAPTIVE_Z:
            return np.abs(deviation)
        return evidence(deviation, self._weights)

    def _smooth(self, state: Array, value: Array) -> Array:
        if self.mode is Mode.ADAPTIVE_Z:
            return smoothed(state, value, rise=ADAPTIVE_SMOOTHING, fall=ADAPTIVE_SMOOTHING)
        return smoothed(state, value)

    def _report(
        self,
        treated: Treated,
        expected: Array,
        deviation: Array,
        score: Array,
        terms: Terms,
        habits: Habits | None,
    ) -> Scores:
        known = ~every_feature(~treated.usable)
        center = treated.center + treated.scale * np.sinh(expected)
        view = of_hour(center, treated.scale, deviation, habits)
        if habits is not None:
            view = leading(view, habits, terms)
        return Scores(
            score=np.where(known, score, np.nan),
            contribution=np.where(known[:, None], shares(terms.by_feature), 0.0),
            deviation=np.where(treated.usable, view.deviation, np.nan),
            observed=treated.values,
            expected=np.maximum(view.center, 0.0),
            low=np.maximum(view.low, 0.0),
            high=np.maximum(view.high, 0.0),
            cold=~known & ~treated.absent,
            habitual=known & habits.habitual if habits is not None else np.zeros(len(known), bool),
        )
