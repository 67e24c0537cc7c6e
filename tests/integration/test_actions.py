"""Restart in its ways, and Rollback, on a real API server under the executor's own ServiceAccount."""

import json
from typing import Any

import pytest

from argo import install_argo
from executors import ThreadedExecutor
from localcluster.cluster import KwokCluster
from localcluster.controlplane import ControlPlane
from shop import EXECUTOR, TOKEN, Json, Shop, install


@pytest.fixture(scope="module")
def installed(kwok_cluster: KwokCluster) -> ControlPlane:
    """The installation, where alice's group may also decide about rollbacks."""
    cluster = kwok_cluster.control_plane
    install(cluster)
    bind = ("create", "clusterrolebinding", "shop-rollback", "--clusterrole=podvigil-approver-rollback")
    cluster.kubectl(*bind, "--group=sre", check=False)
    return cluster


@pytest.fixture
def shop(installed: ControlPlane, namespace: str) -> Shop:
    made = Shop(installed, namespace)
    made.set_rules(allowedActions=["Restart", "Rollback"])
    return made


def pods(shop: Shop, workload: Json) -> list[Json]:
    """The workload's pods, by name."""
    selector = f"-l=app={workload['metadata']['name']}"
    found: list[Json] = json.loads(shop.kubectl("get", "pods", selector, "-o", "json"))["items"]
    return sorted(found, key=lambda pod: pod["metadata"]["name"])


def uids(shop: Shop, workload: Json) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods(shop, workload)}


def of(pod: Json) -> dict[str, Any]:
    """The parameters that name one pod."""
    return {"parameters": {"pod": {key: pod["metadata"][key] for key in ("name", "uid")}}}


def unready(shop: Shop, pod: Json) -> None:
    """Have a pod fail its readiness probe; the simulated kubelet leaves it so."""
    condition = {"type": "Ready", "status": "False"}
    body = {"status": {"conditions": [condition]}}
    name = pod["metadata"]["name"]
    shop.kubectl("patch", "pod", name, "--type=strategic", "-p", json.dumps(body), "--subresource=status")


def budget(shop: Shop, workload: Json, minimum: int) -> None:
    """A PodDisruptionBudget over the workload's pods, and its controller's first count."""
    name = workload["metadata"]["name"]
    shop.apply(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": name, "namespace": shop.namespace},
            "spec": {"minAvailable": minimum, "selector": {"matchLabels": {"app": name}}},
        }
    )
    shop.until(
        lambda: shop.get("pdb", name).get("status", {}).get("observedGeneration") == 1,
        "the budget is counted",
    )


def evictions(shop: Shop) -> list[str]:
    """Names of the pods that the executor evicted in this namespace, in order."""
    found = []
    for line in shop.cluster.audit_log.read_text().splitlines():
        entry = json.loads(line)
        about = entry.get("objectRef") or {}
        if (
            (about.get("subresource"), about.get("namespace")) == ("eviction", shop.namespace)
            and entry["user"]["username"] == EXECUTOR
            and entry["responseStatus"]["code"] < 300
            and "dryRun" not in entry["requestURI"]
        ):
            found.append(about["name"])
    return found


def test_one_stuck_pod_is_evicted_and_the_others_stay(shop: Shop, executor: ThreadedExecutor) -> None:
    workload = shop.deploy("web", 3)
    report, stuck = shop.report(workload), pods(shop, workload)[1]
    before = uids(shop, workload)
    request = shop.request(workload, report, **of(stuck))
    shop.wait(request, "Preflighted", "True")
    preflight = shop.status(request)["preflight"]
    assert preflight["pods"] == [f"{shop.namespace}/{stuck['metadata']['name']}"]
    assert preflight["podsDisturbed"] == 1
    assert "is evicted and replaced" in preflight["disruption"]
    assert uids(shop, workload) == before, "the preflight evicts nothing"

    shop.decide(request)
    shop.wait(request, "Executed", "True")
    assert evictions(shop) == [stuck["metadata"]["name"]]
    shop.rolled(workload)
    after = uids(shop, workload)
    assert before - after == {stuck["metadata"]["uid"]}
    shop.judge(report["metadata"]["name"], active=False, pods=3, seconds=1)
    assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
    assert shop.changes(workload) == []


