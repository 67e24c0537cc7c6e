"""What goes wrong, with exact labels: where it begins to show, where it ends, and on which pods.

Each kind is drawn once in the judged days of each cluster. The history holds a few faults as well, which nobody
labelled, as in any real one. Nothing else is done to the same workload within an hour of a fault.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from days.plan import AT_ONCE, Plan
from days.render import FLAT
from days.standing import job_run
from days.world import (
    DAY,
    HOUR,
    TRAFFIC,
    Effect,
    Happening,
    How,
    Mask,
    Move,
    Positive,
    Quantity,
    World,
    log_uniform,
)

TRIES: Final = 400
"""Places tried for one fault; where there is none, the cluster does without this kind."""

UNLABELLED_A_DAY: Final = 0.3
"""Faults of the history, per cluster: two in a week, of which nobody was told."""

SHOWS: Final = 0.1
"""A leak is a fault from where it holds a tenth of what the pod usually does: less is how any heap wanders."""

WRONG_BY: Final = 3 * HOUR
"""A job at the wrong hour is at least so far from the right one: a wrong time zone, or a typing error."""

PEAK: Final = 3 * HOUR
"""A peak that does not come would have lasted three hours around the busiest."""


@dataclass(slots=True)
class Site:
    """Where faults may be put: the plan, its world so far, and who is there when."""

    plan: Plan
    world: World
    present: Mask


def add_faults(plan: Plan, world: World, present: Mask) -> None:
    """Draw the faults of the history, then one of each kind in the judged days."""
    site = Site(plan, world, present)
    ranges = (HOUR, plan.judged_from - 6 * HOUR), (plan.judged_from, plan.steps)
    history = plan.rng.choice(list(UNLABELLED), plan.rng.poisson(UNLABELLED_A_DAY * plan.judged_from / DAY))
    wanted = [(Positive(str(kind)), ranges[0]) for kind in history]
    # The longest first: they find the least room.
    wanted += [(kind, ranges[1]) for kind in MAKERS]
    for kind, (first, last) in wanted:
        for _ in range(TRIES):
            start = int(plan.rng.integers(first, last))
            fault = MAKERS[kind](site, start)
            # What the history holds ends before the judged days, where it would be neither one nor the other.
            if fault is None or _end(fault) > last:
                continue
            for workload in {plan.pods[pod].workload for pod in fault.pods}:
                plan.take(workload, min(fault.start, _begin(fault)), _end(fault))
            plan.happenings.append(fault)
            break


def leak_slow(site: Site, start: int) -> Happening | None:
    """Memory grows towards its limit over most of a day."""
    return _leak(site, start, int(log_uniform(site.plan.rng, 8 * HOUR, 26 * HOUR)), Positive.LEAK_SLOW)


def leak_fast(site: Site, start: int) -> Happening | None:
    """Memory grows to its limit within the hour or so, and the kernel kills the pod."""
    return _leak(site, start, int(log_uniform(site.plan.rng, 20, 100)), Positive.LEAK_FAST)


def leak_with_restarts(site: Site, start: int) -> Happening | None:
    """The same again and again: killed, started, leaking."""
    rng = site.plan.rng
    length = int(log_uniform(rng, 40, 180))
    return _leak(site, start, length, Positive.LEAK_WITH_RESTARTS, times=int(rng.integers(2, 6)))


def level_shift(site: Site, start: int) -> Happening | None:
    """CPU, memory or both at another level for hours, without a release: a cache switched off, bad data."""
    rng = site.plan.rng
    end = start + int(log_uniform(rng, 2 * HOUR, 10 * HOUR))
    pod = _pod(site, start, end)
    if pod is None:
        return None
    which = str(rng.choice(["cpu", "memory", "both"]))
    effects = []
    if which != "memory":
        # A cache that is off doubles the work; a missing index triples it.
        effects.append(Effect(Quantity.CPU, (pod,), start, end, How.TIMES, log_uniform(rng, 1.5, 3.0)))
    if which != "cpu":
        # Still below the limit, which is 1.3 to 2.2 times what is used: else it were a leak's end.
        effects.append(Effect(Quantity.MEMORY, (pod,), start, end, How.TIMES, log_uniform(rng, 1.25, 1.8)))
    return Happening(Positive.LEVEL_SHIFT, start, end, (pod,), tuple(effects))


def stuck_replica(site: Site, start: int) -> Happening | None:
    """One of several replicas stops taking work, looks healthy, and the others do it all."""
    rng = site.plan.rng
    end = start + int(log_uniform(rng, 1 * HOUR, 8 * HOUR))
    pod = _pod(site, start, end, siblings=2)
    if pod is None:
        return None
    effect = Effect(Quantity.WEIGHT, (pod,), start, end, How.TIMES, float(rng.uniform(0.0, 0.05)))
    return Happening(Positive.STUCK_REPLICA, start, end, (pod,), (effect,))


def missing_peak(site: Site, start: int) -> Happening | None:
    """The day's busiest hours hardly come, for one workload; or its job does not run."""
    rng, world = site.plan.rng, site.world
    if rng.random() < 0.5:
        runs = [
            happening
            for happening in world.happenings
            if happening.end - happening.start >= 10  # of the daily jobs
            and start <= happening.start < start + DAY // 2
            and any(
                {world.pods[pod].workload for pod in happening.pods} == {job.workload}
                and job.runner != "any"  # which pod did not do what any could have done?
                and not job.hourly
                for job in world.jobs
            )
            and not happening.lasting
            and happening.kind == "CronAtItsHour"
        ]
        free = [run for run in runs if _free(site, run.pods, run.start, run.end)]
        if not free:
            return None
        run = free[int(rng.integers(len(free)))]
        return Happening(Positive.MISSING_PEAK, run.start, run.end, run.pods, cancels=run)
    number = int(rng.integers(len(world.workloads)))
    workload = world.workloads[number]
    if not workload.by_users or workload.trough > 0.5:
        return None  # around the world it is always day: there is no peak to miss
    local = (start + (world.start + world.offset_seconds) // 60) % DAY
    at = start + (round(workload.peak_hour * HOUR) - PEAK // 2 - local) % DAY
    end = at + PEAK
    if not site.plan.free(number, at, end):
        return None
    pods = tuple(row for row in world.rows(number) if site.present[at:end, row].all())
    # What still comes is what does not pass the gateway that is down: a tenth to four tenths.
    effect = Effect(Quantity.DEMAND, (number,), at, end, How.TIMES, float(rng.uniform(0.1, 0.4)), edge=5)
    return Happening(Positive.MISSING_PEAK, at, end, pods, (effect,)) if pods else None


def noisy_neighbour(site: Site, start: int) -> Happening | None:
    """Another tenant of a node takes caches and memory bandwidth: each request costs more, and fewer get done."""
    rng, world = site.plan.rng, site.world
    end = start + int(log_uniform(rng, 15, 120))
    node = int(rng.integers(world.nodes))
    pods = tuple(
        row
        for row, pod in enumerate(world.pods)
        if pod.node == node and _loaded(site, row) and site.present[start:end, row].all()
    )
    if len(pods) < 2 or not _free(site, pods, start, end):
        return None
    effects = [
        # Cycles per instruction rise by a quarter to more than double (Zhang et al., CPI², EuroSys 2013).
        Effect(Quantity.CPU, pods, start, end, How.TIMES, log_uniform(rng, 1.25, 2.3)),
        *(_traffic(pods, start, end, float(rng.uniform(0.7, 0.97)))),
    ]
    return Happening(Positive.NOISY_NEIGHBOUR, start, end, pods, tuple(effects))


def throttling(site: Site, start: int) -> Happening | None:
    """A quota below the need: CPU flat at a ceiling, and less gets answered."""
    rng = site.plan.rng
    end = start + int(log_uniform(rng, 20, 180))
    pod = _pod(site, start, end)
    if pod is None:
        return None
    workload = site.world.workloads[site.plan.pods[pod].workload]
    # Below what the quietest hour needs, so that it binds at every hour of the day.
    quiet = workload.trough * min(1.0, workload.weekend)
    need = workload.cpu_idle + quiet * (site.plan.usual(site.plan.pods[pod].workload)[0] - workload.cpu_idle)
    effects = [
        Effect(Quantity.CPU, (pod,), start, end, How.AT_MOST, need * float(rng.uniform(0.5, 0.9))),
        *(_traffic((pod,), start, end, float(rng.uniform(0.3, 0.9)))),
    ]
    return Happening(Positive.THROTTLING, start, end, (pod,), tuple(effects))


def cpu_hog(site: Site, start: int) -> Happening | None:
    """A loop that does not end takes what the limit leaves, or a good part of it; requests wait."""
    rng = site.plan.rng
    end = start + int(log_uniform(rng, 8, 90))
    pod = _pod(site, start, end)
    if pod is None:
        return None
    number = site.plan.pods[pod].workload
    room = site.world.workloads[number].cpu_limit - site.plan.usual(number)[0]
    effects = [
        Effect(Quantity.CPU, (pod,), start, end, How.PLUS, room * float(rng.uniform(0.3, 1.0))),
        *(_traffic((pod,), start, end, float(rng.uniform(0.6, 0.98)))),
    ]
    return Happening(Positive.CPU_HOG, start, end, (pod,), tuple(effects))


def pause(site: Site, start: int) -> Happening | None:
    """The process hangs: hardly any CPU, hardly any traffic, memory as it was."""
    rng = site.plan.rng
    end = start + int(log_uniform(rng, 5, 60))
    pod = _pod(site, start, end)
    if pod is None:
        return None
    left = float(rng.uniform(0.0, 0.05))
    effects = [
        Effect(Quantity.CPU, (pod,), start, end, How.TIMES, left),
        *(_traffic((pod,), start, end, left)),
    ]
    if rng.random() < 0.5:  # its readiness probe notices, and the others get its share
        effects.append(Effect(Quantity.WEIGHT, (pod,), start, end, How.TIMES, 0.01))
    return Happening(Positive.PAUSE, start, end, (pod,), tuple(effects))


def network_loss(site: Site, start: int) -> Happening | None:
    """Packets are lost: TCP slows down, so most of the traffic is gone, and with it some of the work."""
    rng = site.plan.rng
    end = start + int(log_uniform(rng, 5, 60))
    pod = _pod(site, start, end)
    if pod is None or pod in _unmeasured(site):
        return None  # where nobody measures the network, its loss leaves no trace that could be asked for
    left = float(rng.uniform(0.02, 0.4))
    effects = [
        Effect(Quantity.CPU, (pod,), start, end, How.TIMES, float(rng.uniform(left, 1.0))),
        *(_traffic((pod,), start, end, left)),
    ]
    return Happening(Positive.NETWORK_LOSS, start, end, (pod,), tuple(effects))


def cron_at_wrong_hour(site: Site, start: int) -> Happening | None:
    """A daily job runs when it should not."""
    rng, world = site.plan.rng, site.world
    daily = [job for job in world.jobs if not job.hourly]
    job = daily[int(rng.integers(len(daily)))]
    away = abs((start - job.minute + DAY // 2) % DAY - DAY // 2)
    if away < WRONG_BY:
        return None
    run = job_run(world, job, site.present, start, rng, Positive.CRON_AT_WRONG_HOUR)
    return run if run is not None and _free(site, run.pods, run.start, run.end) else None


MAKERS: Final[dict[Positive, Callable[[Site, int], Happening | None]]] = {
    Positive.LEAK_SLOW: leak_slow,
    Positive.MISSING_PEAK: missing_peak,
    Positive.LEVEL_SHIFT: level_shift,
    Positive.LEAK_WITH_RESTARTS: leak_with_restarts,
    Positive.STUCK_REPLICA: stuck_replica,
    Positive.NOISY_NEIGHBOUR: noisy_neighbour,
    Positive.CRON_AT_WRONG_HOUR: cron_at_wrong_hour,
    Positive.THROTTLING: throttling,
    Positive.LEAK_FAST: leak_fast,
    Positive.CPU_HOG: cpu_hog,
    Positive.PAUSE: pause,
    Positive.NETWORK_LOSS: network_loss,
}

UNLABELLED: Final = (Positive.CPU_HOG, Positive.LEAK_FAST, Positive.LEVEL_SHIFT, Positive.PAUSE)
"""What happens in a history without anybody looking into it."""


def _leak(site: Site, start: int, length: int, kind: Positive, times: int = 1) -> Happening | None:
    """Memory grows evenly from what it is to the limit; then the pod is killed and starts again."""
    rng = site.plan.rng
    whole = start + times * length + (times - 1) * AT_ONCE
    pod = _pod(site, start, whole)
    if pod is None:
        return None
    number = site.plan.pods[pod].workload
    workload, usual = site.world.workloads[number], float(site.plan.usual(number)[1])
    room = workload.memory_limit - usual
    effects, moves, at = [], [], start
    for _ in range(times):
        effects.append(Effect(Quantity.MEMORY, (pod,), at, at + length, How.PLUS, room, growing=True))
        back = at + length + int(rng.integers(1, AT_ONCE + 1))
        moves += [Move(pod, at + length, present=False), Move(pod, back, present=True)]
        at = back
    shown = start + min(length - 1, int(np.ceil(SHOWS * usual / room * length)))
    return Happening(kind, shown, at - (back - effects[-1].end), (pod,), tuple(effects), tuple(moves))


def _pod(site: Site, start: int, end: int, *, siblings: int = 0) -> int | None:
    """Draw a pod that has a load, is there from an hour before to an hour after, and is left alone."""
    fit = [
        row
        for row in range(len(site.world.pods))
        if _loaded(site, row)
        and _free(site, (row,), start, end)
        and site.present[start - HOUR : end + HOUR, row].all()
        and _siblings(site, row, start) >= siblings
    ]
    return int(site.plan.rng.choice(fit)) if fit else None


def _loaded(site: Site, row: int) -> bool:
    return site.world.workloads[site.world.pods[row].workload].archetype != FLAT


def _unmeasured(site: Site) -> set[int]:
    """Pods of which the network is hidden throughout."""
    hidden = (e for h in site.world.happenings for e in h.effects if e.how is How.HIDDEN)
    return {
        pod for e in hidden if e.quantity in TRAFFIC and e.end - e.start == site.plan.steps for pod in e.on
    }


def _siblings(site: Site, row: int, at: int) -> int:
    rows = list(site.world.rows(site.world.pods[row].workload))
    return int(site.present[at, rows].sum()) - 1


def _free(site: Site, pods: tuple[int, ...], start: int, end: int) -> bool:
    return all(
        site.plan.free(number, start, end) for number in {site.plan.pods[pod].workload for pod in pods}
    )


def _traffic(pods: tuple[int, ...], start: int, end: int, left: float) -> list[Effect]:
    return [Effect(quantity, pods, start, end, How.TIMES, left) for quantity in TRAFFIC]


def _begin(fault: Happening) -> int:
    return min([fault.start, *(effect.start for effect in fault.effects)])


def _end(fault: Happening) -> int:
    return max([fault.end, *(move.at for move in fault.moves)])
