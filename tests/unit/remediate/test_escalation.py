"""What the past says about a proposal: the next action after one that fails, and no question asked twice."""

from datetime import timedelta
from typing import Any

import pytest

from podvigil.api.outcomes import OutcomeCount
from podvigil.api.reasons import Reason
from podvigil.api.request import RemediationRequest
from podvigil.api.signals import Signal
from podvigil.remediate.observe.surroundings import Surroundings
from podvigil.remediate.propose.episode import answer_of
from podvigil.remediate.propose.plan import propose
from podvigil.remediate.propose.withheld import Scene
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.validation.outcomes import NOTHING_LEARNT, Memory
from unit.remediate.test_outcomes import ended
from unit.remediate.world import NOW, at, deployment, monitor, report, request

NOTHING_AROUND = Scene()
BOTH = {
    "status.recommendations": [
        {"action": "Restart", "message": "restart it"},
        {"action": "Scale", "message": "add pods"},
    ]
}
RESTART = OutcomeCount(
    signal=Signal.MEMORY_HIGH, action="Restart", namespace="shop", kind="Deployment", target="web"
)
TWICE_BACK = RESTART.model_copy(
    update={
        "attempts": 2,
        "recurred": 2,
        "failures_in_a_row": 2,
        "last_failure_time": NOW - timedelta(minutes=10),
        "last_recurrence_after": "30m",
    }
)
DENIED = RESTART.model_copy(update={"denied": 1, "last_denied_time": NOW - timedelta(hours=23)})


def proposed(
    *counts: OutcomeCount,
    requests: tuple[RemediationRequest, ...] = (),
    report_change: dict[str, Any] | None = None,
    monitor_change: dict[str, Any] | None = None,
    scene: Scene = NOTHING_AROUND,
) -> RemediationRequest | Refusal:
    return propose(
        report(BOTH | (report_change or {})),
        monitor(monitor_change),
        deployment(),
        requested_by="analyst",
        own_namespace="podvigil-system",
        now=NOW,
        memory=Memory(counts) if counts else NOTHING_LEARNT,
        requests=requests,
        scene=scene,
    )


def action_of(answer: RemediationRequest | Refusal) -> str:
    assert isinstance(answer, RemediationRequest), answer
    return answer.spec.plan.action


def refusal_of(answer: RemediationRequest | Refusal) -> Refusal:
    assert isinstance(answer, Refusal), answer
    return answer


ALONE = {"status.recommendations": [{"action": "Restart", "message": "restart it"}]}


def test_what_the_diagnosis_puts_first_is_proposed_first() -> None:
    assert action_of(proposed()) == "Restart"


def test_a_trouble_that_came_back_twice_gets_the_next_action() -> None:
    assert action_of(proposed(TWICE_BACK)) == "Scale"


def test_without_a_next_action_a_person_must_look() -> None:
    refusal = refusal_of(proposed(TWICE_BACK, report_change=ALONE))
    assert refusal.reason is Reason.RECURRING
    assert "of 2 attempts 0 lasted and after 2 the trouble came back, last time after 30m" in refusal.message
    assert "A person must look" in refusal.message


def test_a_next_action_that_is_not_allowed_is_named() -> None:
    refusal = refusal_of(
        proposed(TWICE_BACK, monitor_change={"spec.remediation.allowedActions": ["Restart"]})
    )
    assert refusal.reason is Reason.RECURRING
    assert "does not have Scale in allowedActions" in refusal.message


def test_after_the_pause_it_is_tried_again() -> None:
    waited = TWICE_BACK.model_copy(update={"last_failure_time": NOW - timedelta(hours=1)})
    assert action_of(proposed(waited, report_change=ALONE)) == "Restart"


@pytest.mark.parametrize(
    ("memory", "reason"),
    [("24h", Reason.DENIED), ("23h", None), ("0s", None)],
    ids=["remembered", "forgotten", "not-wanted"],
)
def test_what_was_denied_is_not_asked_again_for_a_while(memory: str, reason: Reason | None) -> None:
    answer = proposed(DENIED, report_change=ALONE, monitor_change={"spec.remediation.denialMemory": memory})
    assert (answer.reason if isinstance(answer, Refusal) else None) == reason


def test_a_denial_speaks_against_that_action_alone() -> None:
    assert action_of(proposed(DENIED)) == "Scale"


def test_in_a_pause_nothing_is_proposed() -> None:
    refusal = refusal_of(proposed(scene=Scene(everything_paused="because of that")))
    assert refusal.reason is Reason.PAUSED
    assert refusal.message == "Restart is withheld: because of that"


def test_in_a_storm_nothing_is_proposed() -> None:
    half = {"status.podsAffected": 20, "status.workloadsAffected": 5}
    assert refusal_of(proposed(monitor_change=half)).reason is Reason.STORM
    dark = Scene(surroundings=Surroundings(nodes=9, unready=frozenset({"node-1", "node-2"})))
    assert refusal_of(proposed(scene=dark)).reason is Reason.STORM


# -- within one episode


def asked(end: str | None = None) -> RemediationRequest:
    """The request of the present episode, and how it ended; None: it has not."""
    first = proposed()
    assert isinstance(first, RemediationRequest)
    name = first.metadata["name"]
    return ended(end, metadata__name=name) if end else request({"metadata.name": name})


@pytest.mark.parametrize(
    ("end", "answers"),
    [
        (None, True),
        ("Succeeded", True),
        ("Inconclusive", True),
        ("RolledBack", True),
        ("Denied", True),
        ("Expired", True),
        ("Refused", True),
        ("Ineffective", False),
        ("Harmful", False),
    ],
)
def test_only_what_did_not_help_makes_room_for_the_next(end: str | None, answers: bool) -> None:
    first = asked(end)
    assert answer_of(report(BOTH), [first]) == (first if answers else None)


def test_another_episode_is_answered_anew() -> None:
    assert answer_of(report({"status.firstSeen": at(-10)}), [asked()]) is None


def test_the_next_action_follows_in_the_same_episode() -> None:
    did_not_help = asked("Ineffective")
    answer = proposed(requests=(did_not_help,))
    assert action_of(answer) == "Scale"
    assert isinstance(answer, RemediationRequest)
    later = answer.model_copy(update={"metadata": {**answer.metadata, "creationTimestamp": at(60)}})
    assert answer_of(report(BOTH), [later, did_not_help]) == later


def test_when_all_was_tried_a_person_must_look() -> None:
    refusal = refusal_of(proposed(requests=(asked("Ineffective"),), report_change=ALONE))
    assert refusal.reason is Reason.NO_ACTION_KNOWN
    assert "Restart did not help" in refusal.message


# -- the time that a plan has


@pytest.mark.parametrize(
    ("windows", "until"),
    [
        pytest.param([], at(3600), id="no-windows"),
        # NOW is a Sunday, 10:00 UTC.
        pytest.param([{"start": "09:30"}], at(3600), id="one-is-open"),
        pytest.param([{"start": "22:00", "duration": "4h"}], at(13 * 3600), id="an-hour-of-the-next"),
        pytest.param([{"start": "22:00", "duration": "30m"}], at(12.5 * 3600), id="until-the-next-closes"),
        pytest.param([{"start": "10:30", "duration": "10m"}], at(3600), id="never-less-than-without"),
    ],
)
def test_a_plan_lives_into_the_next_window(windows: list[dict[str, Any]], until: str) -> None:
    answer = proposed(monitor_change={"spec.remediation.maintenanceWindows": windows})
    assert isinstance(answer, RemediationRequest)
    assert answer.dump()["spec"]["plan"]["expiresAt"] == until
