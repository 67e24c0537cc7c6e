"""What was wrong when, and what merely looked so: from the world itself, so that labels cannot be off."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from days.load import weekend
from days.render import Samples, render
from days.world import HOUR, Floats, Mask, Negative, World

from podvigil.evaluate.labels import FAULT, IGNORED, NORMAL, Event, States

SETTLING: Final = 15
"""Samples after a fault that are nobody's to judge: an alarm in the same quarter of an hour tells of the fault."""

AFTERMATH: Final = HOUR // 2
"""Samples after an ordinary operation in which an alarm is still counted as its: half of an hour's baseline has
then seen the end of it."""

AFTER_FAULT: Final = 6 * HOUR
"""Samples after a fault's last trace in which an alarm is counted as its late echo, unless an operation explains it."""

KINDS: Final = tuple(Negative)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A cluster's samples and what they are."""

    samples: Samples
    states: States
    """(P, T): `FAULT`; `IGNORED` where a fault changes a sample without being meant (siblings that take over,
    a cache that fills again) and while it settles; `NORMAL`."""
    kinds: npt.NDArray[np.int8]
    """(P, T): index into `KINDS` of what is most notable about a sample that is normal."""
    events: tuple[Event, ...]
    """Faults of the judged days; Unix seconds, the last sample's included."""


def labelled(world: World) -> Labelled:
    """Render a world with and without its faults, and label the difference."""
    samples = render(world)
    changed = differs(samples.values, render(world.without(*world.faults)).values)
    states = np.where(changed, IGNORED, NORMAL).astype(np.int8)
    for fault in world.faults:
        states[fault.end : fault.end + SETTLING, fault.pods] = IGNORED
    for fault in world.faults:
        states[fault.start : fault.end, fault.pods] = FAULT
    states[np.isnan(samples.values).all(axis=2)] = IGNORED
    events = tuple(
        Event(
            world.start + 60.0 * fault.start,
            world.start + 60.0 * (fault.end - 1),
            fault.pods,
            str(fault.kind),
        )
        for fault in sorted(world.faults, key=lambda fault: fault.start)
        if fault.end > world.judged_from
    )
    normal = kinds(world)
    after = _recently(changed, AFTER_FAULT) & (normal < KINDS.index(Negative.AFTER_FAULT))
    normal[after] = KINDS.index(Negative.AFTER_FAULT)
    return Labelled(samples, states.T.copy(), normal.T.copy(), events)


def differs(one: Floats, other: Floats) -> Mask:
    """Where samples (T, P, F) differ in any feature, (T, P); missing in both is no difference."""
    different: Mask = ((one != other) & ~(np.isnan(one) & np.isnan(other))).any(axis=2)
    return different


def kinds(world: World) -> npt.NDArray[np.int8]:
    """What is most notable about each sample apart from faults, (T, P): indices into `KINDS`."""
    shape = (world.steps, len(world.pods))
    result = np.full(shape, KINDS.index(Negative.FLAT_SERIES), np.int8)
    users = [row for row, pod in enumerate(world.pods) if world.workloads[pod.workload].by_users]
    hours = (world.start + world.offset_seconds) / 3600 + np.arange(world.steps) / HOUR
    result[:, users] = KINDS.index(Negative.DAILY_LOAD)
    result[np.ix_(np.flatnonzero(weekend(hours) > 0), np.array(users))] = KINDS.index(Negative.WEEKLY_LOAD)
    ordinary = [h for h in world.happenings if isinstance(h.kind, Negative)]
    for happening in sorted(ordinary, key=lambda h: KINDS.index(Negative(h.kind))):
        part = slice(happening.start, happening.end + AFTERMATH)
        result[part, happening.pods] = KINDS.index(Negative(happening.kind))
    return result


def _recently(flags: Mask, steps: int) -> Mask:
    """Where a flag, (T, P), was set within the last `steps` samples."""
    index = np.where(flags, np.arange(len(flags))[:, None], -steps - 1)
    recently: Mask = np.arange(len(flags))[:, None] - np.maximum.accumulate(index) <= steps
    return recently
