"""RunJob on a real API server: Jobs of a CronJob that complete, fail, hang, and are taken away."""

import json
from typing import Any

import pytest

from executors import ThreadedExecutor
from localcluster.cluster import KwokCluster
from localcluster.controlplane import ControlPlane
from shop import TOKEN, Json, Shop, install

NOWHERE = {"nodeSelector": {"no": "such-node"}}
"""A pod that is never scheduled: its Job runs until somebody ends it."""


@pytest.fixture(scope="module")
def installed(kwok_cluster: KwokCluster) -> ControlPlane:
    """The installation, where alice's group may also decide about Jobs."""
    cluster = kwok_cluster.control_plane
    install(cluster)
    bind = ("create", "clusterrolebinding", "shop-runjob", "--clusterrole=podvigil-approver-runjob")
    cluster.kubectl(*bind, "--group=sre", check=False)
    return cluster


@pytest.fixture
def shop(installed: ControlPlane, namespace: str) -> Shop:
    made = Shop(installed, namespace)
    made.set_rules(allowedActions=["RunJob"])
    return made


def cronjob(shop: Shop, pod: Json | None = None, *, offered: bool = True, **spec: Any) -> Json:
    """A CronJob that never starts a Job by itself, offered by its owner as a remedy."""
    job = spec.pop("job", {})
    container = {"name": "flush", "image": "shop-tools", "command": ["flush-cache"], "args": ["--all"]}
    shop.apply(
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {
                "name": "flush",
                "namespace": shop.namespace,
                "annotations": {"podvigil.io/remediation-job": "true"} if offered else {},
            },
            "spec": {
                "schedule": "0 0 31 2 *",
                "suspend": True,
                "jobTemplate": {
                    "metadata": {"labels": {"team": "shop"}},
                    "spec": {
                        "backoffLimit": 0,
                        "template": {
                            "spec": {"restartPolicy": "Never", "containers": [container], **(pod or {})}
                        },
                        **job,
                    },
                },
                **spec,
            },
        }
    )
    found: Json = json.loads(shop.kubectl("get", "cronjob", "flush", "-o", "json"))
    return found


def jobs(shop: Shop) -> list[Json]:
    found: list[Json] = json.loads(shop.kubectl("get", "jobs", "-o", "json"))["items"]
    return found


def trouble(shop: Shop, target: Json, **plan: Any) -> tuple[Json, str]:
    """A report about a workload, and the request to run the CronJob's Job against it."""
    report = shop.report(shop.deploy("web", 1))
    return report, shop.request(target, report, "RunJob", **plan)


