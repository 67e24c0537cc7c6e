"""The habits of one monitor's pods together: one sample in, what they expect and allow out.

The trailing hour is asked at every sample. What speaks of minutes and hours (season, siblings) is asked at
most once a minute: that is a matter of cost only, since they are smoothed over a quarter of an hour.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.api.features import Feature
from podvigil.detect.habits.bands import Band, ClockBand
from podvigil.detect.habits.clock import DAY, HOUR
from podvigil.detect.habits.deviation import Habitual
from podvigil.detect.habits.logs import ground, log_level
from podvigil.detect.habits.seasonal import Seasonal
from podvigil.detect.habits.siblings import Siblings
from podvigil.detect.habits.starts import StartBand, is_young
from podvigil.detect.habits.traffic import Traffic
from podvigil.detect.habits.workloads import Workloads
from podvigil.detect.score import residual
from podvigil.window.arrays import Array, Indices, Mask, every_feature

SLOW_STEP_SECONDS: Final = 60.0

DAYS_OF_BAND: Final = 7
LEAST_DAYS_OF_BAND: Final = 3
"""Twice at the same hour may be chance."""

HOURS_OF_BAND: Final = 12
LEAST_HOURS_OF_BAND: Final = 12


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of all pods; S slots, F features."""

    at: float
    """Unix seconds."""
    values: Array
    """(S, F) natural units, NaN = none."""
    center: Array
    """(S, F): what the trailing hour expects; NaN = nothing."""
    scale: Array
    """(S, F): the trailing hour's sigma, floors included."""
    deviation: Array
    """(S, F): asinh sigma off the trailing hour, the cluster's part already out; 0 where unusable."""
    usable: Mask
    absent: Mask
    """(S,): the pod is not there, or gave no sample at all."""
    level: Array
    """(F,): the cluster's level."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What the habits say of one sample."""

    deviation: Array
    """(S, F): what is left of the trailing hour's deviation once traffic and clocks have had their say."""
    usual: Band
    """How far that deviation may go before it counts."""
    explained: Array
    """(S, F): natural units that traffic explains of the value."""
    season: Habitual
    siblings: Habitual
    habitual: Mask
    """(S,): the pod's season is known."""


class HabitsOfPods:
    """All habits, their state by workload and by slot."""

    def __init__(
        self, workloads: Workloads, *, features: tuple[Feature, ...], interval_seconds: float
    ) -> None:
        """Start with nothing known but whose pods there are."""
        width, capacity = len(features), workloads.capacity
        self.workloads = workloads
        self.traffic = Traffic(features)
        self.seasonal = Seasonal(features=width, capacity=capacity)
        self.siblings = Siblings(features=width, capacity=capacity)
        self.days = ClockBand(DAY, turns=DAYS_OF_BAND, least_turns=LEAST_DAYS_OF_BAND, features=width)
        self.hours = ClockBand(HOUR, turns=HOURS_OF_BAND, least_turns=LEAST_HOURS_OF_BAND, features=width)
        self.starts = StartBand(features=width)
        self._interval = interval_seconds
        self._every = max(1, int(SLOW_STEP_SECONDS / interval_seconds))
        self._tick = 0
        self._learnt_at = -np.inf
        nothing = np.full((capacity, width), np.nan)
        self._season = self._siblings = Habitual(nothing, nothing, np.zeros((capacity, width)))
        self._rows = 0

    def observe(self, sample: Sample) -> Habits:
        """Judge one sample by what was learnt before it, then learn from it."""
        self._forget_rows(self.workloads.observe(~sample.absent, sample.at))
        rows, groups = self.workloads.rows, self.workloads.groups
        # A clock that was set back teaches nothing until it has caught up: no hour is learnt twice.
        learning = sample.at > self._learnt_at
        if self._tick % self._every == 0:
            self._look_slowly(sample, learning)
        self._tick += 1

        deviation, explained = self._without_traffic(sample, rows)
        age = sample.at - self.workloads.started
        usual = self.days.read(sample.at).of(rows).wider(self.hours.read(sample.at).of(rows))
        young, start = self.starts.read(rows, age)
        if young.size:
            usual.up[young] = np.maximum(usual.up[young], start.up)
            usual.down[young] = np.maximum(usual.down[young], start.down)
        if learning:
            known = np.where(sample.usable, deviation, np.nan)
            settled = np.where(is_young(age)[:, None], np.nan, known)
            self.days.learn(groups, settled)
            self.hours.learn(groups, settled)
            self.starts.learn(rows, age, known)
            self.traffic.learn(groups, sample.values, sample.center, self._interval)
            self._learnt_at = sample.at
        return Habits(
            deviation=usual.beyond(deviation),
            usual=usual,
            explained=explained,
            season=self._season,
            siblings=self._siblings,
            habitual=~every_feature(np.isnan(self._season.center)),
        )

    def assign(self, slots: Indices, ids: Indices, started: Array, now: float) -> None:
        """Say whose pods these slots are, and when they started (`Workloads.assign`)."""
        self._forget_rows(self.workloads.assign(slots, ids, started, now))

    def release(self, slots: Indices) -> None:
        """Forget these slots; what their workloads are like stays."""
        self.starts.release(slots)
        self.workloads.release(slots)
        self.seasonal.release(slots)
        self.siblings.release(slots)

    def grow(self, capacity: int) -> None:
        """Add empty slots at the end."""
        self.workloads.grow(capacity)
        self.seasonal.grow(capacity)
        self.siblings.grow(capacity)

    def _look_slowly(self, sample: Sample, learning: bool) -> None:
        rows, groups = self.workloads.rows, self.workloads.groups
        elapsed = self._every * self._interval
        base = ground(sample.level)
        levels = log_level(sample.values, base)
        medians, others = groups.medians(levels)
        center, scale = self.seasonal.expect(sample.at, rows, groups, levels, base, sample.scale)
        if not learning:
            return
        values = self._served(sample.values, center, rows)
        self._season = self.seasonal.observe(values, levels, center, scale, groups, medians, elapsed)
        self._siblings = self.siblings.observe(sample.values, levels, others, base, sample.scale, elapsed)

    def _served(self, values: Array, center: Array, rows: Indices) -> Array:
        """The values, CPU without what traffic above its season explains."""
        cpu = self.traffic.cpu
        if cpu is None:
            return values
        excess = values - center
        explained = self.traffic.explained(rows, excess)
        served = values.copy()
        served[:, cpu] -= np.minimum(explained, np.maximum(np.nan_to_num(excess[:, cpu]), 0.0))
        return served

    def _without_traffic(self, sample: Sample, rows: Indices) -> tuple[Array, Array]:
        explained = np.zeros(sample.values.shape)
        cpu = self.traffic.cpu
        if cpu is None:
            return sample.deviation, explained
        explained[:, cpu] = self.traffic.explained(rows, sample.values - sample.center)
        with np.errstate(invalid="ignore"):
            sigma = np.nan_to_num(explained[:, cpu] / sample.scale[:, cpu])
        deviation = sample.deviation.copy()
        excess = np.maximum(deviation[:, cpu], 0.0)
        deviation[:, cpu] = residual(deviation[:, cpu], np.minimum(np.arcsinh(sigma), excess))
        return deviation, explained

    def _forget_rows(self, reused: Indices) -> None:
        """Make room for new rows, and forget those that have another workload now."""
        for habit in (self.seasonal.level, self.days, self.hours, self.starts, self.traffic):
            if self.workloads.size > self._rows:
                habit.grow(self.workloads.size)
            if reused.size:
                habit.forget(reused)
        self._rows = self.workloads.size
