"""Which pods a drain moves, in which order, and whether they would find room: decided without a cluster."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podvigil.remediate.actions.drain.filters import Fate, named, sort_pods
from podvigil.remediate.actions.drain.kept import VALUES_MAX, pack, unpack
from podvigil.remediate.actions.drain.order import AT_ONCE, next_evictions
from podvigil.remediate.placement.constraints import may_be_on
from podvigil.remediate.placement.fit import homeless
from podvigil.remediate.targets.node import Around, Space
from podvigil.remediate.targets.pods import PodState
from unit.remediate.node_world import DRAINED, HOME, budget, old_pod, other, plan_of, state
from unit.remediate.world import at

MIRROR = {"kubernetes.io/config.mirror": "m"}
EMPTY_DIR = [{"name": "cache", "emptyDir": {}}]


def owned_by(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "o1", "controller": True}]


AGENT = {"metadata__ownerReferences": owned_by("DaemonSet", "agent")}

FATES = [
    pytest.param({}, Fate.EVICT, id="of-a-replica-set"),
    pytest.param(AGENT, Fate.OF_DAEMON, id="of-a-daemon-set"),
    pytest.param(
        {"metadata__ownerReferences": owned_by("DaemonSet", "gone")}, Fate.ORPHAN, id="of-a-daemon-set-gone"
    ),
    pytest.param(
        {"metadata__ownerReferences": owned_by("DaemonSet", "gone"), "metadata__deletionTimestamp": at(-1)},
        Fate.LEAVING,
        id="of-a-daemon-set-gone-and-ending",
    ),
    pytest.param({**AGENT, "status__phase": "Failed"}, Fate.EVICT, id="of-a-daemon-set-and-failed"),
    pytest.param({"metadata__annotations": MIRROR}, Fate.MIRROR, id="static"),
    pytest.param({"metadata__ownerReferences": None}, Fate.BARE, id="bare"),
    pytest.param(
        {"metadata__ownerReferences": None, "status__phase": "Succeeded"}, Fate.EVICT, id="bare-and-finished"
    ),
    pytest.param({"spec__volumes": EMPTY_DIR}, Fate.LOCAL_DATA, id="empty-dir"),
    pytest.param(
        {"spec__volumes": EMPTY_DIR, "status__phase": "Failed"}, Fate.EVICT, id="empty-dir-and-failed"
    ),
    pytest.param({"metadata__deletionTimestamp": at(-1)}, Fate.LEAVING, id="ending"),
    pytest.param(
        {"metadata__ownerReferences": None, "metadata__deletionTimestamp": at(-1)},
        Fate.LEAVING,
        id="bare-and-ending",
    ),
]


@pytest.mark.parametrize(("change", "expected"), FATES)
def test_fates(change: dict[str, Any], expected: Fate) -> None:
    pod = old_pod(**change)
    found = sort_pods(state(pod, daemon_sets=frozenset({"shop/agent"})), plan_of())
    assert found.by_fate == {expected: (pod,)}


def test_empty_dirs_go_when_the_plan_says_so() -> None:
    plan = plan_of(parameters={"drain": {"deleteEmptyDirData": True}})
    pod = old_pod(spec__volumes=EMPTY_DIR)
    assert sort_pods(state(pod), plan)[Fate.EVICT] == (pod,)


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        pytest.param(-90, Fate.EVICT, id="bound-by-what-the-scheduler-still-knew"),  # mark at -100, and 10 s
        pytest.param(-89, Fate.LATECOMER, id="came-in-spite-of-the-cordon"),
    ],
)
def test_who_comes_after_the_cordon_is_left_alone(created: float, expected: Fate) -> None:
    pod = old_pod(metadata__creationTimestamp=at(created), metadata__ownerReferences=None)
    found = sort_pods(state(pod, change=DRAINED), plan_of())
    assert pod in found[expected if expected is Fate.LATECOMER else Fate.BARE]


def test_the_mark_of_an_earlier_drain_says_nothing() -> None:
    """It stays on the node after `kubectl uncordon`, and every pod since would count as a latecomer."""
    earlier = {**DRAINED, "metadata.annotations": {"podvigil.io/drained-by": "earlier"}}
    bare = old_pod(metadata__creationTimestamp=at(-10), metadata__ownerReferences=None)
    assert sort_pods(state(bare, change=earlier), plan_of())[Fate.BARE] == (bare,)


def test_without_a_mark_nobody_is_late() -> None:
    pod = old_pod(metadata__creationTimestamp=at(0))
    assert sort_pods(state(pod), plan_of())[Fate.EVICT] == (pod,)


def around(*budgets: Any) -> Around:
    return Around(home=HOME, budgets=budgets)


def names(pods: tuple[PodState, ...]) -> list[str]:
    return [pod.name for pod in pods]


class TestOrder:
    def test_a_budget_with_room_for_two_lets_two_go(self) -> None:
        pods = [old_pod(f"web-{n}") for n in range(4)]
        assert names(next_evictions(pods, (), around(budget(allowed=2)))) == ["web-0", "web-1"]

    def test_the_blocked_are_asked_for_when_nothing_else_is_left(self) -> None:
        blocked = old_pod("web-1")
        free = old_pod("free-1", metadata__labels={"app": "free"})
        assert names(next_evictions([blocked, free], (), around(budget()))) == ["free-1"]
        assert names(next_evictions([blocked], (), around(budget()))) == ["web-1"]

    def test_unready_pods_go_first(self) -> None:
        unready = old_pod("web-9", status__conditions=[{"type": "Ready", "status": "False"}])
        found = next_evictions([old_pod("web-1"), unready], (), around(budget(allowed=1)))
        assert names(found) == ["web-9"]

    def test_finished_and_pending_pods_ask_no_budget(self) -> None:
        pods = [old_pod("web-1", status__phase="Failed"), old_pod("web-2", status__phase="Pending")]
        assert names(next_evictions(pods, (), around(budget()))) == ["web-1", "web-2"]

    def test_a_budget_of_another_namespace_has_no_say(self) -> None:
        found = next_evictions([old_pod()], (), around(budget(namespace="other")))
        assert names(found) == ["web-1"]

    def test_our_own_pods_go_when_all_others_are_gone(self) -> None:
        own, ending = old_pod("executor", metadata__namespace=HOME), old_pod("web-2")
        assert names(next_evictions([own, old_pod()], (), around())) == ["web-1"]
        assert next_evictions([own], [ending], around()) == ()
        assert names(next_evictions([own], (), around())) == ["executor"]

    @given(allowed=st.integers(0, 50), count=st.integers(0, 60))
    def test_never_more_than_a_step_nor_than_a_budget_with_room(self, allowed: int, count: int) -> None:
        pods = [old_pod(f"web-{n}") for n in range(count)]
        found = next_evictions(pods, (), around(budget(allowed=allowed)))
        assert len(found) <= AT_ONCE
        assert len(found) <= allowed or allowed == 0
        assert set(names(found)) <= set(names(tuple(pods)))


def space(name: str = "node-2", change: dict[str, Any] | None = None, **free: str) -> Space:
    left = {"cpu": Decimal(4), "memory": Decimal(8 * 1024**3), "pods": Decimal(100)}
    return Space(other(name, change), left | {key: Decimal(value) for key, value in free.items()})


def wanting(name: str = "web-1", cpu: str = "1", **change: Any) -> PodState:
    containers = [{"name": "app", "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}]
    return old_pod(name, **{"spec__containers": containers, **change})


TAINT = {"spec.taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}
ZONE_B = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["b"]}]}]}


class TestRoom:
    def test_pods_that_fit(self) -> None:
        pods = [wanting(f"web-{n}") for n in range(8)]
        assert homeless(pods, [space("node-2"), space("node-3")], {}) == ()

    def test_one_pod_too_many(self) -> None:
        pods = [wanting(f"web-{n}") for n in range(9)]  # 9 cpu on 2 x 4
        assert [left.pod.name for left in homeless(pods, [space("node-2"), space("node-3")], {})] == ["web-8"]

    def test_room_in_pieces_does_not_fit_a_large_pod(self) -> None:
        """5 cpu are free in all, and no node has the 3 that the pod wants."""
        spaces = [space("node-2", cpu="2.5"), space("node-3", cpu="2.5")]
        [left] = homeless([wanting(cpu="3")], spaces, {})
        assert str(left) == "shop/web-1 (cpu 3, memory 1024Mi requested)"

    def test_the_largest_is_placed_first(self) -> None:
        """4 cpu on one node: 3 + 1 fit only if the large one does not come last."""
        pods = [wanting("a-small"), wanting("b-small"), wanting("z-large", cpu="3")]
        assert homeless(pods, [space("node-2"), space("node-3", cpu="1")], {}) == ()

    def test_a_node_without_a_free_pod_slot_is_full(self) -> None:
        assert homeless([wanting()], [space(pods="0")], {})

    def test_extended_resources_count(self) -> None:
        gpu = [{"name": "app", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]
        pod = old_pod(spec__containers=gpu)
        assert homeless([pod], [space()], {})
        assert not homeless(
            [pod], [Space(other("node-2"), {**space().free, "nvidia.com/gpu": Decimal(1)})], {}
        )

    def test_without_any_other_node_nobody_has_room(self) -> None:
        [left] = homeless([wanting()], [], {})
        assert str(left) == "shop/web-1 (no other node suits it)"

    def test_a_volume_that_is_attached_elsewhere_keeps_its_pod(self) -> None:
        data = [{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-1"}}]
        pod, volumes = wanting(spec__volumes=data), {"shop/data-web-1": ZONE_B}
        assert homeless([pod], [space()], volumes)
        assert not homeless([pod], [space(change={"metadata.labels": {"zone": "b"}})], volumes)

    def test_an_ephemeral_volume_has_a_claim_named_after_both(self) -> None:
        pod = wanting(spec__volumes=[{"name": "scratch", "ephemeral": {}}])
        assert homeless([pod], [space()], {"shop/web-1-scratch": ZONE_B})


def required(key: str, operator: str, *values: str) -> dict[str, Any]:
    terms = [{"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}]
    return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}}


REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
LABELLED = {"metadata.labels": {"zone": "a", "size": "8", "kubernetes.io/hostname": "node-2"}}


@pytest.mark.parametrize(
    ("spec", "change", "fits"),
    [
        pytest.param({}, {}, True, id="no-wishes"),
        pytest.param({"nodeSelector": {"zone": "a"}}, LABELLED, True, id="selector"),
        pytest.param({"nodeSelector": {"zone": "b"}}, LABELLED, False, id="selector-differs"),
        pytest.param({}, TAINT, False, id="taint"),
        pytest.param(
            {"tolerations": [{"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}]},
            TAINT,
            True,
            id="tolerated",
        ),
        pytest.param({"tolerations": [{"key": "gpu", "value": "no"}]}, TAINT, False, id="other-value"),
        pytest.param(
            {"tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute"}]},
            TAINT,
            False,
            id="other-effect",
        ),
        pytest.param({"tolerations": [{"operator": "Exists"}]}, TAINT, True, id="tolerates-everything"),
        pytest.param(
            {}, {"spec.taints": [{"key": "gpu", "effect": "PreferNoSchedule"}]}, True, id="only-preferred"
        ),
        pytest.param(required("zone", "In", "a", "b"), LABELLED, True, id="in"),
        pytest.param(required("zone", "NotIn", "a"), LABELLED, False, id="not-in"),
        pytest.param(required("zone", "Exists"), LABELLED, True, id="exists"),
        pytest.param(required("zone", "DoesNotExist"), LABELLED, False, id="does-not-exist"),
        pytest.param(required("size", "Gt", "7"), LABELLED, True, id="greater"),
        pytest.param(required("size", "Lt", "8"), LABELLED, False, id="not-less"),
        pytest.param(required("zone", "Gt", "7"), LABELLED, False, id="not-a-number"),
        pytest.param(required("zone", "Near", "a"), LABELLED, False, id="operator-of-the-future"),
        pytest.param(
            {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{}]}}}},
            LABELLED,
            False,
            id="empty-term-selects-nothing",
        ),
        pytest.param(
            {
                "affinity": {
                    "nodeAffinity": {
                        REQUIRED: {
                            "nodeSelectorTerms": [
                                {
                                    "matchFields": [
                                        {"key": "metadata.name", "operator": "In", "values": ["node-2"]}
                                    ]
                                }
                            ]
                        }
                    }
                }
            },
            LABELLED,
            True,
            id="by-name",
        ),
    ],
)
def test_where_a_pod_may_be(spec: dict[str, Any], change: dict[str, Any], fits: bool) -> None:
    assert may_be_on(spec, other("node-2", change)) is fits


def test_pods_are_named_briefly() -> None:
    pods = [old_pod(f"web-{n}") for n in range(7)]
    assert named(pods[:1]) == "shop/web-0"
    assert named(pods) == "shop/web-0, shop/web-1, shop/web-2, shop/web-3, shop/web-4 and 2 more"


@given(
    st.lists(
        st.from_regex(r"(ReplicaSet|StatefulSet) [a-z]{1,63}/[a-z0-9.-]{1,253}", fullmatch=True), max_size=40
    )
)
def test_what_is_kept_comes_back(controllers: list[str]) -> None:
    assert list(unpack(pack(controllers))) == controllers


def test_what_is_kept_is_bounded() -> None:
    kept = pack(f"ReplicaSet shop/{'x' * 200}-{n}" for n in range(500))
    assert len(kept) == VALUES_MAX
    assert max(map(len, kept.values())) <= 1024
