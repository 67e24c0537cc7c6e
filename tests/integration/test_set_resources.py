"""SetResources on a real API server under the executor's own account; KWOK's kubelets take resizes as real ones do."""

from typing import Any

import pytest

from executors import ThreadedExecutor
from localcluster.controlplane import ControlPlane
from shop import Shop

Json = dict[str, Any]
SMALL: Json = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}}


@pytest.fixture
def shop(installed: ControlPlane, namespace: str) -> Shop:
    shop = Shop(installed, namespace)
    shop.set_rules(allowedActions=["SetResources"])
    return shop


def deploy(shop: Shop, resources: Json, replicas: int = 3, annotations: Json | None = None) -> Json:
    """A Deployment with one container, its pods reporting their resources as a kubelet does."""
    labels = {"app": "web"}
    container = {"name": "app", "image": "shop", "resources": resources}
    workload = shop.deploy(
        "web",
        replicas,
        template={
            "metadata": {"labels": labels, "annotations": annotations or {}},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
        },
    )
    shop.until(lambda: reported(shop) == [resources] * replicas, "the pods report their resources")
    return workload


def pods(shop: Shop) -> list[Json]:
    """The pods, by name."""
    names = shop.kubectl("get", "pods", "-l=app=web", "-o", "name").split()
    return [shop.get("pod", name.removeprefix("pod/")) for name in sorted(names)]


def reported(shop: Shop) -> list[Json]:
    """What the nodes say that each pod has."""
    return [(pod["status"].get("containerStatuses") or [{}])[0].get("resources", {}) for pod in pods(shop)]


def cpu_limits(shop: Shop) -> list[str]:
    return [pod["spec"]["containers"][0]["resources"]["limits"]["cpu"] for pod in pods(shop)]


def ask(shop: Shop, workload: Json, method: str = "InPlace", **values: Json) -> tuple[Json, str]:
    """Report throttling, and propose to set resources."""
    report = shop.report(workload, "CPUThrottling")
    resources = {"container": "app", "method": method, **values}
    request = shop.request(workload, report, "SetResources", parameters={"resources": resources})
    return report, request


def test_in_place_from_request_to_success(shop: Shop, executor: ThreadedExecutor) -> None:
    workload = deploy(shop, SMALL)
    old = {pod["metadata"]["uid"] for pod in pods(shop)}
    report, request = ask(shop, workload, limits={"cpu": "750m"})
    shop.wait(request, "Preflighted", "True PreflightPassed")
    preflight = shop.status(request)["preflight"]
    assert len(preflight["changes"]) == 3
    assert all(
        line.endswith(" spec.containers.0.resources.limits.cpu: 500m → 750m") for line in preflight["changes"]
    )
    assert preflight["podsDisturbed"] == 0
    assert preflight["reversibility"] == "Reversible"
    assert cpu_limits(shop) == ["500m"] * 3
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    execution = shop.status(request)["execution"]
    assert (execution["before"], execution["after"]) == ({"limits.cpu": "500m"}, {"limits.cpu": "750m"})
    assert reported(shop) == [{**SMALL, "limits": {"cpu": "750m", "memory": "256Mi"}}] * 3
    shop.judge(report["metadata"]["name"], active=False, pods=3, seconds=1)
    assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
    assert {pod["metadata"]["uid"] for pod in pods(shop)} == old, "no pod was replaced"
    assert shop.changes(workload) == [], "the template is not touched"


def test_in_place_that_does_not_help_is_put_back(shop: Shop, executor: ThreadedExecutor) -> None:
    workload = deploy(shop, SMALL, replicas=2)
    report, request = ask(shop, workload, limits={"cpu": "1"}, requests={"cpu": "200m"})
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    assert cpu_limits(shop) == ["1", "1"]
    shop.judge(report["metadata"]["name"], active=True, seconds=3)
    ended = shop.wait_end(request)
    assert ended["RolledBack"] == "True RolledBack"
    assert ended["Succeeded"] == "False Ineffective"
    assert [pod["spec"]["containers"][0]["resources"] for pod in pods(shop)] == [SMALL, SMALL]


