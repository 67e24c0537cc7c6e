"""A ResourceQuota is the namespace's word on how much all its pods together may have."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from podvigil.api.actions import ActionName
from podvigil.api.parameters import ResourceMethod
from podvigil.api.reasons import Reason
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.actions.set_resources.pods import running
from podvigil.remediate.observe.context import Context
from podvigil.remediate.observe.limits import Quota, with_defaults
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.cronjob import CronJobState
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.values.amounts import LISTS, Amounts, Json, pod_amounts, pod_spec_of, total, written
from podvigil.remediate.values.container_values import asked, wanted, with_values

LOOK_AGAIN: Final = timedelta(seconds=30)
"""Other pods come and go."""

Weighed = tuple[int, dict[str, Any]]
"""So many pods (fewer than none: they go) of such a spec."""


def quota_allows(ctx: Context, now: datetime) -> Refusal | None:
    """Every quota has room for what the change adds.

    Quotas count pods when these are made: without room, a scaled workload stays short, a rollout that may only surge
    never gets on, and a Job hangs.
    """
    if not ctx.limits.quotas:
        return None
    added = [(count, with_defaults(spec, ctx.limits.bounds)) for count, spec in _added(ctx)]
    found = [said for quota in ctx.limits.quotas for said in _objections(quota, added)]
    return Refusal(Reason.QUOTA_BLOCKS, "; ".join(found)[:1024], LOOK_AGAIN) if found else None


def _added(ctx: Context) -> list[Weighed]:
    match ctx.target:
        case WorkloadState():
            return _added_to_workload(ctx, ctx.target)
        case CronJobState():
            return [ctx.target.pods_at_once]
    return []


def _added_to_workload(ctx: Context, target: WorkloadState) -> list[Weighed]:
    template = dict(pod_spec_of(target.body))
    if ctx.action == ActionName.SCALE:
        wanted_count = (ctx.plan.parameters and ctx.plan.parameters.replicas) or 0
        return [(wanted_count - target.replicas, template)]
    if ctx.action != ActionName.SET_RESOURCES:  # a rollout of as many pods as before, if there is one
        return _surge(target, template) if _rolls_out(ctx, target) else []
    container, values = asked(ctx.plan).container, wanted(ctx.plan)
    if asked(ctx.plan).method is ResourceMethod.TEMPLATE:
        after = with_values(template, container, values)
        return [(target.replicas, after), (-target.replicas, template), *_surge(target, after)]
    specs = [dict(pod.body["spec"]) for pod in running(target)]
    return [(1, with_values(spec, container, values)) for spec in specs] + [(-1, spec) for spec in specs]


def _rolls_out(ctx: Context, target: WorkloadState) -> bool:
    """Return whether pods are replaced, and by a rollout: an evicted pod leaves before its successor is made."""
    action = ACTIONS.get(ctx.action)
    is_eviction = ctx.plan.parameters is not None and ctx.plan.parameters.pod is not None
    return action is not None and not is_eviction and action.disruption(target, ctx.plan).pods > 0


def _surge(target: WorkloadState, template: dict[str, Any]) -> list[Weighed]:
    """Return the pods beyond the count that a rollout cannot do without."""
    return [(1, template)] if target.replicas and target.strategy.unavailable_at_once == 0 else []


def _objections(quota: Quota, added: list[Weighed]) -> list[str]:
    more = total(_times(count, _counted(spec)) for count, spec in added if quota.counts(spec))
    found = []
    for resource, hard in sorted(quota.hard.items()):
        used, extra = quota.used.get(resource, Decimal(0)), more.get(resource, Decimal(0))
        if extra > 0 and used + extra > hard:
            name = resource.rpartition(".")[2]
            found.append(
                f"ResourceQuota {quota.name}: {resource} would be {written(name, used + extra)} of "
                f"{written(name, hard)} (used {written(name, used)}, the change adds {written(name, extra)})"
            )
    return found


def _counted(pod_spec: Json) -> Amounts:
    """Return what one pod counts for, under the names that quotas use."""
    found = {"pods": Decimal(1), "count/pods": Decimal(1)}
    for kind in LISTS:
        found |= {f"{kind}.{name}": value for name, value in pod_amounts(pod_spec, kind).items()}
    requests = pod_amounts(pod_spec, "requests")
    return found | {name: requests[name] for name in ("cpu", "memory") if name in requests}


def _times(count: int, one: Amounts) -> Amounts:
    return {name: count * value for name, value in one.items()}
