"""The only reader: one request in, one frozen Context out. "Not found" is None; only real failures raise."""

import asyncio
from typing import Any, TypeVar

import msgspec
from pydantic import ValidationError

from podvigil.api.actions import CLUSTER_SCOPED
from podvigil.api.base import ApiModel
from podvigil.api.monitor import AnomalyMonitor
from podvigil.api.report import AnomalyReport, TargetReference
from podvigil.api.request import Decision, Plan, RemediationRequest
from podvigil.api.resources import (
    ANOMALYMONITORS,
    ANOMALYREPORTS,
    CRONJOBS,
    DEPLOYMENTS,
    HORIZONTALPODAUTOSCALERS,
    NODES,
    PODDISRUPTIONBUDGETS,
    PODS,
    REMEDIATIONACTIONS,
    REMEDIATIONREQUESTS,
    REPLICASETS,
    ROLLOUTS,
)
from podvigil.cluster.client import Cluster
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.actions.base import Right
from podvigil.remediate.actions.drain.filters import Fate, sort_pods
from podvigil.remediate.authority.gate import Gate
from podvigil.remediate.observe.change_made import change_status
from podvigil.remediate.observe.context import Budget, Context, OtherRequest
from podvigil.remediate.observe.gather_cronjob import observe_cronjob
from podvigil.remediate.observe.gather_limits import gather_limits
from podvigil.remediate.observe.gather_node import observe_node
from podvigil.remediate.observe.gather_siblings import observe_siblings
from podvigil.remediate.observe.pause import observe_pause
from podvigil.remediate.observe.place import autoscaling, covering
from podvigil.remediate.observe.surroundings import Surroundings
from podvigil.remediate.targets.base import TargetState
from podvigil.remediate.targets.node import NodeState
from podvigil.remediate.targets.pods import pod_state
from podvigil.remediate.targets.revisions import revisions_of
from podvigil.remediate.targets.workload import WORKLOADS, WorkloadState, workload_state

Json = dict[str, Any]
Model = TypeVar("Model", bound=ApiModel)


class Unreadable(Exception):
    """An object of ours breaks its own schema: it was written by another version. Names object and field."""


async def gather(
    cluster: Cluster,
    namespace: str,
    name: str,
    *,
    gate: Gate,
    surroundings: Surroundings,
    own_namespace: str,
    executor: str,
) -> Context | None:
    """Read everything about a request; None when it does not exist any more.

    Raises: ClusterError when something cannot be seen; Unreadable.
    """
    found = await cluster.find(REMEDIATIONREQUESTS, name, namespace)
    if found is None:
        return None
    request = read(RemediationRequest, found)
    plan = request.spec.plan
    target, report, monitor, budgets, autoscalers, others = await asyncio.gather(
        _observe(cluster, request, namespace, own_namespace),
        observe_report(cluster, plan, namespace),
        cluster.find(ANOMALYMONITORS, plan.monitor),
        cluster.list(PODDISRUPTIONBUDGETS, namespace),
        cluster.list(HORIZONTALPODAUTOSCALERS, namespace),
        cluster.list(REMEDIATIONREQUESTS, namespace, field_selector=_concurrent(plan.target)),
    )
    rivals = [body for body in others if body["metadata"]["uid"] != request.metadata["uid"]]
    return Context(
        request=request,
        target=target,
        report=read(AnomalyReport, report) if report else None,
        monitor=read(AnomalyMonitor, monitor) if monitor else None,
        gate=gate,
        missing_rights=await _missing_rights(cluster, plan, target) if target else (),
        own_namespace=own_namespace,
        executor=executor,
        budgets=_touched(budgets, target, plan),
        autoscalers=autoscaling(autoscalers, plan.target),
        limits=await gather_limits(cluster, plan, namespace),
        everything_paused=await observe_pause(cluster, own_namespace),
        surroundings=surroundings,
        around=await observe_siblings(cluster, plan, namespace) if _is_compared(request) else None,
        others=tuple(other_request(body) for body in rivals if _same_target(body, plan.target)),
        elsewhere=tuple(
            other_request(body)
            for body in rivals
            if plan.target.kind == NODES.kind and not _same_target(body, plan.target)
        ),
    )


def _is_compared(request: RemediationRequest) -> bool:
    """Return whether siblings are looked at: from the approval to the end, of what lies in a namespace."""
    approval, plan = request.spec.approval, request.spec.plan
    is_approved = approval is not None and approval.decision is Decision.APPROVED
    return is_approved and request.status.finished_at is None and plan.target.kind not in CLUSTER_SCOPED