def test_an_eviction_waits_for_its_budget_and_names_it(shop: Shop, executor: ThreadedExecutor) -> None:
    workload = shop.deploy("web", 2)
    stuck = pods(shop, workload)[0]
    budget(shop, workload, 2)
    unready(shop, stuck)
    shop.until(lambda: shop.get("pdb", "web")["status"]["currentHealthy"] == 1, "the budget has seen it")
    request = shop.request(workload, shop.report(workload), **of(stuck))
    shop.wait(request, "Preflighted", "False BudgetBlocks")
    shop.decide(request)
    shop.wait(request, "Executed", "Unknown Executing")
    shop.until(lambda: "progress" in shop.status(request)["execution"], "it has tried")
    progress = shop.status(request)["execution"]["progress"]
    assert (progress["total"], progress["done"]) == (1, 0)
    assert "disruption budget web needs 2 healthy pods and has 1" in progress["waitingFor"]
    assert evictions(shop) == []
    shop.kubectl("delete", "pdb", "web")
    shop.wait(request, "Executed", "True")
    assert evictions(shop) == [stuck["metadata"]["name"]]


def test_a_pod_that_two_budgets_cover_is_never_evicted(shop: Shop, executor: ThreadedExecutor) -> None:
    workload = shop.deploy("web", 2)
    budget(shop, workload, 1)
    second = {"spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}}
    shop.apply(
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget"}
        | {"metadata": {"name": "second", "namespace": shop.namespace}, **second}
    )
    shop.until(lambda: shop.get("pdb", "second").get("status", {}).get("disruptionsAllowed") == 1, "counted")
    request = shop.request(workload, shop.report(workload), **of(pods(shop, workload)[0]))
    shop.decide(request)
    ended = shop.wait_end(request)
    assert (ended["Executed"], ended["Succeeded"]) == ("False BudgetBlocks", "False Failed")
    assert evictions(shop) == []


@pytest.mark.parametrize(
    ("owner", "reason"),
    [
        pytest.param(None, "UnsupportedTarget", id="a-bare-pod"),
        pytest.param("other", "UnsupportedTarget", id="a-pod-of-another-workload"),
        pytest.param("gone", "StaleTarget", id="a-pod-that-is-gone"),
    ],
)
def test_only_the_workloads_own_pods_are_evicted(
    shop: Shop, executor: ThreadedExecutor, owner: str | None, reason: str
) -> None:
    workload = shop.deploy("web", 2)
    pod: Json = {"metadata": {"name": "web-gone", "uid": "no-such-uid"}}
    if owner is None:
        spec = {"containers": [{"name": "app", "image": "shop"}]}
        metadata = {"name": "bare", "namespace": shop.namespace, "labels": {"app": "web"}}
        shop.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        pod = shop.get("pod", "bare")
    elif owner == "other":
        pod = pods(shop, shop.deploy("api", 1))[0]
        shop.kubectl("label", "pod", pod["metadata"]["name"], "app=web", "--overwrite")
        shop.kubectl("scale", "deployment/api", "--replicas=0")
        pod = shop.get("pod", pod["metadata"]["name"])
    request = shop.request(workload, shop.report(workload), **of(pod))
    shop.decide(request)
    # Whichever is first: the decision, or a preflight that finds the cause lost.
    assert shop.wait_end(request)["Executed"] == f"False {reason}"
    assert evictions(shop) == []


def on_delete(shop: Shop, kind: str, replicas: int = 3) -> Json:
    """A workload whose controller waits for someone to delete its pods."""
    workload = shop.deploy("db", replicas, kind)
    shop.patch(kind.lower(), "db", {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}})
    generation = shop.get(kind.lower(), "db")["metadata"]["generation"]
    shop.until(
        lambda: shop.get(kind.lower(), "db")["status"]["observedGeneration"] == generation, "it has been seen"
    )
    return workload | shop.get(kind.lower(), "db")


