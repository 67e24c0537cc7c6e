"""What became of past actions: counted once, and a success that does not last is none."""

from datetime import timedelta
from typing import Any

import pytest

from podvigil.api.actions import ActionName
from podvigil.api.base import merge_patch
from podvigil.api.monitor import MonitorStatus
from podvigil.api.outcomes import OUTCOMES_MAX, OutcomeCount
from podvigil.api.reasons import Reason
from podvigil.api.request import RemediationRequest
from podvigil.api.signals import Signal
from podvigil.remediate.validation.outcomes import (
    NOTHING_LEARNT,
    Learnt,
    Memory,
    Trouble,
    learn,
    memory_of,
    notice_recurrences,
    past_success,
    trouble_of,
)
from unit.remediate.world import CLAIM, NOW, at, report, request

DAY = timedelta(hours=24)
MINUTE, HOUR = 60, 3600
WEB = Trouble(Signal.MEMORY_HIGH, "shop", "Deployment", "web")


def ended(reason: str, seconds: float = 0, **change: Any) -> RemediationRequest:
    """A request that was made ten minutes before it ended, so many seconds from NOW."""
    summary = {
        "type": "Succeeded",
        "status": "True" if reason == "Succeeded" else "False",
        "reason": reason,
        "message": "-",
        "lastTransitionTime": at(seconds),
    }
    made = {
        "metadata.creationTimestamp": at(seconds - 10 * MINUTE),
        "status.conditions": [summary],
        "status.finishedAt": at(seconds),
    }
    return request(made | {path.replace("__", "."): value for path, value in change.items()})


def learnt(*requests: RemediationRequest, memory: Memory = NOTHING_LEARNT) -> Memory:
    return learn(memory, requests, window=DAY)[0]


def only(memory: Memory) -> OutcomeCount:
    (count,) = memory.counts
    return count


def back(memory: Memory, seconds: float, window: timedelta = DAY) -> Memory:
    """The trouble is there again, since so many seconds from NOW."""
    return notice_recurrences(memory, [report({"status.firstSeen": at(seconds)})], window=window)[0]


def test_only_changes_that_were_made_and_denials_count() -> None:
    ends = (
        "Ineffective",
        "Denied",
        "Refused",
        "Expired",
        "Cancelled",
        "Inconclusive",
        "Harmful",
    )
    memory = learnt(*(ended(reason, seconds) for seconds, reason in enumerate(ends)), request())
    count = only(memory)
    assert (count.attempts, count.succeeded, count.inconclusive, count.denied) == (3, 0, 1, 1)
    assert count.failures_in_a_row == 2
    assert trouble_of(request()) == WEB


GIVEN_UP = {**CLAIM, "stoppedAt": at(0), "stoppedReason": "TimedOut", "stoppedMessage": "it waits"}


@pytest.mark.parametrize(
    ("execution", "counts"),
    [
        pytest.param(GIVEN_UP, True, id="begun-and-given-up"),
        pytest.param({**GIVEN_UP, "stoppedReason": "ResizeInfeasible"}, True, id="no-node-can-do-it"),
        pytest.param(CLAIM, False, id="nothing-was-done"),
        pytest.param({**GIVEN_UP, "stoppedReason": "StaleTarget"}, False, id="somebody-changed-the-target"),
    ],
)
def test_only_what_was_begun_and_given_up_counts_as_failing(execution: Any, counts: bool) -> None:
    memory = learnt(ended("Failed", status__execution=execution))
    found = [(c.attempts, c.succeeded, c.failures_in_a_row, c.last_failure_time) for c in memory.counts]
    assert found == ([(1, 0, 1, NOW)] if counts else [])


def test_what_a_person_stopped_half_way_says_nothing_of_the_action() -> None:
    stopped = {**GIVEN_UP, "stoppedReason": "Cancelled"}
    assert learnt(ended("Cancelled", status__execution=stopped)) == NOTHING_LEARNT


def taken_back(judged: str | None, seconds: float, reason: str = "RolledBack") -> RemediationRequest:
    """A request that was judged at NOW, if at all, and that a person wanted undone, so many seconds later."""
    request = ended(reason, seconds)
    if judged is None:
        return request
    verdict = {
        "type": "Validated",
        "status": "True",
        "reason": judged,
        "message": "-",
        "lastTransitionTime": at(0),
    }
    conditions = [*request.dump()["status"]["conditions"], verdict]
    return ended(reason, seconds, status__conditions=conditions)


