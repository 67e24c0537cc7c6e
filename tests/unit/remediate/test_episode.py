"""A request that ended with nothing learnt of its effect: the same may be asked again, not at once and not for ever."""

from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from podvigil.api.outcomes import OutcomeCount
from podvigil.api.reasons import Reason
from podvigil.api.request import RemediationRequest
from podvigil.remediate.propose.episode import ATTEMPTS, answer, answer_of, number_of
from podvigil.remediate.propose.plan import propose
from podvigil.remediate.propose.request import name_of
from podvigil.remediate.propose.withheld import Scene
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.validation.outcomes import NOTHING_LEARNT, Memory, learn
from unit.remediate.world import CLAIM, NOW, at, deployment, monitor, report, request

RESTART: Final = {"status.recommendations": [{"action": "Restart", "message": "restart it"}]}
BOTH: Final = {
    "status.recommendations": [
        {"action": "Restart", "message": "restart it"},
        {"action": "Scale", "message": "add pods"},
    ]
}
GIVEN_UP: Final = {**CLAIM, "stoppedAt": at(0), "stoppedReason": "TimedOut"}
LATER: Final = NOW + timedelta(minutes=1)


def asked(
    outcome: str,
    reason: str,
    number: int = 1,
    execution: dict[str, Any] | None = None,
    action: str = "Restart",
) -> RemediationRequest:
    """The request of that number for the present episode, that ended at NOW: how, and what stopped it."""
    known = {"status": "False", "lastTransitionTime": at(0)}
    conditions = [
        {**known, "type": "Executed", "reason": reason, "message": "someone did"},
        {**known, "type": "Succeeded", "reason": outcome, "message": f"{reason}: someone did"},
    ]
    return request(
        {
            "metadata.name": name_of(report(), action, number),
            "metadata.creationTimestamp": at(number - 100),
            "spec.plan.action": action,
            "status.conditions": conditions,
            "status.finishedAt": at(0),
            **({"status.execution": execution} if execution else {}),
        }
    )


def proposed(
    *requests: RemediationRequest,
    now: datetime = LATER,
    memory: Memory = NOTHING_LEARNT,
    recommended: dict[str, Any] = RESTART,
    cooldown: str = "0s",
) -> RemediationRequest | Refusal:
    evaluated = {"status.lastEvaluated": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return propose(
        report(recommended | evaluated),
        monitor({"spec.remediation.cooldown": cooldown}),
        deployment(metadata__generation=4, status__observedGeneration=4),
        requested_by="analyst",
        own_namespace="podvigil-system",
        now=now,
        scene=Scene(),
        memory=memory,
        requests=requests,
    )


STALE: Final = asked("Refused", "StaleTarget")


@pytest.mark.parametrize(
    ("ended", "answers"),
    [
        pytest.param(STALE, False, id="the-target-was-changed-meanwhile"),
        pytest.param(asked("Failed", "TimedOut", execution=GIVEN_UP), False, id="given-up"),
        pytest.param(asked("Failed", "Failed", execution=CLAIM), False, id="could-not-be-made"),
        pytest.param(asked("Refused", "OwnedElsewhere"), True, id="refused-for-good"),
        pytest.param(asked("Refused", "AnomalyCleared"), True, id="the-occasion-is-gone"),
        pytest.param(asked("Denied", "Denied"), True, id="a-person-said-no"),
        pytest.param(asked("Cancelled", "Cancelled", execution=GIVEN_UP), True, id="a-person-stopped-it"),
        pytest.param(asked("Expired", "PlanExpired"), True, id="nobody-decided"),
    ],
)
def test_what_ends_with_nothing_learnt_of_its_effect_is_no_answer(
    ended: RemediationRequest, answers: bool
) -> None:
    assert answer_of(report(), [ended]) == (ended if answers else None)
    assert isinstance(proposed(ended), Refusal) is answers


def test_the_same_action_is_asked_again_by_a_request_of_its_own() -> None:
    again = proposed(STALE)
    assert isinstance(again, RemediationRequest)
    assert again.metadata["name"] not in (STALE.metadata["name"], None)
    assert number_of(again, report()) == 2
    assert again.spec.plan.target.generation == 4
    ended = f"RemediationRequest {STALE.metadata['name']} ended Refused: StaleTarget: someone did"
    assert again.spec.plan.message.endswith(f"Asked again: {ended}")
    later = again.model_copy(update={"metadata": {**again.metadata, "creationTimestamp": at(60)}})
    assert answer_of(report(), [later, STALE]) == later


def test_a_request_that_was_deleted_does_not_make_the_next_name_a_used_one() -> None:
    again = proposed(asked("Refused", "StaleTarget", 3), now=NOW + timedelta(minutes=4))
    assert isinstance(again, RemediationRequest)
    assert number_of(again, report()) == 4


@pytest.mark.parametrize(("number", "minutes"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (9, 60)], ids=str)
def test_each_time_it_waits_for_longer(number: int, minutes: int) -> None:
    last = asked("Refused", "StaleTarget", number)
    refusal = proposed(last, now=NOW + timedelta(minutes=minutes, seconds=-1))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.retry_after) == (Reason.STALE_TARGET, timedelta(seconds=1))
    assert "ended Refused: StaleTarget: someone did; it may be asked again at" in refusal.message
    assert isinstance(proposed(last, now=NOW + timedelta(minutes=minutes)), RemediationRequest)


