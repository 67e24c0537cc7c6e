"""When a vital that grows reaches its limit: a line through each rung of the ladder, and the best of them asked.

    each rung   a Theil-Sen line through 16 points; silent unless it rises beyond doubt and still does
    choose      the rung that promises the narrowest interval: short for a leak that began just now
    look ahead  along the line, bent as the second half of the points bends against the first
    interval    80 %: quantiles of true / estimated time over generated leaks, by how doubtful the line is

Sources: Theil-Sen slope and Kendall's tau (Sen, JASA 1968); growth of the doubt with the horizon as of a random
walk with drift (Hyndman and Athanasopoulos, Forecasting, 5.5); quantile regression (Koenker and Bassett, 1978).
Its coefficients come from `benchmarks/forecast/fit.py`, its figures from `make bench-forecast`.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from podvigil.api.features import Feature
from podvigil.detect.growth import POINTS, RUNGS, GrowthLadder
from podvigil.window.arrays import Array, Indices, Mask
from podvigil.window.order import median

HORIZON: Final = timedelta(days=7)
"""Nobody is told of a limit that is further away: releases come sooner."""

REACH: Final = 8.0
"""A line is followed eight times as far ahead as it was seen; an hour of growth says nothing of next week."""

LEAST_POINTS: Final = 10
"""Of a rung's 16; so a new pod is silent for its first ten minutes."""

SURE_RISE: Final = 4.0
"""The rise must be four times what a random walk with these increments would do by chance."""

LEAST_TAU: Final = 0.6
"""Kendall's tau; four of five pairs of points must be in order. By chance: once in a thousand."""

LEAST_RISE: Final = 0.05
"""The rise seen, as a share of the limit: below it is not worth a word."""

LEVELLING: Final = 0.5
"""Growth that lost half its slope from the first half of the points to the second fills a cache; it does not leak."""

MADS_OFF: Final = 4.0
RISE_OFF: Final = 0.6
"""The newest samples may lie off the line by 4 MADs and 0.6 of the rise; further off, the line is of the past."""

MADS_HIGHER: Final = 3.0
RISE_HIGHER: Final = 0.1
"""A pod that stood higher than now before, by this much, and came down by itself, will do so again."""

BEND_LIMIT: Final = 1.5
DOUBT_LIMIT: Final = 1.5
"""What the coefficients below were fitted on; beyond it they are not asked."""

COEFFICIENTS: Final = np.array(
    [  # 1, doubt, reach, bend upwards, bend downwards
        [0.029, -2.458, -0.102, 0.345, 0.479],
        [0.022, -0.114, -0.029, 0.104, 0.345],
        [0.087, 1.248, -0.053, 0.500, 1.379],
    ]
)
"""ln(true / extrapolated time), quantiles .1, .5, .9 (rows), linear in `Extrapolation.design`."""

BLOCK: Final = 256
"""Slots asked together: 120 pairs of points × 8 rungs × 256 floats are 2 MB."""

_FIRST, _SECOND = np.triu_indices(POINTS, 1)
_HALF: Final = POINTS // 2
_SPAN: Final = POINTS - 1


@dataclass(frozen=True, slots=True)
class LimitForecast:
    """When one vital of a pod reaches its limit, counted from the newest sample."""

    feature: Feature
    limit: float
    """In the feature's natural unit."""
    estimate: timedelta
    """As likely earlier as later."""
    earliest: timedelta
    latest: timedelta
    """One in ten reaches it before `earliest`, one in ten after `latest`."""


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """The best line of every slot, arrays (slots,)."""

    samples: Array
    """Until the limit along the bent line; NaN = silent."""
    doubt: Array
    """Standard deviation of a random walk at the limit, as a share of the way there."""
    reach: Array
    """ln(1 + way ahead / span seen)."""
    bend: Array
    """Change of the slope from the first to the second half of the points, as a share of the slope."""

    @property
    def design(self) -> Array:
        """What the interval depends on, (slots, 5), in the order of `COEFFICIENTS`."""
        up, down = np.maximum(self.bend, 0.0), np.maximum(-self.bend, 0.0)
        return np.stack([np.ones_like(up), self.doubt, self.reach, up, down], axis=1)


@dataclass(frozen=True, slots=True)
class _Line:
    """One rung's line, arrays (slots,), per stretch of that rung."""

    slope: Array
    level: Array
    """Where the line is now."""
    off: Array
    """MAD of the points around it, scaled to a standard deviation."""
    step: Array
    """Standard deviation of a random walk's step: from differences over four stretches, so that noise that does
    not add up counts a quarter."""
    tau: Array
    bend: Array
    held: npt.NDArray[np.intp]


def forecast(
    ladder: GrowthLadder, slots: Indices, limits: Array, *, feature: Feature, interval_seconds: float
) -> list[LimitForecast | None]:
    """Say for each of `slots` when it reaches its limit; None where nothing sound can be said.

    Args:
        limits: (slots,) in natural units; NaN, 0 or more than a ladder can hold = none.
    """
    found: list[LimitForecast | None] = []
    for start in range(0, len(slots), BLOCK):
        block, wanted = slots[start : start + BLOCK], np.asarray(limits[start : start + BLOCK], np.float64)
        seconds = interval(extrapolate(ladder, block, wanted)) * interval_seconds
        seconds[~(seconds[:, 1] <= HORIZON.total_seconds())] = np.nan
        for limit, (earliest, estimate, latest) in zip(wanted.tolist(), seconds.tolist(), strict=True):
            found.append(
                LimitForecast(
                    feature,
                    limit,
                    estimate=timedelta(seconds=estimate),
                    earliest=timedelta(seconds=earliest),
                    latest=timedelta(seconds=latest),
                )
                if np.isfinite(estimate)
                else None
            )
    return found


