"""A workload as it is read: what is wanted, what is there, and how pods would be replaced."""

from typing import Any

import pytest

from podvigil.remediate.targets.workload import workload_state
from samples import changed
from unit.remediate.world import DEPLOYMENT, OWNER, deployment, pod


@pytest.mark.parametrize(
    ("strategy", "replicas", "at_once"),
    [
        pytest.param(None, 4, 1, id="default-of-four"),  # 25 % of 4, rounded down
        pytest.param(None, 3, 0, id="default-of-three"),  # 0.75 rounds down, and the surge rounds up to 1
        pytest.param({"type": "Recreate"}, 3, 3, id="recreate"),
        pytest.param({"rollingUpdate": {"maxUnavailable": 2, "maxSurge": 0}}, 3, 2, id="two-at-once"),
        pytest.param({"rollingUpdate": {"maxUnavailable": "0%", "maxSurge": "0%"}}, 3, 1, id="neither"),
        pytest.param({"rollingUpdate": {"maxUnavailable": "50%", "maxSurge": 1}}, 5, 2, id="half-of-five"),
    ],
)
def test_pods_that_a_rollout_of_a_deployment_takes_away(
    strategy: dict[str, Any] | None, replicas: int, at_once: int
) -> None:
    change = {"spec__strategy": strategy} if strategy else {}
    target = deployment(spec__replicas=replicas, **change)
    assert target.strategy.unavailable_at_once == at_once


def test_a_stateful_set_at_rest_counts_every_pod_as_updated() -> None:
    body = changed(
        DEPLOYMENT,
        {
            "kind": "StatefulSet",
            "status.updatedReplicas": None,
            "status.currentRevision": "a",
            "status.updateRevision": "a",
        },
    )
    target = workload_state(body)
    assert target.is_rolled_out
    assert target.strategy.unavailable_at_once == 1


def test_a_stateful_set_between_revisions_is_not_rolled_out() -> None:
    body = changed(
        DEPLOYMENT,
        {
            "kind": "StatefulSet",
            "status.updatedReplicas": 1,
            "status.currentRevision": "a",
            "status.updateRevision": "b",
        },
    )
    assert not workload_state(body).is_rolled_out


def test_a_daemon_set_counts_nodes() -> None:
    status = {
        "desiredNumberScheduled": 3,
        "currentNumberScheduled": 3,
        "updatedNumberScheduled": 3,
        "numberReady": 2,
        "numberAvailable": 2,
        "observedGeneration": 3,
    }
    own = pod(restarts=5, metadata__ownerReferences=[{**OWNER, "kind": "DaemonSet", "uid": "u1"}])
    target = workload_state(changed(DEPLOYMENT, {"kind": "DaemonSet", "status": status}), (own,))
    assert (target.replicas, target.ready, target.restarts) == (3, 2, 5)
    assert target.is_rolled_out
    assert target.strategy.unavailable_at_once == 1


ROLLOUT = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "spec.strategy": {"canary": {}},
    "spec.restartAt": "2026-03-01T09:00:00Z",
    "status.restartedAt": "2026-03-01T09:00:00Z",
    "status.observedGeneration": "3",
    "status.selector": "app=web",
}


@pytest.mark.parametrize(
    ("change", "is_rolled_out"),
    [
        pytest.param({}, True, id="as-it-should-be"),
        pytest.param({"status.restartedAt": "2026-03-01T08:00:00Z"}, False, id="it-is-restarting"),
        pytest.param({"status.updatedReplicas": 1}, False, id="a-canary"),
        pytest.param({"status.observedGeneration": "2"}, False, id="its-controller-has-not-seen-it"),
        pytest.param({"status.observedGeneration": "5c9f"}, False, id="a-hash-of-an-old-controller"),
    ],
)
def test_an_argo_rollout(change: dict[str, Any], is_rolled_out: bool) -> None:
    target = workload_state(changed(DEPLOYMENT, {**ROLLOUT, **change}))
    assert target.is_rolled_out is is_rolled_out
    assert (target.replicas, target.ready, target.selector) == (4, 4, "app=web")
    # Argo Rollouts evicts a quarter at once, and one at least.
    assert target.strategy.unavailable_at_once == 1


def test_a_rollout_that_refers_to_a_deployment_has_its_selector_in_its_status() -> None:
    body = changed(DEPLOYMENT, {**ROLLOUT, "spec.selector": None, "spec.template": None})
    assert workload_state(body).selector == "app=web"
    assert workload_state(changed(body, {"status": None})).selector == "", "nothing, rather than all pods"


def test_a_new_workload_has_no_counts_yet() -> None:
    target = workload_state(changed(DEPLOYMENT, {"status": None}))
    assert (target.total, target.ready, target.observed_generation) == (0, 0, 0)
    assert not target.is_rolled_out


def test_restarts_are_added_over_its_own_pods() -> None:
    canary = pod("canary-1", restarts=9, metadata__ownerReferences=[{**OWNER, "uid": "rs-of-the-canary"}])
    bare = pod("bare", restarts=9, metadata__ownerReferences=[])
    pods = (pod(restarts=3), pod("web-2"), pod("web-3", status=None), canary, bare)
    assert deployment(pods=pods).restarts == 3


def test_the_selector_is_written_for_a_query() -> None:
    target = deployment(
        spec__selector={
            "matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "tier", "operator": "In", "values": ["a", "b"]}],
        }
    )
    assert target.selector == "app=web,tier in (a,b)"