@pytest.mark.parametrize("reason", ["RolledBack", "RollbackFailed"])
@pytest.mark.parametrize("judged", [None, "Succeeded", "Inconclusive", "Ineffective"])
def test_what_a_person_takes_back_did_not_help(judged: str | None, reason: str) -> None:
    count = only(learnt(taken_back(judged, HOUR, reason)))
    assert (count.attempts, count.succeeded, count.inconclusive, count.failures_in_a_row) == (1, 0, 0, 1)
    assert count.last_success_time is None


@pytest.mark.parametrize("judged", ["Succeeded", "Inconclusive", "Ineffective"])
def test_what_was_counted_before_it_was_taken_back_is_one_attempt(judged: str) -> None:
    before = learnt(ended(judged, 1))
    count = only(learnt(taken_back(judged, HOUR), memory=before))
    assert (count.attempts, count.succeeded, count.inconclusive, count.failures_in_a_row) == (1, 0, 0, 1)
    assert count.last_success_time is None
    assert only(learnt(taken_back(judged, HOUR), memory=Memory((count,)))) == count, (
        "and that is counted once"
    )


def test_a_success_that_did_not_last_is_no_second_failure_when_it_is_taken_back() -> None:
    gone = back(learnt(ended("Succeeded", 1)), HOUR)
    count = only(learnt(taken_back("Succeeded", 2 * HOUR), memory=gone))
    assert (count.attempts, count.succeeded, count.recurred, count.failures_in_a_row) == (1, 0, 1, 1)


def test_what_answers_no_report_teaches_nothing() -> None:
    asked = ended("Succeeded", spec__plan__report=None)
    assert learnt(asked) == NOTHING_LEARNT
    assert past_success(NOTHING_LEARNT, trouble_of(asked), "Drain").endswith(
        "whether it helps is not counted."
    )


def test_signals_actions_and_targets_are_counted_apart() -> None:
    memory = learnt(
        ended("Succeeded"),
        ended("Succeeded", spec__plan__action="Scale"),
        ended("Succeeded", spec__plan__report__signal="CPUHigh"),
        ended("Succeeded", spec__plan__target__name="db"),
        ended("Succeeded", metadata__namespace="bank"),
    )
    assert [c.attempts for c in memory.counts] == [1] * 5


def test_a_request_is_counted_once_however_often_it_is_seen() -> None:
    first, second = ended("Succeeded", 0), ended("Ineffective", HOUR)
    memory = learnt(first)
    assert learnt(first, memory=memory) == memory
    assert learn(memory, [first], window=DAY)[1] == ()
    memory = learnt(second, first, memory=memory)
    assert only(memory).attempts == 2
    assert learnt(first, second, memory=memory) == memory


def test_a_crash_between_counting_and_writing_counts_none_twice() -> None:
    """What is written is counts and the moment up to which they reach, in one patch."""
    requests = [ended("Succeeded", 0), ended("Ineffective", HOUR)]
    memory = learnt(*requests)
    status = MonitorStatus(outcomes=memory.counts, outcomes_forgotten_until=memory.forgotten_until)
    written = MonitorStatus.model_validate(merge_patch(MonitorStatus(), status))
    assert learnt(*requests, memory=memory_of(written)) == memory
    assert learnt(*requests) == memory  # the write was lost: counted anew, from the same


@pytest.mark.parametrize(
    ("after", "succeeded", "recurred", "failures"),
    [
        pytest.param(-HOUR, 1, 0, 0, id="the-same-episode"),
        pytest.param(6 * HOUR, 0, 1, 1, id="back-after-six-hours"),
        pytest.param(24 * HOUR, 0, 1, 1, id="back-at-the-end-of-the-window"),
        pytest.param(24 * HOUR + 1, 1, 0, 0, id="another-trouble"),
    ],
)
def test_a_success_that_does_not_last_is_a_failure(
    after: float, succeeded: int, recurred: int, failures: int
) -> None:
    count = only(back(learnt(ended("Succeeded")), after))
    assert (count.attempts, count.succeeded, count.recurred) == (1, succeeded, recurred)
    assert count.failures_in_a_row == failures


@pytest.mark.parametrize(
    ("opened", "recurred"),
    [
        pytest.param(30, 1, id="opened-after-the-success"),
        pytest.param(-HOUR, 0, id="the-same-episode"),
    ],
)
def test_a_trouble_that_smouldered_while_a_success_was_judged_is_back(opened: float, recurred: int) -> None:
    """Its first sign comes before it lasted long enough for a report."""
    opened_again = {
        "type": "Active",
        "status": "True",
        "reason": "AnomalyObserved",
        "message": "-",
        "lastTransitionTime": at(opened),
    }
    seen = report({"status.firstSeen": at(-30), "status.conditions": [opened_again]})
    memory, _ = notice_recurrences(learnt(ended("Succeeded")), [seen], window=DAY)
    assert (only(memory).succeeded, only(memory).recurred) == (1 - recurred, recurred)