def interval(found: Extrapolation) -> Array:
    """Samples until the limit, shape (slots, 3): earliest, estimate, latest; ascending. NaN = silent."""
    ratio = np.sort(found.design @ COEFFICIENTS.T, axis=1)
    within: Array = found.samples[:, None] * np.exp(ratio)
    return within


def extrapolate(ladder: GrowthLadder, slots: Indices, limits: Array) -> Extrapolation:
    """Follow the best rung's line to the limit."""
    limits = np.where((limits > 0) & (limits <= ladder.largest), limits, np.nan)
    rungs = [ladder.points(rung, slots) for rung in range(RUNGS)]
    highest = np.fmax.reduce([np.fmax.reduce(values, axis=1) for values, _ in rungs])
    now = np.fmax.reduce(rungs[0][0][:, -3:], axis=1)
    none = np.full(len(slots), np.nan)
    best = Extrapolation(none, none.copy(), none.copy(), none.copy())
    promise = np.full(len(slots), np.inf)
    for rung, (values, ages) in enumerate(rungs):
        line = _line(values, ages)
        stretches, doubt = _ahead(line, limits)
        sound = _rises(line, limits, now=now, highest=highest) & (stretches <= REACH * _SPAN)
        reach = np.log1p(stretches / _SPAN)
        narrow = np.where(sound, doubt + 0.1 * reach, np.inf)
        better = narrow < promise
        promise[better] = narrow[better]
        samples = stretches * (ladder.stretch << rung)
        for kept, new in (
            (best.samples, samples),
            (best.doubt, np.minimum(doubt, DOUBT_LIMIT)),
            (best.reach, reach),
            (best.bend, np.clip(line.bend, -BEND_LIMIT, BEND_LIMIT)),
        ):
            kept[better] = new[better]
    return best


def _line(values: Array, ages: Array) -> _Line:
    length = float(ages[0] - ages[1])
    at = -ages / length
    pairs = (values[:, _SECOND] - values[:, _FIRST]) / (at[_SECOND] - at[_FIRST])
    slope = median(pairs)
    known = np.maximum(np.isfinite(pairs).sum(axis=1), 1)
    tau = np.nansum(np.sign(pairs), axis=1) / known
    # A pair lies in one half when its later point is in the first, or its earlier one in the second.
    early, late = median(pairs[:, _SECOND < _HALF]), median(pairs[:, _FIRST >= _HALF])
    level = median(values - slope[:, None] * at)
    off = values - level[:, None] - slope[:, None] * at
    apart = off[:, 4:] - off[:, :-4]
    held = np.isfinite(values).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.sqrt(np.nansum(apart**2, axis=1) / np.isfinite(apart).sum(axis=1) / 4)
        bend = (late - early) / slope
    return _Line(slope, level, 1.48 * median(np.abs(off)), step, tau, bend, held)


def _rises(line: _Line, limits: Array, *, now: Array, highest: Array) -> Mask:
    """Where the line rises beyond doubt, is still true, and leads to new heights. NaN compares as no."""
    rise = line.slope * _SPAN
    grown = line.slope * np.sqrt(np.maximum(line.held - 1, 1)) >= SURE_RISE * line.step
    near = np.abs(now - line.level) <= MADS_OFF * line.off + RISE_OFF * rise
    new = highest <= line.level + MADS_HIGHER * line.off + RISE_HIGHER * rise
    sound: Mask = (
        (line.held >= LEAST_POINTS)
        & (rise >= LEAST_RISE * limits)
        & (line.tau >= LEAST_TAU)
        & (line.bend >= -LEVELLING)
        & grown
        & near
        & new
    )
    return sound


def _ahead(line: _Line, limits: Array) -> tuple[Array, Array]:
    """Stretches until the limit, at least half a one, and the doubt about them; NaN where the line falls."""
    slope = np.where(line.slope > 0, line.slope, np.nan)
    way = np.maximum(limits - line.level, 0.0)
    # The halves' slopes are eight stretches apart; the part of their difference that chance explains is left out.
    change, by_chance = line.bend * slope / _HALF, line.step * np.sqrt(2 / (_HALF - 1)) / _HALF
    with np.errstate(divide="ignore", invalid="ignore"):
        bent = np.maximum(np.nan_to_num(change - by_chance**2 / change, posinf=0.0, neginf=0.0), 0.0)
        bent = np.where(change > 0, bent, 0.0)
    at_the_end = slope + bent * _SPAN / 2
    stretches = np.maximum(2 * way / (at_the_end + np.sqrt(at_the_end**2 + 2 * bent * way)), 0.5)
    walk = line.step * np.sqrt(stretches * (1 + stretches / np.maximum(line.held - 1, 1)))
    return stretches, walk / (slope * stretches)
