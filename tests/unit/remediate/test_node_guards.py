"""What holds back an action on a node; the guards of every action are in test_guards.py."""

from dataclasses import replace
from typing import Any

import pytest

from podvigil.api.reasons import Reason
from podvigil.remediate.guards import all_refusals, first_refusal
from podvigil.remediate.observe.context import Context, OtherRequest
from unit.remediate.node_world import OTHERS, asked, budget, old_pod, other, state
from unit.remediate.world import NOW, active, at, pod

CONTROL_PLANE = {"metadata.labels": {"node-role.kubernetes.io/control-plane": ""}}
NOT_READY = {"status.conditions": [{"type": "Ready", "status": "False"}]}
ILL_CONTROL_PLANE = other("cp", {**CONTROL_PLANE, **NOT_READY})
CORDONED = {"spec.unschedulable": True}
BY_US = {**CORDONED, "metadata.annotations": {"podvigil.io/cordoned-by": "older"}}
OLDER = OtherRequest("older", created=at(-500), target="node-2", is_approved=True)

UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "lastTransitionTime": at(-9),
}


def ctx(action: str = "Drain", **fields: Any) -> Context:
    return asked(action, **fields)


ROWS = [
    pytest.param(ctx(), None, id="no-objection"),
    pytest.param(ctx("Cordon"), None, id="cordon"),
    pytest.param(ctx("Uncordon", target=state(change=CORDONED)), None, id="uncordon"),
    pytest.param(
        ctx(request_change={"metadata.namespace": "shop"}), Reason.WRONG_NAMESPACE, id="asked-by-a-team"
    ),
    pytest.param(
        ctx("Cordon", request_change={"metadata.namespace": "kube-system"}),
        Reason.WRONG_NAMESPACE,
        id="asked-in-a-protected-namespace",
    ),
    pytest.param(
        ctx(target=state(change={"metadata.uid": "n2"})), Reason.STALE_TARGET, id="a-namesake-of-the-node"
    ),
    pytest.param(
        ctx(target=state(old_pod(metadata__ownerReferences=None))), Reason.BARE_PODS, id="a-bare-pod"
    ),
    pytest.param(
        ctx(target=state(old_pod(spec__volumes=[{"name": "a", "emptyDir": {}}]))),
        Reason.LOCAL_DATA,
        id="an-empty-dir",
    ),
    pytest.param(
        ctx(target=state(old_pod(), budgets=(budget(allowed=9), budget("second", 9)), spaces=None)),
        Reason.EVICTION_IMPOSSIBLE,
        id="two-budgets",
    ),
    pytest.param(
        ctx(target=state(old_pod(), budgets=(budget(),), spaces=None)), None, id="a-full-budget-only-delays"
    ),
    pytest.param(
        ctx("Cordon", target=state(old_pod(metadata__ownerReferences=None))), None, id="cordon-moves-nobody"
    ),
    pytest.param(
        ctx(target=state(change=CONTROL_PLANE)), Reason.CONTROL_PLANE_NODE, id="the-only-control-plane"
    ),
    pytest.param(
        ctx("Cordon", target=state(change=CONTROL_PLANE, others=(*OTHERS, ILL_CONTROL_PLANE))),
        Reason.CONTROL_PLANE_NODE,
        id="the-last-ready-control-plane",
    ),
    pytest.param(
        ctx(target=state(change=CONTROL_PLANE, others=(*OTHERS, other("cp", CONTROL_PLANE)))),
        None,
        id="one-of-two-control-planes",
    ),
    pytest.param(ctx(target=state(others=OTHERS[:1])), Reason.TOO_FEW_NODES, id="one-other-node"),
    pytest.param(
        ctx("Cordon", target=state(others=(OTHERS[0], other("node-3", NOT_READY)))),
        Reason.TOO_FEW_NODES,
        id="one-other-node-is-ready",
    ),
    pytest.param(
        ctx(target=state(others=(OTHERS[0], other("node-3", CORDONED)))),
        Reason.TOO_FEW_NODES,
        id="one-other-node-takes-pods",
    ),
    pytest.param(
        ctx("Uncordon", target=state(change=CORDONED, others=())), None, id="uncordon-needs-no-others"
    ),
    pytest.param(
        ctx(target=state(others=(*OTHERS, other("node-4", BY_US)))), Reason.ANOTHER_NODE, id="one-is-ours"
    ),
    pytest.param(
        ctx(target=state(others=(*OTHERS, other("node-4", CORDONED)))), None, id="one-is-a-persons"
    ),
    pytest.param(ctx(elsewhere=(OLDER,)), Reason.ANOTHER_NODE, id="an-older-request-goes-first"),
    pytest.param(ctx(elsewhere=(replace(OLDER, is_approved=False),)), None, id="an-undecided-one-does-not"),
    pytest.param(ctx(elsewhere=(replace(OLDER, is_finished=True),)), None, id="an-ended-one-does-not"),
    pytest.param(ctx(elsewhere=(replace(OLDER, created=at(-1)),)), None, id="a-younger-one-waits-for-us"),
    pytest.param(
        ctx(elsewhere=(replace(OLDER, created=at(-1), is_claimed=True),)),
        Reason.ANOTHER_NODE,
        id="unless-it-is-at-work",
    ),
    pytest.param(
        ctx("Uncordon", target=state(change=CORDONED), elsewhere=(OLDER,)), None, id="uncordon-waits-for-none"
    ),
    pytest.param(
        ctx("Uncordon", target=state(change=CORDONED), report_change=active("False", -9000)),
        None,
        id="uncordon-when-the-trouble-is-over",
    ),
    pytest.param(
        replace(ctx(request_change={"spec.plan.report": None}), report=None), None, id="a-person-needs-no-report"
    ),
    pytest.param(
        ctx("Cordon", report_change=active("False", -10)), Reason.ANOMALY_CLEARED, id="cordon-needs-trouble"
    ),
    pytest.param(ctx(target=state(old_pod())), Reason.NO_ROOM, id="no-room-elsewhere"),
    pytest.param(
        ctx(target=state(old_pod(status__phase="Failed"))), None, id="a-finished-pod-needs-no-room"
    ),
    pytest.param(ctx(target=state(old_pod(), spaces=None)), None, id="begun-already"),
    pytest.param(
        ctx(target=state(homeless=(pod(status__conditions=[UNSCHEDULABLE]),))),
        Reason.NO_ROOM,
        id="a-workload-waits-for-room-already",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "reason"), ROWS)
def test_first_refusal(seen: Context, reason: Reason | None) -> None:
    refusal = first_refusal(seen, NOW)
    assert (refusal.reason if refusal else None) == reason


def test_every_objection_is_shown_at_once() -> None:
    pods = (
        old_pod("bare", metadata__ownerReferences=None),
        old_pod("cache", spec__volumes=[{"name": "a", "emptyDir": {}}]),
        old_pod("web-1"),
    )
    target = state(*pods, change=CONTROL_PLANE, others=(other("node-4", BY_US),))
    assert [refusal.reason for refusal in all_refusals(ctx(target=target), NOW)] == [
        Reason.BARE_PODS,
        Reason.LOCAL_DATA,
        Reason.CONTROL_PLANE_NODE,
        Reason.TOO_FEW_NODES,
        Reason.ANOTHER_NODE,
        Reason.NO_ROOM,
    ]


def test_of_two_requests_for_two_nodes_exactly_one_goes_first() -> None:
    mine = ctx()
    theirs = replace(OLDER, created=at(-120), name="another-request")  # made in the same second
    assert (mine.rank < theirs.rank) is not (theirs.rank < mine.rank)
