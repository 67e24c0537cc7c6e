"""What is withheld at proposal, and what is said of it: the guards on the request as it would be created."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from podvigil.api.reasons import Reason
from podvigil.api.request import RemediationRequest
from podvigil.remediate.guards import CONTINUATION, EXECUTION, PREFLIGHT, PROPOSAL, Guard
from podvigil.remediate.observe.context import OtherRequest
from podvigil.remediate.observe.place import Place
from podvigil.remediate.observe.surroundings import ChangeMade, Surroundings
from podvigil.remediate.propose.plan import propose
from podvigil.remediate.propose.withheld import PATIENCE, Scene
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState
from unit.remediate.world import NOW, active, at, deployment, monitor, report

DOCS: Final = Path(__file__).parents[3] / "docs/remediation.md"

RESTART: Final = {"status.recommendations": [{"action": "Restart", "message": "restart it"}]}
SCALE: Final = {"status.recommendations": [{"action": "Scale", "message": "add pods"}]}
BOTH: Final = {
    "status.recommendations": [*RESTART["status.recommendations"], *SCALE["status.recommendations"]]
}
WEB: Final = {"matchLabels": {"app": "web"}}
FULL: Final = {"metadata": {"name": "web"}, "spec": {"selector": WEB}, "status": {"disruptionsAllowed": 0}}
HPA: Final = {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}}
QUOTA: Final = {
    "metadata": {"name": "team"},
    "spec": {"hard": {"pods": "4"}},
    "status": {"used": {"pods": "4"}},
}
OTHER: Final = OtherRequest("web-cpuhigh-scale", at(-600), "web")
AWAY: Final = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
"""One pod at a time is away: budgets and the floor have something to say."""
ARGO: Final = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}
APPLIED: Final = {
    "manager": "argocd-controller",
    "operation": "Apply",
    "fieldsV1": {"f:spec": {"f:replicas": {}}},
}


def proposed(
    scene: Scene,
    report_change: dict[str, Any] | None = None,
    monitor_change: dict[str, Any] | None = None,
    target: WorkloadState | None = None,
) -> RemediationRequest | Refusal:
    return propose(
        report({**RESTART, **(report_change or {})}),
        monitor(monitor_change),
        target or deployment(),
        requested_by="analyst",
        own_namespace="podvigil-system",
        now=NOW,
        scene=scene,
    )


def changes(monitor: str = "shop", count: int = 1) -> Surroundings:
    made = (ChangeMade("shop", f"r{n}", monitor, NOW - timedelta(minutes=5)) for n in range(count))
    return Surroundings(changes=tuple(made))


@pytest.mark.parametrize(
    ("scene", "change", "reason"),
    [
        pytest.param(Scene(), {}, None, id="nothing-around"),
        pytest.param(
            Scene(Place(budgets=(FULL,))),
            {"target": deployment(spec__strategy=AWAY)},
            Reason.BUDGET_BLOCKS,
            id="no-room-in-the-budget",
        ),
        pytest.param(
            Scene(Place(autoscalers=(HPA,))),
            {"report_change": SCALE},
            Reason.AUTOSCALED,
            id="an-autoscaler-owns-the-count",
        ),
        pytest.param(Scene(Place(autoscalers=(HPA,))), {}, None, id="an-autoscaler-does-not-mind-a-restart"),
        pytest.param(
            Scene(Place(quotas=(QUOTA,))),
            {"report_change": SCALE},
            Reason.QUOTA_BLOCKS,
            id="the-quota-is-full",
        ),
        pytest.param(
            Scene(),
            {
                "report_change": SCALE,
                "target": deployment(metadata__annotations=ARGO, metadata__managedFields=[APPLIED]),
            },
            Reason.OWNED_ELSEWHERE,
            id="git-keeps-the-count",
        ),
        pytest.param(
            Scene(),
            {"target": deployment(status__updatedReplicas=3)},
            Reason.ROLLOUT_RUNNING,
            id="a-rollout-is-running",
        ),
        pytest.param(
            Scene(),
            {"target": deployment(spec__paused=True)},
            Reason.ROLLOUT_PAUSED,
            id="the-rollout-is-paused",
        ),
        pytest.param(
            Scene(),
            {
                "target": deployment(spec__strategy=AWAY),
                "monitor_change": {"spec.remediation.minimumAvailable": 4},
            },
            Reason.REPLICA_FLOOR,
            id="too-few-would-stay",
        ),
        pytest.param(Scene(others=(OTHER,)), {}, Reason.ALREADY_REMEDIATED, id="another-question-is-open"),
        pytest.param(
            Scene(others=(replace(OTHER, is_approved=True, is_claimed=True),)),
            {},
            Reason.ALREADY_REMEDIATED,
            id="another-change-is-under-way",
        ),
        pytest.param(Scene(others=(replace(OTHER, is_finished=True),)), {}, None, id="the-other-has-ended"),
        pytest.param(
            Scene(others=(replace(OTHER, is_finished=True, changed_at=NOW - timedelta(minutes=14)),)),
            {},
            Reason.COOLDOWN,
            id="changed-lately",
        ),
        pytest.param(
            Scene(others=(replace(OTHER, is_finished=True, changed_at=NOW - timedelta(minutes=15)),)),
            {},
            None,
            id="cooled-down",
        ),
        pytest.param(
            Scene(surroundings=changes(count=10)), {}, Reason.HOURLY_BUDGET_SPENT, id="enough-for-an-hour"
        ),
        pytest.param(Scene(surroundings=changes("another", 10)), {}, None, id="enough-of-another-monitor"),
        pytest.param(
            Scene(surroundings=Surroundings(9, frozenset({"a", "b"}))),
            {},
            Reason.STORM,
            id="two-nodes-are-away",
        ),
        pytest.param(
            Scene(),
            {"monitor_change": {"status.ticksSinceChange": 2}},
            Reason.SETTLING,
            id="the-analyst-has-just-started",
        ),
        pytest.param(Scene(everything_paused="by a person"), {}, Reason.PAUSED, id="everything-is-paused"),
        pytest.param(Scene(), {"report_change": active("Unknown")}, Reason.NOT_EVALUATED, id="nobody-knows"),
        pytest.param(
            Scene(),
            {"report_change": {"status.lastEvaluated": at(-600)}},
            Reason.REPORT_STALE,
            id="not-judged-for-long",
        ),
        pytest.param(
            Scene(),
            {"monitor_change": {"spec.remediation.maintenanceWindows": [{"start": "22:00"}]}},
            None,
            id="people-decide-by-day-about-the-night",
        ),
    ],
)
def test_what_cannot_be_carried_out_is_not_proposed(
    scene: Scene, change: dict[str, Any], reason: Reason | None
) -> None:
    answer = proposed(scene, **change)
    assert (answer.reason if isinstance(answer, Refusal) else None) == reason


def test_everything_that_speaks_against_it_is_said_at_once() -> None:
    answer = proposed(
        Scene(Place(budgets=(FULL,)), others=(OTHER,)),
        {"status.probabilityPermille": 500},
        target=deployment(spec__strategy=AWAY, spec__paused=True, status__updatedReplicas=3),
    )
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.LOW_PROBABILITY
    for said in ("500‰", "is paused", "is rolling out", "PodDisruptionBudget web", "web-cpuhigh-scale"):
        assert said in answer.message
    assert answer.retry_after is None, "waiting does not make the finding surer"


# -- of several recommended actions


def test_what_never_passes_makes_room_for_the_next_which_says_so() -> None:
    answer = proposed(
        Scene(Place(autoscalers=(HPA,))), {"status.recommendations": BOTH["status.recommendations"][::-1]}
    )
    assert isinstance(answer, RemediationRequest)
    assert answer.spec.plan.action == "Restart"
    assert answer.spec.plan.message.endswith(". Scale is withheld (Autoscaled)")


def test_for_what_passes_the_more_promising_action_is_waited_for() -> None:
    """At first; then the second best is better than nothing."""
    full, target = Scene(Place(budgets=(FULL,))), deployment(spec__strategy=AWAY)
    young = proposed(full, {**BOTH, "status.firstSeen": at(-PATIENCE.total_seconds() + 1)}, target=target)
    assert isinstance(young, Refusal)
    assert young.reason is Reason.BUDGET_BLOCKS
    assert young.retry_after == timedelta(seconds=15)
    assert "Scale" not in young.message
    old = proposed(full, {**BOTH, "status.firstSeen": at(-PATIENCE.total_seconds())}, target=target)
    assert isinstance(old, RemediationRequest)
    assert old.spec.plan.action == "Scale"


def test_when_all_are_withheld_each_is_named() -> None:
    answer = proposed(Scene(Place(autoscalers=(HPA,)), everything_paused="by a person"), SCALE)
    assert isinstance(answer, Refusal)
    assert answer.message.startswith("Scale is withheld: HorizontalPodAutoscaler web owns")
    assert answer.message.endswith("; by a person")


# -- when each guard is asked


def names(chain: tuple[Guard, ...]) -> set[str]:
    return {guard.__name__ for guard in chain}


def test_the_docs_say_which_guards_are_asked_when() -> None:
    chains = [names(chain) for chain in (PROPOSAL, PREFLIGHT, EXECUTION, CONTINUATION)]
    always = chains[0] & chains[1] & chains[2]
    section = DOCS.read_text(encoding="utf-8").split("### When they are asked")[1].split("\n#")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|", section, re.MULTILINE)
    told = {name: [cell == "yes" for cell in cells] for name, *cells in rows}
    exceptions = (set.union(*chains) - always) | chains[3]
    assert told == {name: [name in chain for chain in chains] for name in exceptions}


def test_a_new_guard_is_asked_at_proposal_unless_somebody_decides_otherwise() -> None:
    assert names(PREFLIGHT) - names(PROPOSAL) == {
        "gate_stands",
        "permission_held",
        "maintenance_window",
        "no_other_open_request",
    }
