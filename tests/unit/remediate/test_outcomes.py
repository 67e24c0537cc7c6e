"""What became of past actions."""

from podvigil.api.actions import ActionName
from podvigil.api.monitor import OutcomeCount
from podvigil.api.request import RemediationRequest
from podvigil.api.signals import Signal
from podvigil.remediate.outcomes import add_outcomes, past_success
from unit.remediate.world import at, request

FOUR_OF_FIVE = OutcomeCount(signal=Signal.MEMORY_HIGH, action=ActionName.RESTART, attempts=5, succeeded=4)


def ended(reason: str) -> RemediationRequest:
    summary = {
        "type": "Succeeded",
        "status": "True" if reason == "Succeeded" else "False",
        "reason": reason,
        "message": "-",
        "lastTransitionTime": at(0),
    }
    return request({"status.conditions": [summary], "status.finishedAt": at(0)})


def test_only_changes_that_were_made_count() -> None:
    requests = [ended(reason) for reason in ("Succeeded", "Ineffective", "Denied", "Refused", "Expired")]
    assert add_outcomes([FOUR_OF_FIVE], [*requests, request()]) == (
        OutcomeCount(signal=Signal.MEMORY_HIGH, action=ActionName.RESTART, attempts=7, succeeded=5),
    )


def test_nothing_done_is_nothing_counted() -> None:
    assert add_outcomes([], [ended("Denied")]) == ()


def test_past_success_is_said_in_a_sentence() -> None:
    said = past_success([FOUR_OF_FIVE], Signal.MEMORY_HIGH, ActionName.RESTART)
    assert said == "Restart helped in 4 of 5 cases of MemoryHigh here."
    first = past_success([FOUR_OF_FIVE], Signal.CPU_HIGH, ActionName.SCALE)
    assert first == "This is the first time that Scale is tried for CPUHigh here."