async def _observe(
    cluster: Cluster, request: RemediationRequest, namespace: str, own_namespace: str
) -> TargetState | None:
    ref = request.spec.plan.target
    if (ref.api_version, ref.kind) == (NODES.api_version, NODES.kind):
        return await observe_node(cluster, request, own_namespace)
    if (ref.api_version, ref.kind) == (CRONJOBS.api_version, CRONJOBS.kind):
        return await observe_cronjob(cluster, ref, namespace)
    return await observe_target(cluster, ref, namespace)


def _concurrent(ref: TargetReference) -> str:
    """Select the requests that this one may have to wait for; nodes wait for each other."""
    if ref.kind == NODES.kind:
        return f"spec.plan.target.kind={NODES.kind}"
    return f"spec.plan.target.name={ref.name}"


def _same_target(body: Json, ref: TargetReference) -> bool:
    other = body["spec"]["plan"]["target"]
    return (other["kind"], other["name"]) == (ref.kind, ref.name)


async def observe_report(cluster: Cluster, plan: Plan, namespace: str) -> Json | None:
    """Read the report of that name that a plan answers; None when there is none. Raises: ClusterError."""
    return await cluster.find(ANOMALYREPORTS, plan.report.name, namespace) if plan.report else None


async def observe_target(cluster: Cluster, ref: TargetReference, namespace: str) -> WorkloadState | None:
    """Read a workload and its pods; None when it is not there or of no kind that we change.

    A namesake made later is returned as it is: whether the uid is the right one is a guard's question.
    """
    resource = WORKLOADS.get((ref.api_version, ref.kind))
    if resource is None:
        return None
    body = await cluster.find(resource, ref.name, namespace)
    if body is None:
        return None
    body = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
    state = workload_state(body)
    if not state.selector:
        return state  # a Rollout that its controller has not seen yet: nothing is selected, rather than all
    pods = await cluster.list(PODS, namespace, label_selector=state.selector)
    replica_sets: list[Json] = []
    if resource in (DEPLOYMENTS, ROLLOUTS):
        # After the pods: then the ReplicaSet of each of them is among these.
        replica_sets = await cluster.list(REPLICASETS, namespace, label_selector=state.selector)
    return workload_state(body, tuple(map(pod_state, pods)), revisions_of(replica_sets, state.ref.uid))


def read(model: type[Model], body: Json) -> Model:
    """Read one of our kinds. Raises: Unreadable."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        metadata = body.get("metadata", {})
        raise Unreadable(
            f"{model.__name__} {metadata.get('namespace', '')}/{metadata.get('name')}: {where}: {first['msg']}"
        ) from error


def _touched(budgets: list[Json], target: TargetState | None, plan: Plan) -> tuple[Budget, ...]:
    match target:
        case WorkloadState():
            return covering(budgets, target)
        case NodeState():
            moving = sort_pods(target, plan)[Fate.EVICT]
            return tuple(
                Budget(budget.name, budget.disruptions_allowed, budget.namespace)
                for budget in target.around.budgets
                if any(budget.covers(pod) for pod in moving)
            )
        case _:
            return ()


def other_request(body: Json) -> OtherRequest:
    """Read as much of another request as the guards ask for. Raises: Unreadable."""
    status = body.get("status") or {}
    try:
        changed_at = change_status(status).changed_at
    except msgspec.ValidationError as error:
        name = f"{body['metadata'].get('namespace', '')}/{body['metadata']['name']}"
        raise Unreadable(f"RemediationRequest {name}: status: {error}") from error
    return OtherRequest(
        name=body["metadata"]["name"],
        created=body["metadata"]["creationTimestamp"],
        target=body["spec"]["plan"]["target"]["name"],
        is_approved=(body["spec"].get("approval") or {}).get("decision") == Decision.APPROVED.value,
        is_claimed=bool(status.get("execution")),
        is_finished="finishedAt" in status,
        changed_at=changed_at,
    )


async def _missing_rights(cluster: Cluster, plan: Plan, target: TargetState) -> tuple[str, ...]:
    action = ACTIONS.get(plan.action)
    if action is None:
        return ()
    right_to_it = Right("execute", REMEDIATIONACTIONS, target.ref.namespace, plan.action.lower())
    rights = (right_to_it, *action.rights(target, plan))
    allowed = await asyncio.gather(
        *(
            cluster.can_i(r.verb, r.resource, namespace=r.namespace, name=r.name, subresource=r.subresource)
            for r in rights
        )
    )
    return tuple(str(right) for right, yes in zip(rights, allowed, strict=True) if not yes)
