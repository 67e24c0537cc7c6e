"""How many requests come: people's day and week, and all that happens to it."""

from typing import Final
from zlib import crc32

import numpy as np
from days.noise import wander
from days.world import (
    INTERVAL_SECONDS,
    Effect,
    Floats,
    Happening,
    How,
    Quantity,
    Rng,
    World,
)

HOURS_OF_WEEK: Final = 168
SATURDAY: Final = 120
"""Hours from Monday's midnight."""
WEEKEND_EDGE: Final = 2.0
"""Hours before and after midnight within which the weekend comes and goes: night owls have no calendar."""
THURSDAY: Final = 72
"""Hours from Monday's to Thursday's midnight: 1 January 1970 was a Thursday."""


class Draft:
    """A world in the making: its streams of noise, and its effects by the quantity that they change."""

    def __init__(self, world: World) -> None:
        self.world = world
        cancelled = [h.cancels for h in world.happenings if h.cancels is not None]
        self.happenings: tuple[Happening, ...] = tuple(h for h in world.happenings if h not in cancelled)
        self._effects: dict[Quantity, list[Effect]] = {quantity: [] for quantity in Quantity}
        for happening in self.happenings:
            for effect in happening.effects:
                self._effects[effect.quantity].append(effect)

    def stream(self, name: str) -> Rng:
        """Return the random numbers of one purpose, which no happening can shift."""
        return np.random.default_rng([*self.world.seed, crc32(name.encode())])

    def effects(self, quantity: Quantity, how: How) -> list[Effect]:
        """Return the effects of one sort on one quantity."""
        return [effect for effect in self._effects[quantity] if effect.how is how]

    def apply(self, quantity: Quantity, values: Floats) -> None:
        """Change `values`, (T, workloads or pods), in place by the effects on this quantity, in their order."""
        for effect in self._effects[quantity]:
            if effect.how is How.HIDDEN:
                continue
            part = _course(effect)[:, None]
            here = np.ix_(range(effect.start, effect.end), effect.on)
            if effect.how is How.TIMES:
                # By factors, so that "half" and "double" come and go alike; nothing at all cannot ramp.
                values[here] *= effect.size**part if effect.size > 0 else 1 - part
            elif effect.how is How.PLUS:
                values[here] += effect.size * part
            else:
                values[here] = np.minimum(values[here], effect.size)


def demand(draft: Draft) -> Floats:
    """Requests per second of every workload, (T, W)."""
    world = draft.world
    shape = (world.steps, len(world.workloads))
    early = np.zeros(shape)
    draft.apply(Quantity.CLOCK, early)
    seconds = world.start + world.offset_seconds + INTERVAL_SECONDS * np.arange(world.steps)
    hours = seconds[:, None] / 3600 + early / 60
    wanted = np.empty(shape)
    for number, workload in enumerate(world.workloads):
        wanted[:, number] = workload.demand
        if workload.by_users:
            bump = np.cos(np.pi * (hours[:, number] - workload.peak_hour) / 24) ** 2
            wanted[:, number] *= workload.trough + (1 - workload.trough) * bump**workload.sharpness
            wanted[:, number] *= workload.weekend ** weekend(hours[:, number])
    # No two days are alike (campaigns, weather), nor two hours: in common, and for each workload by itself.
    days = wander(draft.stream("days"), *shape, minutes=1440, sd=0.06)
    hourly = wander(draft.stream("hours"), *shape, minutes=60, sd=0.05)
    common = wander(draft.stream("common"), world.steps, 1, minutes=90, sd=0.04)
    wanted *= np.exp(days + hourly + common)
    draft.apply(Quantity.DEMAND, wanted)
    return wanted


def weekend(hours: Floats) -> Floats:
    """How much of a weekend it is, 0 to 1, at `hours` of local time since 1970."""
    week = (hours + THURSDAY) % HOURS_OF_WEEK
    middle = SATURDAY + 24  # Saturday's end: the weekend reaches a day to both sides of it
    away = np.abs((week - middle + HOURS_OF_WEEK / 2) % HOURS_OF_WEEK - HOURS_OF_WEEK / 2)
    return np.clip((24 + WEEKEND_EDGE - away) / (2 * WEEKEND_EDGE), 0.0, 1.0)


def _course(effect: Effect) -> Floats:
    """How much of its size an effect has at each of its samples, 0 to 1, (n,)."""
    length = effect.end - effect.start
    if effect.growing:
        return np.arange(1, length + 1) / length
    if not effect.edge:
        return np.ones(length)
    steps = np.arange(1, length + 1)
    return np.minimum(1.0, np.minimum(steps, steps[::-1]) / (effect.edge + 1))
