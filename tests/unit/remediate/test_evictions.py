"""What is sent to evict a pod, and what each answer of the API server means for the drain."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from kubernetes import client

from faults.loopback import Asked, Loopback, Reply
from podvigil.api.reasons import Reason
from podvigil.cluster import errors
from podvigil.cluster.client import Cluster
from podvigil.remediate.actions.base import Made
from podvigil.remediate.actions.drain.drain import Drain
from podvigil.remediate.actions.eviction import Answer, Said, evict
from podvigil.remediate.targets.node import NodeState
from podvigil.remediate.targets.pods import PodState
from samples import Object
from unit.remediate.node_world import budget, claimed, marked, old_pod, plan_of, state
from unit.remediate.world import at, pod

UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "lastTransitionTime": at(0),
}


def cluster_at(url: str) -> Cluster:
    return Cluster(client.ApiClient(client.Configuration(host=url)))


def refusal(status: int, message: str = "no", cause: str = "", retry_after: int | None = None) -> Reply:
    """An answer as the API server gives it."""
    causes = [{"reason": cause, "message": f"said by {cause}"}] if cause else []
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Reply({"kind": "Status", "message": message, "details": {"causes": causes}}, status, headers)


OK = Reply({"kind": "Status", "status": "Success"}, 201)
BLOCKED = refusal(429, cause="DisruptionBudget")
TWO = refusal(
    500, "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
)


async def evicted(reply: Reply, *, dry_run: bool = False) -> tuple[Answer, Asked]:
    with Loopback(lambda _: reply) as server:
        answer = await evict(cluster_at(server.url), old_pod(), dry_run=dry_run)
        [asked] = server.asked
    return answer, asked


async def test_an_eviction_names_the_very_pod() -> None:
    _, asked = await evicted(OK)
    assert (asked.method, asked.path) == ("POST", "/api/v1/namespaces/shop/pods/web-1/eviction")
    assert asked.json["apiVersion"] == "policy/v1"
    assert asked.json["deleteOptions"] == {"preconditions": {"uid": "uid-web-1"}}
    assert "dryRun" not in asked.query


async def test_a_rehearsal_is_a_dry_run() -> None:
    _, asked = await evicted(OK, dry_run=True)
    assert asked.query["dryRun"] == "All"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        pytest.param(OK, Said.ACCEPTED, id="201"),
        pytest.param(refusal(404), Said.GONE, id="404"),
        pytest.param(refusal(409), Said.GONE, id="409-of-a-namesake"),
        pytest.param(BLOCKED, Said.BLOCKED, id="429-of-a-budget"),
        pytest.param(refusal(403, cause="NamespaceTerminating"), Said.LEAVING, id="403-namespace-ends"),
        pytest.param(TWO, Said.NEVER, id="500-two-budgets"),
    ],
)
async def test_answers_about_the_pod(reply: Reply, said: Said) -> None:
    assert (await evicted(reply))[0].said is said


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(refusal(429), errors.Throttled, id="429-of-load"),
        pytest.param(refusal(403), errors.Forbidden, id="403-of-a-role"),
        pytest.param(refusal(500), errors.Unavailable, id="500"),
        pytest.param(refusal(503), errors.Unavailable, id="503"),
        pytest.param(refusal(422), errors.Invalid, id="422"),
    ],
)
async def test_answers_that_say_nothing_about_the_pod(reply: Reply, error: type[errors.ClusterError]) -> None:
    with pytest.raises(error):
        await evicted(reply)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        pytest.param(None, 5, id="as-kubectl-waits"),
        pytest.param(10, 10, id="as-the-server-says"),
        pytest.param(3600, 60, id="not-for-ever"),
    ],
)
async def test_how_long_a_budget_is_waited_for(retry_after: int | None, seconds: int) -> None:
    answer, _ = await evicted(refusal(429, cause="DisruptionBudget", retry_after=retry_after))
    assert answer.retry_after == timedelta(seconds=seconds)
    assert answer.message == "said by DisruptionBudget"


async def executed(target: NodeState, answer: Callable[[Asked], Reply]) -> tuple[Made, list[Asked]]:
    """One step of a drain that has begun."""
    with Loopback(answer) as server:
        change = claimed(state(*target.around.pods))
        made = await Drain().execute(cluster_at(server.url), marked(target), plan_of(), change)
        return made, server.asked


def pods(count: int, **change: Any) -> list[PodState]:
    return [old_pod(f"web-{n}", **change) for n in range(count)]


class TestOneStep:
    async def test_it_evicts_and_looks_again(self) -> None:
        made, asked = await executed(state(*pods(3)), lambda _: OK)
        assert len(asked) == 3
        assert made.stop is None
        assert made.again == timedelta(seconds=2)
        assert made.progress is not None
        assert (made.progress.total, made.progress.done) == (3, 0)  # accepted is not gone

    async def test_it_names_the_budget_that_holds_it_up(self) -> None:
        made, _ = await executed(state(*pods(2), budgets=(budget(),)), lambda _: BLOCKED)
        assert made.progress is not None
        assert (
            made.progress.waiting_for
            == "shop/web-0: said by DisruptionBudget; shop/web-1: said by DisruptionBudget"
        )
        assert made.again == timedelta(seconds=5)

    async def test_a_pod_that_ends_already_is_not_evicted_again(self) -> None:
        made, asked = await executed(state(*pods(2, metadata__deletionTimestamp=at(-1))), lambda _: OK)
        assert asked == []
        assert made.progress is not None
        assert made.progress.waiting_for == "the end of shop/web-0, shop/web-1"

    async def test_two_budgets_stop_it(self) -> None:
        made, _ = await executed(state(*pods(2)), lambda asked: TWO if "web-1" in asked.path else OK)
        assert made.stop is not None
        assert made.stop.reason is Reason.EVICTION_IMPOSSIBLE
        assert "shop/web-1" in made.stop.message

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            pytest.param({"metadata__ownerReferences": None}, Reason.BARE_PODS, id="bare"),
            pytest.param(
                {"spec__volumes": [{"name": "a", "emptyDir": {}}]}, Reason.LOCAL_DATA, id="empty-dir"
            ),
        ],
    )
    async def test_a_pod_that_must_not_go_stops_it(self, change: dict[str, Any], reason: Reason) -> None:
        made, asked = await executed(state(old_pod(), old_pod("other", **change)), lambda _: OK)
        assert asked == []
        assert made.stop is not None
        assert made.stop.reason is reason

    async def test_nothing_is_evicted_while_a_pod_finds_no_node(self) -> None:
        waiting = pod("web-9", status__conditions=[UNSCHEDULABLE], spec__nodeName=None)
        made, asked = await executed(state(*pods(2), homeless=(waiting,)), lambda _: OK)
        assert asked == []
        assert made.progress is not None
        assert made.progress.waiting_for == "room for shop/web-9: no node takes them"

    @pytest.mark.parametrize(
        ("odd", "error"),
        [
            pytest.param(refusal(503), errors.Unavailable, id="an-outage-passes"),
            pytest.param(refusal(403), errors.Forbidden, id="a-missing-role-does-not"),
        ],
    )
    async def test_every_eviction_is_tried_before_trouble_is_told(
        self, odd: Reply, error: type[errors.ClusterError]
    ) -> None:
        asked: list[str] = []

        def answer(one: Asked) -> Reply:
            asked.append(one.path)
            return odd if "web-0" in one.path else OK

        with pytest.raises(error):
            await executed(state(*pods(4)), answer)
        assert len(asked) == 4

    async def test_what_will_not_pass_is_told_before_what_may(self) -> None:
        with pytest.raises(errors.Forbidden):
            await executed(state(*pods(2)), lambda one: refusal(503 if "web-0" in one.path else 403))


async def test_the_first_step_marks_and_cordons_in_one_patch() -> None:
    target = state(*pods(2))
    with Loopback(lambda _: Reply({"kind": "Node"})) as server:
        made = await Drain().execute(cluster_at(server.url), target, plan_of(), claimed(target))
        [asked] = server.asked
    assert (asked.method, asked.path) == ("PATCH", "/api/v1/nodes/node-1")
    assert asked.json == {
        "metadata": {
            "uid": "n1",
            "resourceVersion": "7",
            "annotations": {
                "podvigil.io/drained-by": "request-uid",
                "podvigil.io/cordoned-by": "request-uid",
            },
        },
        "spec": {"unschedulable": True},
    }
    assert made.progress is not None


async def test_a_persons_cordon_does_not_become_ours() -> None:
    target = state(*pods(2), change={"spec.unschedulable": True})
    with Loopback(lambda _: Reply({"kind": "Node"})) as server:
        await Drain().execute(cluster_at(server.url), target, plan_of(), claimed(target))
        [asked] = server.asked
    assert asked.json["metadata"]["annotations"] == {"podvigil.io/drained-by": "request-uid"}
    assert "spec" not in asked.json


async def test_the_way_back_takes_the_marks_along() -> None:
    target = marked(state())
    with Loopback(lambda _: Reply({"kind": "Node"})) as server:
        await Drain().rollback(cluster_at(server.url), target, plan_of(), claimed(state()))
        [asked] = server.asked
    assert asked.json["spec"] == {"unschedulable": None}
    assert set(asked.json["metadata"]["annotations"].values()) == {None}


async def test_a_rehearsal_tries_every_eviction_and_tells_what_it_met() -> None:
    node: Object = {"metadata": {}, "spec": {}}

    def answer(asked: Asked) -> Reply:
        if asked.method != "POST":
            return Reply(node if asked.method == "GET" else {**node, "spec": {"unschedulable": True}})
        return {"web-0": OK, "web-1": BLOCKED, "web-2": TWO, "web-3": refusal(403)}[asked.path.split("/")[6]]

    kept = [{"name": "h", "hostPath": {}}, {"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]
    target = state(*pods(3), old_pod("web-3", spec__volumes=kept))
    with Loopback(answer) as server:
        found = await Drain().rehearse(cluster_at(server.url), target, plan_of(), claimed(target))
        writes = [asked for asked in server.asked if asked.method != "GET"]
    assert all(asked.query["dryRun"] == "All" for asked in writes)
    assert found.changes == ("spec.unschedulable: (none) → True",)
    assert [each.reason for each in found.refusals] == [Reason.EVICTION_IMPOSSIBLE, Reason.DRY_RUN_REFUSED]
    assert found.notes == (
        "shop/web-1 waits for its budget: said by DisruptionBudget",
        "what shop/web-3 keep in hostPath volumes stays on this node",
        "volumes of shop/web-3 must be attached elsewhere, which takes time",
    )
