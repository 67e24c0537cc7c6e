"""What people and controllers do to a cluster without anything being wrong, with its exact labels.

How often: as in a team that releases several times a week; in the judged days each kind happens at least once, so
that every kind is measured. Sizes are drawn where each is made, with the reason.
"""

import heapq
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from days.plan import AT_ONCE, SLOWEST_START, Plan
from days.world import (
    DAY,
    HOUR,
    SAMPLED,
    Effect,
    Happening,
    How,
    Move,
    Negative,
    Quantity,
    log_uniform,
)

TRIES: Final = 200
"""Places tried for a happening; a short world may have no room, and then does without."""
LATER: Final = 3 * HOUR
"""The next place tried is at most so much later."""

A_DAY: Final[dict[Negative, float]] = {
    Negative.ROLLOUT: 0.6,
    Negative.WARM_UP: 0.8,
    Negative.TRAFFIC_SURGE: 0.7,
    Negative.SCALE_UP: 0.3,
    Negative.SCALE_DOWN: 0.15,
    Negative.REBALANCING: 0.3,
    Negative.NODE_DRAIN: 0.15,
    Negative.CLOCK_GAP: 0.3,
    Negative.COUNTER_RESET: 1.5,
    Negative.MISSING_FEATURE: 0.3,
}
"""Per cluster, in the history."""

JUDGED: Final[dict[Negative, int]] = {
    Negative.ROLLOUT: 2,
    Negative.WARM_UP: 2,
    Negative.TRAFFIC_SURGE: 2,
    Negative.SCALE_UP: 1,
    Negative.SCALE_DOWN: 1,
    Negative.REBALANCING: 1,
    Negative.NODE_DRAIN: 1,
    Negative.CLOCK_GAP: 1,
    Negative.COUNTER_RESET: 3,
    Negative.MISSING_FEATURE: 1,
}
"""In the judged range of each cluster, whatever its length."""


def add_operations(plan: Plan) -> None:
    """Draw them all, in the order of time, since each meets the pods that the ones before left."""
    rng, judged = plan.rng, plan.judged_from
    wanted = [
        (int(rng.integers(HOUR, judged)), kind)
        for kind, rate in A_DAY.items()
        for _ in range(rng.poisson(rate * judged / DAY))
    ]
    wanted += [
        (int(rng.integers(judged, plan.steps)), kind) for kind, count in JUDGED.items() for _ in range(count)
    ]
    # In the order of time; what does not fit is tried again later in its own range.
    waiting = [(start, number, kind, TRIES) for number, (start, kind) in enumerate(wanted)]
    heapq.heapify(waiting)
    while waiting:
        at, number, kind, left = heapq.heappop(waiting)
        happening = MAKERS[kind](plan, at)
        last = plan.steps if at >= judged else judged
        if happening is not None:
            plan.happenings.append(happening)
        elif left and at + 1 < last:
            heapq.heappush(
                waiting, (int(rng.integers(at + 1, min(at + LATER, last) + 1)), number, kind, left - 1)
            )


def rollout(plan: Plan, at: int) -> Happening | None:
    """Another version of a workload, replica by replica."""
    rng = plan.rng
    workload = _somewhere(plan, at, at + 3 * HOUR)
    if workload is None:
        return None
    moves: list[Move] = []
    when = at
    for pod in plan.alive(workload):
        moves += plan.replace(pod, when, AT_ONCE, int(rng.integers(plan.nodes)))
        when += int(rng.integers(1, 6))  # a minute to five, as its readiness probe lets it go on
    end = min(plan.steps, when + AT_ONCE + plan.settled(workload))
    plan.take(workload, at, end)
    return Happening(
        Negative.ROLLOUT, at, end, plan.rows(workload), moves=tuple(moves), lasting=True, workload=workload,
        # Most versions need what the last one did; some a fifth more or less. More would be a regression,
        # of which people want to be told.
        cost=float(np.exp(rng.normal(0, 0.08))), memory=float(np.exp(rng.normal(0, 0.05))),
    )  # fmt: skip


