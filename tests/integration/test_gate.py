"""The approval gate: every case of docs/approval.md, with real tokens on a real API server.

All of it runs with the policy that fills in approvedBy, and without it, as on servers below 1.36.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Final

import pytest

from localcluster.controlplane import ControlPlane
from localcluster.process import wait_until
from samples import changed, request
from shop import APPROVERS

ROOT: Final = Path(__file__).parents[2]
SYSTEM: Final = "podvigil-system"
ANALYST: Final = f"system:serviceaccount:{SYSTEM}:podvigil-analyst"
EXECUTOR: Final = f"system:serviceaccount:{SYSTEM}:podvigil-executor"
NAMESPACE: Final = "gate"
ROBOT: Final = f"system:serviceaccount:{NAMESPACE}:robot"

POLICY_DEADLINE_SECONDS: Final = 30
"""Policies take effect one to three seconds after they are applied; a busy machine needs longer."""

POLICY: Final = (
    "ValidatingAdmissionPolicy 'podvigil-approval' with binding 'podvigil-approval' denied request: "
)
FOUR_EYES: Final = POLICY + "four eyes: alice made this request, so another person must decide about it"
OWN_NAME: Final = POLICY + "spec.approval.approvedBy must be your own name: write alice"
NO_PATCH: Final = 'cannot patch resource "remediationrequests" in API group "podvigil.io"'
WRITE_ONCE: Final = "the decision is written once: it cannot be changed or removed"
IMMUTABLE: Final = "the plan and requestedBy are immutable: deny this request and create another one"

# alice: sre may decide about restarts, and may propose. bob: dev may patch requests, and has no say.
RIGHTS: Final = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: {NAMESPACE}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: robot, namespace: {NAMESPACE}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: gate-test-patch}}
rules:
- {{apiGroups: [podvigil.io], resources: [remediationrequests], verbs: [get, patch, update]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: gate-test-auto-approve}}
rules:
- {{apiGroups: [podvigil.io], resources: [remediationactions], resourceNames: [scale], verbs: [approve, auto-approve]}}
"""
BINDINGS: Final = (
    ("sre-restart", "podvigil-approver-restart", "--group=sre"),
    ("sre-propose", "podvigil-proposer", "--group=sre"),
    ("dev-patch", "gate-test-patch", "--group=dev"),
    ("robot-restart", "podvigil-approver-restart", f"--serviceaccount={NAMESPACE}:robot"),
    ("robot-scale", "gate-test-auto-approve", f"--serviceaccount={NAMESPACE}:robot"),
)

SCALE: Final = {"spec.plan.action": "Scale", "spec.plan.parameters": {"replicas": 3}}
APPROVED: Final = {"decision": "Approved"}
_numbers = itertools.count(1)


def approved_by(user: str, decision: str = "Approved") -> dict[str, Any]:
    """Return a patch as an approver writes it where nothing fills in the name."""
    return {"spec": {"approval": {"decision": decision, "approvedBy": user}}}


