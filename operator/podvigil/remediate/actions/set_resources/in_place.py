"""SetResources in place: the running pods are resized through `pods/resize`, and stay. Needs Kubernetes 1.33.

Source: KEP-1287, and ValidatePodResize in k8s.io/kubernetes/pkg/apis/core/validation: the QoS class stays, nothing is
taken away, only regular containers and sidecars.
"""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.api.request import Plan, Reversibility
from podvigil.api.resources import PODS
from podvigil.cluster.client import Cluster, PatchKind
from podvigil.cluster.errors import BadRequest, ClusterError, Conflict, Forbidden, Invalid, NotFound
from podvigil.remediate.actions.base import (
    TIME_LIMIT,
    Change,
    Disruption,
    Made,
    Progress,
    Rehearsal,
    Right,
    Undo,
)
from podvigil.remediate.actions.set_resources.pods import (
    Stand,
    comes_back,
    fits,
    look,
    packed,
    restarts,
    running,
)
from podvigil.remediate.refusal import Refusal, dry_run_refused
from podvigil.remediate.targets.pods import PodState
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.validation.effect import Effect, Verdict
from podvigil.remediate.validation.judge import judge_workload
from podvigil.remediate.values.amounts import amount, list_of, pod_spec_of, qos_class
from podvigil.remediate.values.container_values import (
    Values,
    asked,
    is_same,
    nested,
    present,
    wanted,
    with_values,
    written,
)
from podvigil.remediate.values.differences import differences

SUBRESOURCE: Final = "resize"

LOOK_AGAIN: Final = timedelta(seconds=1)
"""A kubelet takes up a resize within a second, and sets it in another."""

REHEARSED: Final = 3
"""Pods of one template are alike: what the server says of three it says of all."""

RESTORED_AT_ONCE: Final = 50
"""Pods put back in one step; the next step goes on."""


