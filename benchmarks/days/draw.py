"""Draws worlds: the same from the same two numbers, on any machine."""

from typing import Final

import numpy as np
from days.faults import add_faults
from days.operations import add_operations
from days.plan import Plan
from days.programs import NODES, first_pods, jobs, programs
from days.render import lives
from days.standing import add_standing, job_runs
from days.world import DAY, World

HISTORY_DAYS: Final = 6
JUDGED_DAYS: Final = 2

SECONDS_OF_DAY: Final = 86_400
FIRST_DAY: Final = 20_089
"""1 January 2025, in days since 1970."""
YEARS: Final = 730

CHANGES: Final = ((20_177, 60), (20_387, -60), (20_541, 60), (20_751, -60))
"""Sundays on which European clocks went forward or back in 2025 and 2026, and the minutes."""

EUROPE: Final = (0, 2)
WORLD: Final = (-8, 9)
"""Hours that local time is ahead of UTC, before the change."""

EVERY: Final = 4
"""Of four clusters, one sees the clocks change in its judged days, and another a holiday."""


def draw(
    seed: int, cluster: int, *, history_days: int = HISTORY_DAYS, judged_days: int = JUDGED_DAYS
) -> World:
    """
    Draw a cluster.

    Raises: ValueError for a negative seed or number, or less than a day of each.
    """
    if seed < 0 or cluster < 0:
        raise ValueError(f"seed {seed} and cluster {cluster} must not be negative")
    if history_days < 1 or judged_days < 1:
        raise ValueError(f"{history_days} and {judged_days} days: history and judged days must be at least 1")
    rng = np.random.default_rng([seed, cluster])
    first, change, holiday = _calendar(rng, cluster, history_days, judged_days)
    offset = 3600 * int(rng.integers(*(EUROPE if change else WORLD), endpoint=True))
    workloads, nodes = programs(rng), int(rng.integers(*NODES, endpoint=True))
    plan = Plan(
        rng=rng,
        steps=(history_days + judged_days) * DAY,
        judged_from=history_days * DAY,
        nodes=nodes,
        workloads=workloads,
        pods=first_pods(rng, workloads, nodes),
        jobs=jobs(rng, workloads),
    )
    add_operations(plan)
    add_standing(plan, offset=offset, change=change, holiday=holiday)
    world = _world(plan, (seed, cluster), first, offset)
    present, _ = lives(world, world.happenings)
    plan.happenings += job_runs(world, present, rng)
    add_faults(plan, _world(plan, (seed, cluster), first, offset), present)
    return _world(plan, (seed, cluster), first, offset)


def _calendar(
    rng: np.random.Generator, cluster: int, history_days: int, judged_days: int
) -> tuple[int, int | None, int | None]:
    """The first day since 1970, the clocks' change in minutes, and the judged day that is a holiday."""
    if cluster % EVERY == 0:
        day, minutes = CHANGES[int(rng.integers(len(CHANGES)))]
        return day - history_days, minutes, None
    first = FIRST_DAY + int(rng.integers(YEARS))
    if cluster % EVERY == EVERY // 2:
        return first, None, int(rng.integers(judged_days))
    return first, None, None


def _world(plan: Plan, seed: tuple[int, int], first: int, offset: int) -> World:
    return World(
        seed=seed,
        start=first * SECONDS_OF_DAY,
        steps=plan.steps,
        judged_from=plan.judged_from,
        offset_seconds=offset,
        nodes=plan.nodes,
        workloads=tuple(plan.workloads),
        pods=tuple(plan.pods),
        jobs=tuple(plan.jobs),
        happenings=tuple(plan.happenings),
    )
