"""What a request's status says after each step, and when it is not worth a write."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from kubernetes import client

from faults.loopback import Asked, Loopback, Reply
from podvigil.api.conditions import find_condition
from podvigil.api.reasons import Reason
from podvigil.api.request import Health, Preflight, RequestStatus, Reversibility
from podvigil.api.request import Refusal as ShownRefusal
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import ClusterError, Conflict, Unavailable
from podvigil.controllers.remediation import status
from podvigil.remediate.actions.base import Change
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.steps import BeginRollback, Claim, Conclude, Finish, Hold, Settle, Watch
from podvigil.remediate.validation.effect import Verdict
from podvigil.remediate.validation.outcomes import NOTHING_LEARNT, learn
from unit.remediate.world import CLAIM, ME, NOW, at, context, request
from unit.remediate.world import UID as TOKEN

HEALTH = Health(replicas=4, ready_replicas=4)
FOUND = Preflight(
    checked_at=NOW,
    reversibility=Reversibility.NOTHING_TO_UNDO,
    way_back="-",
    past_success="-",
    disruption="none",
)
CHANGE = Change({"restartedAt": ""}, {"restartedAt": at(0)}, TOKEN)
CLAIMED = {"status.execution": CLAIM}
EXECUTED = {
    "status.execution": {**CLAIM, "finishedAt": at(-60)},
    "status.validation": {"until": at(120)},
}


def said(after: RequestStatus) -> dict[str, str]:
    return {c.type: f"{c.status} {c.reason}" for c in after.conditions}


@pytest.mark.parametrize(
    ("approval", "condition"),
    [
        pytest.param(None, "Unknown AwaitingApproval", id="undecided"),
        pytest.param({"decision": "Approved", "approvedBy": "alice"}, "True Approved", id="approved"),
        pytest.param({"decision": "Denied", "approvedBy": "alice"}, "False Denied", id="denied"),
    ],
)
def test_every_write_says_what_was_decided(approval: dict[str, Any] | None, condition: str) -> None:
    draft = status.begin(request({"spec.approval": approval}), NOW)
    assert said(draft.status) == {"Approved": condition}


def test_a_decision_is_quoted_with_its_author_and_reason() -> None:
    approval = {"decision": "Denied", "approvedBy": "alice", "reason": "release today"}
    draft = status.begin(request({"spec.approval": approval}), NOW)
    condition = find_condition(draft.status.conditions, "Approved")
    assert condition is not None
    assert condition.message == "Denied by alice: release today"
    assert condition.observed_generation == 2


def test_a_preflight_with_objections_names_them_all() -> None:
    refusals = (
        ShownRefusal(reason="Paused", message="the monitor is paused"),
        ShownRefusal(reason="BudgetBlocks", message="web allows 0"),
    )
    found = FOUND.model_copy(update={"refusals": refusals})
    after = status.preflighted(status.begin(request({"spec.approval": None}), NOW), found).status
    condition = find_condition(after.conditions, "Preflighted")
    assert condition is not None
    assert condition.message == "Paused: the monitor is paused; BudgetBlocks: web allows 0"
    assert said(after) == {
        "Approved": "Unknown AwaitingApproval",
        "Preflighted": "False Paused",
        "Succeeded": "Unknown AwaitingApproval",
    }


def test_a_claim_is_written_before_the_change() -> None:
    after = status.claimed(status.begin(request(), NOW), Claim(CHANGE, HEALTH), ME).status
    assert after.execution is not None
    assert (after.execution.claimed_by, after.execution.token) == (ME, TOKEN)
    assert after.execution.finished_at is None
    assert said(after)["Executed"] == "Unknown Executing"


def test_a_record_opens_the_validation_window() -> None:
    ctx = context(request_change={"status.execution": CLAIM})
    after = status.recorded(status.begin(ctx.request, NOW), ctx).status
    assert after.execution is not None
    assert after.validation is not None
    assert after.execution.finished_at == NOW
    assert after.validation.until == NOW + timedelta(minutes=3)
    assert after.validation.score_before_milli == 9000
    assert said(after) == {
        "Approved": "True Approved",
        "Executed": "True Executed",
        "Succeeded": "Unknown Validating",
        "Validated": "Unknown Validating",
    }


def test_no_effect_is_watched_for_ever() -> None:
    long = {"status.execution": CLAIM, "spec.plan.validationWindow": "999999999999999h"}
    ctx = context(request_change=long)
    after = status.recorded(status.begin(ctx.request, NOW), ctx).status
    assert after.validation is not None
    assert after.validation.until == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("outcome", "condition"),
    [
        (Reason.SUCCEEDED, "True Succeeded"),
        (Reason.INEFFECTIVE, "False Ineffective"),
        (Reason.HARMFUL, "False Harmful"),
        (Reason.INCONCLUSIVE, "Unknown Inconclusive"),
    ],
)
def test_a_verdict_is_a_condition(outcome: Reason, condition: str) -> None:
    ctx = context(request_change=EXECUTED)
    step = Conclude(Verdict(outcome, "judged"), HEALTH)
    after = status.concluded(status.begin(ctx.request, NOW), step, ctx).status
    assert said(after)["Validated"] == condition
    assert after.validation is not None
    assert after.validation.observed == HEALTH


def test_the_end_says_what_never_came_to_be() -> None:
    end = Finish(Reason.REFUSED, Reason.STALE_TARGET, "it was edited")
    after = status.finished(status.begin(request(), NOW), end).status
    assert said(after)["Executed"] == "False StaleTarget"
    assert said(after)["Succeeded"] == "False Refused"
    summary = find_condition(after.conditions, "Succeeded")
    assert summary is not None
    assert summary.message == "StaleTarget: it was edited"
    assert after.finished_at == NOW


def test_the_end_of_a_success_puts_nothing_back() -> None:
    end = Finish(Reason.SUCCEEDED, Reason.SUCCEEDED, "calm again")
    after = status.finished(status.begin(request(EXECUTED), NOW), end).status
    assert said(after)["RolledBack"] == "False NotNeeded"
    assert said(after)["Succeeded"] == "True Succeeded"


def test_the_end_keeps_what_was_said_about_the_rollback() -> None:
    draft = status.settled(status.begin(request(EXECUTED), NOW), Settle(True, Reason.ROLLED_BACK, "put back"))
    after = status.finished(draft, Finish(Reason.HARMFUL, Reason.HARMFUL, "worse")).status
    assert said(after)["RolledBack"] == "True RolledBack"


@pytest.mark.parametrize("later", [0.5, -30], ids=["in-the-same-second", "by-a-clock-that-is-behind"])
def test_what_ends_a_second_time_ends_later_and_so_is_learnt(later: float) -> None:
    """Seen once: a person took back what had succeeded in the same second, and it stayed a success."""
    judged = {"type": "Validated", "status": "True", "reason": "Succeeded", "message": "-"}
    asked = request({**EXECUTED, "status.conditions": [{**judged, "lastTransitionTime": at(0)}]})

    def written(draft: status.Draft, after: float) -> status.Draft:
        return status.begin(asked.model_copy(update={"status": draft.status}), NOW + timedelta(seconds=after))

    first = status.finished(
        status.begin(asked, NOW), Finish(Reason.SUCCEEDED, Reason.SUCCEEDED, "it is gone")
    )
    opened = status.rolling_back(written(first, later), BeginRollback("alice wanted the old state back"))
    back = status.settled(written(opened, later), Settle(True, Reason.ROLLED_BACK, "put back 3 replicas"))
    second = status.finished(written(back, later), Finish(Reason.ROLLED_BACK, Reason.ROLLED_BACK, "alice"))

    assert opened.status.finished_at is None
    memory = NOTHING_LEARNT
    for ended in (first, second):
        memory, _ = learn(
            memory, [asked.model_copy(update={"status": ended.status})], window=timedelta(hours=24)
        )
    (count,) = memory.counts
    assert (count.attempts, count.succeeded, count.failures_in_a_row) == (1, 0, 1)


def test_a_wait_says_why() -> None:
    refusal = Refusal(Reason.PAUSED, "the monitor is paused", timedelta(seconds=30))
    after = status.held(status.begin(request(), NOW), Hold(refusal, timedelta(seconds=30))).status
    assert said(after)["Executed"] == "False Paused"
    assert said(after)["Succeeded"] == "Unknown Paused"


def test_looking_at_the_same_again_changes_nothing() -> None:
    ctx = context(request_change=EXECUTED)
    step = Watch(HEALTH, timedelta(seconds=5))
    once = status.watched(status.begin(ctx.request, NOW), step, ctx)
    seen = ctx.request.model_copy(update={"status": once.status})
    twice = status.watched(status.begin(seen, NOW + timedelta(seconds=5)), step, ctx)
    assert twice.status == once.status


BLIND = Refusal(Reason.PERMISSION_MISSING, "may not list autoscalers")
UNSEEN = "Unknown PermissionMissing"
JUDGED = status.concluded(
    status.begin(request(EXECUTED), NOW),
    Conclude(Verdict(Reason.INCONCLUSIVE, "judged"), HEALTH),
    context(request_change=EXECUTED),
).status.dump()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({"spec.approval": None}, {"Preflighted"}, id="undecided"),
        pytest.param({}, {"Executed"}, id="approved"),
        pytest.param(CLAIMED, {"Executed"}, id="claimed"),
        pytest.param(EXECUTED, {"Validated"}, id="watched"),
        pytest.param({"status": JUDGED}, set(), id="judged"),
        pytest.param({"status.execution": {**CLAIM, "stoppedAt": at(-60)}}, set(), id="given-up"),
    ],
)
def test_what_cannot_be_seen_is_said_where_it_stands(change: dict[str, Any], told: set[str]) -> None:
    once = status.unseen(status.begin(request(change), NOW), BLIND)
    assert {kind for kind, what in said(once.status).items() if what == UNSEEN} == told | {"Succeeded"}
    seen = request(change).model_copy(update={"status": once.status})
    again = status.unseen(status.begin(seen, NOW + timedelta(seconds=30)), BLIND)
    assert again.status == once.status, "it is written once"


def test_what_is_seen_again_is_watched_as_before() -> None:
    blind = status.unseen(status.begin(request(EXECUTED), NOW), BLIND).status
    ctx = context(request_change=EXECUTED)
    seen = ctx.request.model_copy(update={"status": blind})
    after = status.watched(status.begin(seen, NOW), Watch(HEALTH, timedelta(seconds=5)), ctx).status
    assert (said(after)["Validated"], said(after)["Succeeded"]) == (
        "Unknown Validating",
        "Unknown Validating",
    )


@pytest.mark.parametrize(
    ("later", "change", "worth"),
    [
        pytest.param(60, {}, False, id="the-same-a-minute-later"),
        pytest.param(300, {}, True, id="the-same-five-minutes-later"),
        pytest.param(60, {"pods_disturbed": 3}, True, id="something-else"),
    ],
)
def test_an_unchanged_preflight_is_not_written_each_time(
    later: int, change: dict[str, Any], worth: bool
) -> None:
    before = RequestStatus(preflight=FOUND)
    found = FOUND.model_copy(update={"checked_at": NOW + timedelta(seconds=later), **change})
    assert status.is_worth_writing(before, RequestStatus(preflight=found), seconds=300) is worth


def test_a_first_preflight_is_written() -> None:
    assert status.is_worth_writing(RequestStatus(), RequestStatus(preflight=FOUND), seconds=300)


@pytest.mark.parametrize(
    ("change", "reason", "executed"),
    [
        pytest.param({}, Reason.TARGET_MISSING, "False TargetMissing", id="never-claimed"),
        pytest.param(
            CLAIM, Reason.STALE_TARGET, "False StaleTarget", id="the-target-shows-that-it-was-not-made"
        ),
        pytest.param(CLAIMED, Reason.TARGET_MISSING, "Unknown TargetMissing", id="nobody-can-say-any-more"),
    ],
)
def test_an_end_says_what_is_known_of_the_change(
    change: dict[str, Any], reason: Reason, executed: str
) -> None:
    """The answer to the change may have been lost, and then its target was deleted."""
    draft = status.begin(request(change), NOW)
    after = status.finished(draft, Finish(Reason.FAILED, reason, "because")).status
    assert said(after)["Executed"] == executed


ENDED = status.finished(status.begin(request(), NOW), Finish(Reason.DENIED, Reason.DENIED, "alice said no"))


def answers(reply: Reply, *, kept: bool) -> Callable[[Asked], Reply]:
    """An API server whose answer to a write is another than what became of it."""
    stored = request().dump()

    def answer(asked: Asked) -> Reply:
        if asked.method == "GET":
            return Reply(stored)
        if kept:
            stored["status"] = asked.json["status"]
        return reply

    return answer


async def write(answer: Callable[[Asked], Reply]) -> None:
    with Loopback(answer) as server:
        await status.write_status(Cluster(client.ApiClient(client.Configuration(host=server.url))), ENDED)


async def test_a_write_whose_answer_is_lost_counts_as_done_when_it_is_there() -> None:
    await write(answers(Reply(status=503), kept=True))


@pytest.mark.parametrize(
    ("code", "kept", "error"),
    [
        pytest.param(503, False, Unavailable, id="it-is-not-there"),
        pytest.param(409, True, Conflict, id="somebody-else-wrote-the-same"),
    ],
)
async def test_a_write_that_failed_is_one(code: int, kept: bool, error: type[ClusterError]) -> None:
    with pytest.raises(error):
        await write(answers(Reply(status=code), kept=kept))
