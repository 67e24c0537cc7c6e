"""What every action promises, asked of all of them; and what each one says for itself."""

import pytest

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.api.request import Reversibility
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.actions.base import Change, Progress, Undo
from podvigil.remediate.targets.workload import WorkloadState
from unit.remediate.world import NOW, SCALE_DOWN, SCALE_UP, UID, deployment, request

PLANS = {
    ActionName.RESTART: request().spec.plan,
    ActionName.SCALE: request(SCALE_UP).spec.plan,
}
SCALE = ACTIONS[ActionName.SCALE]
RESTART = ACTIONS[ActionName.RESTART]


def change_of(action: ActionName, target: WorkloadState) -> Change:
    return ACTIONS[action].change(target, PLANS[action], token=UID, now=NOW)


def changed_by(action: ActionName, generation: int = 4) -> WorkloadState:
    """The target as the API server has it after the action."""
    if action is ActionName.SCALE:
        return deployment(spec__replicas=6, metadata__generation=generation)
    template = {"metadata": {"labels": {"app": "web"}, "annotations": {"podvigil.io/remediation": UID}}}
    return deployment(spec__template=template, metadata__generation=generation)


@pytest.mark.parametrize("action", PLANS)
class TestEveryAction:
    def test_is_due_before_and_done_after(self, action: ActionName) -> None:
        change = change_of(action, deployment())
        assert ACTIONS[action].progress(deployment(), PLANS[action], change) is Progress.DUE
        assert ACTIONS[action].progress(changed_by(action), PLANS[action], change) is Progress.DONE

    def test_keeps_away_when_someone_else_changed_the_spec(self, action: ActionName) -> None:
        change = change_of(action, deployment())
        edited = deployment(metadata__generation=4)
        assert ACTIONS[action].progress(edited, PLANS[action], change) is Progress.FOREIGN

    def test_is_done_however_often_others_changed_the_rest(self, action: ActionName) -> None:
        change = change_of(action, deployment())
        assert (
            ACTIONS[action].progress(changed_by(action, generation=9), PLANS[action], change) is Progress.DONE
        )

    def test_says_how_it_disturbs_and_how_it_is_undone(self, action: ActionName) -> None:
        assert ACTIONS[action].disruption(deployment(), PLANS[action]).message
        assert ACTIONS[action].way_back(deployment(), PLANS[action])

    def test_changes_values_that_fit_the_schema(self, action: ActionName) -> None:
        change = change_of(action, deployment())
        assert change.before.keys() == change.after.keys()
        assert change.token == UID


def test_scale_is_undone_only_while_the_value_is_ours() -> None:
    change = change_of(ActionName.SCALE, deployment())
    assert SCALE.undo(changed_by(ActionName.SCALE), PLANS[ActionName.SCALE], change) is Undo.DUE
    assert SCALE.undo(deployment(), PLANS[ActionName.SCALE], change) is Undo.DONE
    assert SCALE.undo(deployment(spec__replicas=9), PLANS[ActionName.SCALE], change) is Undo.NOT_OURS
    assert SCALE.reversibility is Reversibility.REVERSIBLE


@pytest.mark.parametrize(("ready", "taken"), [(4, 1), (1, 1), (0, 0)])
def test_a_rollout_with_no_ready_pod_has_none_to_lose(ready: int, taken: int) -> None:
    target = deployment(
        kind="Rollout", spec__strategy={"canary": {"maxUnavailable": 1}}, status__readyReplicas=ready
    )
    assert RESTART.disruption(target, PLANS[ActionName.RESTART]).at_once == taken


def test_scale_down_disturbs_the_pods_that_go() -> None:
    assert SCALE.disruption(deployment(), request(SCALE_DOWN).spec.plan).pods == 3
    assert SCALE.disruption(deployment(), PLANS[ActionName.SCALE]).pods == 0


def test_scale_to_the_present_count_is_no_change() -> None:
    refusal = SCALE.objection(deployment(spec__replicas=6), PLANS[ActionName.SCALE])
    assert refusal is not None
    assert refusal.reason is Reason.NO_CHANGE


def test_restart_leaves_nothing_to_undo() -> None:
    change = change_of(ActionName.RESTART, deployment())
    assert RESTART.undo(changed_by(ActionName.RESTART), PLANS[ActionName.RESTART], change) is Undo.NOTHING


def test_restart_below_a_partition_is_refused() -> None:
    target = deployment(kind="StatefulSet", spec__updateStrategy={"rollingUpdate": {"partition": 2}})
    refusal = RESTART.objection(target, PLANS[ActionName.RESTART])
    assert refusal is not None
    assert refusal.reason is Reason.UNSUPPORTED_TARGET


def test_a_restart_by_another_request_is_not_ours() -> None:
    change = change_of(ActionName.RESTART, deployment())
    template = {"metadata": {"labels": {"app": "web"}, "annotations": {"podvigil.io/remediation": "other"}}}
    target = deployment(spec__template=template, metadata__generation=4)
    assert RESTART.progress(target, PLANS[ActionName.RESTART], change) is Progress.FOREIGN