def restart(plan: Plan, at: int) -> Happening | None:
    """One pod starts again in place, for an ordinary reason, and warms up."""
    workload = _somewhere(plan, at, at + HOUR)
    if workload is None:
        return None
    pod = int(plan.rng.choice(plan.alive(workload)))
    end = min(plan.steps, at + AT_ONCE + plan.settled(workload))
    plan.take(workload, at, end)
    # Containers are back within seconds to minutes; the pod keeps its name whatever owns it.
    back = at + int(plan.rng.integers(1, AT_ONCE + 1))
    moves = Move(pod, at, present=False), Move(pod, back, present=True)
    return Happening(Negative.WARM_UP, at, end, plan.rows(workload), moves=moves)


def surge(plan: Plan, at: int) -> Happening | None:
    """More people than usual, for a while; of one workload, or all that people use."""
    rng = plan.rng
    length, edge = int(log_uniform(rng, 20, 150)), int(rng.integers(3, 16))
    if rng.random() < 0.5:
        workload = _somewhere(plan, at, at + length, by_users=True)
        if workload is None:
            return None
        on: tuple[int, ...] = (workload,)
    else:
        on = tuple(number for number, one in enumerate(plan.workloads) if one.by_users)
        if not all(plan.free(number, at, at + length) for number in on):
            return None
    end = at + length + SLOWEST_START
    for number in on:
        plan.take(number, at, end)
    # A mail to all customers doubles the traffic; a mention on television is four times as much.
    effect = Effect(Quantity.DEMAND, on, at, at + length, How.TIMES, log_uniform(rng, 1.5, 4.0), edge)
    return Happening(Negative.TRAFFIC_SURGE, at, end, _rows(plan, on), (effect,))


