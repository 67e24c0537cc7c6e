"""What the executor cannot see or try for long: the request says so, ends in time, and goes on when it is mended."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from executors import ThreadedExecutor
from localcluster.controlplane import ControlPlane
from podvigil.controllers.queue import QueueSettings
from shop import EXECUTOR, Shop, now

ROLE = "podvigil-judge"
BLIND_TO = "horizontalpodautoscalers"


@pytest.fixture
def judge(installed: ControlPlane) -> Iterator[dict[str, Any]]:
    """What the executor may see; as it was again afterwards."""
    found: dict[str, Any] = json.loads(installed.kubectl("get", "clusterrole", ROLE, "-o", "json").stdout)
    yield found
    see(installed, found["rules"])


@pytest.fixture
def executor(installed: ControlPlane) -> Iterator[ThreadedExecutor]:
    """One that tries again within a second."""
    queue = QueueSettings(last_backoff_seconds=0.5)
    with ThreadedExecutor(installed.kubeconfig(EXECUTOR), queue=queue) as running:
        yield running


def see(cluster: ControlPlane, rules: list[dict[str, Any]]) -> None:
    """Set what the executor may see."""
    cluster.kubectl("patch", "clusterrole", ROLE, "--type=merge", "-p", json.dumps({"rules": rules}))


def message(shop: Shop, request: str, kind: str) -> str:
    found = {c["type"]: c["message"] for c in shop.status(request)["conditions"]}
    return str(found[kind])


def test_a_right_that_an_older_role_lacks(
    shop: Shop, installed: ControlPlane, judge: dict[str, Any], executor: ThreadedExecutor
) -> None:
    see(installed, [rule for rule in judge["rules"] if BLIND_TO not in rule["resources"]])
    shop.until(lambda: not may_list(installed), "the right is gone")
    workload, report, request = shop.trouble(replicas=1)
    late, denied, stopped = (
        shop.request(workload, report, expiresAt=now(seconds)) for seconds in (10, 300, 300)
    )

    shop.wait(request, "Preflighted", "Unknown PermissionMissing")
    assert BLIND_TO in message(shop, request, "Preflighted")
    assert "apply the Roles of this version" in message(shop, request, "Succeeded")
    told = (
        "get",
        "events",
        f"--field-selector=involvedObject.name={request}",
        "-o=jsonpath={.items[*].reason}",
    )
    shop.until(lambda: "PermissionMissing" in shop.kubectl(*told).split(), "an event tells it")
    assert shop.wait_end(late)["Succeeded"] == "False Expired"
    shop.decide(denied, "Denied")
    assert shop.wait_end(denied)["Succeeded"] == "False Denied"
    shop.patch("remreq", stopped, {"spec": {"cancellation": {"requestedBy": "alice"}}}, user="alice")
    assert shop.wait_end(stopped)["Succeeded"] == "False Cancelled"

    shop.decide(request)
    assert shop.wait(request, "Executed", "Unknown PermissionMissing")["Approved"] == "True Approved"
    written = shop.get("remreq", request)["metadata"]["resourceVersion"]
    failures = executor.metric("podvigil_executor_errors_total", status="403")
    shop.until(
        lambda: executor.metric("podvigil_executor_errors_total", status="403") > failures + 1, "again"
    )
    assert shop.get("remreq", request)["metadata"]["resourceVersion"] == written, "what is said is said once"

    see(installed, judge["rules"])
    shop.judge(report["metadata"]["name"], active=True)  # what was said at the begin may be stale by now
    shop.wait(request, "Executed", "True")
    shop.rolled(workload)
    shop.judge(report["metadata"]["name"], active=False, seconds=1, pods=1)
    assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
    assert len(shop.changes(workload)) == 1


def may_list(cluster: ControlPlane) -> bool:
    asked = cluster.kubectl("auth", "can-i", "list", BLIND_TO, f"--as={EXECUTOR}", check=False)
    return asked.stdout.strip() == "yes"


@pytest.fixture
def broken_webhook(installed: ControlPlane, namespace: str) -> Iterator[str]:
    """An admission webhook that is asked about the Deployments of one namespace, and does not answer."""
    webhook = {
        "name": "policy.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [
            {
                "apiGroups": ["apps"],
                "apiVersions": ["*"],
                "operations": ["UPDATE"],
                "resources": ["deployments"],
            }
        ],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"broken-{namespace}"},
        "webhooks": [webhook],
    }
    yield json.dumps(body)
    installed.kubectl("delete", "validatingwebhookconfiguration", f"broken-{namespace}", "--ignore-not-found")


def test_a_webhook_that_stays_broken(
    shop: Shop, installed: ControlPlane, broken_webhook: str, executor: ThreadedExecutor
) -> None:
    workload = shop.deploy("web", 1)
    installed.kubectl("apply", "-f", "-", input=broken_webhook)
    shop.until(lambda: not can_restart(shop), "the webhook is asked")
    request = shop.request(workload, shop.report(workload))
    shop.wait(request, "Preflighted", "Unknown APIServerRefused")
    assert "policy.example.com" in message(shop, request, "Preflighted")
    installed.kubectl("delete", "validatingwebhookconfiguration", f"broken-{shop.namespace}")
    conditions = shop.wait(request, "Preflighted", "True PreflightPassed")
    assert conditions["Succeeded"] == "Unknown AwaitingApproval"
    assert shop.changes(workload) == []


def can_restart(shop: Shop) -> bool:
    """Whether a restart of web would be let through."""
    tried = shop.cluster.kubectl(
        "annotate", "deployment/web", "a=b", "--dry-run=server", f"--namespace={shop.namespace}", check=False
    )
    return tried.returncode == 0