def test_a_job_that_completes_and_helps(shop: Shop, executor: ThreadedExecutor) -> None:
    report, request = trouble(shop, cronjob(shop, job={"ttlSecondsAfterFinished": 0}))
    shop.wait(request, "Preflighted", "True")
    preflight = shop.status(request)["preflight"]
    assert "container flush: shop-tools flush-cache --all" in preflight["changes"]
    assert preflight["reversibility"] == "Irreversible"
    assert jobs(shop) == [], "a dry run makes none"
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    (job,) = jobs(shop)
    uid = shop.get("remreq", request)["metadata"]["uid"]
    assert job["metadata"]["labels"].items() >= {TOKEN: uid, "team": "shop"}.items()
    assert job["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
    assert job["metadata"]["ownerReferences"][0]["name"] == "flush"
    assert job["spec"]["ttlSecondsAfterFinished"] == 7200, "it must be there until it was judged"
    shop.judge(report["metadata"]["name"], active=False, pods=1, seconds=1)
    assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
    assert len(jobs(shop)) == 1


def test_a_job_that_completed_may_be_gone_before_it_is_judged(shop: Shop, executor: ThreadedExecutor) -> None:
    """As its CronJob's history limit takes it away."""
    report, request = trouble(shop, cronjob(shop))
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    shop.until(lambda: "observed" in shop.status(request)["validation"], "it was seen")
    shop.kubectl("delete", "jobs", "--all")
    shop.judge(report["metadata"]["name"], active=False, pods=1, seconds=1)
    assert shop.wait_end(request)["Succeeded"] == "True Succeeded"


def test_a_job_that_fails_has_not_helped(shop: Shop, executor: ThreadedExecutor) -> None:
    _, request = trouble(shop, cronjob(shop, NOWHERE, job={"activeDeadlineSeconds": 2}))
    shop.decide(request)
    ended = shop.wait_end(request)
    assert ended["Validated"] == "False Ineffective"
    assert ended["RolledBack"] == "False NothingToUndo"
    said = {c["type"]: c["message"] for c in shop.status(request)["conditions"]}
    assert "failed: DeadlineExceeded" in said["Validated"]


def test_a_cancelled_job_is_deleted_with_its_pods(shop: Shop, executor: ThreadedExecutor) -> None:
    _, request = trouble(shop, cronjob(shop, NOWHERE))
    shop.decide(request)
    shop.until(lambda: len(jobs(shop)) == 1, "the Job is made")
    shop.until(lambda: "progress" in shop.status(request)["execution"], "it is waited for")
    progress = shop.status(request)["execution"]["progress"]
    assert (progress["total"], progress["done"]) == (2, 1)
    shop.patch("remreq", request, {"spec": {"cancellation": {"requestedBy": "alice"}}}, user="alice")
    ended = shop.wait_end(request)
    assert (ended["Succeeded"], ended["RolledBack"]) == ("False Cancelled", "False NothingToUndo")
    said = {c["type"]: c["message"] for c in shop.status(request)["conditions"]}
    assert "was deleted; what it has done stays" in said["RolledBack"]
    assert said["Succeeded"].endswith(said["RolledBack"])
    shop.until(lambda: jobs(shop) == [], "the Job is gone")


def test_a_job_that_somebody_takes_away_is_not_made_again(shop: Shop, executor: ThreadedExecutor) -> None:
    _, request = trouble(shop, cronjob(shop, NOWHERE))
    shop.decide(request)
    shop.until(lambda: "progress" in (shop.status(request).get("execution") or {}), "it is waited for")
    shop.kubectl("delete", "jobs", "--all")
    assert shop.wait_end(request)["Executed"] == "False StaleTarget"
    assert jobs(shop) == []


def test_a_second_run_waits_for_the_first(shop: Shop, executor: ThreadedExecutor) -> None:
    target = cronjob(shop, NOWHERE, concurrencyPolicy="Forbid")
    shop.kubectl("create", "job", "by-hand", "--from=cronjob/flush")
    made = shop.get("job", "by-hand")
    # The controller counts the Jobs of its schedule alone, and no minute is waited for here.
    about = {"apiVersion": "batch/v1", "kind": "Job", "namespace": shop.namespace}
    active = {**about, "name": "by-hand", "uid": made["metadata"]["uid"]}
    shop.patch("cronjob", "flush", {"status": {"active": [active]}}, "--subresource=status")
    _, request = trouble(shop, target)
    shop.wait(request, "Preflighted", "False JobRunning")
    shop.decide(request)
    shop.wait(request, "Executed", "False JobRunning")
    assert [job["metadata"]["name"] for job in jobs(shop)] == ["by-hand"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"offered": False}, "ActionNotAllowed", id="not-offered-by-its-owner"),
        pytest.param({"failedJobsHistoryLimit": 0}, "UnsupportedTarget", id="keeps-no-job-that-failed"),
    ],
)
def test_what_is_refused(shop: Shop, executor: ThreadedExecutor, change: dict[str, Any], reason: str) -> None:
    _, request = trouble(shop, cronjob(shop, **change))
    shop.decide(request)
    assert shop.wait_end(request)["Executed"] == f"False {reason}"
    assert jobs(shop) == []