def scale_up(plan: Plan, at: int) -> Happening | None:
    """More replicas for some hours, as an autoscaler or a person asks for; then they go again."""
    rng = plan.rng
    length = int(log_uniform(rng, 2 * HOUR, 8 * HOUR))
    workload = _somewhere(plan, at, at + length, stateless=True)
    if workload is None:
        return None
    count = int(rng.integers(1, max(2, plan.workloads[workload].replicas // 2 + 1)))
    moves = []
    for _ in range(count):
        row = plan.new_row(workload, int(rng.integers(plan.nodes)))
        moves += [Move(row, at, present=True), Move(row, at + length, present=False)]
    end = at + length + SLOWEST_START
    plan.take(workload, at, end)
    return Happening(Negative.SCALE_UP, at, end, plan.rows(workload), moves=tuple(moves))


def scale_down(plan: Plan, at: int) -> Happening | None:
    """One replica fewer from now on; the others take over its load."""
    workload = _somewhere(plan, at, at + 2 * HOUR, stateless=True)
    if workload is None or len(plan.alive(workload)) < 3:  # from two to one nobody does
        return None
    move = plan.leave(int(plan.rng.choice(plan.alive(workload))), at)
    plan.take(workload, at, at + 2 * HOUR)
    # What is left runs at a new level: the day after that is still this operation's doing.
    end = min(plan.steps, at + DAY)
    return Happening(Negative.SCALE_DOWN, at, end, plan.rows(workload), moves=(move,), lasting=True)


def rebalancing(plan: Plan, at: int) -> Happening | None:
    """The replicas share the load in another way, as after partitions move or connections are made anew."""
    rng = plan.rng
    length = int(log_uniform(rng, 2 * HOUR, 12 * HOUR))
    workload = _somewhere(plan, at, at + length)
    if workload is None or len(plan.alive(workload)) < 2:
        return None
    # Half or double of a pod's share is what a few large clients make of it.
    effects = tuple(
        Effect(Quantity.WEIGHT, (pod,), at, at + length, How.TIMES, float(np.exp(rng.normal(0, 0.35))), 5)
        for pod in plan.alive(workload)
    )
    end = at + length + SLOWEST_START
    plan.take(workload, at, end)
    return Happening(Negative.REBALANCING, at, end, plan.rows(workload), effects)


def node_drain(plan: Plan, at: int) -> Happening | None:
    """All pods of a node start anew on others, one after the other."""
    rng = plan.rng
    node = int(rng.integers(plan.nodes))
    away = [other for other in range(plan.nodes) if other != node]
    leaving = [
        pod for number in range(len(plan.workloads)) for pod in plan.alive(number)
        if plan.pods[pod].node == node
    ]  # fmt: skip
    touched = tuple(sorted({plan.pods[pod].workload for pod in leaving}))
    if not leaving or not all(plan.free(number, at, at + HOUR) for number in touched):
        return None
    moves: list[Move] = []
    when = at
    for pod in leaving:
        # A volume has to be detached and attached again: two to six minutes.
        moves += plan.replace(pod, when, int(rng.integers(2, 7)), int(rng.choice(away)))
        when += int(rng.integers(0, 3))
    end = min(plan.steps, when + max(plan.settled(number) for number in touched) + 7)
    for number in touched:
        plan.take(number, at, end)
    return Happening(Negative.NODE_DRAIN, at, end, _rows(plan, touched), moves=tuple(moves), lasting=True)


def clock_gap(plan: Plan, at: int) -> Happening | None:
    """Nothing is scraped: the whole source is down, or one node's agent is."""
    rng = plan.rng
    end = at + int(log_uniform(rng, 4, 90))
    if end + HOUR > plan.steps:
        return None
    node = int(rng.integers(plan.nodes))
    whole = rng.random() < 0.5
    on = tuple(row for row, pod in enumerate(plan.pods) if whole or pod.node == node)
    if not on:
        return None
    for number in range(len(plan.workloads)):
        plan.take(number, at, end)
    return Happening(Negative.CLOCK_GAP, at, end, on, tuple(_hidden(on, at, end, SAMPLED)))


def counter_reset(plan: Plan, at: int) -> Happening | None:
    """A counter begins at 0 again: rates lose part of a minute, or count it twice."""
    rng = plan.rng
    workload = _somewhere(plan, at, at + 2)
    if workload is None:
        return None
    pod = int(rng.choice(plan.alive(workload)))
    end = at + int(rng.integers(1, 3))
    size = rng.uniform(0.0, 0.5) if rng.random() < 0.7 else rng.uniform(1.5, 3.0)
    rates = (Quantity.CPU, Quantity.RECEIVED, Quantity.SENT)
    effects = tuple(Effect(rate, (pod,), at, end, How.TIMES, size) for rate in rates)
    plan.take(workload, at, end)
    return Happening(Negative.COUNTER_RESET, at, end, (pod,), effects)


def missing_feature(plan: Plan, at: int) -> Happening | None:
    """One metric of one pod is not there for some hours, as when an exporter changes a name."""
    rng = plan.rng
    end = at + int(log_uniform(rng, 20, 6 * HOUR))
    workload = _somewhere(plan, at, end)
    if workload is None:
        return None
    pod = int(rng.choice(plan.alive(workload)))
    which = [(Quantity.RECEIVED, Quantity.SENT), (Quantity.MEMORY,), (Quantity.CPU,)][int(rng.integers(3))]
    plan.take(workload, at, end)
    return Happening(Negative.MISSING_FEATURE, at, end, (pod,), tuple(_hidden((pod,), at, end, which)))


MAKERS: Final[dict[Negative, Callable[[Plan, int], Happening | None]]] = {
    Negative.ROLLOUT: rollout,
    Negative.WARM_UP: restart,
    Negative.TRAFFIC_SURGE: surge,
    Negative.SCALE_UP: scale_up,
    Negative.SCALE_DOWN: scale_down,
    Negative.REBALANCING: rebalancing,
    Negative.NODE_DRAIN: node_drain,
    Negative.CLOCK_GAP: clock_gap,
    Negative.COUNTER_RESET: counter_reset,
    Negative.MISSING_FEATURE: missing_feature,
}


def _hidden(
    pods: tuple[int, ...], start: int, end: int, quantities: tuple[Quantity, ...]
) -> Iterator[Effect]:
    return (Effect(quantity, pods, start, end, How.HIDDEN) for quantity in quantities)


def _rows(plan: Plan, workloads: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(row for number in workloads for row in plan.rows(number))


def _somewhere(
    plan: Plan, start: int, end: int, *, by_users: bool = False, stateless: bool = False
) -> int | None:
    """Return a workload to which nothing else happens then, or None."""
    fit = [
        number
        for number, one in enumerate(plan.workloads)
        if plan.free(number, start, end)
        and (one.by_users or not by_users)
        and not (stateless and (one.stateful or not one.by_users))
    ]
    return int(plan.rng.choice(fit)) if fit else None
