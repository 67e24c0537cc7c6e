"""What the API server lets the executor's own account change, beside what its Roles open to it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localcluster.controlplane import ControlPlane
from localcluster.process import wait_until
from shop import DEADLINE_SECONDS, EXECUTOR, ROOT, Shop

RESTART = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}
IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "evil"}]}}}}
LIMIT = {
    "spec": {"template": {"spec": {"containers": [{"name": "app", "resources": {"limits": {"cpu": "1"}}}]}}}
}
COMMAND = {"spec": {"template": {"spec": {"containers": [{"name": "app", "command": ["sh"]}]}}}}
VOLUME = {"spec": {"template": {"spec": {"volumes": [{"name": "s", "secret": {"secretName": "theirs"}}]}}}}
INIT = {"spec": {"template": {"spec": {"initContainers": [{"name": "first", "image": "evil"}]}}}}
ACCOUNT = {"spec": {"template": {"spec": {"serviceAccountName": "theirs"}}}}
PAUSED = {"spec": {"paused": True}}
STRATEGY = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
REPLICAS = {"spec": {"replicas": 9}}
OWNER = {"metadata": {"finalizers": ["example.com/kept"]}}
LABEL = {"metadata": {"labels": {"team": "mine"}}}

RESTART_ONLY = ("base/actions/rollback.yaml", "base/actions/setresources.yaml")
NO_ROLLBACK = ("base/actions/rollback.yaml",)


@pytest.fixture(scope="module")
def shop(installed: ControlPlane) -> Shop:
    installed.kubectl("create", "namespace", "scope")
    shop = Shop(installed, "scope")
    shop.deploy("web", 1)
    wait_until(
        lambda: REPLICAS_REFUSED in said(shop, REPLICAS),
        "the policy stands",
        deadline_seconds=DEADLINE_SECONDS,
    )
    return shop


REPLICAS_REFUSED = "replica counts through /scale only"


def said(shop: Shop, body: dict[str, Any], kind: str = "deployment", name: str = "web") -> str:
    """What the server says to the executor's patch; a dry run."""
    patch = ("patch", kind, name, f"--namespace={shop.namespace}", "--type=strategic", "--dry-run=server")
    return shop.cluster.kubectl(*patch, "-p", json.dumps(body), user=EXECUTOR, check=False).stderr


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        pytest.param(RESTART, "", id="restart"),
        pytest.param(LIMIT, "", id="resources"),
        pytest.param(IMAGE, "", id="an-earlier-image"),
        pytest.param(REPLICAS, REPLICAS_REFUSED, id="replicas"),
        pytest.param(OWNER, "owners, finalizers or labels", id="finalizer"),
        pytest.param(LABEL, "owners, finalizers or labels", id="label"),
        pytest.param(PAUSED, "how a workload is rolled out", id="paused"),
        pytest.param(STRATEGY, "how a workload is rolled out", id="strategy"),
        pytest.param(VOLUME, "", id="an-earlier-volume"),
    ],
)
def test_with_every_action(shop: Shop, body: dict[str, Any], refused: str) -> None:
    assert_said(shop, body, refused)


@pytest.fixture(scope="module", params=[RESTART_ONLY, NO_ROLLBACK], ids=["restart-only", "no-rollback"])
def withheld(request: pytest.FixtureRequest, shop: Shop) -> Iterator[tuple[str, ...]]:
    """Some actions' Roles are not bound."""
    for path in request.param:
        shop.cluster.kubectl("delete", "-f", str(ROOT / "deploy" / path))
    wait_until(lambda: said(shop, IMAGE) != "", "the roles are withdrawn", deadline_seconds=DEADLINE_SECONDS)
    yield request.param
    shop.cluster.kubectl("apply", "-k", str(ROOT / "deploy/overlays/local"))


def test_with_some_actions(shop: Shop, withheld: tuple[str, ...]) -> None:
    only_restart = withheld == RESTART_ONLY
    assert_said(shop, RESTART, "")
    assert_said(shop, LIMIT, "Restart alone" if only_restart else "")
    for body in (COMMAND, IMAGE, INIT, VOLUME, ACCOUNT):
        assert_said(shop, body, "Restart alone" if only_restart else "may not execute Rollback")


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        pytest.param({"spec": {"unschedulable": True}}, "", id="cordon"),
        pytest.param({"metadata": {"annotations": {"podvigil.io/cordoned-by": "x"}}}, "", id="annotation"),
        pytest.param({"metadata": {"labels": {"zone": "b"}}}, "cordon and uncordon", id="label"),
        pytest.param(
            {"spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}}, "cordon and uncordon", id="taint"
        ),
    ],
)
def test_of_a_node(shop: Shop, body: dict[str, Any], refused: str) -> None:
    node = json.loads(shop.cluster.kubectl("get", "nodes", "-o", "json").stdout)["items"][0]
    assert_said(shop, body, refused, "node", node["metadata"]["name"])


def test_people_are_not_held_to_it(shop: Shop) -> None:
    patch = ("patch", "deployment", "web", f"--namespace={shop.namespace}", "--dry-run=server")
    assert shop.cluster.kubectl(*patch, "-p", json.dumps(REPLICAS)).stderr == ""


def assert_said(
    shop: Shop, body: dict[str, Any], refused: str, kind: str = "deployment", name: str = "web"
) -> None:
    """The server refuses so, or not at all."""
    found = said(shop, body, kind, name)
    assert refused in found
    assert bool(found) is bool(refused)