def test_on_delete_goes_from_pod_to_pod(shop: Shop, executor: ThreadedExecutor) -> None:
    workload = on_delete(shop, "StatefulSet")
    report, before = shop.report(workload), uids(shop, workload)
    unready(shop, shop.get("pod", "db-1"))
    shop.until(lambda: shop.get("statefulset", "db")["status"]["readyReplicas"] == 2, "it has been seen")
    request = shop.request(workload, report)
    shop.wait(request, "Preflighted", "True")
    preflight = shop.status(request)["preflight"]
    assert "evicted db-1, then db-2, then db-0" in preflight["changes"][0]
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    assert evictions(shop) == ["db-1", "db-2", "db-0"]
    shop.until(lambda: len(uids(shop, workload) - before) == 3, "all pods are new")
    shop.judge(report["metadata"]["name"], active=False, pods=3, seconds=1)
    assert shop.wait_end(request)["Succeeded"] == "True Succeeded"


def test_on_delete_stops_where_a_successor_does_not_come(shop: Shop, executor: ThreadedExecutor) -> None:
    workload = on_delete(shop, "StatefulSet", 2)
    before = uids(shop, workload)
    request = shop.request(workload, shop.report(workload))
    # A pod can be deleted, and none be made: the controller waits, and so must we.
    shop.kubectl("create", "quota", "full", "--hard=pods=1")
    shop.until(lambda: "hard" in shop.get("quota", "full").get("status", {}), "the quota is counted")
    shop.decide(request)
    shop.until(
        lambda: "1 new pod" in str((shop.status(request).get("execution") or {}).get("progress")),
        "it waits for the successor",
    )
    progress = shop.status(request)["execution"]["progress"]
    assert (progress["total"], progress["done"]) == (2, 1)
    assert progress["remaining"] == [f"{shop.namespace}/db-0"]
    shop.patch("remreq", request, {"spec": {"cancellation": {"requestedBy": "alice"}}}, user="alice")
    assert shop.wait_end(request)["Succeeded"] == "False Cancelled"
    assert evictions(shop) == ["db-1"]
    assert len(uids(shop, workload) & before) == 1


def test_on_delete_rolls_out_nothing_that_its_owner_has_not(shop: Shop, executor: ThreadedExecutor) -> None:
    on_delete(shop, "StatefulSet", 2)
    shop.kubectl("set", "env", "statefulset/db", "NEW=yes")
    shop.until(lambda: "updatedReplicas" not in shop.get("statefulset", "db")["status"], "it has been seen")
    workload = shop.get("statefulset", "db")
    request = shop.request(workload, shop.report(workload))
    shop.decide(request)
    assert shop.wait_end(request)["Executed"] == "False UnsupportedTarget"
    assert evictions(shop) == []


@pytest.fixture(scope="module")
def argo(installed: ControlPlane) -> None:
    """Argo Rollouts' kind, without its controller."""
    install_argo(installed)


@pytest.mark.usefixtures("argo")
def test_an_argo_rollout_restarts_by_its_own_field(shop: Shop, executor: ThreadedExecutor) -> None:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "shop"}]}}
    shop.apply(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": "web", "namespace": shop.namespace},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": template,
                "strategy": {"canary": {}},
            },
        }
    )
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 2)
    status = {"status": {**counts, "observedGeneration": "1", "selector": "app=web"}}
    shop.patch("rollout", "web", status, "--subresource=status")
    workload = shop.get("rollout", "web")
    report = shop.report(workload)
    request = shop.request(workload, report)
    shop.wait(request, "Preflighted", "True")
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    rollout = shop.get("rollout", "web")
    assert rollout["spec"]["restartAt"] == shop.status(request)["execution"]["after"]["restartAt"]
    assert rollout["spec"]["template"] == template, "no new canary begins"
    assert rollout["metadata"]["annotations"][TOKEN] == shop.get("remreq", request)["metadata"]["uid"]
    new_template = json.dumps({"spec": {"template": {"metadata": {"labels": {"mine": "now"}}}}})
    patch = ("patch", "rollout", "web", f"--namespace={shop.namespace}", "--type=merge", "-p", new_template)
    refused = shop.cluster.kubectl(*patch, user=EXECUTOR, check=False)
    assert "may restart a Rollout, and change nothing else" in refused.stderr
    done = {"status": {"restartedAt": rollout["spec"]["restartAt"], "observedGeneration": "2"}}
    shop.patch("rollout", "web", done, "--subresource=status")
    shop.judge(report["metadata"]["name"], active=False, seconds=1)
    assert shop.wait_end(request)["Succeeded"] == "True Succeeded"


