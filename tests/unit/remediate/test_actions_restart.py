"""Restart by evictions: which pod may go, which goes next, and when the others wait."""

from typing import Any

import pytest
from kubernetes import client

from faults.loopback import Loopback, Reply
from podvigil.api.reasons import Reason
from podvigil.cluster.client import Cluster
from podvigil.remediate.actions.base import Change, Made, Progress, Undo
from podvigil.remediate.actions.restart import Restart
from podvigil.remediate.actions.restarts.pod_by_pod import PODS_MAX
from podvigil.remediate.targets.pods import PodState
from podvigil.remediate.targets.revisions import revisions_of
from podvigil.remediate.targets.workload import WorkloadState, workload_state
from samples import Object, changed
from unit.remediate.world import DEPLOYMENT, NOW, UID, pod, request

RESTART = Restart()
OWNED = [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "u1", "controller": True}]
UNREADY: Object = {"status__conditions": [{"type": "Ready", "status": "False"}]}
ACCEPTED = Reply({"kind": "Status", "status": "Success"}, 201)


def one(name: str = "web-1", **change: Any) -> PodState:
    """A pod that the target itself controls."""
    return pod(name, **{"metadata__ownerReferences": OWNED, **change})


def target(*pods: PodState, strategy: str = "RollingUpdate", change: Object | None = None) -> WorkloadState:
    """A StatefulSet of these pods, all of one revision, with dotted paths replaced."""
    body = {
        "kind": "StatefulSet",
        "spec.replicas": len(pods),
        "spec.updateStrategy": {"type": strategy},
        "status.replicas": len(pods),
        "status.updatedReplicas": len(pods),
    }
    return workload_state(changed(DEPLOYMENT, {**body, **(change or {})}), pods)


def plan_for(name: str = "web-1") -> Any:
    return request({"spec.plan.parameters": {"pod": {"name": name, "uid": f"uid-{name}"}}}).spec.plan


ALL = request().spec.plan
THREE = (one("web-0"), one("web-1"), one("web-2"))

# -- one pod


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        pytest.param(one(), None, id="a-pod-of-the-target"),
        pytest.param(one(**UNREADY), None, id="a-pod-that-is-not-ready"),
        pytest.param(one("web-2"), Reason.STALE_TARGET, id="the-pod-is-gone"),
        pytest.param(one(metadata__uid="new"), Reason.STALE_TARGET, id="a-namesake"),
        pytest.param(one(metadata__deletionTimestamp="now"), Reason.STALE_TARGET, id="on-its-way-out"),
        pytest.param(one(metadata__ownerReferences=[]), Reason.UNSUPPORTED_TARGET, id="a-bare-pod"),
        pytest.param(pod(), Reason.UNSUPPORTED_TARGET, id="of-another-workload"),
        pytest.param(
            one(metadata__annotations={"kubernetes.io/config.mirror": "x"}),
            Reason.UNSUPPORTED_TARGET,
            id="the-mirror-of-a-static-pod",
        ),
        pytest.param(one(status__phase="Failed"), Reason.NO_CHANGE, id="it-has-finished"),
    ],
)
def test_which_pod_may_be_evicted(candidate: PodState, reason: Reason | None) -> None:
    refusal = RESTART.objection(target(candidate), plan_for())
    assert (refusal.reason if refusal else None) == reason


