"""The habits of one monitor's pods together: one sample in, what they expect and allow out.

The trailing hour is asked at every sample. What speaks of minutes and hours (season, siblings) is asked at
most once a minute: that is a matter of cost only, since they are smoothed over minutes.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from podvigil.api.features import Feature
from podvigil.detect.habits.bands import Band, ClockBand
from podvigil.detect.habits.clock import DAY, HOUR
from podvigil.detect.habits.deviation import Expected, Habitual, Smoothed, judged
from podvigil.detect.habits.groups import Groups
from podvigil.detect.habits.load import Columns
from podvigil.detect.habits.logs import ground, log_level
from podvigil.detect.habits.seasonal import Seasonal, replicas_of
from podvigil.detect.habits.siblings import Siblings
from podvigil.detect.habits.standstill import Standstill
from podvigil.detect.habits.starts import StartBand, is_young
from podvigil.detect.habits.traffic import Traffic
from podvigil.detect.habits.workloads import Workloads
from podvigil.window.arrays import Array, Indices, Mask, every_feature, grown, zeroed

SLOW_STEP_SECONDS: Final = 60.0
MANY_PODS: Final = 20_000
SLOW_STEP_OF_MANY: Final = 120.0
"""Above so many pods once in two minutes: an eighth of the smoothing time, at half of the cost."""

DAYS_OF_BAND: Final = 7
LEAST_DAYS_OF_BAND: Final = 3
"""Twice at the same hour may be chance."""

HOURS_OF_BAND: Final = 12
LEAST_HOURS_OF_BAND: Final = 12

HELD_LOOKS: Final = 2
"""Slow looks in a row that a verdict outlives without a sample: a lost scrape is no end of a fault."""

BEHIND_SECONDS: Final = 3600.0
"""So long samples must come from before the newest before they are believed: then that one was wrong, and not they."""


class ByRow(Protocol):
    """State by workload."""

    def grow(self, rows: int) -> None:
        """Add rows of which nothing is known."""

    def forget(self, rows: Indices) -> None:
        """Drop what is known of these rows."""


class BySlot(Protocol):
    """State by pod."""

    def grow(self, capacity: int) -> None:
        """Add slots of which nothing is known."""

    def release(self, slots: Indices) -> None:
        """Drop what is known of these slots."""


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
    cold: Mask
    """(S,): it has no trailing hour of its own yet."""
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
    """Where it is not known, the hour in its place for what stands still."""
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
        columns = Columns.of(features)
        self.workloads = workloads
        self.traffic = Traffic(columns)
        self.seasonal = Seasonal(columns, features=width, capacity=capacity)
        self.siblings = Siblings(columns, features=width, capacity=capacity)
        self.days = ClockBand(DAY, turns=DAYS_OF_BAND, least_turns=LEAST_DAYS_OF_BAND, features=width)
        self.seasons = ClockBand(DAY, turns=DAYS_OF_BAND, least_turns=LEAST_DAYS_OF_BAND, features=width)
        self.besides = ClockBand(DAY, turns=DAYS_OF_BAND, least_turns=LEAST_DAYS_OF_BAND, features=width)
        self.hours = ClockBand(HOUR, turns=HOURS_OF_BAND, least_turns=LEAST_HOURS_OF_BAND, features=width)
        self.starts = StartBand(features=width)
        self.standstill = Standstill(
            columns, features=width, capacity=capacity, interval_seconds=interval_seconds
        )
        self._memory = columns.memory
        self._by_row: tuple[ByRow, ...] = (
            self.seasonal.level,
            self.days,
            self.seasons,
            self.besides,
            self.hours,
            self.starts,
            self.traffic,
        )
        self._smooth = [Smoothed(features=width, capacity=capacity) for _ in range(2)]
        self._by_slot: tuple[BySlot, ...] = (
            workloads,
            self.seasonal,
            self.siblings,
            self.standstill,
            *self._smooth,
        )
        self._interval = interval_seconds
        step = SLOW_STEP_SECONDS if capacity <= MANY_PODS else SLOW_STEP_OF_MANY
        self._every = max(1, int(step / interval_seconds))
        self._tick = 0
        self._learnt_at = -np.inf
        self._behind = 0
        """Samples in a row from before the newest."""
        nothing = np.full((capacity, width), np.nan)
        self._season = self._beside = Habitual(nothing, nothing, np.zeros((capacity, width)))
        self._missed = np.zeros((capacity, width), np.uint8)
        """Slow looks in a row without a sample, at most `HELD_LOOKS` + 1."""
        self._rows = 0

    def observe(self, sample: Sample) -> Habits:
        """Judge one sample by what was learnt before it, then learn from it."""
        self._forget_rows(self.workloads.observe(~sample.absent, sample.at))
        rows, groups = self.workloads.rows, self.workloads.groups
        learning = self._is_news(sample.at)
        age = sample.at - self.workloads.started
        if self._tick % self._every == 0:
            self._look_slowly(sample, age, learning=learning)
        self._tick += 1

        explained = self.traffic.explained(rows, sample.values, sample.center)
        sigma = np.sinh(sample.deviation)
        with np.errstate(invalid="ignore"):
            sigma -= np.minimum(zeroed(explained / sample.scale), np.maximum(sigma, 0.0))
        usual = self.days.read(sample.at).of(rows).wider(self.hours.read(sample.at).of(rows))
        young, start = self.starts.read(rows, age)
        if young.size:
            usual.up[young] = np.maximum(usual.up[young], start.up)
            usual.down[young] = np.maximum(usual.down[young], start.down)
        if learning:
            known = np.where(sample.usable, sigma, np.nan)
            settled = np.where(is_young(age)[:, None], np.nan, known)
            self.days.learn(groups, settled)
            self.hours.learn(groups, settled)
            self.starts.learn(rows, age, known)
            self.traffic.learn(groups, sample.values, sample.center, self._interval)
            self._learnt_at = sample.at
        habitual = ~every_feature(np.isnan(self._season.center))
        return Habits(
            deviation=np.arcsinh(usual.beyond(sigma)),
            usual=usual,
            explained=explained,
            season=self._season_or_hour(sample, habitual),
            siblings=self._beside,
            habitual=habitual,
        )

    def assign(self, slots: Indices, names: Sequence[Hashable | None], started: Array) -> None:
        """Say whose pods these slots are, and when they started (`Workloads.assign`)."""
        self._forget_rows(self.workloads.assign(slots, names, started))

    def teach(
        self, values: Array, names: Sequence[Hashable | None], times: Array, level: Array, slots: Indices
    ) -> None:
        """Fill the season and the pods' offsets in from a past, (T, K, F), of pods of these workloads.

        Args:
            times: (T,) Unix seconds, rising evenly. slots: (K,), where those pods are now, -1 = gone.
        """
        groups = Groups.of(self.workloads.rows_of(names))
        if groups.rows.size:
            levels = log_level(values, ground(level))
            found = [groups.medians(now) for now in levels]
            self.seasonal.teach(groups, levels, np.array([medians for medians, _ in found]), times, slots)
            self.siblings.teach(levels, np.array([others for _, others in found]), times, slots)

    def release(self, slots: Indices) -> None:
        """Forget these slots; what their workloads are like stays."""
        self.starts.release(slots)
        for habit in self._by_slot:
            habit.release(slots)
        for verdict in (self._season, self._beside):
            verdict.forget(slots)
        self._missed[slots] = 0

    def grow(self, capacity: int) -> None:
        """Add empty slots at the end."""
        for habit in self._by_slot:
            habit.grow(capacity)
        self._season, self._beside = self._season.grown(capacity), self._beside.grown(capacity)
        self._missed = grown(self._missed, capacity, 0)

    def _is_news(self, at: float) -> bool:
        """Whether a sample may teach. A clock that was set back teaches nothing at first: no hour is learnt twice."""
        if at > self._learnt_at:
            self._behind = 0
            return True
        self._behind += 1
        if self._behind * self._interval > BEHIND_SECONDS:
            self._learnt_at = at
        return False

    def _look_slowly(self, sample: Sample, age: Array, *, learning: bool) -> None:
        rows, groups = self.workloads.rows, self.workloads.groups
        elapsed = self._every * self._interval
        base = ground(sample.level)
        levels = log_level(sample.values, base)
        grown_up = np.where(is_young(age)[:, None], np.nan, levels)
        medians, others = groups.medians(grown_up)
        replicas = replicas_of(groups, (~sample.absent).astype(np.float64)[:, None])
        missing = np.isnan(sample.values)
        self._missed = np.where(missing, np.minimum(self._missed + 1, HELD_LOOKS + 1), 0).astype(np.uint8)
        held = missing & (self._missed <= HELD_LOOKS)

        season = self.seasonal.expect(sample.at, rows)
        served, explained = self._served(sample.values, season, base)
        up, down = self.seasonal.slack(log_level(served, base) - season.level, rows, groups, replicas)
        found = judged(served, season, up, down, base, sample.scale)
        smooth = self._smooth[0].push(found.deviation, elapsed, held)
        left = self._unusual(self.seasons, sample.at, found, smooth, learning=learning)
        self._season = Habitual(found.center + explained, found.scale, left).or_else(self._season, held)
        if learning:
            self.seasonal.learn(groups, levels, medians, replicas, elapsed)

        beside = self.siblings.expect(others)
        served, explained = self._served(sample.values, beside, base)
        up, down = self.siblings.slack(log_level(served, base) - beside.level)
        found = judged(served, beside, up, down, base, sample.scale)
        smooth = self._smooth[1].push(found.deviation, elapsed, held)
        left = self._unusual(self.besides, sample.at, found, smooth, learning=learning)
        self._beside = Habitual(found.center + explained, found.scale, left).or_else(self._beside, held)
        if learning:
            self.siblings.learn(grown_up, others, elapsed)

    def _season_or_hour(self, sample: Sample, habitual: Mask) -> Habitual:
        """The season's verdict; of pods without one, what stands still against their hour."""
        watched = ~(habitual | sample.absent | sample.cold)
        still = self.standstill.judge(
            sample.values, sample.center, sample.scale, ground(sample.level), watched
        )
        if still is None:
            return self._season
        stands = np.isfinite(still.center)
        return Habitual(
            np.where(stands, still.center, self._season.center),
            np.where(stands, still.scale, self._season.scale),
            np.where(stands, still.deviation, self._season.deviation),
        )

    def _unusual(
        self, band: ClockBand, moment: float, found: Habitual, smooth: Array, *, learning: bool
    ) -> Array:
        """What is left of a smoothed deviation beside what it is at this time of every day; the band learns."""
        sigma = np.where(np.isnan(found.center), np.nan, np.sinh(smooth))
        usual = band.read(moment).of(self.workloads.rows)
        if learning:
            band.learn(self.workloads.groups, sigma)
        left: Array = np.arcsinh(zeroed(usual.beyond(sigma)))
        return left

    def _served(self, values: Array, expected: Expected, base: Array) -> tuple[Array, Array]:
        """The values without what traffic above its habit explains, and that part."""
        explained = self.traffic.explained(self.workloads.rows, values, np.exp(expected.level) - base)
        return values - explained, explained

    def _forget_rows(self, reused: Indices) -> None:
        """Make room for new rows, and forget those that have another workload now."""
        for habit in self._by_row:
            if self.workloads.size > self._rows:
                habit.grow(self.workloads.size)
            if reused.size:
                habit.forget(reused)
        self._rows = self.workloads.size
