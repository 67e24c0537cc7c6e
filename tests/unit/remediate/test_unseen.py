"""A request whose target cannot be looked at: what it says itself still holds, and it says what is wrong."""

from datetime import timedelta
from typing import Any

import pytest

from podvigil.api.reasons import Reason
from podvigil.cluster.errors import ClusterError, Conflict, Forbidden, Throttled, Unavailable
from podvigil.remediate.observe.gather import Unreadable
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.steps import Finish
from podvigil.remediate.unseen import TOLD_AFTER, while_unseen
from unit.remediate.world import CLAIM, ME, NOW, at, request

MAY_NOT = Forbidden(403, "Forbidden", "cannot list resource", call="GET horizontalpodautoscalers")
WEBHOOK = Unavailable(500, "InternalError", 'failed calling webhook "policy.example.com"')
AWAY = Unavailable(0, "NoAnswer", "connection refused")
UNDECIDED: dict[str, Any] = {"spec.approval": None}
DENIED = {"spec.approval": {"decision": "Denied", "approvedBy": "alice", "reason": "release today"}}
STOPPED = {"spec.cancellation": {"requestedBy": "alice"}}
LATE = {"spec.plan.expiresAt": at(0)}


def verdict(
    change: dict[str, Any], error: ClusterError | Unreadable, lasted: timedelta
) -> Finish | Refusal | None:
    return while_unseen(
        request(change), error, lasted=lasted, own_namespace="podvigil-system", executor=ME, now=NOW
    )


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        pytest.param(UNDECIDED | LATE, Reason.EXPIRED, id="nobody-decided-in-time"),
        pytest.param(LATE, Reason.EXPIRED, id="approved-and-not-carried-out-in-time"),
        pytest.param(DENIED, Reason.DENIED, id="denied"),
        pytest.param(STOPPED, Reason.CANCELLED, id="stopped"),
        pytest.param(STOPPED | UNDECIDED | {"status": None}, Reason.CANCELLED, id="stopped-before-a-preflight"),
        pytest.param({}, None, id="approved"),
        pytest.param(UNDECIDED, None, id="undecided"),
        pytest.param(STOPPED | LATE | {"status.execution": CLAIM}, None, id="claimed-only-the-target-can-tell"),
        pytest.param(DENIED | {"status.finishedAt": at(-1)}, None, id="ended"),
    ],
)  # fmt: skip
def test_what_the_request_itself_says_holds(change: dict[str, Any], outcome: Reason | None) -> None:
    found = verdict(change, AWAY, timedelta(0))
    assert (found.outcome if isinstance(found, Finish) else found) == outcome


@pytest.mark.parametrize(
    ("error", "lasted", "reason"),
    [
        pytest.param(MAY_NOT, timedelta(0), Reason.PERMISSION_MISSING, id="a-right-does-not-come-by-itself"),
        pytest.param(
            Unreadable("AnomalyMonitor /shop: spec"), timedelta(0), Reason.INVALID_SPEC, id="another-version"
        ),
        pytest.param(WEBHOOK, timedelta(0), None, id="a-broken-webhook-may-be-back-at-once"),
        pytest.param(WEBHOOK, TOLD_AFTER - timedelta(seconds=1), None, id="nearly-long-enough"),
        pytest.param(WEBHOOK, TOLD_AFTER, Reason.API_SERVER_REFUSED, id="a-webhook-that-stays-broken"),
        pytest.param(AWAY, TOLD_AFTER, Reason.API_SERVER_UNAVAILABLE, id="no-answer"),
        pytest.param(
            Throttled(429, "TooManyRequests", ""), TOLD_AFTER, Reason.API_SERVER_UNAVAILABLE, id="throttled"
        ),
        pytest.param(Conflict(409, "Conflict", "modified"), timedelta(seconds=1), None, id="a-race"),
    ],
)
def test_what_lasts_is_told(
    error: ClusterError | Unreadable, lasted: timedelta, reason: Reason | None
) -> None:
    for change in (UNDECIDED, {}, {"status.execution": CLAIM}):
        found = verdict(change, error, lasted)
        assert (found.reason if isinstance(found, Refusal) else found) == reason
    assert verdict({"status.finishedAt": at(-1)}, error, lasted) is None, "an ended request stays as it is"


def test_it_says_what_mends_it_and_fits_a_condition() -> None:
    found = verdict(UNDECIDED, MAY_NOT, timedelta(0))
    assert isinstance(found, Refusal)
    assert "apply the Roles of this version" in found.message
    assert found.message.endswith("GET horizontalpodautoscalers: 403 Forbidden: cannot list resource")
    long = verdict(UNDECIDED, Forbidden(403, "Forbidden", "x" * 5000), timedelta(0))
    assert isinstance(long, Refusal)
    assert len(long.message) == 1000
