"""Rollback: which revision is the one before, what stays, and what is still ours."""

from typing import Any

import pytest

from podvigil.api.reasons import Reason
from podvigil.api.request import RemediationRequest
from podvigil.remediate.actions.base import Progress, Undo
from podvigil.remediate.actions.earlier_revision import released_at, revision_to_restore
from podvigil.remediate.actions.rollback import Rollback
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.pods import PodState
from podvigil.remediate.targets.revisions import revisions_of
from podvigil.remediate.targets.workload import WorkloadState, workload_state
from samples import Object, changed
from unit.remediate.world import DEPLOYMENT, NOW, UID, at, pod, request

ROLLBACK = Rollback()
PLAN = request({"spec.plan.action": "Rollback"}).spec.plan
OWNER = [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u1", "controller": True}]


def template(image: str, **annotations: str) -> Object:
    return {
        "metadata": {"labels": {"app": "web"}, "annotations": annotations},
        "spec": {"containers": [{"name": "app", "image": image}]},
    }


def replica_set(number: int, image: str, *, seconds: float = 0, owner: str = "u1", **marks: str) -> Object:
    """One revision, with the label that the controller adds, made so many seconds from NOW."""
    made = template(image, **{key.replace("__", "/"): value for key, value in marks.items()})
    made["metadata"]["labels"]["pod-template-hash"] = f"hash{number}"
    return {
        "metadata": {
            "name": f"web-{number}",
            "uid": f"rs-{number}",
            "creationTimestamp": at(seconds),
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [{**OWNER[0], "uid": owner}],
        },
        "spec": {"template": made},
    }


RESTARTED: dict[str, Any] = {"kubectl.kubernetes.io__restartedAt": "2026-03-01T09:59:00Z"}


def deployment(
    *sets: Object,
    wanted: Object | None = None,
    pods: tuple[PodState, ...] = (),
    change: Object | None = None,
) -> WorkloadState:
    """The Deployment with these revisions; it wants the template of the last one, unless told otherwise."""
    spec = wanted or revisions_of(sets, "u1")[-1].template
    body = changed(DEPLOYMENT, {"spec.template": spec, **(change or {})})
    return workload_state(body, pods, revisions_of(sets, "u1"))


V1, V2, V3 = replica_set(1, "shop:1"), replica_set(2, "shop:2"), replica_set(3, "shop:3")


@pytest.mark.parametrize(
    ("target", "number", "found"),
    [
        pytest.param(deployment(V1, V2, V3), None, 2, id="the-one-before"),
        pytest.param(deployment(V1, V2, V3), 1, 1, id="the-one-that-was-named"),
        pytest.param(
            deployment(V1, V2, replica_set(3, "shop:2", **RESTARTED)), None, 1, id="a-restart-is-passed-over"
        ),
        pytest.param(
            deployment(V1, V2, V3, wanted=template("shop:2")), None, 1, id="the-newest-is-not-the-present"
        ),
        pytest.param(deployment(V1, V2, V3), 3, Reason.NO_CHANGE, id="the-present-one"),
        pytest.param(deployment(V1, V2, V3), 9, Reason.UNSUPPORTED_TARGET, id="no-such-revision"),
        pytest.param(deployment(V1), None, Reason.UNSUPPORTED_TARGET, id="the-only-one"),
        pytest.param(
            deployment(V1, replica_set(2, "shop:1", **RESTARTED)),
            None,
            Reason.UNSUPPORTED_TARGET,
            id="nothing-but-restarts",
        ),
        pytest.param(
            deployment(V1, V2, wanted=template("shop:new")), None, Reason.ROLLOUT_RUNNING, id="not-seen-yet"
        ),
        pytest.param(
            deployment(replica_set(1, "x", owner="other"), V2),
            None,
            Reason.UNSUPPORTED_TARGET,
            id="a-revision-of-another",
        ),
    ],
)
def test_the_revision_to_go_back_to(target: WorkloadState, number: int | None, found: int | Reason) -> None:
    answer = revision_to_restore(target, number)
    assert (answer.reason if isinstance(answer, Refusal) else answer.number) == found
    plan = PLAN.model_copy(
        update={"parameters": RemediationRequest.model_validate(_with_revision(number)).spec.plan.parameters}
    )
    refusal = ROLLBACK.objection(target, plan)
    assert (refusal.reason if refusal else None) == (found if isinstance(found, Reason) else None)


def _with_revision(number: int | None) -> Object:
    parameters = {"revision": number} if number else {}
    return request({"spec.plan.action": "Rollback", "spec.plan.parameters": parameters}).dump()


@pytest.mark.parametrize(
    ("sets", "seconds"),
    [
        pytest.param((V1, replica_set(2, "shop:2", seconds=-60)), -60, id="a-release"),
        pytest.param(
            (replica_set(1, "shop:1", seconds=-9000), replica_set(2, "shop:1", seconds=-60, **RESTARTED)),
            -9000,
            id="a-restart-is-none",
        ),
    ],
)
def test_when_what_runs_was_released(sets: tuple[Object, ...], seconds: float) -> None:
    released = released_at(deployment(*sets))
    assert released is not None
    assert (released - NOW).total_seconds() == seconds


def test_it_is_done_once_the_token_is_there() -> None:
    before = deployment(V1, V2)
    change = ROLLBACK.change(before, PLAN, token=UID, now=NOW)
    assert change.before == {"revision": "2", "replicaSet": "web-2"}
    assert change.after == {"revision": "1", "replicaSet": "web-1"}
    marked: Object = {"metadata.annotations": {"podvigil.io/remediation": UID}, "metadata.generation": 4}
    assert ROLLBACK.progress(before, PLAN, change) is Progress.DUE
    assert ROLLBACK.progress(deployment(V1, V2, change=marked), PLAN, change) is Progress.DONE
    edited = deployment(V1, V2, change={"metadata.generation": 4})
    assert ROLLBACK.progress(edited, PLAN, change) is Progress.FOREIGN


@pytest.mark.parametrize(
    ("target", "undo"),
    [
        pytest.param(deployment(V1, V2, wanted=template("shop:1")), Undo.DUE, id="ours-is-there"),
        pytest.param(deployment(V1, V2), Undo.DONE, id="the-old-one-is-there"),
        pytest.param(deployment(V1, V2, V3), Undo.NOT_OURS, id="somebody-rolled-out-another"),
        pytest.param(deployment(V1, wanted=template("shop:1")), Undo.NOT_OURS, id="the-old-one-is-gone"),
    ],
)
def test_only_a_template_that_is_still_ours_is_taken_back(target: WorkloadState, undo: Undo) -> None:
    change = ROLLBACK.change(deployment(V1, V2), PLAN, token=UID, now=NOW)
    # The controller numbers what is put back anew: the ReplicaSet's name stays.
    assert ROLLBACK.undo(target, PLAN, change) is undo


def pods_of(number: int, count: int) -> tuple[PodState, ...]:
    owner = [
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": "web",
            "uid": f"rs-{number}",
            "controller": True,
        }
    ]
    return tuple(pod(f"web-{number}-{n}", metadata__ownerReferences=owner) for n in range(count))


@pytest.mark.parametrize(
    ("old", "young", "ready", "disturbed", "at_once"),
    [
        # Four replicas, 25 % of them may be away: one. What is below three ready is away already.
        pytest.param(0, 4, 4, 4, 1, id="all-are-replaced"),
        pytest.param(3, 1, 3, 1, 0, id="a-rollout-that-hangs"),
        pytest.param(0, 4, 0, 4, 0, id="none-of-them-works"),
    ],
)
def test_pods_of_the_wanted_revision_stay(
    old: int, young: int, ready: int, disturbed: int, at_once: int
) -> None:
    pods = pods_of(1, old) + pods_of(2, young)
    target = deployment(V1, V2, pods=pods, change={"status.readyReplicas": ready})
    disruption = ROLLBACK.disruption(target, PLAN)
    assert (disruption.pods, disruption.at_once) == (disturbed, at_once)
    assert all(name.startswith("shop/web-2-") for name in disruption.names)
