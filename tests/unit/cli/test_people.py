"""What people are told about a request, and what they can say of it."""

from datetime import timedelta
from typing import Any

import pytest

from podvigil.cli.people.commands import table
from podvigil.cli.people.shown import lines
from podvigil.cli.people.words import Word, is_as_seen, objection, patch_of, question, what_follows
from unit.remediate.world import CLAIM, NOW, at, request

UNDECIDED = {"spec.approval": None}
MADE = {**CLAIM, "finishedAt": at(-60)}


def ended(reason: str) -> dict[str, Any]:
    summary = {
        "type": "Succeeded",
        "status": "False",
        "reason": reason,
        "message": "said",
        "lastTransitionTime": at(-1),
    }
    return {"status.finishedAt": at(-1), "status.conditions": [summary]}


@pytest.mark.parametrize(
    ("word", "change", "why_not"),
    [
        pytest.param(Word.APPROVE, UNDECIDED, None, id="approve"),
        pytest.param(Word.DENY, UNDECIDED, None, id="deny"),
        pytest.param(Word.DENY, {**UNDECIDED, "status": None}, None, id="deny-unseen"),
        pytest.param(
            Word.APPROVE, {**UNDECIDED, "status": None}, "not looked at it yet", id="approve-unseen"
        ),
        pytest.param(Word.APPROVE, {}, "alice has said Approved already", id="approve-twice"),
        pytest.param(Word.DENY, {}, "written once; `podvigil cancel` stops it", id="deny-after-approval"),
        pytest.param(
            Word.APPROVE, {**UNDECIDED, "spec.plan.expiresAt": at(0)}, "it expired at", id="too-late"
        ),
        pytest.param(Word.APPROVE, ended("Denied"), "it has ended already: Denied", id="approve-the-ended"),
        pytest.param(Word.CANCEL, {}, None, id="cancel-the-approved"),
        pytest.param(Word.CANCEL, UNDECIDED, None, id="cancel-the-undecided"),
        pytest.param(Word.CANCEL, {"status.execution": CLAIM}, None, id="cancel-what-is-under-way"),
        pytest.param(Word.CANCEL, {"status.execution": MADE}, "has been made", id="cancel-the-made"),
        pytest.param(
            Word.CANCEL, {"spec.cancellation": {"requestedBy": "bob"}}, "bob has cancelled", id="cancel-twice"
        ),
        pytest.param(Word.ROLLBACK, {}, "nothing has been changed", id="roll-back-nothing"),
        pytest.param(Word.ROLLBACK, {"status.execution": MADE}, None, id="roll-back-while-watching"),
        pytest.param(
            Word.ROLLBACK, {**ended("Succeeded"), "status.execution": MADE}, None, id="roll-back-the-ended"
        ),
        pytest.param(
            Word.ROLLBACK,
            {"status.execution": MADE, "spec.rollback": {"requestedBy": "bob"}},
            "bob has asked for it",
            id="roll-back-twice",
        ),
    ],
)
def test_what_makes_sense(word: Word, change: dict[str, Any], why_not: str | None) -> None:
    said = objection(request(change), word, NOW)
    assert (said is None) is (why_not is None)
    assert why_not is None or why_not in (said or "")


def against(*reasons: str) -> dict[str, Any]:
    refusals = [{"reason": reason, "message": f"{reason} is said"} for reason in reasons]
    return {**UNDECIDED, "status.preflight.refusals": refusals}


@pytest.mark.parametrize(
    ("change", "asked", "follows"),
    [
        pytest.param(UNDECIDED, "Approve this?", "approved: the executor carries it out", id="nothing-against-it"),
        pytest.param(
            {**UNDECIDED, "spec.plan.dryRun": True},
            "Approve this?",
            "approved, as a dry run: nothing is changed",
            id="dry-run",
        ),
        pytest.param(
            against("Paused"),
            "Approve this, with 1 objection?",
            "approved; not carried out while this stands against it: Paused: Paused is said (podvigil show web)",
            id="one-objection",
        ),
        pytest.param(
            against("Paused", "Cooldown"),
            "Approve this, with 2 objections?",
            "approved; not carried out while this stands against it: Paused: Paused is said (podvigil show web)",
            id="two-objections",
        ),
    ],
)  # fmt: skip
def test_an_approval_promises_no_more_than_was_seen(change: dict[str, Any], asked: str, follows: str) -> None:
    seen = request(change)
    assert (question(Word.APPROVE, seen), what_follows(Word.APPROVE, "web", seen)) == (asked, follows)


def test_objections_are_nothing_to_whoever_denies() -> None:
    assert question(Word.DENY, request(against("Paused"))) == "Deny this?"


@pytest.mark.parametrize("word", Word)
def test_a_word_is_about_what_was_seen_and_under_the_own_name(word: Word) -> None:
    body = patch_of(word, request(), "alice", "because")
    assert body["metadata"] == {"resourceVersion": "200"}
    (said,) = body["spec"].values()
    assert said["reason"] == "because"
    assert said.get("approvedBy", said.get("requestedBy")) == "alice"


def test_a_preflight_checked_again_is_still_what_was_seen() -> None:
    later = {"status.preflight.checkedAt": at(0), "metadata.resourceVersion": "201"}
    assert is_as_seen(request(UNDECIDED), request({**UNDECIDED, **later}))
    objecting = {"status.preflight.refusals": [{"reason": "Paused", "message": "-"}]}
    assert not is_as_seen(request(UNDECIDED), request({**UNDECIDED, **objecting}))


def test_everything_that_matters_is_shown() -> None:
    preflight = {
        "checkedAt": at(-10),
        "changes": ["spec.replicas: 2 → 3"],
        "podsDisturbed": 1,
        "disruption": "1 of 2 pods is removed",
        "pods": ["shop/web-1"],
        "budgets": [{"name": "web", "disruptionsAllowed": 1}],
        "refusals": [{"reason": "Paused", "message": "remediation is paused"}],
        "notes": ["put this in Git"],
        "reversibility": "Reversible",
        "wayBack": "the old count",
        "pastSuccess": "4 of 5",
    }
    shown = "\n".join(lines(request({**UNDECIDED, "status.preflight": preflight}), NOW))
    for text in (
        "Restart Deployment shop/web", "memory grows", "spec.replicas: 2 → 3", "1 of 2 pods is removed", "shop/web-1",
        "web allows 1 more", "Paused: remediation is paused", "put this in Git", "the old count", "4 of 5", "in 10m",
    ):  # fmt: skip
        assert text in shown


def test_what_the_requester_writes_cannot_forge_a_line() -> None:
    forged = "one replica\n  disturbs   no pod\r\n  way back   Reversible\x1b[8m\u202e"
    change = {**UNDECIDED, "spec.plan.message": forged, "spec.requestedBy": "ann\nalice"}
    shown = list(lines(request(change), NOW))
    assert all(line.isprintable() for line in shown)
    assert (
        "  why        one replica\ufffd  disturbs   no pod\ufffd\ufffd  way back   Reversible\ufffd[8m\ufffd"
        in shown
    )
    assert len(shown) == len(list(lines(request(UNDECIDED), NOW)))


def test_the_list_is_a_table() -> None:
    head, row = table([request(UNDECIDED)], NOW - timedelta(minutes=5))
    assert head.split() == ["NAMESPACE", "NAME", "ACTION", "TARGET", "STATE", "EXPIRES"]
    assert row.split() == [
        "shop",
        "web-memoryhigh-restart",
        "Restart",
        "Deployment",
        "shop/web",
        "New",
        "15m",
    ]