def test_in_the_end_a_person_must_look() -> None:
    refusal = proposed(asked("Refused", "StaleTarget", ATTEMPTS), now=NOW + timedelta(days=1))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.retry_after) == (Reason.STALE_TARGET, None)
    assert f"it was asked {ATTEMPTS} times in this episode, and a person must look" in refusal.message


def test_a_change_that_was_begun_is_left_alone_as_after_any_change() -> None:
    given_up = asked("Failed", "TimedOut", execution=GIVEN_UP)
    refusal = proposed(given_up, cooldown="30m")
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.retry_after) == (Reason.FAILED, timedelta(minutes=29))
    nothing_done = asked("Failed", "Failed", execution=CLAIM)
    assert isinstance(proposed(nothing_done, cooldown="30m"), RemediationRequest)


def test_what_was_given_up_goes_behind_what_was_not_tried() -> None:
    given_up = asked("Failed", "TimedOut", execution=GIVEN_UP)
    memory, _ = learn(NOTHING_LEARNT, [given_up], window=timedelta(hours=24))
    following = proposed(given_up, memory=memory, recommended=BOTH)
    assert isinstance(following, RemediationRequest)
    assert following.spec.plan.action == "Scale"


def test_what_was_given_up_twice_is_left_alone_for_longer() -> None:
    both = [asked("Failed", "TimedOut", number, GIVEN_UP) for number in (1, 2)]
    memory, _ = learn(NOTHING_LEARNT, both[:1], window=timedelta(hours=24))
    (count,) = memory.counts
    twice = Memory((OutcomeCount.model_validate({**count.dump(), "attempts": 2, "failuresInARow": 2}),))
    refusal = proposed(*both, memory=twice, now=NOW + timedelta(minutes=59))
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.RECURRING
    assert isinstance(proposed(*both, memory=twice, now=NOW + timedelta(hours=1)), RemediationRequest)


@pytest.mark.parametrize(
    ("change", "stands"),
    [
        pytest.param({"spec.approval": None}, "waits for a decision", id="undecided"),
        pytest.param({}, "was approved", id="approved"),
        pytest.param({"spec.approval.decision": "Denied"}, "was denied", id="denied"),
    ],
)
def test_the_report_says_how_its_request_stands(change: dict[str, Any], stands: str) -> None:
    said = answer(request(change))
    assert said.message == f"RemediationRequest web-memoryhigh-restart {stands}"
    assert (said.request.name, said.request.uid) == ("web-memoryhigh-restart", "request-uid")


def test_the_report_says_how_its_request_ended() -> None:
    denied = asked("Denied", "Denied")
    assert answer(denied).message.endswith(" ended Denied: Denied: someone did")
