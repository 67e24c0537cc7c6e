"""The example package of docs/: installed, bound, approved and carried out on a real API server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from executors import ThreadedExecutor
from installed_package import EXAMPLE, flush_cache_installed
from localcluster.controlplane import ControlPlane
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.actions.registry import install as install_actions
from shop import EXECUTOR, Shop

ACTION = "example.com/FlushCache"
ROLES = str(EXAMPLE / "roles.yaml")


@pytest.fixture
def shop(installed: ControlPlane, namespace: str) -> Shop:
    made = Shop(installed, namespace)
    made.set_rules(allowedActions=[ACTION])
    return made


@pytest.fixture
def package(tmp_path: Path) -> Iterator[None]:
    """The package as an installer leaves it, found as at the executor's start."""
    with flush_cache_installed(tmp_path):
        assert install_actions() == (ACTION,)
        yield
        del ACTIONS[ACTION]


@pytest.fixture
def executor(installed: ControlPlane) -> Iterator[ThreadedExecutor]:
    with ThreadedExecutor(installed.kubeconfig(EXECUTOR)) as running:
        yield running


def flush(shop: Shop) -> tuple[str, str]:
    """A report about a workload in trouble, and the request to drop its sessions' cache; their names."""
    workload = shop.deploy("web", 1)
    report = shop.report(workload)
    parameters = {"arguments": {"cache": "sessions"}}
    request = shop.request(workload, report, ACTION, parameters=parameters)
    return str(report["metadata"]["name"]), request


@pytest.mark.usefixtures("package")
def test_from_the_roles_to_a_dropped_cache(shop: Shop, executor: ThreadedExecutor) -> None:
    bind = ("create", "clusterrolebinding", "sre-flush-cache", "--group=sre")
    shop.cluster.kubectl("apply", "-f", ROLES)
    try:
        report, request = flush(shop)
        shop.wait(request, "Preflighted", "True")
        (change,) = shop.status(request)["preflight"]["changes"]
        assert change.startswith("metadata.annotations.example.com/flush-cache: (none) → sessions ")
        assert not _decides(shop, request), "the package gives nobody the right"
        shop.cluster.kubectl(*bind, "--clusterrole=podvigil-approver-flush-cache")
        shop.until(lambda: _decides(shop, request), "alice may decide")
        shop.wait(request, "Executed", "True")
        uid = shop.get("remreq", request)["metadata"]["uid"]
        annotations = shop.get("deployment", "web")["metadata"]["annotations"]
        assert annotations["example.com/flush-cache"] == f"sessions {uid}"
        shop.judge(report, active=False, pods=1, seconds=1)
        assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
    finally:
        shop.cluster.kubectl("delete", "-f", ROLES)
        shop.cluster.kubectl("delete", "clusterrolebinding", "sre-flush-cache")


def test_without_the_package_the_request_says_so(shop: Shop, executor: ThreadedExecutor) -> None:
    _, request = flush(shop)
    shop.wait(request, "Preflighted", "False ActionUnknown")


def _decides(shop: Shop, request: str) -> bool:
    """Approve as alice, if she may."""
    body = json.dumps({"spec": {"approval": {"decision": "Approved", "approvedBy": "alice"}}})
    where = ("patch", "remreq", request, f"--namespace={shop.namespace}", "--type=merge", f"-p={body}")
    return shop.cluster.kubectl(*where, user="alice", check=False).returncode == 0