def release(shop: Shop, workload: Json, image: str, cause: str = "") -> Json:
    """Roll out another image."""
    name = workload["metadata"]["name"]
    shop.kubectl("set", "image", f"deployment/{name}", f"app={image}")
    if cause:
        shop.kubectl("annotate", f"deployment/{name}", f"kubernetes.io/change-cause={cause}")
    return shop.rolled(workload)


def image(deployment: Json) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def test_rollback_puts_the_revision_before_back(shop: Shop, executor: ThreadedExecutor) -> None:
    workload = shop.deploy("web", 2)
    workload = release(shop, workload, "shop:2", "faster checkout")
    report = shop.report(workload)
    request = shop.request(workload, report, "Rollback")
    shop.wait(request, "Preflighted", "True")
    preflight = shop.status(request)["preflight"]
    assert "spec.template.spec.containers.0.image: shop:2 → shop" in preflight["changes"]
    assert "metadata.annotations.kubernetes.io/change-cause: faster checkout → (none)" in preflight["changes"]
    assert preflight["podsDisturbed"] == 2
    assert preflight["wayBack"].startswith("The pod template of revision 2 is put back")
    assert "Revert the change where its manifest is kept" in preflight["notes"][0]
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    assert image(shop.rolled(workload)) == "shop"
    shop.judge(report["metadata"]["name"], active=False, seconds=1)
    assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
    assert len(shop.changes(workload)) == 1


def test_a_rollback_that_does_not_help_is_taken_back(shop: Shop, executor: ThreadedExecutor) -> None:
    workload = release(shop, shop.deploy("web", 2), "shop:2")
    report = shop.report(workload)
    request = shop.request(workload, report, "Rollback", parameters={"revision": 1})
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    shop.judge(report["metadata"]["name"], active=True, seconds=5)
    ended = shop.wait_end(request)
    assert (ended["Succeeded"], ended["RolledBack"]) == ("False Ineffective", "True RolledBack")
    assert image(shop.rolled(workload)) == "shop:2"


def test_a_rollback_ends_a_rollout_that_hangs(shop: Shop, executor: ThreadedExecutor) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    shop.deploy("web", 2, strategy=strategy)
    shop.kubectl("create", "quota", "full", "--hard=pods=2")
    shop.until(lambda: "hard" in shop.get("quota", "full").get("status", {}), "the quota is counted")
    shop.kubectl("set", "image", "deployment/web", "app=shop:2")
    shop.until(
        lambda: len(json.loads(shop.kubectl("get", "replicasets", "-o", "json"))["items"]) == 2, "it hangs"
    )
    workload = shop.get("deployment", "web")
    before = uids(shop, workload)
    request = shop.request(workload, shop.report(workload), "Rollback")
    shop.wait(request, "Preflighted", "True")
    assert shop.status(request)["preflight"]["podsDisturbed"] == 0
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    assert image(shop.rolled(workload)) == "shop"
    assert uids(shop, workload) == before


def test_without_an_earlier_revision_nothing_is_rolled_back(shop: Shop, executor: ThreadedExecutor) -> None:
    workload = shop.deploy("web", 2)
    shop.kubectl("rollout", "restart", "deployment/web")
    workload = shop.rolled(workload)
    request = shop.request(workload, shop.report(workload), "Rollback")
    shop.decide(request)
    assert shop.wait_end(request)["Executed"] == "False UnsupportedTarget"
    assert shop.changes(workload) == []


def test_what_no_revision_has_yet_is_not_rolled_back(shop: Shop, executor: ThreadedExecutor) -> None:
    release(shop, shop.deploy("web", 2), "shop:2")
    shop.kubectl("rollout", "pause", "deployment/web")
    shop.kubectl("set", "image", "deployment/web", "app=shop:3")
    workload = shop.get("deployment", "web")
    request = shop.request(workload, shop.report(workload), "Rollback")
    shop.wait(request, "Preflighted", "False RolloutRunning")
    refusals = shop.status(request)["preflight"]["refusals"]
    assert [found["reason"] for found in refusals] == ["RolloutRunning", "RolloutPaused"]
    shop.decide(request)
    shop.wait(request, "Executed", "False RolloutRunning")
    shop.kubectl("rollout", "resume", "deployment/web")
    assert shop.wait_end(request)["Executed"] == "False StaleTarget"
    assert shop.changes(workload) == []
