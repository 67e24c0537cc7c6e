"""Asks the forecaster about generated series at moments drawn by chance, as the operator would have asked it then."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from forecast import leaks, volumes
from forecast.leaks import Rng, Series

from podvigil.detect.forecast import HORIZON, extrapolate, interval
from podvigil.detect.growth import UNIT, GrowthLadder

Floats = npt.NDArray[np.float64]

LENGTHS: Final = ((60.0, 5.0), (30.0, 2.5), (15.0, 1.2))
"""Interval in seconds, and days that a series lasts."""

MOMENTS: Final = 8
"""Questions a series, at moments that are independent of what it does then."""


class Draw(Protocol):
    """Makes one series of a kind."""

    def __call__(self, rng: Rng, kind: str, /, *, interval: float, steps: int) -> Series:
        """Draw until it is one."""


@dataclass(frozen=True, slots=True)
class World:
    """What is asked about."""

    kinds: tuple[str, ...]
    draw: Draw
    unit: float
    """Of the ladder."""


MEMORY: Final = World((*leaks.LEAKS, *leaks.HARMLESS), leaks.draw, UNIT)
VOLUMES: Final = World((*volumes.FILLING, *volumes.STAYING), volumes.draw, 1.0)


@dataclass(frozen=True, slots=True)
class Answers:
    """Every question and its answer, arrays (questions,) unless stated."""

    kind: npt.NDArray[np.str_]
    true: Floats
    """Seconds until the series reached its limit; infinite for what never did."""
    within: Floats
    """(questions, 3) seconds: earliest, estimate, latest; NaN = silent."""
    design: Floats
    """(questions, 5): what the interval depends on."""
    extrapolated: Floats
    """Seconds along the line, before any correction."""

    @property
    def spoken(self) -> npt.NDArray[np.bool_]:
        """Whether there was an answer."""
        return np.isfinite(self.within[:, 1])

    @property
    def leaks(self) -> npt.NDArray[np.bool_]:
        """Whether the limit was really reached."""
        return np.isfinite(self.true)


def study(seed: int, *, per_kind: int, world: World = MEMORY) -> Answers:
    """Draw `per_kind` series of every kind and interval, and ask."""
    random = np.random.default_rng(seed)
    parts = []
    for seconds, days in LENGTHS:
        steps = int(days * 86_400 / seconds)
        series = [
            world.draw(random, kind, interval=seconds, steps=steps)
            for kind in world.kinds
            for _ in range(per_kind)
        ]
        ladder = GrowthLadder(interval_seconds=seconds, capacity=len(series), unit=world.unit)
        parts.append(_asked(random, series, ladder, seconds, steps))
    return Answers(
        np.concatenate([p.kind for p in parts]),
        np.concatenate([p.true for p in parts]),
        np.concatenate([p.within for p in parts]),
        np.concatenate([p.design for p in parts]),
        np.concatenate([p.extrapolated for p in parts]),
    )


def _asked(
    random: np.random.Generator, series: list[Series], ladder: GrowthLadder, seconds: float, steps: int
) -> Answers:
    questions: dict[int, list[int]] = defaultdict(list)
    restarts: dict[int, list[int]] = defaultdict(list)
    for slot, one in enumerate(series):
        # What a restart cuts short has no true answer before it.
        first = max([one.begins, *one.restarts]) if one.reaches else int(1200 / seconds)
        for moment in random.integers(first, one.reaches or steps, MOMENTS).tolist():
            questions[moment].append(slot)
        for moment in one.restarts:
            restarts[moment].append(slot)
    values = np.stack([one.values for one in series], axis=1)
    limits = np.array([one.limit for one in series])
    kinds, true, within, design, extrapolated = [], [], [], [], []
    for tick in range(steps):
        if tick in restarts:  # the API server tells of them
            ladder.release(np.array(restarts[tick], np.intp))
        ladder.push(values[tick])
        if tick not in questions:
            continue
        slots = np.array(questions[tick], np.intp)
        found = extrapolate(ladder, slots, limits[slots])
        kinds += [series[s].kind for s in slots]
        true += [((series[s].reaches or np.inf) - tick) * seconds for s in slots]
        answer = interval(found) * seconds
        answer[~(answer[:, 1] <= HORIZON.total_seconds())] = np.nan
        within.append(answer)
        design.append(found.design)
        extrapolated.append(found.samples * seconds)
    return Answers(
        np.array(kinds),
        np.array(true),
        np.concatenate(within),
        np.concatenate(design),
        np.concatenate(extrapolated),
    )
