"""Cancelling and rolling back pass the same gate as an approval, whether names are filled in or not."""

import itertools
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from localcluster.controlplane import ControlPlane
from localcluster.process import wait_until
from shop import ANALYST, EXECUTOR, ROOT, Shop, install, request_body

WORDS: Final = ("cancellation", "rollback")
TARGET: Final = {"name": "web", "uid": "u", "generation": 1}
DEADLINE_SECONDS: Final = 30
_numbers = itertools.count(1)

BOB_PATCHES: Final = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: words-patch}
rules:
- {apiGroups: [podvigil.io], resources: [remediationrequests], verbs: [get, patch]}
"""


@pytest.fixture(scope="module")
def installed(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    install(control_plane)
    control_plane.kubectl("apply", "-f", "-", input=BOB_PATCHES)
    bind = ("create", "clusterrolebinding", "words-bob", "--clusterrole=words-patch", "--user=bob")
    control_plane.kubectl(*bind, check=False)
    yield control_plane
    control_plane.kubectl("delete", "clusterrolebinding", "words-bob")
    control_plane.kubectl("apply", "-k", str(ROOT / "deploy/overlays/local"))


@pytest.fixture(scope="module", params=[True, False], ids=["from-1.36", "below-1.36"])
def fills_in(installed: ControlPlane, request: pytest.FixtureRequest) -> bool:
    """Whether the API server fills in who speaks."""
    verb = ("apply",) if request.param else ("delete", "--ignore-not-found")
    installed.kubectl(*verb, "-k", str(ROOT / "deploy/approved-by"))
    shop = Shop(installed, "default")
    name = created(shop)

    def holds() -> bool:
        tried = said(shop, name, {"cancellation": {}}, "alice", "--dry-run=server")
        return (tried == "") is request.param

    wait_until(holds, "the policy is as it should be", deadline_seconds=DEADLINE_SECONDS)
    return bool(request.param)


@pytest.fixture
def shop(installed: ControlPlane, fills_in: bool, namespace: str) -> Shop:
    return Shop(installed, namespace)


def created(shop: Shop, user: str = ANALYST) -> str:
    """Create an undecided request; returns its name."""
    body = request_body(f"words-{next(_numbers)}", shop.namespace, TARGET, requested_by=user)
    shop.kubectl("create", "-f", "-", user=user, input=json.dumps(body))
    return str(body["metadata"]["name"])


def said(shop: Shop, name: str, spec: dict[str, Any], user: str, *flags: str) -> str:
    """What the server objects to a patch of the spec; empty: nothing."""
    patch = ("patch", "remreq", name, f"--namespace={shop.namespace}", "--type=merge", "-p")
    done = shop.cluster.kubectl(*patch, json.dumps({"spec": spec}), *flags, user=user, check=False)
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    ("user", "refusal"),
    [
        pytest.param("alice", "", id="alice-has-the-right"),
        pytest.param("bob", "bob may not decide about Restart", id="bob-may-patch-only"),
        pytest.param(ANALYST, "cannot patch resource", id="the-analyst"),
        pytest.param(EXECUTOR, "cannot patch resource", id="the-executor"),
    ],
)
def test_who_may(shop: Shop, word: str, user: str, refusal: str) -> None:
    name = created(shop)
    objection = said(shop, name, {word: {"requestedBy": user, "reason": "because"}}, user)
    assert refusal in objection
    assert bool(objection) is bool(refusal)
    assert (word in shop.get("remreq", name)["spec"]) is not bool(refusal)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("claimed", [None, "admin"])
def test_the_name_of_who_asks(shop: Shop, fills_in: bool, word: str, claimed: str | None) -> None:
    name = created(shop)
    objection = said(shop, name, {word: {"requestedBy": claimed} if claimed else {}}, "alice")
    if fills_in:
        assert shop.get("remreq", name)["spec"][word] == {"requestedBy": "alice"}
    else:
        assert f"spec.{word}.requestedBy must be your own name: write alice" in objection


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    "second", [None, {"requestedBy": "alice", "reason": "late"}], ids=["removed", "changed"]
)
def test_it_is_written_once(shop: Shop, word: str, second: dict[str, str] | None) -> None:
    name = created(shop)
    first = {"requestedBy": "alice"}
    assert said(shop, name, {word: first}, "alice") == ""
    assert "is written once" in said(shop, name, {word: second}, "admin")
    assert shop.get("remreq", name)["spec"][word] == first


@pytest.mark.parametrize("word", WORDS)
def test_nothing_is_created_with_it(shop: Shop, word: str) -> None:
    body = request_body("words-created", shop.namespace, TARGET, requested_by="admin")
    body["spec"][word] = {"requestedBy": "admin"}
    done = shop.cluster.kubectl("create", "-f", "-", input=json.dumps(body), check=False)
    assert "created without spec.cancellation and spec.rollback" in done.stderr


def test_the_metrics_count_its_checks(shop: Shop) -> None:
    """By the name that docs/approval.md greps for; whoever makes `shop` has asked the gate."""
    counted = "apiserver_validating_admission_policy_check_total"
    lines = shop.cluster.kubectl("get", "--raw", "/metrics").stdout.splitlines()
    assert [line for line in lines if line.startswith(counted) and 'policy="podvigil-approval"' in line]


def test_whoever_asked_may_stop_it(shop: Shop) -> None:
    """Four eyes are for a yes: taking back one's own proposal harms nobody."""
    role = ("--clusterrole=podvigil-propose", "--user=alice")
    shop.cluster.kubectl("create", "rolebinding", "words-alice", f"--namespace={shop.namespace}", *role)
    body = request_body("words-own", shop.namespace, TARGET, requested_by="alice")
    shop.until(
        lambda: (
            shop.cluster.kubectl(
                "create", "-f", "-", user="alice", input=json.dumps(body), check=False
            ).returncode
            == 0
        ),
        "alice may propose",
    )
    assert said(shop, "words-own", {"cancellation": {"requestedBy": "alice"}}, "alice") == ""