def test_what_a_node_cannot_give_is_given_up_after_one_pod(shop: Shop, executor: ThreadedExecutor) -> None:
    workload = deploy(shop, SMALL)
    for pod in pods(shop):
        shop.kubectl("annotate", "pod", pod["metadata"]["name"], "podvigil.io/resize=Infeasible")
    _, request = ask(shop, workload, limits={"cpu": "64"})
    shop.decide(request)
    ended = shop.wait_end(request)
    assert ended["Executed"] == "False ResizeInfeasible"
    assert ended["RolledBack"] == "True RolledBack"
    assert ended["Succeeded"] == "False Failed"
    assert shop.status(request)["execution"]["progress"]["done"] == 0
    assert cpu_limits(shop) == ["500m"] * 3


def test_a_pod_that_waits_for_room_is_named_and_a_person_can_stop_it(
    shop: Shop, executor: ThreadedExecutor
) -> None:
    workload = deploy(shop, SMALL)
    late = pods(shop)[2]["metadata"]["name"]
    shop.kubectl("annotate", "pod", late, "podvigil.io/resize=Deferred")
    _, request = ask(shop, workload, limits={"cpu": "750m"})
    shop.decide(request)
    shop.until(
        lambda: (
            (progress := (shop.status(request).get("execution") or {}).get("progress")) is not None
            and progress["done"] == 2
            and progress["remaining"] == [f"{shop.namespace}/{late}"]
            and "Deferred" in progress.get("waitingFor", "")
        ),
        "the one that waits is named",
    )
    shop.patch("remreq", request, {"spec": {"cancellation": {"requestedBy": "alice"}}}, user="alice")
    ended = shop.wait_end(request)
    assert ended["Executed"] == "False Cancelled"
    assert ended["Succeeded"] == "False Cancelled"
    assert cpu_limits(shop) == ["500m"] * 3


def test_a_change_of_the_qos_class_is_refused(shop: Shop, executor: ThreadedExecutor) -> None:
    workload = deploy(shop, SMALL, replicas=1)
    _, request = ask(shop, workload, requests={"cpu": "500m", "memory": "256Mi"})
    shop.wait(request, "Preflighted", "False QoSWouldChange")
    shop.decide(request)
    assert shop.wait_end(request)["Executed"] == "False QoSWouldChange"


def test_template_sets_what_nobody_owns_and_takes_it_back(shop: Shop, executor: ThreadedExecutor) -> None:
    requests_only = {"requests": SMALL["requests"]}
    workload = deploy(shop, requests_only, replicas=2)
    report, request = ask(shop, workload, "Template", limits={"cpu": "750m"})
    shop.wait(request, "Preflighted", "True PreflightPassed")
    assert shop.status(request)["preflight"]["changes"] == [
        "spec.template.spec.containers.0.resources.limits.cpu: (none) → 750m"
    ]
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    shop.rolled(workload)
    assert cpu_limits(shop)[:1] == ["750m"]

    # A second value beside it: an apply without the first would take that away.
    shop.judge(report["metadata"]["name"], active=False, seconds=1)
    assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
    again = shop.get("deployment", "web")
    report, second = ask(shop, again, "Template", limits={"memory": "512Mi"})
    shop.decide(second)
    shop.wait(second, "Executed", "True")
    shop.judge(report["metadata"]["name"], active=True, seconds=3)
    assert shop.wait_end(second)["RolledBack"] == "True RolledBack"
    left = shop.get("deployment", "web")["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert left == {**requests_only, "limits": {"cpu": "750m"}}


def test_template_never_takes_a_value_from_its_owner(shop: Shop, executor: ThreadedExecutor) -> None:
    workload = deploy(shop, SMALL, replicas=1)
    _, request = ask(shop, workload, "Template", limits={"cpu": "750m"})
    shop.wait(request, "Preflighted", "False OwnedElsewhere")
    shop.decide(request)
    assert shop.wait_end(request)["Executed"] == "False OwnedElsewhere"
    assert shop.changes(workload) == []
