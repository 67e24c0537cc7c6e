"""What became of a change: judged by the same detector (through its report) and by the workload's health.

The rule, in the order in which it is asked at each look, until the window ends:

    the target is gone or replaced                                 Inconclusive
    it is worse off, and its untouched siblings at least as much   Inconclusive
    more than two container restarts beyond the baseline, or more
    than one for each twenty replicas                              Harmful
    fewer ready than the baseline less what the rollout may take
    away, at two looks in a row                                    Harmful
    otherwise                                                      look again
  and when the window has ended:
    fewer ready than before, and rolled out                        Harmful
    no fresh report since the change                               Inconclusive
    judged inactive, and so are all siblings with the same trouble Inconclusive
    rolled out, healthy, and judged inactive since                 Succeeded
    the report is active, or the rollout has not finished          Ineffective
"""

from datetime import datetime
from typing import Final

from podvigil.api.conditions import ConditionStatus, find_condition
from podvigil.api.reasons import Reason
from podvigil.api.report import ReportCondition
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.validation.effect import Effect, Verdict
from podvigil.remediate.validation.freshness import freshness

CRASHES_ALLOWED: Final = 2
"""Container restarts beyond the baseline: a probe that fails while a pod starts is not yet a crash loop."""

CLOSED_UNJUDGED: Final = frozenset({Reason.TARGET_GONE, Reason.MONITOR_DELETED})
"""Why a report was closed though nobody saw its trouble end."""

CRASHES_ALLOWED_SHARE: Final = 0.05
"""The same for large workloads, per replica: among two hundred new pods some fail once at their start."""


def judge_workload(effect: Effect, *, at_once: int, replaces_pods: bool, now: datetime) -> Verdict | None:
    """Say what became of the change; None: look again.

    Args:
        at_once: pods that the rollout may take away at once.
        replaces_pods: whether all pods are new once it has rolled out, with no restarts of their own yet.
    """
    target, is_over = effect.target, now >= effect.until
    if not isinstance(target, WorkloadState):
        return Verdict(Reason.INCONCLUSIVE, "the target is gone, or another object has its name")
    if harm := _harm(effect, target, at_once=at_once, replaces_pods=replaces_pods, is_over=is_over):
        if bigger := _bigger_than_this(effect, target):
            return Verdict(Reason.INCONCLUSIVE, f"{harm}; but {bigger}")
        return Verdict(Reason.HARMFUL, harm)
    if not is_over:
        return None  # a fresh pod looks well for a moment whatever is wrong: success is what lasts
    is_active = still_active(effect, now)
    if is_active is False and (ended := _ended_elsewhere(effect)):
        return Verdict(Reason.INCONCLUSIVE, f"the report is not active any more, but {ended}")
    if is_active is False and _is_recovered(effect, target):
        return Verdict(
            Reason.SUCCEEDED,
            f"the report is not active any more and {target.ready} of {target.replicas} pods are ready",
        )
    if is_active is None:
        return Verdict(
            Reason.INCONCLUSIVE, "the window ended without a fresh report about the target since the change"
        )
    if is_active:
        return Verdict(Reason.INEFFECTIVE, "the window ended and the report is still active")
    return Verdict(
        Reason.INEFFECTIVE,
        f"the window ended before the rollout did: {target.ready} of {target.replicas} pods are ready, "
        f"{target.updated} of the newest revision",
    )


def _harm(
    effect: Effect, target: WorkloadState, *, at_once: int, replaces_pods: bool, is_over: bool
) -> str | None:
    before, now = effect.baseline, target.health
    are_new = replaces_pods and target.is_rolled_out
    crashes = now.restarts - (0 if are_new else before.restarts)
    if crashes > max(CRASHES_ALLOWED, CRASHES_ALLOWED_SHARE * target.replicas):
        return f"{crashes} more container restarts than before the change"
    healthy = _ready_before(effect, target)
    # A rollout that is still on its way takes pods away at the window's end as it did before: slow is no harm.
    floor = healthy if is_over and target.is_rolled_out else healthy - at_once
    if now.ready_replicas >= floor:
        return None
    # One low count may be the moment between two pods; the window's end is no time to wait for another.
    was_low = effect.previous is not None and effect.previous.ready_replicas < floor
    if not (is_over or was_low):
        return None
    return f"{now.ready_replicas} of {now.replicas} pods are ready, {before.ready_replicas} were before the change"


