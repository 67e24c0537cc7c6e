"""What lasts, and what the calendar brings: growth, a holiday, the change of the clocks, jobs on their schedule."""

from typing import Final

import numpy as np
from days.plan import Plan
from days.world import (
    DAY,
    HOUR,
    INTERVAL_SECONDS,
    TRAFFIC,
    Effect,
    Happening,
    How,
    Job,
    Mask,
    Negative,
    Positive,
    Quantity,
    World,
)

GROWTH: Final = (1.02, 1.06)
"""A day: from a tenth more in a week, which is a good month for most, to half as much again."""
GROWING_SHARE: Final = 0.5
"""Of the clusters have one workload that grows."""
WITHOUT_NETWORK_SHARE: Final = 0.4
"""Of the clusters have one whose network nobody measures: it uses that of its node."""
HOLIDAY: Final = (0.35, 0.7)
"""Demand of an office's or a country's free day, relative to what the weekday would have been."""

CHANGES_AT: Final = HOUR
"""Clocks in Europe change at 1 o'clock UTC, everywhere at once."""

LATE: Final = 2
"""Minutes that a job's pod may take to start."""


def add_standing(plan: Plan, *, offset: int, change: int | None, holiday: int | None) -> None:
    """
    Draw what lasts.

    Args:
        offset: seconds that local time is ahead of UTC.
        change: minutes by which local time goes forward (or back) on the first judged day; None: it does not.
        holiday: the judged day, from 0, that is one; None: none is.
    """
    users = tuple(number for number, one in enumerate(plan.workloads) if one.by_users)
    if plan.rng.random() < GROWING_SHARE:
        grows = (int(plan.rng.choice(users)),)
        size = float(plan.rng.uniform(*GROWTH)) ** (plan.steps / DAY)
        effect = Effect(Quantity.DEMAND, grows, 0, plan.steps, How.TIMES, size, growing=True)
        plan.happenings.append(Happening(Negative.SLOW_GROWTH, 0, plan.steps, _rows(plan, grows), (effect,)))
    if plan.rng.random() < WITHOUT_NETWORK_SHARE:
        rows = _rows(plan, (int(plan.rng.choice(users)),))
        effects = tuple(Effect(traffic, rows, 0, plan.steps, How.HIDDEN) for traffic in TRAFFIC)
        plan.happenings.append(Happening(Negative.MISSING_FEATURE, 0, plan.steps, rows, effects))
    midnight = plan.judged_from - offset // INTERVAL_SECONDS
    rows = _rows(plan, users)
    if holiday is not None:
        first = max(0, midnight + holiday * DAY)
        last = min(plan.steps, first + DAY)
        factor = float(plan.rng.uniform(*HOLIDAY))
        effect = Effect(Quantity.DEMAND, users, first, last, How.TIMES, factor, edge=HOUR)
        plan.happenings.append(
            Happening(Negative.HOLIDAY, first, min(plan.steps, last + HOUR // 4), rows, (effect,))
        )
    if change is not None:
        at = plan.judged_from + CHANGES_AT
        effect = Effect(Quantity.CLOCK, users, at, plan.steps, How.PLUS, float(change))
        plan.happenings.append(Happening(Negative.DAYLIGHT_SAVING, at, plan.steps, rows, (effect,)))


def job_runs(world: World, present: Mask, rng: np.random.Generator) -> list[Happening]:
    """Draw every run of every job. `present`: (T, P)."""
    runs = []
    for job in world.jobs:
        every = HOUR if job.hourly else DAY
        for planned in range(job.minute, world.steps, every):
            day = (world.start // 86_400 + planned // DAY + 3) % 7  # Monday = 0
            if job.weekdays_only and day >= 5:
                continue
            at = planned + int(rng.integers(0, LATE + 1))
            if run := job_run(world, job, present, at, rng, Negative.CRON_AT_ITS_HOUR):
                runs.append(run)
    return runs


def job_run(
    world: World, job: Job, present: Mask, at: int, rng: np.random.Generator, kind: Negative | Positive
) -> Happening | None:
    """Draw one run, or None where none of its pods is there. No two runs take exactly as much or as long."""
    end = at + max(2, round(job.minutes * float(np.exp(rng.normal(0, 0.12)))))
    much = float(np.exp(rng.normal(0, 0.1)))
    there = [row for row in world.rows(job.workload) if end < world.steps and present[at:end, row].all()]
    if not there:
        return None
    pods = {"first": there[:1], "any": [int(rng.choice(there))], "all": there}[job.runner]
    sizes = {
        Quantity.CPU: job.cpu,
        Quantity.MEMORY: job.memory,
        Quantity.RECEIVED: job.received,
        Quantity.SENT: job.sent,
    }
    on = tuple(pods)
    effects = tuple(
        Effect(quantity, on, at, end, How.PLUS, much * size, edge=1) for quantity, size in sizes.items()
    )
    return Happening(kind, at, end, on, effects)


def _rows(plan: Plan, workloads: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(row for number in workloads for row in plan.rows(number))
