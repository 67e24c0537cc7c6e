"""SetResources: values, QoS classes, and how far each pod is on its way; decided from the objects alone."""

from typing import Any

import pytest

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.api.request import Plan
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.actions.base import Change, Progress, Undo
from podvigil.remediate.actions.set_resources.pods import BATCH, Stand, comes_back, look
from podvigil.remediate.actions.set_resources.template import applied
from podvigil.remediate.targets.pods import PodState
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.values.amounts import amount, pod_amounts, qos_class, written
from podvigil.remediate.values.container_values import is_same, with_values
from unit.remediate.world import CLEAR, NOW, OWNER, UID, at, deployment, pod, request

Json = dict[str, Any]
SMALL: Json = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}}
BIG: Json = {**SMALL, "limits": {"cpu": "750m", "memory": "256Mi"}}
SET = ACTIONS[ActionName.SET_RESOURCES]


def plan(method: str = "InPlace", container: str = "app", **values: Json) -> Plan:
    resources = {"container": container, "method": method, **(values or {"limits": {"cpu": "750m"}})}
    change = {"spec.plan.action": "SetResources", "spec.plan.parameters": {"resources": resources}}
    return request(change).spec.plan


def running(name: str, resources: Json | None = None, **change: Any) -> PodState:
    container = {"name": "app", "image": "shop", "resources": SMALL if resources is None else resources}
    return pod(name, **{"spec__containers": [container], "metadata__resourceVersion": "7", **change})


def web(*pods: PodState, resources: Json | None = None, **change: Any) -> WorkloadState:
    container = {"name": "app", "resources": SMALL if resources is None else resources}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    return deployment(pods=pods, **{"spec__template": template, **change})


def waiting(reason: str) -> Json:
    said = {"type": "PodResizePending", "status": "True", "reason": reason, "message": "no room"}
    return {"status__conditions": [{"type": "Ready", "status": "True"}, said]}


def change_of(target: WorkloadState, what: Plan | None = None) -> Change:
    return SET.change(target, what or plan(), token=UID, now=NOW)


THREE = (running("web-1"), running("web-2"), running("web-3"))


@pytest.mark.parametrize(
    ("quantity", "resource", "shown"),
    [
        pytest.param("0.25", "cpu", "250m", id="a-quarter-core"),
        pytest.param("2000m", "cpu", "2", id="two-cores"),
        pytest.param("1Gi", "memory", "1024Mi", id="a-gibibyte"),
        pytest.param("1k", "memory", "1000", id="a-thousand-bytes"),
        pytest.param("3", "pods", "3", id="pods"),
    ],
)
def test_amounts_are_written_as_people_do(quantity: str, resource: str, shown: str) -> None:
    assert written(resource, amount(quantity)) == shown


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        pytest.param([{}], "BestEffort", id="nothing"),
        pytest.param([{"requests": {"cpu": "1"}}], "Burstable", id="a-request"),
        pytest.param([{"limits": {"cpu": "1", "memory": "1Gi"}}], "Guaranteed", id="limits-are-requests-too"),
        pytest.param([{"limits": {"cpu": "1"}}], "Burstable", id="one-limit-of-two"),
        pytest.param([{"limits": {"cpu": "1", "memory": "1Gi"}}, {}], "Burstable", id="a-bare-sidecar"),
        pytest.param(
            [{"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}],
            "Guaranteed",
            id="the-same-otherwise-written",
        ),
    ],
)
def test_qos_class(containers: list[Json], expected: str) -> None:
    spec = {"containers": [{"name": str(n), "resources": r} for n, r in enumerate(containers)]}
    assert qos_class(spec) == expected


