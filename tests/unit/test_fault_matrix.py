"""The judge of truth and the names of calls that the fault matrix goes by."""

import json
from dataclasses import replace

import pytest

from faults.matrix import EachCall
from faults.naming import Naming
from faults.proxy import Asked
from faults.truth import Done, Told, done, lies
from stories.calls import Write

KEPT = Told({"Executed": "True Executed", "RolledBack": "False NotNeeded", "Succeeded": "True Succeeded"})
WRITTEN = Done(made=2, undone=0, twice=(), is_changed=True)
"""A change of two calls, made and kept."""

BACK = Told({"Executed": "True Executed", "RolledBack": "True RolledBack", "Succeeded": "False Ineffective"})
REFUSED = Told({"Executed": "False APIServerRefused", "Succeeded": "False Refused"})
NOTHING = Done(made=0, undone=0, twice=(), is_changed=False)


def told(base: Told, **conditions: str) -> Told:
    return replace(base, conditions={**base.conditions, **conditions})


@pytest.mark.parametrize(
    ("says", "was"),
    [
        pytest.param(KEPT, WRITTEN, id="made-and-kept"),
        pytest.param(BACK, replace(WRITTEN, undone=2, is_changed=False), id="made-and-put-back"),
        pytest.param(REFUSED, NOTHING, id="refused"),
        pytest.param(
            Told(
                {
                    "Executed": "False Cancelled",
                    "RolledBack": "False NothingToUndo",
                    "Succeeded": "False Failed",
                }
            ),
            replace(WRITTEN, made=1),
            id="half-of-it-stays",
        ),
        pytest.param(replace(KEPT, done=2), WRITTEN, id="progress-as-done"),
        pytest.param(
            Told({"Executed": "Unknown TargetMissing", "Succeeded": "False Failed"}),
            WRITTEN,
            id="made-and-then-it-is-gone",
        ),
    ],
)
def test_the_truth_is_no_lie(says: Told, was: Done) -> None:
    assert lies(says, was, whole=2) == []


@pytest.mark.parametrize(
    ("says", "was", "lie"),
    [
        pytest.param(KEPT, replace(WRITTEN, twice=("evict",)), "done twice", id="twice"),
        pytest.param(KEPT, replace(WRITTEN, made=1), "after 1 of 2 calls", id="half-is-not-executed"),
        pytest.param(KEPT, replace(WRITTEN, made=3), "3 calls were made", id="more-than-the-change"),
        pytest.param(KEPT, NOTHING, "Succeeded is True without", id="succeeded-without-a-change"),
        pytest.param(KEPT, replace(WRITTEN, undone=2), "says that nothing is", id="put-back-in-silence"),
        pytest.param(KEPT, replace(WRITTEN, is_changed=False), "as before", id="the-object-is-as-before"),
        pytest.param(BACK, replace(WRITTEN, undone=1), "not as before", id="half-put-back"),
        pytest.param(
            told(BACK, RolledBack="False RollbackFailed"),
            replace(WRITTEN, undone=2, is_changed=False),
            "the way back failed",
            id="put-back-after-all",
        ),
        pytest.param(REFUSED, replace(WRITTEN, made=1), "something was done", id="refused-and-begun"),
        pytest.param(
            REFUSED, replace(NOTHING, is_changed=True), "without a call", id="changed-without-a-call"
        ),
        pytest.param(
            Told({"Executed": "Unknown Executing", "Succeeded": "False Failed"}),
            WRITTEN,
            "Executed is not True",
            id="made-and-not-told",
        ),
        pytest.param(told(KEPT, Succeeded="Unknown Validating"), WRITTEN, "does not say how", id="no-end"),
        pytest.param(replace(REFUSED, done=1), NOTHING, "told as done", id="progress-without-a-call"),
    ],
)
def test_each_lie_is_found(says: Told, was: Done, lie: str) -> None:
    assert any(lie in found for found in lies(says, was, whole=2))


