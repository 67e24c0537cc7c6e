"""Cordon, Uncordon and Drain as far as they decide: where they stand, what they would undo, what became of them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from podvigil.api.reasons import Reason
from podvigil.api.request import Health, Reversibility
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.actions.base import Action, Change, Progress, Undo
from podvigil.remediate.targets.node import NodeState, Standing, node
from podvigil.remediate.targets.pods import PodState
from podvigil.remediate.validation.effect import Effect
from samples import Object, changed
from unit.remediate.node_world import DRAINED, NODE, OTHERS, claimed, marked, old_pod, other, plan_of, state
from unit.remediate.world import NOW, UID, active, at, pod, report

CORDON, UNCORDON, DRAIN = (ACTIONS[name] for name in ("Cordon", "Uncordon", "Drain"))
CORDONED: Object = {"spec.unschedulable": True}
"""By somebody else."""
OURS: Object = {**CORDONED, "metadata.annotations": {"podvigil.io/cordoned-by": UID}}
LEFT_BEHIND: Object = {"metadata.annotations": {"podvigil.io/cordoned-by": UID}}
UNCORDONED: Object = {"metadata.annotations": {"podvigil.io/uncordoned-by": UID}}


def owned(field_manager: str) -> Object:
    """Ours by the annotation; the cordon itself was written by this manager."""
    annotation: Object = {"f:metadata": {"f:annotations": {"f:podvigil.io/cordoned-by": {}}}}
    return {
        **OURS,
        "metadata.managedFields": [
            {"manager": "podvigil", "fieldsV1": annotation},
            {"manager": field_manager, "fieldsV1": {"f:spec": {"f:unschedulable": {}}}},
        ],
    }


@pytest.mark.parametrize(
    ("change", "by"),
    [
        pytest.param({}, "", id="not-cordoned"),
        pytest.param(CORDONED, "", id="by-somebody"),
        pytest.param(OURS, UID, id="by-us-and-nothing-says-otherwise"),
        pytest.param(owned("podvigil"), UID, id="by-us"),
        pytest.param(owned("kubectl-cordon"), "", id="by-a-person-over-our-old-annotation"),
        pytest.param(LEFT_BEHIND, "", id="uncordoned-since"),
    ],
)
def test_whose_cordon_it_is(change: Object, by: str) -> None:
    assert node(changed(NODE, change)).cordoned_by == by


@pytest.mark.parametrize(
    ("change", "takes_pods"),
    [
        pytest.param({}, True, id="ready"),
        pytest.param({"status.conditions": []}, False, id="has-not-reported-yet"),
        pytest.param(CORDONED, False, id="cordoned"),
        pytest.param({"spec.taints": [{"key": "a", "effect": "NoExecute"}]}, False, id="tainted"),
        pytest.param({"spec.taints": [{"key": "a", "effect": "PreferNoSchedule"}]}, True, id="not-preferred"),
    ],
)
def test_which_nodes_take_pods(change: Object, takes_pods: bool) -> None:
    assert node(changed(NODE, change)).takes_pods is takes_pods


class TestCordon:
    change = Change({"unschedulable": "false"}, {"unschedulable": "true"}, UID)

    @pytest.mark.parametrize(
        ("node_change", "progress", "undo"),
        [
            pytest.param({}, Progress.DUE, Undo.DONE, id="not-cordoned"),
            pytest.param(OURS, Progress.DONE, Undo.DUE, id="cordoned-by-us"),
            pytest.param(CORDONED, Progress.FOREIGN, Undo.NOT_OURS, id="by-somebody"),
            pytest.param(owned("kubectl"), Progress.FOREIGN, Undo.NOT_OURS, id="by-a-person-after-us"),
            pytest.param(LEFT_BEHIND, Progress.FOREIGN, Undo.DONE, id="uncordoned-right-after-us"),
        ],
    )
    def test_where_it_stands(self, node_change: Object, progress: Progress, undo: Undo) -> None:
        target = state(change=node_change)
        assert CORDON.progress(target, plan_of("Cordon"), self.change) is progress
        assert CORDON.undo(target, plan_of("Cordon"), self.change) is undo

    def test_a_cordoned_node_is_no_change(self) -> None:
        refusal = CORDON.objection(state(change=CORDONED), plan_of("Cordon"))
        assert refusal is not None
        assert refusal.reason is Reason.NO_CHANGE
        assert CORDON.objection(state(), plan_of("Cordon")) is None

    @pytest.mark.parametrize(
        ("says", "outcome"),
        [
            pytest.param("False", Reason.SUCCEEDED, id="trouble-is-gone"),
            pytest.param("True", Reason.INCONCLUSIVE, id="trouble-stays-with-its-pods"),
        ],
    )
    def test_it_is_never_rolled_back_for_trouble_that_stays(self, says: str, outcome: Reason) -> None:
        verdict = CORDON.judge(effect(state(change=OURS), says), now=NOW)
        assert verdict is not None
        assert verdict.outcome is outcome


class TestUncordon:
    change = Change(
        {"unschedulable": "true", "cordonedBy": "x"}, {"unschedulable": "false", "cordonedBy": ""}, UID
    )

    @pytest.mark.parametrize(
        ("node_change", "progress", "undo"),
        [
            pytest.param(CORDONED, Progress.DUE, Undo.DONE, id="cordoned"),
            pytest.param(UNCORDONED, Progress.DONE, Undo.DUE, id="uncordoned-by-us"),
            pytest.param({}, Progress.DONE, Undo.NOT_OURS, id="uncordoned-by-somebody"),
            pytest.param({**UNCORDONED, **CORDONED}, Progress.FOREIGN, Undo.DONE, id="cordoned-again"),
        ],
    )
    def test_where_it_stands(self, node_change: Object, progress: Progress, undo: Undo) -> None:
        target = state(change=node_change)
        assert UNCORDON.progress(target, plan_of("Uncordon"), self.change) is progress
        assert UNCORDON.undo(target, plan_of("Uncordon"), self.change) is undo

    def test_it_keeps_who_had_cordoned_it(self) -> None:
        change = UNCORDON.change(state(change=OURS), plan_of("Uncordon"), token="x", now=NOW)
        assert change.before == {"unschedulable": "true", "cordonedBy": UID}

    def test_a_node_that_takes_pods_is_no_change(self) -> None:
        refusal = UNCORDON.objection(state(), plan_of("Uncordon"))
        assert refusal is not None
        assert refusal.reason is Reason.NO_CHANGE

    @pytest.mark.parametrize(
        ("node_change", "says", "outcome"),
        [
            pytest.param({}, "False", Reason.SUCCEEDED, id="trouble-is-gone"),
            pytest.param({}, "True", Reason.INEFFECTIVE, id="trouble-is-back"),
            pytest.param({}, "Unknown", Reason.INCONCLUSIVE, id="nobody-looked"),
            pytest.param({"status.conditions": []}, "False", Reason.HARMFUL, id="not-ready"),
        ],
    )
    def test_verdicts(self, node_change: Object, says: str, outcome: Reason) -> None:
        verdict = UNCORDON.judge(effect(state(change=node_change), says), now=NOW)
        assert verdict is not None
        assert verdict.outcome is outcome


class TestDrain:
    def test_the_steps_of_its_way(self) -> None:
        target = state(old_pod())
        change = claimed(target)
        assert DRAIN.progress(target, plan_of(), change) is Progress.DUE
        assert DRAIN.progress(marked(target), plan_of(), change) is Progress.UNDER_WAY
        ending = state(old_pod(metadata__deletionTimestamp=at(-1)))
        assert DRAIN.progress(marked(ending), plan_of(), change) is Progress.UNDER_WAY
        assert DRAIN.progress(marked(state()), plan_of(), change) is Progress.DONE

    @pytest.mark.parametrize(
        "node_change",
        [
            pytest.param({}, id="fresh"),
            pytest.param(CORDONED, id="cordoned-by-a-person"),
            pytest.param(
                {**OURS, "metadata.annotations": {"podvigil.io/drained-by": "older"}}, id="older-mark"
            ),
        ],
    )
    def test_it_is_due_until_our_own_mark_is_there(self, node_change: Object) -> None:
        target = state(old_pod(), change=node_change)
        assert DRAIN.progress(target, plan_of(), claimed(target)) is Progress.DUE

    def test_an_uncordon_meanwhile_ends_it(self) -> None:
        target = state(old_pod(), change={**DRAINED, "spec.unschedulable": False})
        assert DRAIN.progress(target, plan_of(), claimed(state(old_pod()))) is Progress.FOREIGN

    def test_a_pod_that_must_not_go_keeps_it_under_way(self) -> None:
        """Not done: `execute` stops it, and says why."""
        target = marked(state(old_pod(metadata__ownerReferences=None)))
        assert DRAIN.progress(target, plan_of(), claimed(state())) is Progress.UNDER_WAY

    @pytest.mark.parametrize(
        ("before", "node_change", "undo"),
        [
            pytest.param({}, DRAINED, Undo.DUE, id="ours"),
            pytest.param({}, {}, Undo.DONE, id="uncordoned-by-a-person"),
            pytest.param({}, owned("kubectl"), Undo.NOT_OURS, id="a-persons-by-now"),
            pytest.param(CORDONED, DRAINED, Undo.NOTHING, id="a-persons-from-the-first"),
        ],
    )
    def test_only_our_own_cordon_is_undone(self, before: Object, node_change: Object, undo: Undo) -> None:
        change = claimed(state(old_pod(), change=before))
        assert DRAIN.undo(state(change=node_change), plan_of(), change) is undo
        assert DRAIN.reversibility is Reversibility.REVERSIBLE

    def test_a_cordoned_node_without_pods_is_no_change(self) -> None:
        assert DRAIN.objection(state(), plan_of()) is None
        refusal = DRAIN.objection(state(change=CORDONED), plan_of())
        assert refusal is not None
        assert refusal.reason is Reason.NO_CHANGE

    def test_it_says_what_goes_and_what_stays(self) -> None:
        agent = [
            {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "d", "controller": True}
        ]
        pods = (old_pod(), old_pod("agent-1", metadata__ownerReferences=agent))
        found = DRAIN.disruption(state(*pods, daemon_sets=frozenset({"shop/agent"})), plan_of())
        assert found.pods == 1
        assert found.names == ("shop/web-1",)
        assert found.message == (
            "1 pod is evicted, as fast as their budgets allow; "
            "left alone: 1 of a DaemonSet, which would put it back at once"
        )

    def test_the_time_is_the_plans(self) -> None:
        assert DRAIN.time_limit(plan_of()) == timedelta(minutes=15)
        plan = plan_of(parameters={"drain": {"timeout": "1h"}})
        assert DRAIN.time_limit(plan) == timedelta(hours=1)


READY = Standing("ReplicaSet shop/web-7f", wanted=4, ready=4)
LACKING = replace(READY, ready=3)


def homeless_since(seconds: float) -> PodState:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "lastTransitionTime": at(seconds),
    }
    return pod("web-2", status__conditions=[condition], spec__nodeName=None)


def effect(target: NodeState | None, says: str = "False", *, over: bool = True, ready: int = 4) -> Effect:
    """What is seen a minute after the change; the window is over or not, and `ready` pods were so before."""
    return Effect(
        target=target,
        plan=plan_of(),
        report=report(active(says, -1)),
        baseline=Health(replicas=4, ready_replicas=ready),
        previous=None,
        begun_at=NOW - timedelta(minutes=2),
        changed_at=NOW - timedelta(minutes=1),
        until=NOW if over else NOW + timedelta(seconds=1),
        interval_seconds=30,
    )


def drained(*homeless: PodState, change: Object | None = None, standing: Standing = READY) -> NodeState:
    return state(change={**DRAINED, **(change or {})}, workloads=(standing,), homeless=homeless)


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        pytest.param(effect(drained()), Reason.SUCCEEDED, id="trouble-is-gone"),
        pytest.param(effect(drained(), over=False), None, id="too-early-to-say"),
        pytest.param(effect(drained(), "True"), Reason.INEFFECTIVE, id="trouble-moved-along"),
        pytest.param(effect(drained(), "Unknown"), Reason.INCONCLUSIVE, id="nobody-looked"),
        pytest.param(
            effect(drained(change={"status.conditions": []}), "True"), Reason.INCONCLUSIVE, id="node-is-ill"
        ),
        pytest.param(effect(None), Reason.INCONCLUSIVE, id="node-is-gone"),
        pytest.param(effect(drained(standing=LACKING)), Reason.HARMFUL, id="fewer-ready-than-before"),
        pytest.param(effect(drained(standing=LACKING), over=False), None, id="fewer-ready-for-now"),
        pytest.param(
            effect(drained(standing=LACKING), ready=3), Reason.SUCCEEDED, id="no-more-were-ready-before"
        ),
        pytest.param(
            effect(drained(standing=replace(READY, wanted=2, ready=2))),
            Reason.SUCCEEDED,
            id="scaled-down-since",
        ),
        pytest.param(effect(drained(homeless_since(-5))), Reason.HARMFUL, id="no-node-at-the-end"),
        pytest.param(effect(drained(homeless_since(-120)), over=False), None, id="an-autoscaler-may-help"),
        pytest.param(
            effect(drained(homeless_since(-121)), over=False), Reason.HARMFUL, id="no-node-for-two-minutes"
        ),
    ],
)
def test_verdicts_of_a_drain(seen: Effect, outcome: Reason | None) -> None:
    verdict = DRAIN.judge(seen, now=NOW)
    assert (verdict.outcome if verdict else None) is outcome


@pytest.mark.parametrize("name", ["Cordon", "Uncordon", "Drain"])
def test_the_rights_are_asked_for_by_name(name: str) -> None:
    rights = [str(right) for right in ACTIONS[name].rights(state(), plan_of(name))]
    assert rights[0] == "patch nodes named node-1"
    assert ("create pods/eviction" in rights) is (name == "Drain")


def test_other_nodes_are_read_alike() -> None:
    assert other("node-2") == OTHERS[0]


def test_a_change_fits_the_schema() -> None:
    """At most twenty values of at most 1024 characters."""
    standings = tuple(Standing(f"ReplicaSet {'n' * 60}/{'w' * 60}-{k}", 1, 1) for k in range(300))
    change: Any = claimed(state(old_pod(), workloads=standings))
    assert len(change.before) <= 20
    assert max(map(len, change.before.values())) <= 1024


@pytest.mark.parametrize(
    ("action", "target", "outcome"),
    [
        pytest.param(DRAIN, drained(), Reason.SUCCEEDED, id="drained"),
        pytest.param(DRAIN, drained(standing=LACKING), Reason.HARMFUL, id="drained-and-fewer-are-ready"),
        pytest.param(CORDON, state(change=OURS), Reason.SUCCEEDED, id="cordoned"),
        pytest.param(UNCORDON, state(), Reason.SUCCEEDED, id="uncordoned"),
        pytest.param(
            UNCORDON, state(change={"status.conditions": []}), Reason.HARMFUL, id="uncordoned-and-not-ready"
        ),
    ],
)
def test_verdicts_without_a_report(action: Action[Any], target: NodeState, outcome: Reason) -> None:
    """A person asked: what was asked for is there and nobody is worse off, more cannot be said."""
    plan = plan_of().model_copy(update={"report": None})
    verdict = action.judge(replace(effect(target), plan=plan, report=None), now=NOW)
    assert verdict is not None
    assert verdict.outcome is outcome