def test_a_pod_of_one_of_its_replica_sets_is_its_own() -> None:
    body = {**changed(DEPLOYMENT, {}), "kind": "Deployment"}
    owner = [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u1", "controller": True}]
    sets = [
        {
            "metadata": {
                "name": "web-7f",
                "uid": "rs1",
                "creationTimestamp": "2026-03-01T09:00:00Z",
                "ownerReferences": owner,
            },
            "spec": {"template": {"metadata": {"labels": {"app": "web"}}}},
        }
    ]
    deployment = workload_state(body, (pod(),), revisions_of(sets, "u1"))
    assert RESTART.objection(deployment, plan_for()) is None


@pytest.mark.parametrize(("change", "at_once"), [({}, 1), (UNREADY, 0)], ids=["ready", "not-ready"])
def test_only_a_ready_pod_takes_something_from_a_budget(change: dict[str, Any], at_once: int) -> None:
    disruption = RESTART.disruption(target(one(**change), one("web-2")), plan_for())
    assert (disruption.pods, disruption.at_once, disruption.names) == (1, at_once, ("shop/web-1",))


def test_an_evicted_pods_uid_tells_that_it_is_done() -> None:
    there = target(one())
    change = RESTART.change(there, plan_for(), token=UID, now=NOW)
    edited = target(one(), change={"metadata.generation": 4})
    leaving = target(one(metadata__deletionTimestamp="now"))
    assert RESTART.progress(there, plan_for(), change) is Progress.DUE
    assert RESTART.progress(edited, plan_for(), change) is Progress.FOREIGN
    for after in (leaving, target(one(metadata__uid="new")), target()):
        assert RESTART.progress(after, plan_for(), change) is Progress.DONE
    assert RESTART.undo(there, plan_for(), change) is Undo.NOTHING


# -- pod by pod


def by_pod(*pods: PodState, change: Object | None = None) -> WorkloadState:
    return target(*pods, strategy="OnDelete", change=change)


def begun(pods: tuple[PodState, ...] = THREE) -> Change:
    """The change that was claimed while these pods were there."""
    return RESTART.change(by_pod(*pods), ALL, token=UID, now=NOW)


async def step(after: WorkloadState, change: Change | None = None) -> tuple[Made, list[str]]:
    """Execute once against a server that accepts; returns what came of it and the pods asked for."""
    with Loopback(lambda _: ACCEPTED) as server:
        cluster = Cluster(client.ApiClient(client.Configuration(host=server.url)))
        made = await RESTART.execute(cluster, after, ALL, change or begun())
        return made, [asked.path.split("/")[-2] for asked in server.asked]


def new(name: str, **change: Any) -> PodState:
    """The successor of a pod, under its name."""
    return one(name, metadata__uid=f"new-{name}", **change)


@pytest.mark.parametrize(
    ("pods", "evicted", "waiting"),
    [
        pytest.param(THREE, ["web-2"], "to leave", id="the-highest-ordinal-first"),
        pytest.param(
            (one("web-0", **UNREADY), one("web-1"), one("web-2")),
            ["web-0"],
            "to leave",
            id="one-that-is-not-ready-before-all",
        ),
        pytest.param(
            (one("web-0"), one("web-1"), one("web-2", metadata__deletionTimestamp="now")),
            [],
            "Pod shop/web-2 to leave",
            id="the-one-before-is-still-leaving",
        ),
        pytest.param((one("web-0"), one("web-1")), [], "1 new pod", id="its-successor-is-not-made"),
        pytest.param(
            (one("web-0"), one("web-1"), new("web-2", **UNREADY)),
            [],
            "Pod shop/web-2, which is new, to become ready",
            id="its-successor-is-not-ready",
        ),
        pytest.param(
            (one("web-0"), one("web-1"), new("web-2")), ["web-1"], "to leave", id="its-successor-is-ready"
        ),
    ],
)
async def test_which_pod_goes_next(pods: tuple[PodState, ...], evicted: list[str], waiting: str) -> None:
    made, asked = await step(by_pod(*pods, change={"spec.replicas": 3}))
    assert asked == evicted
    assert made.stop is None
    assert made.progress is not None
    assert waiting in (made.progress.waiting_for or "")
    assert made.progress.total == 3


async def test_an_edit_on_the_way_stops_it() -> None:
    edited = by_pod(one("web-0"), one("web-1"), new("web-2"), change={"metadata.generation": 4})
    assert RESTART.progress(edited, ALL, begun()) is Progress.UNDER_WAY
    made, asked = await step(edited)
    assert asked == []
    assert made.stop is not None
    assert made.stop.reason is Reason.STALE_TARGET
    assert "after 1 of 3 pods" in made.stop.message


def test_it_goes_on_its_way_whatever_the_strategy_is_by_now() -> None:
    half = (one("web-0"), new("web-1"), new("web-2"))
    assert RESTART.progress(target(*half), ALL, begun()) is Progress.UNDER_WAY


@pytest.mark.parametrize(
    ("pods", "progress"),
    [
        pytest.param(THREE, Progress.DUE, id="none-has-gone"),
        pytest.param((one("web-0"), new("web-1")), Progress.UNDER_WAY, id="some-have"),
        pytest.param((new("web-0"), new("web-1"), new("web-2")), Progress.DONE, id="all-have"),
        pytest.param((one("web-0", metadata__deletionTimestamp="now"),), Progress.DONE, id="the-last-leaves"),
    ],
)
def test_the_kept_uids_tell_how_far_it_is(pods: tuple[PodState, ...], progress: Progress) -> None:
    assert RESTART.progress(by_pod(*pods), ALL, begun()) is progress


def test_a_hundred_uids_fit_the_status() -> None:
    pods = tuple(one(f"web-{n}", metadata__uid=f"{n:036}") for n in range(PODS_MAX))
    change = begun(pods)
    assert len(change.before) <= 20
    assert max(map(len, change.before.values())) <= 1024
    assert RESTART.progress(by_pod(*pods[1:]), ALL, change) is Progress.UNDER_WAY


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        pytest.param(by_pod(*THREE), None, id="no-objection"),
        pytest.param(
            by_pod(*THREE, change={"status.updatedReplicas": 1}),
            Reason.UNSUPPORTED_TARGET,
            id="its-owner-has-not-rolled-out",
        ),
        pytest.param(
            by_pod(*(one(f"web-{n}") for n in range(PODS_MAX + 1))), Reason.UNSUPPORTED_TARGET, id="too-many"
        ),
        pytest.param(by_pod(), Reason.NO_CHANGE, id="no-pods"),
    ],
)
def test_when_pod_by_pod_is_refused(there: WorkloadState, reason: Reason | None) -> None:
    refusal = RESTART.objection(there, ALL)
    assert (refusal.reason if refusal else None) == reason


def test_each_way_has_its_time() -> None:
    assert RESTART.time_limit(plan_for()).total_seconds() == 600
    assert RESTART.time_limit(ALL).total_seconds() == 3600