def test_a_pod_counts_as_scheduler_and_quota_count_it() -> None:
    spec = {
        "containers": [{"name": "app", "resources": {"requests": {"cpu": "300m"}}}],
        "initContainers": [
            {"name": "sidecar", "restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}},
            {"name": "migrate", "resources": {"requests": {"cpu": "1"}}},
        ],
        "overhead": {"cpu": "50m"},
    }
    # max(300m + 100m, 1 + 100m) + 50m
    assert pod_amounts(spec, "requests") == {"cpu": amount("1150m")}


def test_values_are_compared_by_what_they_mean() -> None:
    assert is_same({"limits.cpu": "1"}, {"limits.cpu": "1000m"})
    assert not is_same({"limits.cpu": ""}, {"limits.cpu": "0"})


def test_only_what_is_named_is_set() -> None:
    spec = {"containers": [{"name": "app", "resources": SMALL}, {"name": "log", "resources": {}}]}
    assert with_values(spec, "app", {"limits.cpu": "750m"})["containers"] == [
        {"name": "app", "resources": BIG},
        {"name": "log", "resources": {}},
    ]


OBJECTIONS = [
    pytest.param({}, {}, None, id="no-objection"),
    pytest.param({"container": "other"}, {}, Reason.UNSUPPORTED_TARGET, id="no-such-container"),
    pytest.param({}, {"pods": ()}, Reason.NO_CHANGE, id="no-running-pod"),
    pytest.param({}, {"pods": (running("web-1", BIG),)}, Reason.NO_CHANGE, id="set-already"),
    pytest.param({"limits": {"cpu": "0.5"}}, {}, Reason.NO_CHANGE, id="the-same-otherwise-written"),
    pytest.param(
        {},
        {"pods": (running("web-1", {"requests": SMALL["requests"]}),)},
        Reason.UNSUPPORTED_TARGET,
        id="added-could-not-be-taken-away",
    ),
    pytest.param(
        {"requests": {"cpu": "500m", "memory": "256Mi"}},
        {},
        Reason.QOS_WOULD_CHANGE,
        id="would-be-guaranteed",
    ),
    pytest.param(
        {"method": "Template", "limits": {"cpu": "500m"}}, {}, Reason.NO_CHANGE, id="template-has-it"
    ),
    pytest.param(
        {"method": "Template"},
        {"kind": "StatefulSet", "spec__updateStrategy": {"type": "OnDelete"}},
        Reason.UNSUPPORTED_TARGET,
        id="template-on-delete",
    ),
    pytest.param(
        {"method": "Template"},
        {"kind": "StatefulSet", "spec__updateStrategy": {"rollingUpdate": {"partition": 1}}},
        Reason.UNSUPPORTED_TARGET,
        id="template-below-a-partition",
    ),
    pytest.param(
        {"kind": "x"},
        {
            "pods": tuple(
                running(f"web-{n:03}", {**SMALL, "limits": {"cpu": f"{n}m", "memory": "256Mi"}})
                for n in range(1, 80)
            )
        },
        Reason.UNSUPPORTED_TARGET,
        id="no-room-for-the-way-back",
    ),
]


@pytest.mark.parametrize(("asked", "change", "reason"), OBJECTIONS)
def test_objections(asked: Json, change: Json, reason: Reason | None) -> None:
    asked = {key: value for key, value in asked.items() if key != "kind"}
    pods = change.get("pods", THREE)
    target = web(*pods, **{key: value for key, value in change.items() if key != "pods"})
    refusal = SET.objection(target, plan(**asked))
    assert (refusal.reason if refusal else None) == reason


class TestInPlace:
    """Pod by pod."""

    def test_one_pod_goes_first(self) -> None:
        view = look(web(*THREE), "app", change_of(web(*THREE)))
        assert [r.pod.name for r in view.next()] == ["web-1"]

    def test_no_other_before_the_first_node_has_set_it(self) -> None:
        unseen = running("web-1", BIG, metadata__generation=2, status__observedGeneration=1)
        change = change_of(web(*THREE))
        assert look(web(unseen, *THREE[1:]), "app", change).next() == []
        seen = running("web-1", BIG, metadata__generation=2, status__observedGeneration=2)
        assert len(look(web(seen, *THREE[1:]), "app", change).next()) == 2

    def test_then_ten_at_a_time_past_those_that_wait(self) -> None:
        many = tuple(running(f"web-{n:02}") for n in range(30))
        change = change_of(web(*many))
        now = (running("web-00", BIG), running("web-01", BIG, **waiting("Deferred")), *many[2:])
        assert len(look(web(*now), "app", change).next()) == BATCH

    def test_nothing_is_disturbed_without_a_resize_policy(self) -> None:
        assert SET.disruption(web(*THREE), plan()).pods == 0

    @pytest.mark.parametrize(
        ("pods", "progress"),
        [
            pytest.param(THREE, Progress.DUE, id="nothing-yet"),
            pytest.param((running("web-1", BIG), *THREE[1:]), Progress.UNDER_WAY, id="one-of-three"),
            pytest.param(
                (running("web-1", BIG, **waiting("Infeasible")),),
                Progress.UNDER_WAY,
                id="infeasible-is-not-done",
            ),
            pytest.param(
                (running("web-1", BIG), running("web-2", BIG)), Progress.DONE, id="all-that-are-left"
            ),
            pytest.param(
                (running("web-1", {**SMALL, "limits": {"cpu": "9", "memory": "256Mi"}}),),
                Progress.FOREIGN,
                id="somebody-else-resized-it",
            ),
            pytest.param(
                (running("web-1", BIG), running("web-2", {**BIG, "limits": {"cpu": "9", "memory": "256Mi"}})),
                Progress.DONE,
                id="the-other-one-is-somebody-elses",
            ),
        ],
    )
    def test_progress(self, pods: tuple[PodState, ...], progress: Progress) -> None:
        change = change_of(web(*THREE))
        assert SET.progress(web(*pods), plan(), change) is progress

    @pytest.mark.parametrize(
        ("reported", "stand"),
        [
            pytest.param(BIG, Stand.NEW, id="reported"),
            pytest.param(SMALL, Stand.PENDING, id="still-the-old-ones"),
            pytest.param(
                {"requests": {"cpu": "0.1", "memory": "128Mi"}, "limits": {"cpu": "0.75", "memory": "256Mi"}},
                Stand.NEW,
                id="otherwise-written",
            ),
        ],
    )
    def test_a_pod_is_resized_when_its_node_reports_it(self, reported: Json, stand: Stand) -> None:
        statuses = [{"name": "app", "restartCount": 0, "resources": reported}]
        view = look(
            web(running("web-1", BIG, status__containerStatuses=statuses)), "app", change_of(web(*THREE))
        )
        assert [r.stand for r in view.pods] == [stand]

    def test_each_pod_keeps_its_own_old_values(self) -> None:
        other = {**SMALL, "limits": {"cpu": "600m", "memory": "256Mi"}}
        before = web(*THREE[:2], running("web-3", other), running("web-4", BIG))
        change = change_of(before)
        assert change.before["limits.cpu"] == "500m"
        assert change.after == {"limits.cpu": "750m"}
        after = web(*(running(f"web-{n}", BIG) for n in (1, 2, 3, 4)))
        view = look(after, "app", change)
        assert {r.pod.name: r.old["limits.cpu"] for r in view.ours} == {
            "web-1": "500m",
            "web-2": "500m",
            "web-3": "600m",
        }

    @pytest.mark.parametrize(
        "owners",
        [
            pytest.param([], id="nobodys"),
            pytest.param([{**OWNER, "uid": "rs-of-the-canary"}], id="a-canarys-with-the-same-labels"),
        ],
    )
    def test_a_pod_that_only_has_the_labels_is_left_alone(self, owners: list[Json]) -> None:
        other = running("other", metadata__ownerReferences=owners)
        assert [r.pod.name for r in look(web(THREE[0], other), "app", change_of(web(*THREE))).pods] == [
            "web-1"
        ]
        assert SET.objection(web(other), plan()) is not None, "there is no pod to resize"

    @pytest.mark.parametrize(
        ("pods", "undo"),
        [
            pytest.param((running("web-1", BIG), *THREE[1:]), Undo.DUE, id="one-is-ours"),
            pytest.param(THREE, Undo.DONE, id="all-are-back"),
            pytest.param((), Undo.DONE, id="all-are-gone"),
            pytest.param(
                (running("web-1", {**SMALL, "limits": {"cpu": "9", "memory": "256Mi"}}),),
                Undo.NOT_OURS,
                id="somebody-else-resized-it",
            ),
        ],
    )
    def test_undo(self, pods: tuple[PodState, ...], undo: Undo) -> None:
        assert SET.undo(web(*pods), plan(), change_of(web(*THREE))) is undo

    def test_progress_names_who_waits_and_for_what(self) -> None:
        pods = (running("web-1", BIG), running("web-2", BIG, **waiting("Deferred")), THREE[2])
        shown = look(web(*pods), "app", change_of(web(*THREE))).progress()
        assert (shown.total, shown.done, shown.remaining) == (3, 1, ("shop/web-2", "shop/web-3"))
        assert shown.waiting_for == "web-2 on node-1: Deferred: no room"

    @pytest.mark.parametrize(
        ("state", "ended", "down"),
        [
            pytest.param(
                {"waiting": {"reason": "CrashLoopBackOff"}}, -5, True, id="killed-before-still-held-back"
            ),
            pytest.param({"running": {"startedAt": at(3)}}, -5, True, id="killed-before-back-but-not-ready"),
            pytest.param({"waiting": {"reason": "CrashLoopBackOff"}}, 5, False, id="killed-since"),
            pytest.param({"running": {"startedAt": at(-600)}}, -700, False, id="ran-all-along"),
            pytest.param({"running": {"startedAt": at(-600)}}, None, False, id="never-ended"),
        ],
    )
    def test_who_was_down_before_is_given_time(self, state: Json, ended: int | None, down: bool) -> None:
        last = {} if ended is None else {"terminated": {"finishedAt": at(ended), "reason": "OOMKilled"}}
        statuses = [{"name": "app", "restartCount": 1, "state": state, "lastState": last}]
        conditions = [{"type": "Ready", "status": "False"}]
        found = running("web-1", BIG, status__containerStatuses=statuses, status__conditions=conditions)
        assert comes_back(found, "app", NOW) is down


class TestTemplate:
    """By server-side apply."""

    def test_progress_and_undo_follow_the_values(self) -> None:
        what, change = plan("Template"), change_of(web(), plan("Template"))
        changed = web(resources=BIG, metadata__generation=4)
        assert (change.before, change.after) == ({"limits.cpu": "500m"}, {"limits.cpu": "750m"})
        assert SET.progress(web(), what, change) is Progress.DUE
        assert SET.progress(web(metadata__generation=4), what, change) is Progress.FOREIGN
        assert SET.progress(changed, what, change) is Progress.DONE
        assert SET.undo(changed, what, change) is Undo.DUE
        assert SET.undo(web(), what, change) is Undo.DONE
        foreign = web(resources={"limits": {"cpu": "2"}})
        assert SET.undo(foreign, what, change) is Undo.NOT_OURS

    def test_an_apply_repeats_what_we_applied_before(self) -> None:
        ours: Json = {"f:limits": {"f:cpu": {}}, "f:requests": {}}
        fields = {
            "f:spec": {
                "f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': {"f:resources": ours}}}}
            }
        }
        entry = {"manager": "podvigil-resources", "operation": "Apply", "fieldsV1": fields}
        target = web(metadata__managedFields=[entry])
        body = applied(target, "app", {"limits.memory": "512Mi"})
        assert body["spec"]["template"]["spec"]["containers"] == [
            {"name": "app", "resources": {"limits": {"cpu": "500m", "memory": "512Mi"}}}
        ]
        assert body["metadata"]["uid"] == "u1"
        assert body["metadata"]["resourceVersion"] == "100"

    def test_a_value_that_was_absent_is_left_out_on_the_way_back(self) -> None:
        assert applied(web(), "app", {"limits.cpu": ""})["spec"]["template"]["spec"] == {}

    def test_pods_are_replaced_as_in_a_rollout(self) -> None:
        # maxUnavailable 25 % of 4
        assert SET.disruption(web(), plan("Template")).at_once == 1
        assert SET.disruption(web(), plan("Template")).pods == 4


def test_the_rights_are_the_least() -> None:
    assert [str(r) for r in SET.rights(web(), plan())] == ["patch pods/resize in shop"]
    assert [str(r) for r in SET.rights(web(), plan("Template"))] == ["patch deployments named web in shop"]
    assert CLEAR.limits.can_resize