def test_a_recurrence_is_noticed_once_and_told() -> None:
    memory = learnt(ended("Succeeded"))
    again = [report({"status.firstSeen": at(6 * HOUR)})]
    memory, told = notice_recurrences(memory, again, window=DAY)
    assert told == (Learnt("Restart", Signal.MEMORY_HIGH, Reason.RECURRING),)
    assert only(memory).last_recurrence_after == "6h"
    assert notice_recurrences(memory, again, window=DAY) == (memory, ())


def test_the_next_request_tells_of_a_recurrence_that_nobody_saw() -> None:
    """The analyst was away for the whole second episode: that it made a request is proof enough."""
    memory = learnt(ended("Succeeded"), ended("Succeeded", 2 * HOUR))
    count = only(memory)
    assert (count.succeeded, count.recurred, count.failures_in_a_row) == (1, 1, 1)
    assert count.last_recurrence_after == "1h50m"  # the second was made ten minutes before it ended


def test_a_restart_loop_that_succeeds_five_times_has_failed_five_times() -> None:
    memory = NOTHING_LEARNT
    for episode in range(5):
        memory = learnt(ended("Succeeded", episode * HOUR), memory=memory)
        memory = back(memory, episode * HOUR + 30 * MINUTE)
    count = only(memory)
    assert (count.attempts, count.succeeded, count.recurred, count.failures_in_a_row) == (5, 0, 5, 5)


def test_a_success_that_lasts_ends_the_row_of_failures() -> None:
    memory = back(back(learnt(ended("Succeeded")), HOUR), 2 * HOUR)
    assert only(memory).failures_in_a_row == 1
    memory = learnt(ended("Succeeded", 3 * HOUR), memory=memory)
    assert only(back(memory, 48 * HOUR)).failures_in_a_row == 0


def test_the_latest_are_remembered_and_the_forgotten_are_not_counted_anew() -> None:
    requests = [
        ended("Succeeded", number, spec__plan__target__name=f"web-{number}")
        for number in range(OUTCOMES_MAX + 3)
    ]
    memory = learnt(*requests)
    assert len(memory.counts) == OUTCOMES_MAX
    assert memory.forgotten_until == NOW + timedelta(seconds=2)
    assert not {"web-0", "web-1", "web-2"} & {c.target for c in memory.counts}
    assert learnt(*requests, memory=memory) == memory
    later = ended("Succeeded", HOUR, spec__plan__target__name="web-1")
    assert memory_has(learnt(later, memory=memory), "web-1") == 1


def memory_has(memory: Memory, target: str) -> int:
    return sum(c.attempts for c in memory.counts if c.target == target)


FOUR_OF_FIVE = OutcomeCount(
    signal=Signal.MEMORY_HIGH,
    action=ActionName.RESTART,
    namespace="shop",
    kind="Deployment",
    target="web",
    attempts=5,
    succeeded=4,
    recurred=1,
    last_recurrence_after="6h",
)


@pytest.mark.parametrize(
    ("change", "action", "said"),
    [
        pytest.param(
            {},
            "Restart",
            "Restart helped in 4 of 5 cases of MemoryHigh here, last recurrence after 6h.",
            id="known-here",
        ),
        pytest.param(
            {"inconclusive": 1, "recurred": 0, "last_recurrence_after": None, "denied": 2},
            "Restart",
            "Restart helped in 4 of 5 cases of MemoryHigh here, 1 could not be judged, denied 2 times.",
            id="not-all-judged",
        ),
        pytest.param({}, "Scale", "This is the first time that Scale is tried for MemoryHigh here.", id="first-ever"),
        pytest.param(
            {"target": "db"},
            "Restart",
            "This is the first time that Restart is tried for MemoryHigh here; "
            "for other targets it helped in 4 of 5 cases.",
            id="known-elsewhere",
        ),
        pytest.param(
            {"attempts": 0, "succeeded": 0, "denied": 1},
            "Restart",
            "This is the first time that Restart is tried for MemoryHigh here. It was denied 1 times.",
            id="only-ever-denied",
        ),
    ],
)  # fmt: skip
def test_past_success_is_said_in_a_sentence(change: dict[str, Any], action: str, said: str) -> None:
    assert past_success(Memory((FOUR_OF_FIVE.model_copy(update=change),)), WEB, action) == said
