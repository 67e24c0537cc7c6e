"""How many ready pods a new pod template takes away at once: what is down already is nothing new to a budget."""

from typing import Any

import pytest

from podvigil.remediate.actions.rollout import reaches_every_pod, replacement, taken_at_once
from podvigil.remediate.targets.pods import PodState
from unit.remediate.world import deployment, pod

RECREATE = {"type": "Recreate"}
SURGE = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


@pytest.mark.parametrize(
    ("strategy", "ready", "taken"),
    [
        # Four replicas, of which 25 % may be away: one.
        pytest.param({}, 4, 1, id="all-are-ready"),
        pytest.param({}, 3, 0, id="one-is-away-already"),
        pytest.param({}, 0, 0, id="none-is-ready"),
        pytest.param(SURGE, 4, 0, id="surge"),
        pytest.param(RECREATE, 4, 4, id="recreate"),
        pytest.param(RECREATE, 1, 1, id="recreate-takes-the-one-that-is-ready"),
        pytest.param(RECREATE, 0, 0, id="recreate-of-none"),
    ],
)
def test_a_deployment_replaces_what_is_not_ready_first(
    strategy: dict[str, Any], ready: int, taken: int
) -> None:
    target = deployment(spec__strategy=strategy, status__readyReplicas=ready)
    assert taken_at_once(target) == replacement(target).at_once == taken
    assert replacement(target).pods == 4, "all are replaced all the same"


@pytest.mark.parametrize(("ready", "taken"), [(6, 2), (5, 1), (4, 0), (0, 0)])
def test_so_does_a_daemon_set(ready: int, taken: int) -> None:
    counts = {"desiredNumberScheduled": 6, "currentNumberScheduled": 6, "numberReady": ready}
    rolling = {"rollingUpdate": {"maxUnavailable": 2}}
    assert taken_at_once(deployment(kind="DaemonSet", spec__updateStrategy=rolling, status=counts)) == taken


@pytest.mark.parametrize(("ready", "taken"), [(4, 1), (3, 1), (1, 1), (0, 0)])
def test_a_stateful_set_goes_by_ordinal(ready: int, taken: int) -> None:
    assert taken_at_once(deployment(kind="StatefulSet", status__readyReplicas=ready)) == taken


DOWN = pod("web-2", status__conditions=[{"type": "Ready", "status": "False"}])
LEAVING = pod("web-2", status__conditions=[], metadata__deletionTimestamp="now")


@pytest.mark.parametrize(
    ("kind", "policy", "second", "is_stuck"),
    [
        pytest.param("StatefulSet", None, DOWN, True, id="in-order-by-default"),
        pytest.param("StatefulSet", "OrderedReady", DOWN, True, id="in-order"),
        pytest.param("StatefulSet", "Parallel", DOWN, False, id="in-parallel"),
        pytest.param("StatefulSet", "OrderedReady", pod("web-2"), False, id="all-are-ready"),
        pytest.param("StatefulSet", "OrderedReady", LEAVING, False, id="one-leaves-and-comes-back"),
        pytest.param("Deployment", None, DOWN, False, id="a-deployment"),
    ],
)
def test_a_stateful_set_in_order_replaces_none_while_one_is_down(
    kind: str, policy: str | None, second: PodState, is_stuck: bool
) -> None:
    given = {"spec__podManagementPolicy": policy} if policy else {}
    target = deployment(kind=kind, pods=(pod("web-1"), second), **given)
    refusal = reaches_every_pod(target)
    assert (refusal is not None) is is_stuck
    if refusal is not None:
        assert "1 are not: web-2. A Restart with parameters.pod" in refusal.message
