"""Guards that look beyond one request: at time, at what was done before, and at the rest of the cluster."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from podvigil.api.reasons import Reason
from podvigil.remediate.guards import CONTINUATION, EXECUTION, all_refusals, first_refusal
from podvigil.remediate.guards.replica_floor import replica_floor
from podvigil.remediate.observe.context import Context
from podvigil.remediate.observe.gather import Unreadable, other_request
from podvigil.remediate.observe.pause import pause_of
from podvigil.remediate.observe.surroundings import ChangeMade, Surroundings, read_changes, read_nodes
from unit.remediate.world import NOW, SCALE_DOWN, SCALE_UP, at, context, deployment, pod


def refused(ctx: Context) -> tuple[Reason, timedelta | None] | None:
    refusal = first_refusal(ctx, NOW)
    return (refusal.reason, refusal.retry_after) if refusal else None


def rules(**fields: Any) -> dict[str, Any]:
    return {f"spec.remediation.{name}": value for name, value in fields.items()}


# -- the clock. NOW is a Sunday, 10:00 UTC.


@pytest.mark.parametrize(
    ("windows", "waits"),
    [
        pytest.param([], None, id="no-windows"),
        pytest.param([{"start": "09:30"}], None, id="open"),
        pytest.param([{"start": "09:00", "duration": "1h"}], timedelta(hours=23), id="just-closed"),
        pytest.param([{"start": "10:00", "days": ["Monday"]}], timedelta(days=1), id="tomorrow"),
        pytest.param([{"start": "12:00", "timeZone": "Europe/Paris"}], timedelta(hours=1), id="by-its-own-clock"),
        pytest.param([{"start": "10:00", "timeZone": "Mars/Olympus"}], timedelta(minutes=1), id="unknown-zone"),
    ],
)  # fmt: skip
def test_changes_are_made_in_maintenance_windows(
    windows: list[dict[str, Any]], waits: timedelta | None
) -> None:
    expected = (Reason.OUTSIDE_MAINTENANCE_WINDOW, waits) if waits else None
    assert refused(context(monitor_change=rules(maintenanceWindows=windows))) == expected


def test_what_has_begun_is_not_cut_off_by_a_window_or_a_storm() -> None:
    ctx = context(
        monitor_change=rules(maintenanceWindows=[{"start": "09:00"}]) | {"status.podsAffected": 40},
        surroundings=STORMY,
    )
    assert first_refusal(ctx, NOW, CONTINUATION) is None


# -- pauses


def test_everything_paused_stops_also_what_has_begun() -> None:
    ctx = context(everything_paused="everything is paused by …: release")
    for chain in (EXECUTION, CONTINUATION):
        refusal = first_refusal(ctx, NOW, chain)
        assert refusal is not None
        assert (refusal.reason, refusal.message) == (Reason.PAUSED, "everything is paused by …: release")


@pytest.mark.parametrize(
    ("annotations", "said"),
    [
        pytest.param(None, None, id="none"),
        pytest.param({"team": "shop"}, None, id="others"),
        pytest.param({"podvigil.io/paused": "release until 18:00"}, "podvigil-system: release until 18:00", id="why"),
        pytest.param({"podvigil.io/paused": ""}, "podvigil-system", id="empty-pauses-too"),
        pytest.param({"podvigil.io/paused": "false"}, "podvigil-system: false", id="presence-counts"),
    ],
)  # fmt: skip
def test_the_annotation_of_our_namespace_pauses(annotations: dict[str, str] | None, said: str | None) -> None:
    found = pause_of({"metadata": {"name": "podvigil-system", "annotations": annotations}})
    assert (found.endswith(said) if found and said else found) == (True if said else None)


def test_without_our_namespace_nothing_is_paused() -> None:
    assert pause_of(None) is None


# -- the hour


def change(minutes_ago: float, monitor: str = "shop", name: str = "other") -> ChangeMade:
    return ChangeMade("shop", name, monitor, NOW - timedelta(minutes=minutes_ago))


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        pytest.param([], None, id="none"),
        pytest.param([change(5)], None, id="one-of-two"),
        # The one 40 minutes ago is an hour ago in 20 minutes.
        pytest.param([change(5), change(40)], timedelta(minutes=20), id="two-of-two"),
        pytest.param([change(5), change(40), change(50)], timedelta(minutes=20), id="three-of-two"),
        pytest.param([change(5), change(60)], None, id="one-an-hour-ago"),
        pytest.param([change(5), change(10, "bank")], None, id="of-another-monitor"),
        pytest.param([change(5), change(0, name="web-memoryhigh-restart")], None, id="this-very-one"),
    ],
)
def test_the_hour_has_a_budget(changes: list[ChangeMade], waits: timedelta | None) -> None:
    ctx = context(
        monitor_change=rules(maximumActionsPerHour=2), surroundings=Surroundings(changes=tuple(changes))
    )
    assert refused(ctx) == ((Reason.HOURLY_BUDGET_SPENT, waits) if waits else None)


# -- the floor

RECREATE = {"spec__strategy": {"type": "Recreate"}}
TWO_AWAY = {"spec__strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 2}}}
STATEFUL = {"kind": "StatefulSet"}
EVICT = {"spec.plan.parameters": {"pod": {"name": "web-1", "uid": "uid-web-1"}}}
UNREADY = pod("web-1", status__conditions=[{"type": "Ready", "status": "False"}])
SOON, NEVER = timedelta(seconds=15), None


@pytest.mark.parametrize(
    ("target", "floor", "plan", "expected"),
    [
        pytest.param({}, 1, {}, True, id="three-of-four-stay"),
        pytest.param({}, 3, {}, True, id="just-enough"),
        pytest.param({}, 4, {}, NEVER, id="all-must-stay"),
        pytest.param(RECREATE, 1, {}, NEVER, id="recreate-takes-all"),
        pytest.param(RECREATE, 0, {}, True, id="all-may-go"),
        pytest.param({**RECREATE, "status__readyReplicas": 0}, 1, {}, True, id="none-ready-cannot-be-hurt"),
        # A Deployment replaces what is not ready first: min(1, 4 - 1) = 1 stays.
        pytest.param({"status__readyReplicas": 1}, 1, {}, True, id="the-one-that-is-ready-stays"),
        pytest.param({"status__readyReplicas": 1}, 2, {}, True, id="below-the-floor-and-none-is-taken"),
        # Two of four may be away, one is: 3 - 1 = 2 stay, and of four ones 4 - 2 = 2.
        pytest.param({**TWO_AWAY, "status__readyReplicas": 3}, 3, {}, NEVER, id="the-second-one-is-taken"),
        pytest.param({**RECREATE, "status__readyReplicas": 2}, 1, {}, NEVER, id="recreate-takes-both-that-are-ready"),
        pytest.param({"status__readyReplicas": 1}, 1, SCALE_DOWN, True, id="down-to-the-one-that-is-ready"),
        # A StatefulSet goes by ordinal: 1 - 1 = 0.
        pytest.param({**STATEFUL, "status__readyReplicas": 1}, 1, {}, SOON, id="by-ordinal"),
        pytest.param({**STATEFUL}, 3, {}, True, id="stateful-and-all-ready"),
        pytest.param({**STATEFUL, "spec__replicas": 1, "status__readyReplicas": 1}, 1, {}, NEVER, id="only-one"),
        pytest.param({}, 1, SCALE_UP, True, id="more-pods"),
        pytest.param({}, 1, SCALE_DOWN, True, id="down-to-the-floor"),
        pytest.param({}, 2, SCALE_DOWN, NEVER, id="down-below-the-floor"),
        pytest.param({"spec__replicas": 1, "status__readyReplicas": 1, "pods": (UNREADY,)}, 1, EVICT, True,
                     id="a-stuck-pod-may-go"),
    ],
)  # fmt: skip
def test_some_pods_stay(
    target: dict[str, Any], floor: int, plan: dict[str, Any], expected: timedelta | bool | None
) -> None:
    ctx = context(
        target=deployment(**target), request_change=plan, monitor_change=rules(minimumAvailable=floor)
    )
    refusal = replica_floor(ctx, NOW)
    assert (refusal.retry_after if refusal else True) == expected
    assert refusal is None or refusal.reason is Reason.REPLICA_FLOOR


# -- what was learnt

RESTART = {
    "signal": "MemoryHigh",
    "action": "Restart",
    "namespace": "shop",
    "kind": "Deployment",
    "target": "web",
}


@pytest.mark.parametrize(
    ("count", "waits"),
    [
        pytest.param({"failuresInARow": 1}, None, id="once"),
        pytest.param({"failuresInARow": 2}, timedelta(minutes=50), id="twice"),
        pytest.param({"failuresInARow": 3}, timedelta(minutes=110), id="three-times"),
        pytest.param({"failuresInARow": 3, "target": "db"}, None, id="of-another-workload"),
        pytest.param({"failuresInARow": 3, "action": "Scale"}, None, id="of-another-action"),
        pytest.param({"failuresInARow": 3, "signal": "CPULow"}, None, id="of-another-signal"),
    ],
)
def test_what_keeps_failing_is_refused(count: dict[str, Any], waits: timedelta | None) -> None:
    counted = {**RESTART, "attempts": 3, "recurred": 3, "lastFailureTime": at(-600), **count}
    ctx = context(monitor_change={"status.outcomes": [counted]})
    assert refused(ctx) == ((Reason.RECURRING, waits) if waits else None)


# -- the analyst


@pytest.mark.parametrize(("ticks", "is_settled"), [(None, False), (0, False), (2, False), (3, True)], ids=str)
def test_first_judgements_are_not_acted_on(ticks: int | None, is_settled: bool) -> None:
    found = refused(context(monitor_change={"status.ticksSinceChange": ticks}))
    assert found == (None if is_settled else (Reason.SETTLING, timedelta(seconds=10)))


# -- storms

STORMY = Surroundings(nodes=10, unready=frozenset({"node-1", "node-2"}))


def storm(status: dict[str, int] | None = None, **fields: Any) -> bool:
    change = {f"status.{name}": value for name, value in (status or {}).items()}
    found = refused(context(monitor_change=change, **fields))
    assert found in (None, (Reason.STORM, timedelta(seconds=30)))
    return found is not None


@pytest.mark.parametrize(
    ("status", "is_storm"),
    [
        pytest.param({"podsAffected": 7, "workloadsAffected": 5}, False, id="less-than-a-fifth"),
        pytest.param({"podsAffected": 8, "workloadsAffected": 3}, True, id="a-fifth"),
        pytest.param({"podsAffected": 20, "workloadsAffected": 2}, False, id="of-two-workloads"),
        pytest.param({"podsAffected": 3, "workloadsAffected": 3, "podsWatched": 0}, True, id="none-runs-any-more"),
        pytest.param({"podsAffected": 0, "workloadsAffected": 0, "podsWatched": 0}, False, id="nothing-there"),
    ],
)  # fmt: skip
def test_a_fifth_of_the_pods_in_trouble_is_a_storm(status: dict[str, int], is_storm: bool) -> None:
    assert storm(status) is is_storm


@pytest.mark.parametrize(
    ("nodes", "unready", "cordoned", "is_storm"),
    [
        pytest.param(10, "a", "", False, id="one"),
        pytest.param(10, "ab", "", True, id="a-second-one"),
        pytest.param(10, "ab", "b", False, id="cordoned-by-somebody"),
        # max(2, 1 % of 500) = 5
        pytest.param(500, "abcd", "", False, id="four-of-500"),
        pytest.param(500, "abcde", "", True, id="five-of-500"),
    ],
)
def test_a_second_node_in_trouble_is_a_storm(nodes: int, unready: str, cordoned: str, is_storm: bool) -> None:
    assert storm(surroundings=Surroundings(nodes, frozenset(unready), frozenset(cordoned))) is is_storm


def test_a_storm_says_its_numbers() -> None:
    said = [r.message for r in all_refusals(context(surroundings=STORMY), NOW) if r.reason is Reason.STORM]
    assert said == ["2 of 10 nodes are not ready: node-1, node-2"]
    ctx = context(monitor_change={"status.podsAffected": 9, "status.workloadsAffected": 4})
    said = [r.message for r in all_refusals(ctx, NOW) if r.reason is Reason.STORM]
    assert said[0].startswith("9 of 40 pods of AnomalyMonitor shop are in trouble, in 4 workloads")


# -- as the API server writes it


def page(*items: dict[str, Any]) -> list[bytes]:
    return [msgspec.json.encode({"items": items, "metadata": {}}), b'{"items": null}']


def node(name: str, ready: str | None, **spec: Any) -> dict[str, Any]:
    conditions = [{"type": "DiskPressure", "status": "False"}]
    conditions += [{"type": "Ready", "status": ready}] if ready else []
    return {"metadata": {"name": name, "uid": name}, "spec": spec, "status": {"conditions": conditions}}


def test_nodes_are_read_and_what_is_not_known_is_not_ready() -> None:
    new = {"metadata": {"name": "new", "uid": "new"}}
    nodes = (
        node("a", "True"),
        node("b", "Unknown"),
        node("c", "False", unschedulable=True),
        node("d", None),
        new,
    )
    around = read_nodes(page(*nodes))
    assert (around.nodes, around.unready, around.cordoned) == (5, frozenset("bcd") | {"new"}, frozenset("c"))


def rolled_back(value: str, seconds: float) -> dict[str, Any]:
    """The condition RolledBack, since so many seconds from NOW."""
    return {"conditions": [{"type": "RolledBack", "status": value, "lastTransitionTime": at(seconds)}]}


CLAIMED = {"claimedAt": at(-9)}
MADE = {**CLAIMED, "finishedAt": at(-7)}
GIVEN_UP = {**CLAIMED, "stoppedAt": at(-5)}


@pytest.mark.parametrize(
    ("status", "changed_at", "counted_at"),
    [
        pytest.param({}, None, None, id="undecided"),
        pytest.param({"finishedAt": at(0)}, None, None, id="ended-without-a-claim"),
        pytest.param({"execution": CLAIMED}, None, at(-9), id="at-work"),
        pytest.param({"execution": CLAIMED, "finishedAt": at(0)}, None, None, id="refused-after-the-claim"),
        pytest.param({"execution": MADE}, at(-7), at(-7), id="made"),
        pytest.param({"execution": GIVEN_UP, "finishedAt": at(0)}, at(-5), at(-5), id="given-up"),
        pytest.param({"execution": MADE, **rolled_back("True", -1)}, at(-1), at(-1), id="put-back-later"),
        pytest.param({"execution": GIVEN_UP, **rolled_back("True", -1)}, at(-1), at(-1), id="given-up-and-put-back"),
        pytest.param({"execution": MADE, **rolled_back("Unknown", -1)}, at(-7), at(-7), id="being-put-back"),
        pytest.param({"execution": MADE, **rolled_back("False", -1)}, at(-7), at(-7), id="not-put-back"),
    ],
)  # fmt: skip
def test_changes_are_read_from_requests(
    status: dict[str, Any], changed_at: str | None, counted_at: str | None
) -> None:
    """By the cooldown and by the hour's budget: the budget counts from the claim on."""
    plan = {"monitor": "m", "target": {"kind": "Deployment", "name": "web"}}
    metadata = {"name": "r", "namespace": "shop", "uid": "u", "creationTimestamp": at(-60)}
    body = {"metadata": metadata, "spec": {"plan": plan}, "status": status}
    changed = other_request(body).changed_at
    assert (at((changed - NOW).total_seconds()) if changed else None) == changed_at
    counted = [at((change.at - NOW).total_seconds()) for change in read_changes(page(body))]
    assert counted == ([counted_at] if counted_at else [])


def test_a_request_that_cannot_be_read_is_told_apart_from_a_bug() -> None:
    plan = {"monitor": "m", "target": {"kind": "Deployment", "name": "web"}}
    metadata = {"name": "r", "namespace": "shop", "creationTimestamp": at(-60)}
    with pytest.raises(Unreadable, match="shop/r"):
        other_request(
            {"metadata": metadata, "spec": {"plan": plan}, "status": {"execution": {"claimedAt": 7}}}
        )