def _bigger_than_this(effect: Effect, target: WorkloadState) -> str | None:
    """Say what else went down that was not changed, if it went down as much; None: only the target did."""
    if effect.plan.parameters is not None and effect.plan.parameters.pod is not None:
        return _other_replicas(effect, target)
    before, now = effect.siblings_before, effect.siblings
    if before is None or now is None or not before.ready_replicas or not now.replicas:
        return None
    lost = _lost(effect.baseline.ready_replicas, effect.baseline.replicas, target.ready, target.replicas)
    lost_there = _lost(before.ready_replicas, before.replicas, now.ready_replicas, now.replicas)
    if not 0 < lost <= lost_there:
        return None
    return (
        f"the trouble is bigger than this change: of {now.workloads} workloads beside it, which were not "
        f"changed, {now.ready_replicas} of {now.replicas} pods are ready, "
        f"{before.ready_replicas} of {before.replicas} were before"
    )


def _lost(ready_before: int, wanted_before: int, ready: int, wanted: int) -> float:
    """Return which share of the readiness before is gone, 0 to 1; negative when there is more."""
    if not ready_before or not wanted_before:
        return 0.0
    return 1 - (ready / wanted if wanted else 1.0) / (ready_before / wanted_before)


def _other_replicas(effect: Effect, target: WorkloadState) -> str | None:
    """For one pod's eviction the siblings are the other replicas: those that were there, and were left alone.

    Its successor is made within milliseconds of the eviction, so before that was seen and recorded.
    """
    ready = sum(pod.ready for pod in target.own_pods if pod.created < effect.begun_at)
    left = effect.baseline.ready_replicas - 1  # one fewer, the evicted one, if it was ready
    if ready >= left:
        return None
    return (
        f"the trouble is bigger than this change: of the replicas that were left alone {ready} are ready, "
        f"at least {left} were before"
    )


def _ended_elsewhere(effect: Effect) -> str | None:
    """Say that the same trouble ended where nothing was changed, too; None: it did not, or there was none."""
    before, now = effect.siblings_before, effect.siblings
    if before is None or now is None:
        return None
    untouched = set(before.reports) - effect.changed_siblings
    if not untouched or untouched & set(now.reports):
        return None
    return (
        f"neither are those about {len(untouched)} workloads beside it, which were not changed: "
        "it may have ended by itself"
    )


def _ready_before(effect: Effect, target: WorkloadState) -> int:
    """Return the pods ready before, as far as they are still wanted."""
    return min(effect.baseline.ready_replicas, target.replicas)


def _is_recovered(effect: Effect, target: WorkloadState) -> bool:
    return target.is_rolled_out and target.ready >= target.replicas


def still_active(effect: Effect, now: datetime) -> bool | None:
    """Return what the detector says about the target since the change; None: nothing to go by.

    A report that is closed is not written again before its trouble is back: as long as the analyst goes on scoring, it
    is not.
    """
    if effect.report is None:
        return None
    status = effect.report.status
    evaluated = status.last_evaluated
    if evaluated is None or evaluated <= effect.changed_at or status.pods_evaluated == 0:
        return None  # pods that are too new for the detector: not judged is not normal
    active = find_condition(status.conditions, ReportCondition.ACTIVE)
    if active is None or active.status is ConditionStatus.UNKNOWN or active.reason in CLOSED_UNJUDGED:
        return None
    is_active = active.status is ConditionStatus.TRUE
    seen_until = evaluated if is_active else max(evaluated, effect.judged_at or evaluated)
    return is_active if now - seen_until <= freshness(effect.interval_seconds) else None
