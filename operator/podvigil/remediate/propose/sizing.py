"""How much more a container is proposed to get, and which one. Pure; used by the analyst."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

from podvigil.api.parameters import ResourceMethod, ResourceValues
from podvigil.api.reasons import Reason
from podvigil.api.signals import Signal
from podvigil.remediate.actions.set_resources.pods import running
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.values.amounts import (
    MEBIBYTE,
    MILLICORE,
    Json,
    amounts,
    container_of,
    containers_of,
    pod_spec_of,
    written,
)


@dataclass(frozen=True, slots=True)
class Growth:
    """What answers a signal."""

    resource: str
    factor: Decimal
    step: Decimal
    """The new value is rounded up to a multiple of it."""


MORE_CPU: Final = Growth("cpu", Decimal("1.5"), 10 * MILLICORE)
"""Half more: a pod throttled in half of its periods wants about twice what it gets at its peaks, and the node pays."""

MORE_MEMORY: Final = Growth("memory", Decimal("1.25"), MEBIBYTE)
"""A quarter more, as much as Scale adds: enough for a cache that has grown, not for a leak to hide in."""

GROWTH: Final = {
    Signal.CPU_THROTTLING: MORE_CPU,
    Signal.OOM_KILLED: MORE_MEMORY,
    Signal.MEMORY_HIGH: MORE_MEMORY,
}


def larger(signal: Signal, target: WorkloadState, *, can_resize: bool) -> ResourceValues | Refusal:
    """Return what to set against a signal, or why it cannot be told.

    Args:
        can_resize: whether the API server can resize running pods; else the template is changed.
    """
    growth = GROWTH.get(signal)
    if growth is None:
        return Refusal(Reason.NO_ACTION_KNOWN, f"more cpu or memory is no remedy for {signal}")
    resource = growth.resource
    names = _killed(target) if signal is Signal.OOM_KILLED else _limited(target, resource)
    if len(names) != 1:
        which = f"it may be any of {', '.join(sorted(names))}" if names else "none has one"
        return Refusal(
            Reason.NO_ACTION_KNOWN,
            f"it is not clear which container of {target.ref} needs a larger {resource} limit: {which}",
        )
    (name,) = names
    # An earlier resize is what the pods have, not what the template says.
    specs = [pod.body["spec"] for pod in running(target)] if can_resize else []
    limit, request = _largest(specs or [pod_spec_of(target.body)], name, resource)
    if limit is None:
        return Refusal(
            Reason.NO_ACTION_KNOWN, f"container {name} of {target.ref} has no {resource} limit to raise"
        )
    raised = written(resource, _up(limit * growth.factor, growth.step))
    return ResourceValues(
        container=name,
        method=ResourceMethod.IN_PLACE if specs else ResourceMethod.TEMPLATE,
        limits={resource: raised},
        # A request that was the limit follows it, so that a Guaranteed pod stays one.
        requests={resource: raised} if request == limit else None,
    )


def _killed(target: WorkloadState) -> set[str]:
    """Return the containers that a kubelet has killed for their memory limit."""
    return {
        status["name"]
        for pod in target.own_pods
        for status in _statuses(pod.body)
        for state in (status.get("state") or {}, status.get("lastState") or {})
        if (state.get("terminated") or {}).get("reason") == "OOMKilled"
    }


def _statuses(pod: Json) -> list[Json]:
    status = pod.get("status") or {}
    return [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]


def _limited(target: WorkloadState, resource: str) -> set[str]:
    return {
        container["name"]
        for container in containers_of(pod_spec_of(target.body))
        if resource in ((container.get("resources") or {}).get("limits") or {})
    }


def _largest(specs: Iterable[Json], name: str, resource: str) -> tuple[Decimal | None, Decimal | None]:
    """Return the largest limit that a pod's container has, and the request beside it."""
    found: tuple[Decimal | None, Decimal | None] = (None, None)
    for spec in specs:
        resources = (container_of(spec, name) or {}).get("resources") or {}
        limit = amounts(resources.get("limits")).get(resource)
        if limit is not None and (found[0] is None or limit > found[0]):
            found = (limit, amounts(resources.get("requests")).get(resource, limit))
    return found


def _up(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(ROUND_CEILING) * step