class InPlace:
    """Resizes pod after pod: one first, then ten at a time."""

    name: str = ActionName.SET_RESOURCES
    reversibility = Reversibility.REVERSIBLE

    def rights(self, target: WorkloadState, plan: Plan) -> tuple[Right, ...]:
        """The subresource of pods alone."""
        return (Right("patch", PODS, target.ref.namespace, subresource=SUBRESOURCE),)

    def objection(self, target: WorkloadState, plan: Plan) -> Refusal | None:
        """What the API server would refuse for one of the pods, or could not take back."""
        container, after, pods = asked(plan).container, wanted(plan), running(target)
        old = {pod.name: present(pod.body["spec"], container, after) for pod in pods}
        to_change = [pod for pod in pods if not is_same(old[pod.name], after)]
        if not pods:
            return Refusal(Reason.NO_CHANGE, f"{target.ref} has no running pod to resize")
        if not to_change:
            return Refusal(
                Reason.NO_CHANGE,
                f"all {len(pods)} running pods of {target.ref} have {written(after)} already",
            )
        for pod in to_change:
            if absent := [key for key, value in old[pod.name].items() if not value]:
                return Refusal(
                    Reason.UNSUPPORTED_TARGET,
                    f"container {container} of pod {pod} has no {' and no '.join(absent)}: what is added in place "
                    "cannot be taken away again; use method Template",
                )
            before = qos_class(pod.body["spec"])
            if (then := qos_class(with_values(pod.body["spec"], container, after))) != before:
                return Refusal(
                    Reason.QOS_WOULD_CHANGE,
                    f"the QoS class of pod {pod} would change from {before} to {then}, which Kubernetes refuses for "
                    "a running pod; set requests and limits accordingly, or use method Template",
                )
        if not fits(packed(pods, container, after)):
            return Refusal(
                Reason.UNSUPPORTED_TARGET,
                f"the pods of {target.ref} have too many different values to keep the way back; use method Template",
            )
        return None

    def change(self, target: WorkloadState, plan: Plan, *, token: str, now: datetime) -> Change:
        """Keep each pod's old values: those of most, and by name those of the others."""
        after = wanted(plan)
        return Change(packed(running(target), asked(plan).container, after), after, token)

    def disruption(self, target: WorkloadState, plan: Plan) -> Disruption:
        """None, unless the container's resizePolicy restarts it."""
        container, after = asked(plan).container, wanted(plan)
        pods = [p for p in running(target) if not is_same(present(p.body["spec"], container, after), after)]
        restarted = [pod for pod in pods if restarts(pod.body["spec"], container, after)]
        if not restarted:
            return Disruption(0, 0, f"{len(pods)} pods are resized in place; no container restarts")
        how = (
            f"container {container} restarts in {len(restarted)} pods, one after the other: "
            "its resizePolicy is RestartContainer"
        )
        return Disruption(len(restarted), 1, how, tuple(str(pod) for pod in restarted))

    def way_back(self, target: WorkloadState, plan: Plan) -> str:
        """Pod by pod, as long as they live."""
        back = (
            "Each pod that still runs is resized back to its own old values, while it still has the new ones; pods "
            "that are replaced meanwhile have the template's. Nothing is put back once the template has the new values."
        )
        lowers = "limits.memory" in wanted(plan)
        return back + (" Kubernetes 1.33 refuses to lower a memory limit in place." if lowers else "")

    def time_limit(self, plan: Plan) -> timedelta:
        """For all pods together."""
        return TIME_LIMIT

    def progress(self, target: WorkloadState, plan: Plan, change: Change) -> Progress:
        """By the pods; those that came since are resized too, those that somebody else resized are left alone."""
        view = look(target, asked(plan).container, change)
        if not view.ours:
            is_foreign = view.pods and not view.those(Stand.OLD)
            return Progress.FOREIGN if is_foreign else Progress.DUE
        is_done = not view.those(Stand.OLD, Stand.PENDING, Stand.STARTING, Stand.INFEASIBLE)
        return Progress.DONE if is_done else Progress.UNDER_WAY

    def undo(self, target: WorkloadState, plan: Plan, change: Change) -> Undo:
        """While any pod has a value of ours; a pod of a template that has it by now has its owner's."""
        view = look(target, asked(plan).container, change)
        if view.ours:
            return Undo.NOT_OURS if _is_adopted(target, plan) else Undo.DUE
        is_foreign = view.those(Stand.FOREIGN) and not view.those(Stand.OLD)
        return Undo.NOT_OURS if is_foreign else Undo.DONE

    def judge(self, effect: Effect, *, now: datetime) -> Verdict | None:
        """By the report and the same pods.

        A restart that the resizing itself made is no crash. A container that was down before it (killed for its
        memory, say, which is why it gets more) is given the window to come back.
        """
        target, plan, down = effect.target, effect.plan, 0
        if isinstance(target, WorkloadState):
            container, after, pods = asked(plan).container, wanted(plan), running(target)
            made = sum(restarts(pod.body["spec"], container, after) for pod in pods)
            allowed = effect.baseline.restarts + made
            effect = replace(effect, baseline=effect.baseline.model_copy(update={"restarts": allowed}))
            down = sum(comes_back(pod, container, effect.changed_at) for pod in pods)
        return judge_workload(effect, at_once=down, replaces_pods=False, now=now)

    async def rehearse(
        self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change
    ) -> Rehearsal:
        """Dry-run the patches of the first pods."""
        view = look(target, asked(plan).container, change)
        to_change = [resizing.pod for resizing in view.those(Stand.OLD)]
        changes: list[str] = []
        for pod in to_change[:REHEARSED]:
            try:
                after = await _resize(cluster, pod, plan, wanted(plan), dry_run=True)
            except (BadRequest, Forbidden, Invalid) as error:
                return Rehearsal(tuple(changes), (dry_run_refused(error),), _notes(target, plan, change))
            except NotFound:
                continue  # ended meanwhile
            changes += [f"pods/{pod.name} {line}" for line in differences(pod.body, after)]
        if len(to_change) > REHEARSED:
            changes.append(f"… and the same for {len(to_change) - REHEARSED} more pods")
        return Rehearsal(tuple(changes), notes=_notes(target, plan, change))

    async def execute(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> Made:
        """Resize the next pods. A pod that is gone, or was changed since we looked, is for the next step."""
        view = look(target, asked(plan).container, change)
        if lost := view.those(Stand.INFEASIBLE):
            first = lost[0]
            why = (
                f"node {first.pod.node} can never give pod {first.pod} {written(wanted(plan))}: {first.said}"
            )
            return Made(view.progress(), stop=Refusal(Reason.RESIZE_INFEASIBLE, why))
        is_begun = bool(view.ours)
        for resizing in view.next():
            try:
                await _resize(cluster, resizing.pod, plan, wanted(plan), dry_run=False)
            except (NotFound, Conflict):
                continue
            except (BadRequest, Forbidden, Invalid) as error:
                if not is_begun:
                    raise
                return Made(view.progress(), stop=Refusal(Reason.API_SERVER_REFUSED, str(error)))
            is_begun = True
        return Made(view.progress(), again=LOOK_AGAIN)

    async def rollback(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> None:
        """Resize the pods that are still ours back, each to its own old values; all are tried."""
        refused: ClusterError | None = None
        for resizing in look(target, asked(plan).container, change).ours[:RESTORED_AT_ONCE]:
            try:
                await _resize(cluster, resizing.pod, plan, resizing.old, dry_run=False)
            except (NotFound, Conflict):
                continue
            except (BadRequest, Forbidden, Invalid) as error:
                refused = error
        if refused:
            raise refused


def _is_adopted(target: WorkloadState, plan: Plan) -> bool:
    """Return whether somebody has put the new values into the pod template since, as we advise.

    Of the very generation that was judged nobody has. A request that is absent is its limit, as in the pods.
    """
    if target.generation == plan.target.generation:
        return False
    pod_spec, container, after = pod_spec_of(target.body), asked(plan).container, wanted(plan)
    limit_of = {key: key.replace("requests.", "limits.") for key in after}
    own = present(pod_spec, container, after)
    limits = present(pod_spec, container, dict.fromkeys(limit_of.values(), ""))
    return is_same({key: own[key] or limits[limit_of[key]] for key in after}, after)


def _notes(target: WorkloadState, plan: Plan, change: Change) -> tuple[str, ...]:
    container, after = asked(plan).container, wanted(plan)
    notes = []
    if any(_is_lowered(pod, container, after, "limits.memory") for pod in running(target)):
        notes.append("The kubelet lowers a memory limit only while the container uses less than the new one.")
    nodes = Counter(pod.node for pod in running(target))
    if any(key.startswith("requests.") for key in after):
        notes.append(
            f"The pods run on {len(nodes)} nodes; a node without room for a larger request puts the resize off."
        )
    return tuple(notes)


def _is_lowered(pod: PodState, container: str, after: Values, key: str) -> bool:
    before = present(pod.body["spec"], container, after).get(key)
    return bool(before) and amount(after[key]) < amount(before)


async def _resize(
    cluster: Cluster, pod: PodState, plan: Plan, values: Values, *, dry_run: bool
) -> dict[str, Any]:
    container, metadata = asked(plan).container, {"uid": pod.uid}
    if not dry_run:  # a busy pod's status changes all the time; the trial need not fail for it
        metadata["resourceVersion"] = pod.body["metadata"]["resourceVersion"]
    resized = {"name": container, "resources": nested(values)}
    return await cluster.patch(
        PODS,
        pod.name,
        {"metadata": metadata, "spec": {list_of(pod.body["spec"], container): [resized]}},
        pod.namespace,
        subresource=SUBRESOURCE,
        # A merge patch would drop the other resources, and with them the QoS class.
        kind=PatchKind.STRATEGIC,
        dry_run=dry_run,
    )