@pytest.mark.parametrize(
    ("writes", "expected"),
    [
        pytest.param("patch/web", (1, 0, 0), id="a-change"),
        pytest.param("patch/web patch/web", (1, 1, 0), id="and-its-way-back"),
        pytest.param("patch/web patch/web patch/web", (1, 1, 1), id="a-third-patch"),
        pytest.param("create/job delete/job", (1, 1, 0), id="made-and-deleted"),
        pytest.param("create/a create/b", (2, 0, 0), id="two-objects"),
        pytest.param("create/a create/a", (1, 0, 1), id="an-eviction-is-not-taken-back-by-another"),
    ],
)
def test_writes_are_sorted(writes: str, expected: tuple[int, int, int]) -> None:
    found = [Write(verb, "things", name) for verb, _, name in (w.partition("/") for w in writes.split())]
    was = done(found, is_changed=True)
    assert (was.made, was.undone, len(was.twice)) == expected


APPS = "/apis/apps/v1/namespaces/story-7"
REQUEST = "/apis/podvigil.io/v1alpha1/namespaces/story-7/remediationrequests/web"


def asked(call: str, body: object = None) -> Asked:
    method, _, path = call.partition(" ")
    return Asked(method, path, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("call", "body", "name"),
    [
        (f"GET {APPS}/deployments/web", None, "GET deployments #1"),
        (f"PATCH {APPS}/deployments/web/scale?dryRun=All", None, "PATCH deployments/scale dry run #1"),
        (f"GET {APPS}/deployments?limit=500", None, "GET deployments of a namespace"),
        (
            "GET /api/v1/pods?fieldSelector=spec.nodeName=n1&limit=500",
            None,
            "GET pods of all by spec.nodeName",
        ),
        ("GET /api/v1/namespaces/podvigil-system", None, "GET namespaces #1"),
        ("GET /api/v1", None, "GET /api/v1"),
        (
            "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {
                "spec": {
                    "resourceAttributes": {"verb": "create", "resource": "pods", "subresource": "eviction"}
                }
            },
            "POST selfsubjectaccessreviews create pods eviction",
        ),
        (
            f"PUT {REQUEST}/status",
            {"status": {"conditions": [{"type": "Executed", "reason": "Executing"}]}},
            "PUT remediationrequests/status Executed=Executing",
        ),
    ],
)
def test_a_call_has_one_name(call: str, body: object, name: str) -> None:
    assert Naming().name(asked(call, body)) == f"{name} [undecided]"


def test_a_read_is_another_one_when_more_has_happened() -> None:
    naming, read = Naming(), asked(f"GET {APPS}/deployments/web")
    before = naming.name(read)
    naming.is_decided = True
    decided = naming.name(read)
    naming.pass_on(asked(f"PUT {REQUEST}/status", {"status": {"execution": {"token": "t"}}}))
    assert len({before, decided, naming.name(read)}) == 3


def test_each_call_fails_once_in_each_way() -> None:
    rule, read = EachCall(faults=("500", "reset")), asked(f"GET {APPS}/deployments/web")
    answers = [rule.fault_for(read) for _ in range(3)]
    assert [fault is None for fault in answers] == [False, False, True]
    rule.begin()
    assert rule.fault_for(read) is None, "also in the next round"
    assert rule.taken == []


def test_what_may_end_a_request_comes_alone() -> None:
    """A missing object ends it only if the pass goes on, to the write that says so."""
    rule = EachCall(faults=("404",))
    look, find = asked(f"GET {REQUEST}"), asked(f"GET {APPS}/deployments/web")
    others = [asked(f"GET {APPS}/deployments"), asked(f"PUT {REQUEST}/status", {"status": {}})]
    rule.fault_for(look)
    rule.fault_for(look)
    assert rule.fault_for(find) is not None
    assert [rule.fault_for(other) for other in others] == [None, None]
    rule.fault_for(look)
    assert all(rule.fault_for(other) is not None for other in others)