@pytest.fixture(scope="module")
def rights(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """The installation, and the people's rights."""
    control_plane.kubectl("apply", "-k", str(ROOT / "deploy/overlays/local"))
    # The cluster is shared: rights that other tests gave alice would let her in here too.
    control_plane.kubectl("delete", "clusterrolebinding", *APPROVERS, "--ignore-not-found")
    control_plane.kubectl("apply", "-f", "-", input=RIGHTS)
    for name, role, subject in BINDINGS:
        control_plane.kubectl(
            "create", "clusterrolebinding", f"gate-{name}", f"--clusterrole={role}", subject
        )
    yield control_plane
    control_plane.kubectl("delete", "clusterrolebinding", *(f"gate-{name}" for name, _, _ in BINDINGS))
    control_plane.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    control_plane.kubectl("apply", "-k", str(ROOT / "deploy/overlays/local"))


@pytest.fixture(scope="module", params=[True, False], ids=["from-1.36", "below-1.36"])
def gate(rights: ControlPlane, request: pytest.FixtureRequest) -> ControlPlane:
    """The gate standing, with the name of the approver filled in or not."""
    verb = ("apply",) if request.param else ("delete", "--ignore-not-found")
    rights.kubectl(*verb, "-k", str(ROOT / "deploy/approved-by"))
    name = created(rights)
    trial = ("patch", "remreq", name, f"-n={NAMESPACE}", "--type=merge", "--dry-run=server", "-p")
    until(
        lambda: (
            POLICY in rights.kubectl(*trial, json.dumps(approved_by("bob")), user="bob", check=False).stderr
        )
    )
    until(
        lambda: (
            (
                rights.kubectl(
                    *trial, json.dumps({"spec": {"approval": APPROVED}}), user="alice", check=False
                ).returncode
                == 0
            )
            is request.param
        )
    )
    return rights


@pytest.fixture(scope="module")
def decided(gate: ControlPlane) -> str:
    """A request that alice has approved."""
    name = created(gate)
    patch(gate, name, approved_by("alice"), user="alice").check_returncode()
    return name


@pytest.fixture
def fills_in(gate: ControlPlane, request: pytest.FixtureRequest) -> bool:
    """Whether the server fills in approvedBy."""
    return bool(request.node.callspec.params["gate"])


def until(holds: Callable[[], bool]) -> None:
    """Ask again until the policies or Roles have taken effect, for a bounded time."""
    wait_until(holds, "the policies have taken effect", deadline_seconds=POLICY_DEADLINE_SECONDS)


def create(
    cluster: ControlPlane, change: dict[str, Any], *, user: str, namespace: str = NAMESPACE
) -> CompletedProcess[str]:
    """Create a request that differs from a valid one by `change`."""
    body = changed(request(f"r{next(_numbers)}", namespace, requested_by=user), change)
    return cluster.kubectl("create", "-f", "-", "-o=name", user=user, input=json.dumps(body), check=False)


def created(
    cluster: ControlPlane,
    change: dict[str, Any] | None = None,
    *,
    user: str = ANALYST,
    namespace: str = NAMESPACE,
) -> str:
    """Return the name of a new undecided request."""
    done = create(cluster, change or {}, user=user, namespace=namespace)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split("/")[1]


def patch(
    cluster: ControlPlane, name: str, body: Any, *arguments: str, user: str, namespace: str = NAMESPACE
) -> CompletedProcess[str]:
    """Patch a request as a person does."""
    return cluster.kubectl(
        "patch", "remreq", name, "-n", namespace, "--type=merge", "-p", json.dumps(body), *arguments,
        user=user, check=False,
    )  # fmt: skip


def spec(cluster: ControlPlane, name: str, namespace: str = NAMESPACE) -> dict[str, Any]:
    """Return the spec as it is stored."""
    answer: dict[str, Any] = json.loads(
        cluster.kubectl("get", "remreq", name, "-n", namespace, "-o=json").stdout
    )
    found: dict[str, Any] = answer["spec"]
    return found


@pytest.mark.parametrize(
    ("user", "change", "refusal"),
    [
        pytest.param(ANALYST, {}, None, id="the-analyst-creates-an-undecided-request"),
        pytest.param(
            ANALYST,
            {"spec.approval": {"decision": "Approved", "approvedBy": ANALYST}},
            POLICY + "a request is created without spec.approval",
            id="the-analyst-creates-an-approved-one",
        ),
        pytest.param(
            ANALYST,
            {"spec.approval": {"decision": "Denied", "approvedBy": "alice"}},
            POLICY + "a request is created without spec.approval",
            id="the-analyst-creates-a-denied-one",
        ),
        pytest.param(
            ANALYST,
            {"spec.requestedBy": "alice"},
            POLICY + f"spec.requestedBy must be your own name: write {ANALYST}",
            id="the-analyst-creates-one-in-the-name-of-alice",
        ),
        pytest.param("alice", {}, None, id="alice-creates-an-undecided-request"),
        pytest.param(
            "alice",
            {"spec.approval": {"decision": "Approved", "approvedBy": "alice"}},
            POLICY + "a request is created without spec.approval",
            id="alice-creates-an-approved-one",
        ),
        pytest.param("bob", {}, 'cannot create resource "remediationrequests"', id="bob-may-not-create"),
        pytest.param(
            EXECUTOR, {}, 'cannot create resource "remediationrequests"', id="the-executor-may-not-create"
        ),
    ],
)
def test_creating(gate: ControlPlane, user: str, change: dict[str, Any], refusal: str | None) -> None:
    done = create(gate, change, user=user)
    assert (done.returncode == 0) is (refusal is None), done.stderr
    assert (refusal or "") in done.stderr


@pytest.mark.parametrize(
    ("user", "plan", "body", "refusal"),
    [
        pytest.param("alice", {}, approved_by("alice"), None, id="alice-approves-a-restart"),
        pytest.param("alice", {}, approved_by("alice", "Denied"), None, id="alice-denies-a-restart"),
        pytest.param(
            "alice",
            SCALE,
            approved_by("alice"),
            POLICY + f"alice may not decide about Scale in namespace {NAMESPACE}: ask for a binding to the ClusterRole "
            "podvigil-approver-scale",
            id="alice-has-no-right-for-this-action",
        ),
        pytest.param(
            "bob",
            {},
            approved_by("bob"),
            POLICY + f"bob may not decide about Restart in namespace {NAMESPACE}",
            id="bob-may-patch-and-has-no-right-to-approve",
        ),
        pytest.param(
            "bob",
            {},
            approved_by("bob", "Denied"),
            POLICY + f"bob may not decide about Restart in namespace {NAMESPACE}",
            id="bob-may-not-deny-either",
        ),
        pytest.param("bob", {}, {"metadata": {"labels": {"seen": "yes"}}}, None, id="bob-sets-a-label"),
        pytest.param(ANALYST, {}, approved_by(ANALYST), NO_PATCH, id="the-analyst-approves"),
        pytest.param(EXECUTOR, {}, approved_by(EXECUTOR), NO_PATCH, id="the-executor-approves"),
        pytest.param(
            ROBOT,
            {},
            approved_by(ROBOT),
            POLICY + f"{ROBOT} is a ServiceAccount, and only a person may decide",
            id="a-ServiceAccount-with-approve-alone",
        ),
        pytest.param(ROBOT, SCALE, approved_by(ROBOT), None, id="a-ServiceAccount-with-auto-approve"),
        pytest.param(
            "alice",
            {},
            {"spec": {"plan": {"dryRun": True}}},
            IMMUTABLE,
            id="the-plan-is-edited",
        ),
        pytest.param(
            "alice",
            {},
            {"spec": {"plan": {"target": {"name": "db"}}, **approved_by("alice")["spec"]}},
            IMMUTABLE,
            id="the-plan-is-edited-together-with-the-approval",
        ),
        pytest.param("bob", {}, {"spec": {"requestedBy": "bob"}}, IMMUTABLE, id="requestedBy-is-edited"),
        pytest.param(
            "alice", {}, {"spec": {"approval": {"decision": "Maybe"}}}, 'supported values: "Approved", "Denied"',
            id="no-such-decision",
        ),
    ],
)  # fmt: skip
def test_deciding(
    gate: ControlPlane, user: str, plan: dict[str, Any], body: dict[str, Any], refusal: str | None
) -> None:
    name = created(gate, plan)
    before = spec(gate, name)
    done = patch(gate, name, body, user=user)
    assert (done.returncode == 0) is (refusal is None), done.stderr
    assert (refusal or "") in done.stderr
    assert (spec(gate, name) != before) is (refusal is None and "spec" in body)


@pytest.mark.parametrize(
    ("body", "allowed"),
    [
        pytest.param({"spec": {"approval": APPROVED}}, True, id="gives-no-name"),
        pytest.param(approved_by("admin"), True, id="claims-another-name"),
    ],
)
def test_the_name_of_who_approves(
    gate: ControlPlane, fills_in: bool, body: dict[str, Any], allowed: bool
) -> None:
    name = created(gate)
    done = patch(gate, name, body, user="alice")
    if fills_in:
        assert (done.returncode == 0) is allowed, done.stderr
        assert spec(gate, name)["approval"] == {"decision": "Approved", "approvedBy": "alice"}
    else:
        assert OWN_NAME in done.stderr
        assert "approval" not in spec(gate, name)


@pytest.mark.parametrize(
    "second",
    [
        pytest.param([{"op": "replace", "path": "/spec/approval/decision", "value": "Denied"}], id="flipped"),
        pytest.param([{"op": "remove", "path": "/spec/approval"}], id="removed"),
        pytest.param(
            [{"op": "add", "path": "/spec/approval/reason", "value": "late"}], id="reason-added-later"
        ),
        pytest.param(
            [{"op": "replace", "path": "/spec/approval/approvedBy", "value": "bob"}], id="given-to-another"
        ),
    ],
)
@pytest.mark.parametrize("user", ["alice", "admin"])
def test_a_decision_is_written_once(
    gate: ControlPlane, decided: str, user: str, second: list[dict[str, Any]]
) -> None:
    done = patch(gate, decided, second, "--type=json", user=user)
    assert WRITE_ONCE in done.stderr
    assert spec(gate, decided)["approval"] == {"decision": "Approved", "approvedBy": "alice"}


def test_whoever_made_the_request_cannot_decide(gate: ControlPlane) -> None:
    name = created(gate, user="alice")
    assert FOUR_EYES in patch(gate, name, approved_by("alice"), user="alice").stderr
    assert "approval" not in spec(gate, name)


@pytest.mark.parametrize("user", [EXECUTOR, "admin"])
def test_the_approval_is_ignored_on_the_status_subresource(gate: ControlPlane, user: str) -> None:
    name = created(gate)
    body = approved_by("alice") | {"status": {"observedGeneration": 1}}
    patch(gate, name, body, "--subresource=status", user=user).check_returncode()
    assert "approval" not in spec(gate, name)


def test_the_right_holds_in_the_namespace_it_was_given_for(gate: ControlPlane, namespace: str) -> None:
    gate.kubectl(
        "create",
        "rolebinding",
        "dev-scale",
        "-n",
        namespace,
        "--clusterrole=podvigil-approver-scale",
        "--group=dev",
    )
    here, there = created(gate, SCALE, namespace=namespace), created(gate, SCALE)
    # RBAC is read from a cache of the API server, which may be a moment behind.
    until(lambda: patch(gate, here, approved_by("bob"), user="bob", namespace=namespace).returncode == 0)
    refused = patch(gate, there, approved_by("bob"), user="bob")
    assert f"bob may not decide about Scale in namespace {NAMESPACE}" in refused.stderr


def test_the_executor_tries_the_gate_in_its_own_namespace(gate: ControlPlane) -> None:
    """Its self-check: the dry run of an approved request must be refused by the policy, not by a missing right."""
    body = changed(
        request("try", SYSTEM, requested_by=EXECUTOR),
        {"spec.approval": {"decision": "Approved", "approvedBy": EXECUTOR}},
    )
    done = gate.kubectl(
        "create", "--dry-run=server", "-f", "-", user=EXECUTOR, input=json.dumps(body), check=False
    )
    assert POLICY + "a request is created without spec.approval" in done.stderr


def test_the_audit_log_says_who_decided(gate: ControlPlane, decided: str) -> None:
    def logged() -> list[dict[str, Any]]:
        entries = (
            json.loads(line) for line in gate.audit_log.read_text().splitlines() if f"/{decided}" in line
        )
        return [e for e in entries if e["verb"] == "patch"]

    until(lambda: bool(logged()))
    assert logged()[0]["annotations"]["podvigil-approval/decision"] == "Approved Restart by alice"


def test_the_policies_compile(gate: ControlPlane) -> None:
    """A policy that does not compile leaves the door open."""
    for name in ("approval", "monitor-spec", "executor-scope", "executor-scope-nodes"):
        found = json.loads(
            gate.kubectl("get", "validatingadmissionpolicy", f"podvigil-{name}", "-o=json").stdout
        )
        assert found["status"]["typeChecking"] == {}
        assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
