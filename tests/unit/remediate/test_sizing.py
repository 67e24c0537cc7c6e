"""How much more is proposed, and for which container."""

from typing import Any

import pytest

from podvigil.api.parameters import ResourceMethod
from podvigil.api.reasons import Reason
from podvigil.api.request import RemediationRequest
from podvigil.api.signals import Signal
from podvigil.remediate.observe.place import Place
from podvigil.remediate.propose.plan import propose
from podvigil.remediate.propose.sizing import larger
from podvigil.remediate.propose.withheld import Scene
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.pods import PodState
from podvigil.remediate.targets.workload import WorkloadState
from unit.remediate.world import NOW, deployment, monitor, pod, report

Json = dict[str, Any]
NOTHING_AROUND = Scene()
SMALL: Json = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "250Mi"}}
GUARANTEED: Json = {kind: {"cpu": "333m", "memory": "250Mi"} for kind in ("requests", "limits")}


def container(resources: Json, name: str = "app") -> Json:
    return {"name": name, "resources": resources}


def running(*containers: Json, killed: str | None = None) -> PodState:
    ended = {"lastState": {"terminated": {"reason": "OOMKilled"}}} if killed else {}
    statuses = [{"name": killed or "app", "restartCount": 1, **ended}]
    return pod("web-1", spec__containers=list(containers), status__containerStatuses=statuses)


def web(*containers: Json, pods: tuple[PodState, ...] = ()) -> WorkloadState:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": list(containers)}}
    return deployment(spec__template=template, pods=pods)


def test_throttling_raises_the_cpu_limit_by_half() -> None:
    target = web(container(SMALL), pods=(running(container(SMALL)),))
    found = larger(Signal.CPU_THROTTLING, target, can_resize=True)
    assert not isinstance(found, Refusal)
    assert (found.container, found.method) == ("app", ResourceMethod.IN_PLACE)
    assert (found.limits, found.requests) == ({"cpu": "750m"}, None)  # 500m x 1.5


def test_a_kill_raises_the_memory_limit_of_the_container_that_was_killed_by_a_quarter() -> None:
    both = (container(SMALL), container({"limits": {"memory": "100Mi"}}, "cache"))
    found = larger(Signal.OOM_KILLED, web(*both, pods=(running(*both, killed="cache"),)), can_resize=True)
    assert not isinstance(found, Refusal)
    # 100 Mi x 1.25; its request was the limit, as the API server sets it
    assert (found.container, found.limits, found.requests) == (
        "cache",
        {"memory": "125Mi"},
        {"memory": "125Mi"},
    )


def test_a_guaranteed_pod_stays_one() -> None:
    target = web(container(GUARANTEED), pods=(running(container(GUARANTEED)),))
    found = larger(Signal.CPU_THROTTLING, target, can_resize=True)
    assert not isinstance(found, Refusal)
    assert found.limits == found.requests == {"cpu": "500m"}  # 333m x 1.5 = 499.5m, up to ten


def test_memory_is_rounded_up_to_a_mebibyte() -> None:
    found = larger(Signal.MEMORY_HIGH, web(container({"limits": {"memory": "1G"}})), can_resize=False)
    assert not isinstance(found, Refusal)
    assert found.limits == {"memory": "1193Mi"}  # 1.25e9 / 2^20 = 1192.1


def test_what_was_resized_before_is_where_it_goes_on() -> None:
    raised = container({**SMALL, "limits": {"cpu": "750m", "memory": "250Mi"}})
    found = larger(Signal.CPU_THROTTLING, web(container(SMALL), pods=(running(raised),)), can_resize=True)
    assert not isinstance(found, Refusal)
    assert found.limits == {"cpu": "1130m"}  # 750m x 1.5 = 1125m


@pytest.mark.parametrize(
    ("can_resize", "pods"),
    [
        pytest.param(False, (running(container(SMALL)),), id="server-cannot"),
        pytest.param(True, (), id="no-pod-runs"),
    ],
)
def test_else_the_template_is_changed(can_resize: bool, pods: tuple[PodState, ...]) -> None:
    found = larger(Signal.CPU_THROTTLING, web(container(SMALL), pods=pods), can_resize=can_resize)
    assert not isinstance(found, Refusal)
    assert found.method is ResourceMethod.TEMPLATE


TWO = (container(SMALL), container(SMALL, "log"))


@pytest.mark.parametrize(
    ("signal", "target"),
    [
        pytest.param(Signal.CPU_THROTTLING, web(*TWO), id="two-limits"),
        pytest.param(Signal.CPU_THROTTLING, web(container({})), id="no-limit"),
        pytest.param(Signal.OOM_KILLED, web(container(SMALL)), id="nobody-was-killed"),
        pytest.param(
            Signal.OOM_KILLED,
            web(container({}), pods=(running(container({}), killed="app"),)),
            id="no-limit-to-raise",
        ),
        pytest.param(Signal.CRASH_LOOP, web(container(SMALL)), id="no-remedy"),
    ],
)
def test_where_it_is_not_clear_nothing_is_proposed(signal: Signal, target: WorkloadState) -> None:
    found = larger(signal, target, can_resize=True)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.NO_ACTION_KNOWN


def asked(*allowed: str, scene: Scene = NOTHING_AROUND) -> RemediationRequest | Refusal:
    """What is proposed against throttling, for which SetResources and then Scale are recommended."""
    recommended = [{"action": "SetResources", "message": "-"}, {"action": "Scale", "message": "-"}]
    return propose(
        report({"spec.signal": "CPUThrottling", "status.recommendations": recommended}),
        monitor({"spec.remediation.allowedActions": list(allowed)}),
        web(container(SMALL), pods=(running(container(SMALL)),)),
        requested_by="analyst",
        own_namespace="podvigil-system",
        now=NOW,
        scene=scene,
    )


def test_it_is_proposed_only_where_it_is_allowed() -> None:
    proposed = asked("Scale", "SetResources")
    assert isinstance(proposed, RemediationRequest)
    plan = proposed.spec.plan
    assert plan.action == "SetResources"
    assert plan.message.startswith(
        "SetResources Deployment shop/web to cpu limit 750m for container app (InPlace)"
    )
    assert plan.parameters is not None
    assert plan.parameters.resources is not None
    otherwise = asked("Scale")
    assert isinstance(otherwise, RemediationRequest)
    assert otherwise.spec.plan.action == "Scale"


def test_a_server_without_resizes_gets_a_template() -> None:
    proposed = asked("SetResources", scene=Scene(Place(can_resize=False)))
    assert isinstance(proposed, RemediationRequest)
    parameters = proposed.spec.plan.parameters
    assert parameters is not None
    assert parameters.resources is not None
    assert parameters.resources.method is ResourceMethod.TEMPLATE


VPA: Json = {"metadata": {"name": "web"}, "spec": {"targetRef": {"kind": "Deployment", "name": "web"}}}
RANGE: Json = {
    "metadata": {"name": "small"},
    "spec": {"limits": [{"type": "Container", "max": {"cpu": "600m"}}]},
}


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        pytest.param(Place(verticals=(VPA,)), Reason.AUTOSCALED, id="a-vertical-autoscaler"),
        pytest.param(Place(ranges=(RANGE,)), Reason.LIMIT_RANGE_BLOCKS, id="a-limit-range"),
    ],
)
def test_it_is_withheld_where_the_namespace_says_no(place: Place, reason: Reason) -> None:
    withheld = asked("SetResources", scene=Scene(place))
    assert isinstance(withheld, Refusal)
    assert withheld.reason is reason
    assert "does not have Scale in allowedActions" in withheld.message
